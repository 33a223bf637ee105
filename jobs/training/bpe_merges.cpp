// SPDX-License-Identifier: Apache-2.0
#include "jobs/training/bpe_merges.h"

#include <unordered_map>
#include <utility>

namespace sovren::jobs {

namespace {

constexpr std::string_view version_mark = "#version";

bool prints(int byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xFF && byte != 0xAD);
}

std::array<unsigned char, 256> ordered_bytes() {
  std::array<unsigned char, 256> bytes{};
  std::size_t at = 0;
  for (const bool is_printing : {true, false})
    for (int byte = 0; byte < 256; ++byte)
      if (prints(byte) == is_printing) bytes[at++] = static_cast<unsigned char>(byte);
  return bytes;
}

/// The letter of a byte's token: the byte's own in Latin-1 if it prints, else the next of those
/// from U+0100 on; all are below U+0800.
std::string letter_of(std::int32_t token) {
  constexpr std::int32_t printing = 188;
  const std::int32_t code =
      token < printing ? bpe_bytes()[static_cast<std::size_t>(token)] : 256 + token - printing;
  if (code < 0x80) return {static_cast<char>(code)};
  return {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))};
}

std::string shortened(std::string_view line) {
  constexpr std::size_t shown_max = 40;
  return line.size() <= shown_max ? std::string(line)
                                  : std::string(line.substr(0, shown_max)) + "...";
}

Error broken(const std::string& path, std::int64_t line, std::string what, std::string hint = "") {
  return {.code = Code::data_invalid,
          .what = std::move(what),
          .hint = std::move(hint),
          .where = path + ":" + std::to_string(line)};
}

/// Takes merges in, one line after another.
class MergesReader {
 public:
  explicit MergesReader(const std::string& path) : path_(path) {
    for (std::int32_t token = 0; token < 256; ++token) tokens_.emplace(letter_of(token), token);
  }

  Result<void> take(std::string_view line, std::int64_t number) {
    const std::size_t space = line.find(' ');
    if (space == line.npos || space == 0 || space + 1 == line.size() ||
        line.find(' ', space + 1) != line.npos)
      return fail(broken(path_, number,
                         "'" + shortened(line) +
                             "' is no merge (allowed: two tokens with one space between them)"));
    SOVREN_TRY(left, find(line.substr(0, space), number));
    SOVREN_TRY(right, find(line.substr(space + 1), number));
    std::string made(line.substr(0, space));
    made += line.substr(space + 1);
    const auto [at, is_new] = tokens_.emplace(std::move(made), 256 + std::ssize(merges));
    if (!is_new)
      return fail(broken(path_, number,
                         "the token '" + shortened(at->first) + "' is there already, as " +
                             std::to_string(at->second)));
    merges.push_back({left, right});
    return {};
  }

  std::vector<BpeMerge> merges;

 private:
  Result<std::int32_t> find(std::string_view token, std::int64_t number) const {
    const auto found = tokens_.find(std::string(token));
    if (found != tokens_.end()) return found->second;
    return fail(broken(path_, number,
                       "'" + shortened(token) + "' is no byte and is made by no line before",
                       "bytes that do not print are written as GPT-2 does, a space as \xC4\xA0"));
  }

  const std::string& path_;
  std::unordered_map<std::string, std::int32_t> tokens_;
};

}  // namespace

const std::array<unsigned char, 256>& bpe_bytes() {
  static const std::array<unsigned char, 256> bytes = ordered_bytes();
  return bytes;
}

std::vector<std::string> bpe_token_bytes(std::span<const BpeMerge> merges) {
  std::vector<std::string> tokens;
  tokens.reserve(256 + merges.size());
  for (const unsigned char byte : bpe_bytes()) tokens.emplace_back(1, static_cast<char>(byte));
  for (const BpeMerge& merge : merges)
    tokens.push_back(tokens[static_cast<std::size_t>(merge.left)] +
                     tokens[static_cast<std::size_t>(merge.right)]);
  return tokens;
}

Result<std::vector<BpeMerge>> parse_bpe(const std::string& path, std::string_view text) {
  MergesReader reader(path);
  if (text.empty())
    return fail({.code = Code::data_invalid, .what = "the file is empty", .where = path});
  for (std::int64_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (number == 1 && line.starts_with(version_mark)) continue;
    if (line.empty() && text.empty()) break;
    if (auto taken = reader.take(line, number); !taken) {
      if (number == 1 && line.starts_with('{'))
        taken.error().hint = "is this JSON? name the merges.txt or vocab.bpe that is beside it";
      return fail(std::move(taken).error());
    }
  }
  return std::move(reader.merges);
}

std::string print_bpe(std::span<const BpeMerge> merges) {
  std::vector<std::string> words;
  words.reserve(256 + merges.size());
  for (std::int32_t token = 0; token < 256; ++token) words.push_back(letter_of(token));
  std::string text = std::string(version_mark) + ": 0.2\n";
  for (const BpeMerge& merge : merges) {
    const std::string& left = words[static_cast<std::size_t>(merge.left)];
    const std::string& right = words[static_cast<std::size_t>(merge.right)];
    text += left + " " + right + "\n";
    words.push_back(left + right);
  }
  return text;
}

}  // namespace sovren::jobs
