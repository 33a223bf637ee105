// SPDX-License-Identifier: Apache-2.0
// Any bytes as a merges file, and what follows a line of "%%" as a text: encoded with these merges,
// and trained on. And as a token shard, whole, and with a header that fits.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/check.h"
#include "jobs/training/bpe_merges.h"
#include "jobs/training/bpe_trainer.h"
#include "jobs/training/token_shard.h"
#include "jobs/training/tokenizer.h"
#include "jobs/training/word_cutter.h"

namespace {

using namespace sovren;

constexpr std::string_view separator = "\n%%\n";

void check_tokens(const std::vector<jobs::BpeMerge>& merges, std::string_view text) {
  const auto again = jobs::parse_bpe("x", jobs::print_bpe(merges));
  SOVREN_CHECK(again && *again == merges, "what is printed can be read");
  const auto tokenizer = jobs::make_bpe_tokenizer(merges);
  const auto tokens = tokenizer->encode(text);
  SOVREN_CHECK(
      std::ranges::all_of(tokens, [&](auto t) { return t >= 0 && t < tokenizer->end_of_text(); }),
      "tokens are of the vocabulary");
  SOVREN_CHECK(tokenizer->decode(tokens) == text, "a text comes back");
  const std::size_t cut = jobs::cut_behind(text, text.size() / 2);
  auto halves = tokenizer->encode(text.substr(0, cut));
  const auto rest = tokenizer->encode(text.substr(cut));
  halves.insert(halves.end(), rest.begin(), rest.end());
  SOVREN_CHECK(halves == tokens, "a text may be cut");
}

void check_training(std::string_view text) {
  const jobs::TrainedBpe trained = jobs::train_bpe(std::vector{text}, 32);
  check_tokens(trained.merges, text);
  const auto tokens = jobs::make_bpe_tokenizer(trained.merges)->encode(text);
  SOVREN_CHECK(std::ssize(tokens) == trained.tokens, "training and encoding merge alike");
}

void check_shard(std::string_view bytes) {
  std::vector<std::uint16_t> aligned((bytes.size() + 1) / 2);
  std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(aligned.data()));
  const auto tokens =
      jobs::shard_tokens("x", std::as_bytes(std::span(aligned)).first(bytes.size()));
  if (!tokens) SOVREN_CHECK(!tokens.error().what.empty(), "a refusal says why");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t split = input.find(separator);
  const std::string_view text =
      split == input.npos ? input : input.substr(split + separator.size());
  if (const auto merges = jobs::parse_bpe("x", input.substr(0, split)))
    check_tokens(*merges, text);
  else
    SOVREN_CHECK(!merges.error().where.empty(), "an error is located");
  check_training(text.substr(0, 512));  // shorter than the pieces of a word that are trained on
  check_shard(input);
  check_shard(jobs::shard_header(static_cast<std::int64_t>(size / 2)) + std::string(input));
  return 0;
}
