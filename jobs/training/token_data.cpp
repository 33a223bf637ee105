// SPDX-License-Identifier: Apache-2.0
#include "jobs/training/token_data.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <optional>
#include <utility>
#include <variant>

#include "core/base/check.h"
#include "core/text/digest.h"
#include "jobs/kind/input_file.h"
#include "jobs/training/token_shard.h"
#include "jobs/training/word_cutter.h"

namespace sovren::jobs {

namespace {

/// Tokens as they lie in a mapped file or in memory.
using Tokens = std::variant<std::span<const std::uint8_t>, std::span<const std::uint16_t>,
                            std::span<const std::int32_t>>;

std::int64_t count_of(const Tokens& tokens) {
  return std::visit([](auto span) { return std::ssize(span); }, tokens);
}

/// The tokens of one file, with what keeps them there.
struct Part {
  std::optional<MappedFile> file;      ///< where the tokens lie in it
  std::vector<std::uint16_t> encoded;  ///< or of these two, the narrowest that fits
  std::vector<std::int32_t> encoded_wide;
  Tokens tokens;  ///< in one of them
  std::int64_t first = 0;
};

class FileTokens final : public TokenData {
 public:
  void add(Part part) {
    part.first = size_;
    size_ += count_of(part.tokens);
    parts_.push_back(std::move(part));
  }

  std::int64_t size() const override { return size_; }

  void read(std::int64_t first, std::span<std::int32_t> out) const override {
    SOVREN_CHECK(first >= 0 && first + std::ssize(out) <= size_, "there are no such tokens");
    auto part = std::ranges::upper_bound(parts_, first, {}, &Part::first);
    if (part != parts_.begin()) --part;
    while (!out.empty()) {
      const std::int64_t at = first - part->first;
      const std::int64_t count = std::min(count_of(part->tokens) - at, std::ssize(out));
      std::visit([&](auto tokens) { std::copy_n(tokens.begin() + at, count, out.begin()); },
                 part->tokens);
      first += count;
      out = out.subspan(static_cast<std::size_t>(count));
      ++part;
    }
  }

 private:
  std::vector<Part> parts_;
  std::int64_t size_ = 0;
};

class PartOfTokens final : public TokenData {
 public:
  PartOfTokens(std::shared_ptr<const TokenData> whole, std::int64_t first, std::int64_t count)
      : whole_(std::move(whole)), first_(first), count_(count) {}
  std::int64_t size() const override { return count_; }
  void read(std::int64_t first, std::span<std::int32_t> out) const override {
    SOVREN_CHECK(first >= 0 && first + std::ssize(out) <= count_, "there are no such tokens");
    whole_->read(first_ + first, out);
  }

 private:
  std::shared_ptr<const TokenData> whole_;
  std::int64_t first_;
  std::int64_t count_;
};

/// The first token at or beyond the vocabulary is an error that names it.
template <class T>
Result<void> check_below(std::span<const T> tokens, int vocab, const std::string& path) {
  if (vocab > static_cast<std::int64_t>(std::numeric_limits<T>::max())) return {};
  constexpr std::size_t block = 1 << 14;  // the largest of a block is found many at a time
  for (std::size_t from = 0; from < tokens.size(); from += block) {
    const auto some = tokens.subspan(from, std::min(block, tokens.size() - from));
    T largest = 0;
    for (const T token : some) largest = std::max(largest, token);
    if (largest < vocab) continue;
    const auto bad = std::ranges::find_if(some, [&](T token) { return token >= vocab; });
    const std::int64_t index = static_cast<std::int64_t>(from) + (bad - some.begin());
    return fail({.code = Code::data_invalid,
                 .what = "token " + std::to_string(index) + " is " + std::to_string(*bad) +
                         ", beyond the vocabulary of " + std::to_string(vocab) +
                         " (allowed: 0 to " + std::to_string(vocab - 1) + ")",
                 .hint = "model_training.vocab must be that of the tokenizer that made the data",
                 .where = path});
  }
  return {};
}

/// Encodes piece by piece, so that only one piece is held as int32.
void encode_into(Part& part, std::string_view text, const Tokenizer& tokenizer) {
  constexpr std::size_t piece_bytes = 1 << 20;
  const bool is_narrow = tokenizer.vocab() <= 1 << 16;
  while (!text.empty()) {
    const std::size_t cut = cut_behind(text, piece_bytes);
    const std::vector<std::int32_t> piece = tokenizer.encode(text.substr(0, cut));
    text.remove_prefix(cut);
    if (!is_narrow) {
      part.encoded_wide.insert(part.encoded_wide.end(), piece.begin(), piece.end());
      continue;
    }
    for (const std::int32_t token : piece)
      part.encoded.push_back(static_cast<std::uint16_t>(token));
  }
  if (is_narrow)
    part.tokens = std::span<const std::uint16_t>(part.encoded);
  else
    part.tokens = std::span<const std::int32_t>(part.encoded_wide);
}

bool is_shard(const std::string& path) {
  return path.ends_with(".bin");
}

Result<Part> open_part(const std::string& path, const Tokenizer& tokenizer, int vocab) {
  SOVREN_TRY(file, MappedFile::open(path));
  if (file.bytes().empty())
    return fail({.code = Code::data_invalid, .what = "the file is empty", .where = path});
  Part part;
  const MappedFile& mapped = part.file.emplace(std::move(file));
  if (is_shard(path)) {
    SOVREN_TRY(tokens, shard_tokens(path, mapped.bytes()));
    part.tokens = tokens;
  } else if (tokenizer.is_bytes()) {
    part.tokens = std::span(reinterpret_cast<const std::uint8_t*>(mapped.bytes().data()),
                            mapped.bytes().size());
  } else {
    encode_into(part, mapped.text(), tokenizer);
    part.file.reset();
  }
  SOVREN_DO(std::visit([&](auto tokens) { return check_below(tokens, vocab, path); }, part.tokens));
  return part;
}

Part one_token(std::int32_t token) {
  Part part;
  part.encoded_wide = {token};
  part.tokens = std::span<const std::int32_t>(part.encoded_wide);
  return part;
}

}  // namespace

Result<std::shared_ptr<const TokenData>> open_tokens(std::span<const std::string> paths,
                                                     const Tokenizer& tokenizer, int vocab) {
  auto data = std::make_shared<FileTokens>();
  const std::int32_t end = tokenizer.end_of_text();
  for (const std::string& path : paths) {
    SOVREN_TRY(part, open_part(path, tokenizer, vocab));
    data->add(std::move(part));
    if (!is_shard(path) && &path != &paths.back() && end >= 0 && end < vocab)
      data->add(one_token(end));
  }
  return data;
}

Result<std::string> token_digest(const TokenData& data) {
  static_assert(std::endian::native == std::endian::little, "tokens are hashed as they lie");
  constexpr std::int64_t block = 1 << 16;
  text::Sha256 digest;
  std::vector<std::int32_t> tokens;
  for (std::int64_t from = 0; from < data.size(); from += block) {
    tokens.resize(static_cast<std::size_t>(std::min(block, data.size() - from)));
    data.read(from, tokens);
    digest.update(std::as_bytes(std::span(tokens)));
  }
  return digest.hex();
}

std::shared_ptr<const TokenData> part_of(std::shared_ptr<const TokenData> whole, std::int64_t first,
                                         std::int64_t count) {
  SOVREN_CHECK(first >= 0 && count >= 0 && first + count <= whole->size(),
               "there are no such tokens");
  return std::make_shared<PartOfTokens>(std::move(whole), first, count);
}

}  // namespace sovren::jobs
