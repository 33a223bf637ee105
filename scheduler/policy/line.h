// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "scheduler/policy/multifactor.h"
#include "scheduler/policy/view.h"

namespace sovren::policy {

/// One of those that wait, and the group it stands in.
struct Candidate {
  double score = 0;
  Place place;
  const Group* group = nullptr;
  std::set<Place>::const_iterator at;

  const Ask& ask() const { return group->ask; }
};

/// An elastic job may grow beyond `ranks` when no other waits.
inline Growth growth_of(const View& view) {
  return view.waiting_count() == 1 ? Growth::up_to_ranks_max : Growth::up_to_ranks;
}

/// What the members of a group score, at one moment: the higher, the earlier.
class Scorer {
 public:
  using Rule = std::function<double(const Group&, const Place&)>;
  Scorer(const View& view, const PolicyConfig& config, const Uses& uses, Order order, Instant now);
  /// By a rule of its own.
  explicit Scorer(Rule rule) : rule_(std::move(rule)) {}

  double operator()(const Group& group, const Place& place) const;
  /// Does the View keep its groups in this order?
  bool is_kept_by(const View& view) const;

 private:
  Order order_ = Order::multifactor;
  Instant now_;
  std::optional<Multifactor> multifactor_;
  Rule rule_;
};

/// Waiting jobs, best first; equal ones by submission, then by id.
///
/// Model    next() hands one out; then either more_of() its group may come, or the group is done
///          with for this pass: what has found no room finds none later in the pass.
/// Cost     all groups are scored unless the order is static and the View keeps it.
class Line {
 public:
  using Filter = std::function<bool(const Group&)>;
  /// Of all groups.
  Line(const View& view, const Scorer& scorer);
  /// Of groups that could do with `cpus_most` cores and pass the filter.
  Line(const View& view, const Scorer& scorer, std::int64_t cpus_most, const Filter& filter);

  std::optional<Candidate> next();
  void more_of(const Candidate& candidate);
  /// From now on only of groups that pass the filter. Not for one that the View keeps in order.
  void keep_only(const Filter& filter);

 private:
  struct Worse {
    bool operator()(const Candidate& a, const Candidate& b) const {
      return std::tuple(a.score, b.place) < std::tuple(b.score, a.place);
    }
  };

  const Scorer& scorer_;
  std::vector<Candidate> heap_;
  const std::set<const Group*, BetterKey>* ranked_ = nullptr;
  std::set<const Group*, BetterKey>::const_iterator rank_;
};

}  // namespace sovren::policy
