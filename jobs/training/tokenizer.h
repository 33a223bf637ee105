// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace sovren::jobs {

/// Text to tokens and back. Any bytes can be encoded, and decoding gives the same bytes.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  virtual int vocab() const = 0;
  /// Token that separates documents; -1: none.
  virtual std::int32_t end_of_text() const = 0;
  /// Is the token of a byte the byte? Then a text need not be encoded.
  virtual bool is_bytes() const { return false; }
  virtual std::vector<std::int32_t> encode(std::string_view text) const = 0;
  /// Tokens beyond the vocabulary decode to U+FFFD, end of text to its words.
  virtual std::string decode(std::span<const std::int32_t> tokens) const = 0;
};

inline constexpr std::string_view end_of_text_words = "<|endoftext|>";
inline constexpr std::string_view no_such_token = "\xEF\xBF\xBD";  ///< U+FFFD

/// 256 tokens, one per byte; with a vocabulary of 257 or more, 256 is the end of a text.
std::unique_ptr<Tokenizer> make_byte_tokenizer(int vocab = 256);

/// Byte-level BPE as GPT-2 has it: merges of a vocab.bpe / merges.txt file ("#version" line, then
/// "left right" per line in the byte-to-unicode alphabet), or of a file that write_bpe() wrote.
/// Tokens: 256 bytes in GPT-2's order, one per merge, then end of text.
/// "<|endoftext|>" in a text is text. Words of more than 1 MiB are merged in pieces of that.
/// Errors   input_missing, data_invalid with the line.
/// Source   Sennrich et al. 2016; Radford et al. 2019, section 2.2.
Result<std::unique_ptr<Tokenizer>> read_bpe_tokenizer(const std::string& path);

/// "byte" (256 tokens), or the path of a BPE file.
Result<std::unique_ptr<Tokenizer>> make_tokenizer(const std::string& name);

}  // namespace sovren::jobs
