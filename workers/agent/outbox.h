// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <iterator>
#include <utility>
#include <variant>
#include <vector>

#include "core/port/orders.h"

namespace sovren::workers {

/// News for the scheduler, kept until it has acknowledged them.
///
/// Model    added -> numbered and sent -> acknowledged (gone). After a hello all that is not
///          acknowledged counts as unsent again: it may have been lost on the way.
/// Limits   Progress that was never sent gives way to newer progress of its attempt, so that a long
///          absence of the scheduler costs no memory.
class Outbox {
 public:
  void add(AttemptNews news) {
    if (is_progress(news))
      for (auto waiting = waiting_.rbegin(); waiting != waiting_.rend(); ++waiting) {
        if (waiting->job != news.job) continue;
        if (is_progress(*waiting)) {
          *waiting = std::move(news);
          return;
        }
        break;  // order among the news of one attempt is kept
      }
    waiting_.push_back(std::move(news));
  }

  bool has_unsent() const { return !waiting_.empty() || sent_ < last_number(); }
  bool is_empty() const { return waiting_.empty() && numbered_.empty(); }

  /// The oldest that are unsent, at most count_max; they count as sent from now on.
  std::vector<NumberedNews> take_unsent(std::size_t count_max) {
    for (; !waiting_.empty(); waiting_.pop_front())
      numbered_.push_back({last_number() + 1, std::move(waiting_.front())});
    const auto first = numbered_.begin() + static_cast<std::ptrdiff_t>(sent_ - acknowledged_);
    const auto count =
        std::min<std::ptrdiff_t>(numbered_.end() - first, static_cast<std::ptrdiff_t>(count_max));
    sent_ += count;
    return {first, first + count};
  }

  void acknowledge(std::int64_t number) {
    for (; !numbered_.empty() && acknowledged_ < number; ++acknowledged_) numbered_.pop_front();
    sent_ = std::max(sent_, acknowledged_);
  }
  std::int64_t acknowledged() const { return acknowledged_; }

  /// All that is not acknowledged is unsent.
  void rewind() { sent_ = acknowledged_; }

  /// Attempts whose end is among the news.
  std::vector<HeldAttempt> ended() const {
    std::vector<HeldAttempt> attempts;
    const auto look = [&](const AttemptNews& news) {
      if (std::holds_alternative<AttemptExited>(news.what))
        attempts.push_back({news.job, news.attempt, false});
    };
    for (const NumberedNews& each : numbered_) look(each.news);
    for (const AttemptNews& each : waiting_) look(each);
    return attempts;
  }

 private:
  static bool is_progress(const AttemptNews& news) {
    const auto* report = std::get_if<RankReport>(&news.what);
    return report != nullptr && std::holds_alternative<ReportProgress>(*report);
  }
  std::int64_t last_number() const { return acknowledged_ + std::ssize(numbered_); }

  std::deque<NumberedNews> numbered_;  ///< acknowledged_ + 1, ...
  std::deque<AttemptNews> waiting_;    ///< never sent
  std::int64_t acknowledged_ = 0;
  std::int64_t sent_ = 0;
};

}  // namespace sovren::workers
