// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "jobs/training/tokenizer.h"

namespace sovren::jobs {

/// The tokens of all data files, one behind another, as one long text: memory-mapped, so larger
/// than memory may be. Text files are tokenized (with bytes: as they lie), .bin files are shards
/// of uint16 tokens with llm.c's header (magic 20240520, version 1, count; counts beyond 2^31 by
/// the file's size). Behind a text file that another file follows stands end of text, where the
/// tokenizer has one below the vocabulary; shards hold their own.
class TokenData {
 public:
  virtual ~TokenData() = default;
  virtual std::int64_t size() const = 0;
  /// Tokens first .. first + out.size(), all of which there must be.
  virtual void read(std::int64_t first, std::span<std::int32_t> out) const = 0;
};

/// Opens and checks the files, reading each once. vocab: every token must be below it.
/// Errors   input_missing; data_invalid: a file is empty, its magic, version or size is wrong, or a
/// token lies beyond the vocabulary (with the file and the place).
Result<std::shared_ptr<const TokenData>> open_tokens(std::span<const std::string> paths,
                                                     const Tokenizer& tokenizer, int vocab);

/// SHA-256 (hex) over all tokens as little-endian int32: what the data are, whatever they are
/// called and however they are stored.
Result<std::string> token_digest(const TokenData& data);

/// Tokens first .. first + count of another, which must be there; shares it.
std::shared_ptr<const TokenData> part_of(std::shared_ptr<const TokenData> whole, std::int64_t first,
                                         std::int64_t count);

/// The data must hold one sequence and the token that follows it. where: names them.
/// Errors   data_invalid.
Result<void> check_sequence_fits(std::int64_t tokens, int context, const std::string& where);

/// Which sequences a run reads: sequence s of the run, for any s, as a pure function. A sequence is
/// `context` tokens and the one that follows, all of them within the data.
///
/// sequential: sequence s begins at token (s mod n) x context, n = whole micro-batches of the data
/// x micro_batch; where there is not one, n = the whole sequences. shuffled: an epoch is n windows,
/// one behind another, n = as many as the data hold wherever they begin, but at least 1; the first
/// begins at an offset drawn for the epoch, below context, and they come in an order drawn for the
/// epoch: each once before any twice. The order is a keyed Feistel permutation, so nothing is
/// stored.
///
/// Source   Black and Rogaway: Ciphers with arbitrary finite domains (CT-RSA 2002), section 3
/// (cycle walking) and 4 (generalised Feistel).
class SequenceOrder {
 public:
  enum class Kind { shuffled, sequential };
  /// As check_sequence_fits() says: tokens > context.
  SequenceOrder(Kind kind, std::uint64_t seed, std::int64_t tokens, int context, int micro_batch);

  std::int64_t per_epoch() const { return per_epoch_; }  ///< sequences
  std::int64_t first_token(std::int64_t sequence) const;

 private:
  Kind kind_;
  std::uint64_t seed_;
  std::int64_t tokens_;
  int context_;
  std::int64_t per_epoch_;
};

}  // namespace sovren::jobs
