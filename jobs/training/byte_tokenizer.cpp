// SPDX-License-Identifier: Apache-2.0
#include "core/base/check.h"
#include "jobs/training/tokenizer.h"

namespace sovren::jobs {

namespace {

class ByteTokenizer final : public Tokenizer {
 public:
  explicit ByteTokenizer(int vocab) : vocab_(vocab) {}
  int vocab() const override { return vocab_; }
  std::int32_t end_of_text() const override { return vocab_ > bytes ? bytes : -1; }
  bool is_bytes() const override { return true; }

  std::vector<std::int32_t> encode(std::string_view text) const override {
    std::vector<std::int32_t> tokens;
    tokens.reserve(text.size());
    for (const char c : text) tokens.push_back(static_cast<unsigned char>(c));
    return tokens;
  }

  std::string decode(std::span<const std::int32_t> tokens) const override {
    std::string text;
    text.reserve(tokens.size());
    for (const std::int32_t token : tokens)
      if (token >= 0 && token < bytes)
        text.push_back(static_cast<char>(token));
      else
        text += token == end_of_text() ? end_of_text_words : no_such_token;
    return text;
  }

 private:
  static constexpr int bytes = 256;
  int vocab_;
};

}  // namespace

std::unique_ptr<Tokenizer> make_byte_tokenizer(int vocab) {
  SOVREN_CHECK(vocab >= 256, "there are 256 bytes");
  return std::make_unique<ByteTokenizer>(vocab);
}

}  // namespace sovren::jobs
