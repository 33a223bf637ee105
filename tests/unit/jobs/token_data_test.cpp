// SPDX-License-Identifier: Apache-2.0
// Data files as tokens, and every kind of bad file with the message that a user sees.
#include "jobs/training/token_data.h"

#include <gtest/gtest.h>

#include <cstring>

#include "core/text/digest.h"
#include "jobs/training/token_shard.h"
#include "tests/unit/jobs/scratch_files.h"

namespace sovren::jobs {
namespace {

using Ids = std::vector<std::int32_t>;

std::string as_uint16(const std::vector<std::uint16_t>& tokens) {
  return {reinterpret_cast<const char*>(tokens.data()), tokens.size() * 2};
}

std::string shard(const std::vector<std::uint16_t>& tokens) {
  return shard_header(std::ssize(tokens)) + as_uint16(tokens);
}

/// Twice the bytes, so that tokens are neither bytes nor below 256; 600 ends a text.
class DoublingTokenizer final : public Tokenizer {
 public:
  explicit DoublingTokenizer(int vocab) : vocab_(vocab) {}
  int vocab() const override { return vocab_; }
  std::int32_t end_of_text() const override { return 600; }
  Ids encode(std::string_view text) const override {
    Ids ids;
    for (const char c : text) ids.push_back(2 * static_cast<unsigned char>(c));
    return ids;
  }
  std::string decode(std::span<const std::int32_t>) const override { return ""; }

