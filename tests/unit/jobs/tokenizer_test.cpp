// SPDX-License-Identifier: Apache-2.0
#include "jobs/training/tokenizer.h"

#include <gtest/gtest.h>

namespace sovren::jobs {
namespace {

using Tokens = std::vector<std::int32_t>;

TEST(ByteTokenizer, TokensAreTheBytes) {
  const auto bytes = make_byte_tokenizer();
  EXPECT_EQ(bytes->vocab(), 256);
  EXPECT_EQ(bytes->end_of_text(), -1);
  EXPECT_TRUE(bytes->is_bytes());
  EXPECT_EQ(bytes->encode("a\xFF\n"), (Tokens{97, 255, 10}));
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  EXPECT_EQ(bytes->decode(bytes->encode(all)), all);
}

TEST(ByteTokenizer, HasAnEndOfTextWhereThereIsRoom) {
  const auto bytes = make_byte_tokenizer(258);
  EXPECT_EQ(bytes->vocab(), 258);
  EXPECT_EQ(bytes->end_of_text(), 256);
  EXPECT_EQ(bytes->decode(Tokens{104, 256, 105, 257, 1000, -1}),
            "h<|endoftext|>i\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
}

}  // namespace
}  // namespace sovren::jobs
