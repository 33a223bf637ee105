// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/line.h"

#include <algorithm>

#include "core/base/check.h"

namespace sovren::policy {

Scorer::Scorer(const View& view, const PolicyConfig& config, const Uses& uses, Order order,
               Instant now)
    : order_(order), now_(now) {
  if (order == Order::multifactor) multifactor_.emplace(view, config, uses, now);
}

bool Scorer::is_kept_by(const View& view) const {
  return !rule_ && is_static(order_) && view.order() == order_;
}

double Scorer::operator()(const Group& group, const Place& place) const {
  if (rule_) return rule_(group, place);
  if (multifactor_) return multifactor_->priority(group.ask, place.submitted).total();
  return score(order_, {group.cpus, group.ask.estimate_s, place.submitted}, now_);
}

Line::Line(const View& view, const Scorer& scorer) : scorer_(scorer) {
  if (scorer.is_kept_by(view)) {
    ranked_ = &view.ranked();
    rank_ = ranked_->begin();
    return;
  }
  heap_.reserve(view.groups().size());
  for (const auto& [ask, group] : view.groups())
    heap_.push_back({scorer(group, group.first()), group.first(), &group, group.waiting.begin()});
  std::make_heap(heap_.begin(), heap_.end(), Worse{});
}

Line::Line(const View& view, const Scorer& scorer, std::int64_t cpus_most, const Filter& filter)
    : scorer_(scorer) {
  for (const auto& [cpus, groups] : view.by_size()) {
    if (cpus > cpus_most) break;
    for (const Group* group : groups)
      if (filter(*group))
        heap_.push_back(
            {scorer(*group, group->first()), group->first(), group, group->waiting.begin()});
  }
  std::make_heap(heap_.begin(), heap_.end(), Worse{});
}

std::optional<Candidate> Line::next() {
  if (ranked_ != nullptr && rank_ != ranked_->end()) {
    const Group& group = **rank_;
    Candidate first{group.key, group.first(), &group, group.waiting.begin()};
    if (heap_.empty() || !Worse{}(first, heap_.front())) {
      ++rank_;
      return first;
    }
  }
  if (heap_.empty()) return std::nullopt;
  std::pop_heap(heap_.begin(), heap_.end(), Worse{});
  Candidate best = heap_.back();
  heap_.pop_back();
  return best;
}

void Line::more_of(const Candidate& candidate) {
  Candidate after = candidate;
  ++after.at;
  if (after.at == candidate.group->waiting.end()) return;
  after.place = *after.at;
  after.score = scorer_(*candidate.group, after.place);
  heap_.push_back(after);
  std::push_heap(heap_.begin(), heap_.end(), Worse{});
}

void Line::keep_only(const Filter& filter) {
  SOVREN_CHECK(ranked_ == nullptr, "all candidates are in the heap");
  std::erase_if(heap_, [&](const Candidate& candidate) { return !filter(*candidate.group); });
  std::make_heap(heap_.begin(), heap_.end(), Worse{});
}

}  // namespace sovren::policy
