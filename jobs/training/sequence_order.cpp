// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <utility>

#include "core/base/check.h"
#include "core/base/rng.h"
#include "jobs/training/token_data.h"

namespace sovren::jobs {

namespace {

constexpr std::uint64_t offset_stream = 0x6F666673'65740000;  // "offset"
constexpr std::uint64_t order_stream = 0x6F726465'72000000;   // "order"

/// Place `at` of a permutation of 0 .. count - 1 that (seed, epoch) chooses: a Feistel network over
/// the next larger even number of bits, walked until it comes out below count (four walks on
/// average at most, since that domain is at most four times as large).
std::uint64_t permuted(std::uint64_t at, std::uint64_t count, std::uint64_t seed,
                       std::uint64_t epoch) {
  constexpr std::uint64_t rounds = 8;
  const int half_bits = std::max(1, (static_cast<int>(std::bit_width(count - 1)) + 1) / 2);
  const std::uint64_t mask = (std::uint64_t{1} << half_bits) - 1;
  const Philox random(seed, order_stream + epoch);
  do {
    std::uint64_t left = at >> half_bits;
    std::uint64_t right = at & mask;
    for (std::uint64_t round = 0; round < rounds; ++round) {
      const std::uint64_t mixed = random.block(round << 32 | right)[0];
      left = std::exchange(right, left ^ (mixed & mask));
    }
    at = left << half_bits | right;
  } while (at >= count);
  return at;
}

std::int64_t sequences_per_epoch(SequenceOrder::Kind kind, std::int64_t tokens,
                                 std::int64_t context, std::int64_t micro_batch) {
  const std::int64_t whole = (tokens - 1) / context;
  if (kind == SequenceOrder::Kind::shuffled) return std::max<std::int64_t>(1, tokens / context - 1);
  return whole < micro_batch ? whole : whole / micro_batch * micro_batch;
}

}  // namespace

Result<void> check_sequence_fits(std::int64_t tokens, int context, const std::string& where) {
  if (tokens > context) return {};
  return fail({.code = Code::data_invalid,
               .what = "there are " + std::to_string(tokens) +
                       " tokens, but a sequence of context " + std::to_string(context) + " needs " +
                       std::to_string(context + 1) + " (the last is only predicted)",
               .hint = tokens > 1 ? "more data, or model_training.context = " +
                                        std::to_string(tokens - 1) + " at most"
                                  : "more data",
               .where = where});
}

SequenceOrder::SequenceOrder(Kind kind, std::uint64_t seed, std::int64_t tokens, int context,
                             int micro_batch)
    : kind_(kind),
      seed_(seed),
      tokens_(tokens),
      context_(context),
      per_epoch_(sequences_per_epoch(kind, tokens, context, micro_batch)) {
  SOVREN_CHECK(context >= 1 && micro_batch >= 1 && tokens > context,
               "check_sequence_fits() comes first");
}

std::int64_t SequenceOrder::first_token(std::int64_t sequence) const {
  const std::int64_t place = sequence % per_epoch_;
  if (kind_ == Kind::sequential) return place * context_;
  const auto epoch = static_cast<std::uint64_t>(sequence / per_epoch_);
  const std::int64_t spare = tokens_ - 1 - per_epoch_ * context_;
  const auto offsets = static_cast<std::uint64_t>(std::min<std::int64_t>(spare + 1, context_));
  const std::uint64_t offset = Philox(seed_, offset_stream).below(epoch, offsets);
  const std::uint64_t window = permuted(static_cast<std::uint64_t>(place),
                                        static_cast<std::uint64_t>(per_epoch_), seed_, epoch);
  return static_cast<std::int64_t>(offset) + static_cast<std::int64_t>(window) * context_;
}

}  // namespace sovren::jobs
