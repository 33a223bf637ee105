// SPDX-License-Identifier: Apache-2.0
#include "jobs/training/bpe_trainer.h"

#include <algorithm>
#include <array>
#include <queue>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "jobs/training/word_cutter.h"

namespace sovren::jobs {

namespace {

/// The words of all texts, each once, with how often they are there.
class WordCount {
 public:
  void add(std::string_view text) {
    bytes += std::ssize(text);
    while (!text.empty()) {
      constexpr std::size_t word_bytes_max = 1024;
      const std::string_view word = text.substr(0, first_word(text));
      text.remove_prefix(word.size());
      for (std::size_t at = 0; at < word.size(); at += word_bytes_max)
        ++counts[word.substr(at, word_bytes_max)];
    }
  }

  std::unordered_map<std::string_view, std::int64_t> counts;
  std::int64_t bytes = 0;
};

class BpeTrainer {
 public:
  explicit BpeTrainer(const WordCount& words) {
    std::array<std::int32_t, 256> token_of_byte{};
    for (std::size_t token = 0; token < 256; ++token)
      token_of_byte[bpe_bytes()[token]] = static_cast<std::int32_t>(token);
    words_.reserve(words.counts.size());
    for (const auto& [bytes, count] : words.counts) {  // sums over them know no order
      Word& word = words_.emplace_back();
      word.count = count;
      for (const char c : bytes)
        word.tokens.push_back(token_of_byte[static_cast<unsigned char>(c)]);
      for (std::size_t i = 0; i + 1 < word.tokens.size(); ++i)
        add(word.tokens[i], word.tokens[i + 1], words_.size() - 1);
    }
    offer_new_pairs();
    token_bytes_ = bpe_token_bytes({});
    known_.insert(token_bytes_.begin(), token_bytes_.end());
  }

  /// The next merge; false when no pair is there twice.
  bool step() {
    while (!offers_.empty()) {
      const Offer best = offers_.top();
      offers_.pop();
      const auto pair = pairs_.find(key_of(best.left, best.right));
      if (pair->second.count < best.count) {  // it has become rarer since it was offered
        offer(pair->first, pair->second.count);
        continue;
      }
      // Two ways to one token would be ambiguous in a merges file: the first stands.
      std::string made = token_bytes_[at(best.left)] + token_bytes_[at(best.right)];
      if (!known_.insert(made).second) continue;
      token_bytes_.push_back(std::move(made));
      merge(best.left, best.right);
      return true;
    }
    return false;
  }

  std::int64_t tokens() const {
    std::int64_t sum = 0;
    for (const Word& word : words_) sum += std::ssize(word.tokens) * word.count;
    return sum;
  }

  std::vector<BpeMerge> merges;

 private:
  struct Word {
    std::vector<std::int32_t> tokens;
    std::int64_t count = 0;
  };
  struct Pair {
    std::int64_t count = 0;
    std::vector<std::size_t> words;  ///< that have it, or had it; some several times
  };
  struct Offer {
    std::int64_t count;
    std::int32_t left, right;
    bool operator<(const Offer& other) const {  // the top of a queue is its largest
      return std::tuple(count, other.left, other.right) < std::tuple(other.count, left, right);
    }
  };

  static std::size_t at(std::int32_t token) { return static_cast<std::size_t>(token); }
  static std::uint64_t key_of(std::int32_t left, std::int32_t right) {
    return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint32_t>(right);
  }

  void add(std::int32_t left, std::int32_t right, std::size_t word) {
    const auto [pair, is_new] = pairs_.try_emplace(key_of(left, right));
    if (is_new) new_pairs_.push_back(pair->first);
    pair->second.count += words_[word].count;
    if (pair->second.words.empty() || pair->second.words.back() != word)
      pair->second.words.push_back(word);
  }

  void take_away(std::int32_t left, std::int32_t right, std::int64_t count) {
    pairs_.find(key_of(left, right))->second.count -= count;
  }

  void offer(std::uint64_t key, std::int64_t count) {
    if (count >= 2)
      offers_.push({count, static_cast<std::int32_t>(key >> 32), static_cast<std::int32_t>(key)});
  }

  /// Counts of pairs only grow while their newer token is made, so that they are offered once and
  /// never with too small a count.
  void offer_new_pairs() {
    for (const std::uint64_t key : new_pairs_) offer(key, pairs_.find(key)->second.count);
    new_pairs_.clear();
  }

  void merge(std::int32_t left, std::int32_t right) {
    merges.push_back({left, right});
    const auto made = static_cast<std::int32_t>(255 + merges.size());
    const std::uint64_t key = key_of(left, right);
    const std::vector<std::size_t> touched = std::move(pairs_.find(key)->second.words);
    for (const std::size_t word : touched) merge_in(word, left, right, made);
    pairs_.erase(key);
    offer_new_pairs();
  }

  void merge_in(std::size_t word, std::int32_t left, std::int32_t right, std::int32_t made) {
    std::vector<std::int32_t>& tokens = words_[word].tokens;
    const std::int64_t count = words_[word].count;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const bool is_pair = i + 1 < tokens.size() && tokens[i] == left && tokens[i + 1] == right;
      if (!is_pair) {
        tokens[kept++] = tokens[i];
        continue;
      }
      if (kept > 0) {
        take_away(tokens[kept - 1], left, count);
        add(tokens[kept - 1], made, word);
      }
      if (i + 2 < tokens.size()) {
        take_away(right, tokens[i + 2], count);
        add(made, tokens[i + 2], word);
      }
      tokens[kept++] = made;
      ++i;
    }
    tokens.resize(kept);
  }

  std::vector<Word> words_;
  std::unordered_map<std::uint64_t, Pair> pairs_;
  std::vector<std::uint64_t> new_pairs_;
  std::priority_queue<Offer> offers_;
  std::vector<std::string> token_bytes_;
  std::unordered_set<std::string> known_;
};

}  // namespace

TrainedBpe train_bpe(std::span<const std::string_view> texts, int merges_max) {
  WordCount words;
  for (const std::string_view text : texts) words.add(text);
  BpeTrainer trainer(words);
  while (std::ssize(trainer.merges) < merges_max && trainer.step()) {
  }
  return {std::move(trainer.merges), words.bytes, trainer.tokens()};
}

}  // namespace sovren::jobs
