// SPDX-License-Identifier: Apache-2.0
// Training of merges: by hand, against a plain trainer that counts everything anew, and round
// trips.
#include "jobs/training/bpe_trainer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "core/base/rng.h"
#include "jobs/training/tokenizer.h"
#include "jobs/training/word_cutter.h"
#include "tests/unit/jobs/scratch_files.h"

namespace sovren::jobs {
namespace {

using Merges = std::vector<BpeMerge>;
using Texts = std::vector<std::string_view>;

std::int32_t token_of(char byte) {
  const auto& bytes = bpe_bytes();
  return static_cast<std::int32_t>(std::ranges::find(bytes, static_cast<unsigned char>(byte)) -
                                   bytes.begin());
}

TEST(BpeTrainer, LearnsTheMergesOfAnExampleByHand) {
  // Words: "aaab" 2, " aab" 2, "dc" 2, " dc" 1. Pairs: aa 2 x 2 + 2 = 6, ab 4, " a" 2, dc 3, "
  // d" 1. aa -> X: "Xab", " Xb": Xa 2, ab 2, " X" 2, Xb 2, dc 3. dc -> Y: " Y" 1. Of the four pairs
  // of 2, a has the smallest token: ab -> Z: "XZ", " Xb": XZ 2, " X" 2, Xb 2.
  const std::int32_t a = token_of('a'), b = token_of('b'), c = token_of('c'), d = token_of('d');
  const std::int32_t space = token_of(' ');
  ASSERT_LT(a, space);
  const std::string_view text = "aaab aab\naaab aab\ndc\ndc dc";
  const TrainedBpe trained = train_bpe(Texts{text}, 4);
  EXPECT_EQ(trained.merges, (Merges{{a, a}, {d, c}, {a, b}, {space, 256}}));
  EXPECT_EQ(trained.bytes, std::ssize(text));
  // X Z | " X" b | \n | X Z | " X" b | \n | Y | \n | Y | " " Y
  EXPECT_EQ(trained.tokens, 15);
  EXPECT_EQ(train_bpe(Texts{text}, 2).merges, (Merges{{a, a}, {d, c}}));
}

TEST(BpeTrainer, EndsWhenNoPairIsThereTwice) {
  EXPECT_EQ(train_bpe(Texts{"abc"}, 100).merges, Merges{});
  EXPECT_EQ(train_bpe(Texts{}, 100).merges, Merges{});
  // "xy" and "yz" are there twice; once xy is one, yz is there no more.
  EXPECT_EQ(train_bpe(Texts{"xyz\nxyz"}, 100).merges,
            (Merges{{token_of('x'), token_of('y')}, {256, token_of('z')}}));
}

/// Counts every pair anew for each merge.
Merges plain_merges(std::span<const std::string_view> texts, std::size_t merges_max) {
  std::vector<std::vector<std::int32_t>> words;
  for (std::string_view text : texts)
    while (!text.empty()) {
      const std::string_view word = text.substr(0, first_word(text));
      text.remove_prefix(word.size());
      words.emplace_back();
      for (const char byte : word) words.back().push_back(token_of(byte));
    }
  Merges merges;
  while (merges.size() < merges_max) {
    std::map<BpeMerge, int> counts;
    for (const auto& word : words)
      for (std::size_t i = 0; i + 1 < word.size(); ++i) ++counts[{word[i], word[i + 1]}];
    BpeMerge best;
    int most = 1;
    for (const auto& [pair, count] : counts)
      if (count > most) {
        most = count;
        best = pair;
      }
    if (most < 2) break;
    merges.push_back(best);
    const auto made = static_cast<std::int32_t>(255 + merges.size());
    for (auto& word : words)
      for (std::size_t i = 0; i + 1 < word.size(); ++i)
        if (word[i] == best.left && word[i + 1] == best.right) {
          word[i] = made;
          word.erase(word.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        }
  }
  return merges;
}

std::string random_text(std::uint64_t seed, std::size_t bytes, std::string_view letters) {
  std::string text;
  const Philox random(seed);
  for (std::uint64_t i = 0; i < bytes; ++i)
    text.push_back(letters[random.below(i, letters.size())]);
  return text;
}

TEST(BpeTrainer, LearnsWhatAPlainTrainerDoes) {
  const std::string_view alphabets[] = {"ab ", "a", "abcde  \n", "aab'st \xFF\xC3", "xyz01 !"};
  std::uint64_t seed = 1;
  for (const std::string_view letters : alphabets)
    for (const std::size_t bytes : {10, 200, 900}) {
      const std::string text = random_text(seed++, bytes, letters);
      EXPECT_EQ(train_bpe(Texts{text}, 60).merges, plain_merges(Texts{text}, 60)) << text;
    }
}

TEST(BpeTrainer, TheOrderAndTheNumberOfTextsDoNotMatter) {
  const std::string one = random_text(7, 3000, "abcdef  ");
  const std::string two = random_text(8, 3000, "bcdefg  ");
  const auto merges = train_bpe(Texts{one, two}, 100).merges;
  EXPECT_EQ(merges.size(), 100U);
  EXPECT_EQ(train_bpe(Texts{two, one}, 100).merges, merges);
  const std::size_t cut = cut_behind(one, 1000);
  EXPECT_EQ(
      train_bpe(Texts{std::string_view(one).substr(cut), two, one.substr(0, cut)}, 100).merges,
      merges);
}

TEST(BpeTrainer, LongWordsAreCountedInPieces) {
  // 3 x 1024 bytes and one more: three pieces of the same bytes and one of one.
  const TrainedBpe trained = train_bpe(Texts{std::string(3073, 'a')}, 10);
  const std::int32_t a = token_of('a');
  EXPECT_EQ(trained.merges, (Merges{{a, a},
                                    {256, 256},
                                    {257, 257},
                                    {258, 258},
                                    {259, 259},
                                    {260, 260},
                                    {261, 261},
                                    {262, 262},
                                    {263, 263},
                                    {264, 264}}));
  EXPECT_EQ(trained.tokens, 4);
}

class TrainedFiles : public ScratchFiles {};

TEST_F(TrainedFiles, ATrainedTokenizerIsReadBackAndKeepsAllBytes) {
  std::string text = random_text(9, 20000, "the quick brown fox \n\xC3\xA9\xFF");
  for (int byte = 0; byte < 256; ++byte) text.push_back(static_cast<char>(byte));
  const TrainedBpe trained = train_bpe(Texts{text}, 300);
  const auto tokenizer = read_bpe_tokenizer(file("merges.txt", print_bpe(trained.merges)));
  ASSERT_TRUE(tokenizer) << to_text(tokenizer.error());
  EXPECT_EQ((*tokenizer)->vocab(), 256 + 300 + 1);
  const auto tokens = (*tokenizer)->encode(text);
  EXPECT_EQ((*tokenizer)->decode(tokens), text);
  EXPECT_EQ(std::ssize(tokens), trained.tokens);
  EXPECT_LT(tokens.size(), text.size() * 3 / 4);
}

}  // namespace
}  // namespace sovren::jobs