 private:
  int vocab_;
};

class TokenFiles : public ScratchFiles {
 protected:
  Result<std::shared_ptr<const TokenData>> open(const std::vector<std::string>& paths,
                                                int vocab = 256) const {
    return open_tokens(paths, *make_byte_tokenizer(vocab < 256 ? 256 : vocab), vocab);
  }
  static Ids all(const TokenData& data) {
    Ids ids(static_cast<std::size_t>(data.size()));
    data.read(0, ids);
    return ids;
  }
  /// What is wrong with a file of these bytes.
  std::string message(const std::string& name, const std::string& bytes, int vocab = 256) const {
    const auto data = open({file(name, bytes)}, vocab);
    if (data) return "no error";
    EXPECT_EQ(data.error().code, Code::data_invalid);
    return with_dir(to_text(data.error()));
  }
};

TEST_F(TokenFiles, TextIsReadAsItLies) {
  const auto data = open({file("a.txt", "ab\n"), file("b.txt", "\xFFz")});
  ASSERT_TRUE(data) << to_text(data.error());
  EXPECT_EQ(all(**data), (Ids{97, 98, 10, 255, 122}));
  Ids some(2);
  (*data)->read(2, some);
  EXPECT_EQ(some, (Ids{10, 255}));
  (*data)->read(5, std::span(some).first(0));
}

TEST_F(TokenFiles, EndOfTextStandsBehindATextThatAnotherFileFollows) {
  const std::string a = file("a.txt", "a");
  const std::string b = file("b.bin", shard({7, 8}));
  EXPECT_EQ(all(**open({a, b, b, a, a}, 257)), (Ids{97, 256, 7, 8, 7, 8, 97, 256, 97}));
}

TEST_F(TokenFiles, ShardsAreReadAsLlmcWritesThem) {
  std::string bytes(1024, '\0');
  const std::int32_t header[3] = {20240520, 1, 3};
  std::memcpy(bytes.data(), header, sizeof header);
  bytes += as_uint16({50256, 0, 262});
  EXPECT_EQ(all(**open({file("a.bin", bytes)}, 50257)), (Ids{50256, 0, 262}));
  EXPECT_EQ(bytes, shard({50256, 0, 262}));
}

TEST_F(TokenFiles, OtherTextIsEncoded) {
  std::string text;  // longer than a piece that is encoded at once
  while (text.size() < 3000000) text += "It was the best of times, ";
  const std::string path = file("a.txt", text);
  for (const int vocab : {601, 70000}) {  // held as uint16, as int32
    const DoublingTokenizer tokenizer(vocab);
    const auto data = open_tokens(std::vector{path, path}, tokenizer, vocab);
    ASSERT_TRUE(data) << to_text(data.error());
    Ids expected = tokenizer.encode(text);
    expected.push_back(600);
    const Ids again = tokenizer.encode(text);
    expected.insert(expected.end(), again.begin(), again.end());
    EXPECT_EQ(all(**data), expected);
  }
}

TEST_F(TokenFiles, APartIsAViewOfTheWhole) {
  const auto data = open({file("a.txt", "abcdef")});
  const auto part = part_of(part_of(*data, 1, 4), 1, 3);
  EXPECT_EQ(part->size(), 3);
  EXPECT_EQ(all(*part), (Ids{'c', 'd', 'e'}));
}

TEST_F(TokenFiles, TheDigestIsOfTheTokensNotOfTheFiles) {
  const auto text = open({file("a.txt", "abc")});
  const auto in_two = open({file("b.txt", "a"), file("c.bin", shard({98, 99}))});
  const char as_int32[] = "a\0\0\0b\0\0\0c\0\0";
  EXPECT_EQ(*token_digest(**text), text::sha256_hex({as_int32, 12}));
  EXPECT_EQ(*token_digest(**text), *token_digest(**in_two));
  EXPECT_NE(*token_digest(**text), *token_digest(**open({file("d.txt", "acb")})));
}

TEST_F(TokenFiles, ADigestOfManyBlocks) {
  std::string bytes;
  std::string wide;
  for (std::int64_t i = 0; i < 200000; ++i) {
    bytes.push_back(static_cast<char>(i * i % 251));
    wide += bytes.back() + std::string(3, '\0');
  }
  EXPECT_EQ(*token_digest(**open({file("a.txt", bytes)})), text::sha256_hex(wide));
}

TEST_F(TokenFiles, ShardsBeyondTwoGibibytesAreRead) {
  // Sparse: 2^31 + 5 tokens, of which only the last are not 0; the header has the count mod 2^32.
  const std::int64_t count = (std::int64_t{1} << 31) + 5;
  const std::string path = file("big.bin", shard_header(count));
  std::filesystem::resize_file(path, 1024 + 2 * static_cast<std::uintmax_t>(count) - 6);
  std::ofstream(path, std::ios::binary | std::ios::app) << as_uint16({1, 2, 65535});
  const auto data = open({path}, 65536);  // all uint16 are below: nothing to look through
  ASSERT_TRUE(data) << to_text(data.error());
  EXPECT_EQ((*data)->size(), count);
  Ids last(4);
  (*data)->read(count - 4, last);
  EXPECT_EQ(last, (Ids{0, 1, 2, 65535}));
}

TEST_F(TokenFiles, SayWhichTokenIsBeyondTheVocabulary) {
  std::vector<std::uint16_t> tokens(40000, 12);
  tokens[33333] = 300;
  tokens[39999] = 400;
  EXPECT_EQ(message("a.bin", shard(tokens), 300),
            "DIR/a.bin: token 33333 is 300, beyond the vocabulary of 300 (allowed: 0 to 299)\n"
            "  hint: model_training.vocab must be that of the tokenizer that made the data");
  EXPECT_EQ(message("a.bin", shard(tokens), 401), "no error");
  EXPECT_EQ(message("a.txt", "ab~", 126).substr(0, 70),
            "DIR/a.txt: token 2 is 126, beyond the vocabulary of 126 (allowed: 0 to");
}

TEST_F(TokenFiles, SayWhatIsWrongWithAShard) {
  const std::string good = shard({1, 2, 3});
  EXPECT_EQ(message("a.bin", good.substr(0, 1000)),
            "DIR/a.bin: is no token shard: it has 1000 bytes, fewer than the header of 1024");
  EXPECT_EQ(message("a.bin", "text" + good.substr(4)),
            "DIR/a.bin: is no token shard: it begins with the number 1954047348 (a shard: "
            "20240520)\n  hint: shards are .bin files as llm.c has them; `sovren tokenizer encode` "
            "writes them");
  std::string llama = good;
  const std::int32_t magic = 20240801;
  std::memcpy(llama.data(), &magic, 4);
  EXPECT_NE(message("a.bin", llama).find("uint32 tokens for Llama 3"), std::string::npos);
  std::string version = good;
  version[4] = 2;
  EXPECT_EQ(message("a.bin", version), "DIR/a.bin: is a token shard of version 2 (allowed: 1)");
  EXPECT_EQ(message("a.bin", good.substr(0, 1028)),
            "DIR/a.bin: the header says 3 tokens, but 4 bytes follow it\n  hint: is the file cut "
            "off?");
  EXPECT_EQ(message("a.bin", good + "x"),
            "DIR/a.bin: the header says 3 tokens, but 7 bytes follow it");
  EXPECT_EQ(message("a.bin", shard({})), "DIR/a.bin: the file is empty: it has no tokens");
}

TEST_F(TokenFiles, SayWhatIsMissing) {
  EXPECT_EQ(message("a.txt", ""), "DIR/a.txt: the file is empty");
  const auto missing = open({file("b.txt", "x"), dir_ + "/c.txt"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::input_missing);
  EXPECT_EQ(with_dir(to_text(missing.error())),
            "DIR/c.txt: there is no such file\n  hint: did you mean 'a.txt'?");
  const auto folder = open({dir_});
  ASSERT_FALSE(folder);
  EXPECT_EQ(with_dir(to_text(folder.error())), "DIR: is a folder, not a file");
}

}  // namespace
}  // namespace sovren::jobs
