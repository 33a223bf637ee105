// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <queue>
#include <unordered_map>
#include <utility>

#include "jobs/kind/input_file.h"
#include "jobs/training/bpe_merges.h"
#include "jobs/training/tokenizer.h"
#include "jobs/training/word_cutter.h"

namespace sovren::jobs {

namespace {

/// Which token two tokens become.
class MergeTable {
 public:
  explicit MergeTable(std::span<const BpeMerge> merges) : begin_(257 + merges.size()) {
    for (const BpeMerge& merge : merges)
      entries_.push_back(
          {merge.left, merge.right, 256 + static_cast<std::int32_t>(entries_.size())});
    std::ranges::sort(entries_, {}, [](const Entry& e) { return std::pair(e.left, e.right); });
    std::size_t at = 0;
    for (std::size_t left = 0; left < begin_.size(); ++left) {
      while (at < entries_.size() && static_cast<std::size_t>(entries_[at].left) < left) ++at;
      begin_[left] = at;
    }
  }

  /// -1: they stay two.
  std::int32_t find(std::int32_t left, std::int32_t right) const {
    const auto l = static_cast<std::size_t>(left);
    const auto row = std::span(entries_).subspan(begin_[l], begin_[l + 1] - begin_[l]);
    const auto found = std::ranges::lower_bound(row, right, {}, &Entry::right);
    return found != row.end() && found->right == right ? found->made : -1;
  }

 private:
  struct Entry {
    std::int32_t left, right, made;
  };
  std::vector<Entry> entries_;  ///< by left, then right
  std::vector<std::size_t>
      begin_;  ///< of the entries of each left token, and the end of the last's
};

/// Merges the tokens of one word: always the pair whose merge stands first in the file, the
/// leftmost of several.
class WordMerger {
 public:
  explicit WordMerger(const MergeTable& table) : table_(table) {}

  /// Cost     n log n for n bytes. The answer stays valid until the next call.
  std::span<const std::int32_t> merge(std::span<const std::int32_t> word) {
    tokens_.assign(word.begin(), word.end());
    const auto count = static_cast<std::int32_t>(word.size());
    before_.resize(word.size());
    after_.resize(word.size());
    for (std::int32_t i = 0; i < count; ++i) {
      before_[at(i)] = i - 1;
      after_[at(i)] = i + 1 < count ? i + 1 : -1;
    }
    for (std::int32_t i = 0; i + 1 < count; ++i) offer(i);
    while (!offers_.empty()) {
      const Offer best = offers_.top();
      offers_.pop();
      take(best);
    }
    merged_.clear();
    for (std::int32_t i = count > 0 ? 0 : -1; i >= 0; i = after_[at(i)])
      merged_.push_back(tokens_[at(i)]);
    return merged_;
  }

 private:
  /// The token at `place` and the one behind it may become `made`. Merges earlier in the file make
  /// lower tokens.
  struct Offer {
    std::int32_t made, place, left, right;
    bool operator<(const Offer& other) const {  // the top of a queue is its largest
      return std::pair(made, place) > std::pair(other.made, other.place);
    }
  };

  static std::size_t at(std::int32_t place) { return static_cast<std::size_t>(place); }

  void offer(std::int32_t place) {
    const std::int32_t next = after_[at(place)];
    if (next < 0) return;
    const std::int32_t left = tokens_[at(place)];
    const std::int32_t right = tokens_[at(next)];
    if (const std::int32_t made = table_.find(left, right); made >= 0)
      offers_.push({made, place, left, right});
  }

  void take(const Offer& offer_taken) {
    const std::int32_t place = offer_taken.place;
    const std::int32_t next = after_[at(place)];
    if (next < 0 || tokens_[at(place)] != offer_taken.left ||
        tokens_[at(next)] != offer_taken.right)
      return;  // one of the two has become part of another meanwhile
    tokens_[at(place)] = offer_taken.made;
    tokens_[at(next)] = gone;
    after_[at(place)] = after_[at(next)];
    if (after_[at(next)] >= 0) before_[at(after_[at(next)])] = place;
    offer(place);
    if (before_[at(place)] >= 0) offer(before_[at(place)]);
  }

  static constexpr std::int32_t gone = -1;
  const MergeTable& table_;
  std::vector<std::int32_t> tokens_, before_, after_;  ///< by place; -1: none
  std::priority_queue<Offer> offers_;
  std::vector<std::int32_t> merged_;
};

class BpeTokenizer final : public Tokenizer {
 public:
  explicit BpeTokenizer(std::span<const BpeMerge> merges)
      : table_(merges), token_bytes_(bpe_token_bytes(merges)) {
    for (std::size_t token = 0; token < bpe_bytes().size(); ++token)
      token_of_byte_[bpe_bytes()[token]] = static_cast<std::int32_t>(token);
  }

  int vocab() const override { return static_cast<int>(token_bytes_.size()) + 1; }
  std::int32_t end_of_text() const override { return vocab() - 1; }

  std::vector<std::int32_t> encode(std::string_view text) const override {
    struct Place {
      std::size_t at, count;  // of a word's tokens in `tokens`, where it came first
    };
    std::unordered_map<std::string_view, Place> seen;
    std::vector<std::int32_t> tokens;
    std::vector<std::int32_t> bytes;
    WordMerger merger(table_);
    while (!text.empty()) {
      constexpr std::size_t word_bytes_max = std::size_t{1} << 20;
      const std::string_view word = text.substr(0, std::min(first_word(text), word_bytes_max));
      text.remove_prefix(word.size());
      const auto [known, is_new] = seen.try_emplace(word, Place{tokens.size(), 0});
      if (is_new) {
        bytes.clear();
        for (const char c : word) bytes.push_back(token_of_byte_[static_cast<unsigned char>(c)]);
        const auto merged = merger.merge(bytes);
        tokens.insert(tokens.end(), merged.begin(), merged.end());
        known->second.count = merged.size();
      } else {
        for (std::size_t i = 0; i < known->second.count; ++i)
          tokens.push_back(tokens[known->second.at + i]);
      }
    }
    return tokens;
  }

  std::string decode(std::span<const std::int32_t> tokens) const override {
    std::string text;
    for (const std::int32_t token : tokens)
      if (token >= 0 && token < end_of_text())
        text += token_bytes_[static_cast<std::size_t>(token)];
      else
        text += token == end_of_text() ? end_of_text_words : no_such_token;
    return text;
  }

 private:
  MergeTable table_;
  std::vector<std::string> token_bytes_;
  std::array<std::int32_t, 256> token_of_byte_{};
};

}  // namespace

std::unique_ptr<Tokenizer> make_bpe_tokenizer(std::span<const BpeMerge> merges) {
  return std::make_unique<BpeTokenizer>(merges);
}

Result<std::unique_ptr<Tokenizer>> read_bpe_tokenizer(const std::string& path) {
  SOVREN_TRY(file, MappedFile::open(path));
  SOVREN_TRY(merges, parse_bpe(path, file.text()));
  return make_bpe_tokenizer(merges);
}

Result<std::unique_ptr<Tokenizer>> make_tokenizer(const std::string& name) {
  if (name == "byte") return make_byte_tokenizer();
  return read_bpe_tokenizer(name);
}

}  // namespace sovren::jobs
