// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/base/check.h"
#include "scheduler/policy/starts.h"

namespace sovren::policy {
namespace {

// What is free from each moment on, until the next; the last step lasts for ever.
class Profile {
 public:
  Profile(const View& view, Instant now) {
    steps_.push_back({now, view.rooms()});
    std::vector<std::pair<Instant, const RunningJob*>> ends;
    for (const auto& [key, job] : view.by_end()) ends.emplace_back(end_of(*job, now), job);
    std::stable_sort(ends.begin(), ends.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [end, job] : ends) {
      if (steps_.back().at < end) steps_.push_back({end, steps_.back().rooms});
      const Resources& held = view.shape_of(job->ask).resources;
      for (const Share& share : job->shares)
        give_back(steps_.back().rooms[static_cast<std::size_t>(share.node)], held, share.ranks);
    }
  }

  std::int64_t cpus_now() const {
    std::int64_t cpus = 0;
    for (const Room& room : steps_.front().rooms) cpus += std::max<std::int64_t>(0, room.cpus);
    return cpus;
  }

  struct Slot {
    Instant at;
    Placement placement;
  };

  /// The earliest moment from which it fits for `estimate_s`; none: on no machine that is up.
  std::optional<Slot> earliest(const Resources& wanted, double estimate_s, Growth growth,
                               std::span<const int> nodes) const {
    for (std::size_t first = 0; first < steps_.size(); ++first) {
      const Fit fit = first == 0 ? Fit::tightest : Fit::first;
      auto placement = place(wanted, growth, steps_[first].rooms, nodes, fit);
      if (!placement) continue;
      const std::size_t last = last_before(first, steps_[first].at + estimate_s);
      if (last > first) {
        const std::vector<Room> least = least_of(first, last);
        placement = place(wanted, growth, least, nodes, fit);
      }
      if (placement) return Slot{steps_[first].at, *std::move(placement)};
    }
    return std::nullopt;
  }

  void hold(const Slot& slot, const Resources& wanted, double estimate_s) {
    const std::size_t first = cut(slot.at);
    const std::size_t end = cut(slot.at + estimate_s);
    for (std::size_t i = first; i < end; ++i)
      for (const Share& share : slot.placement.shares)
        take(steps_[i].rooms[static_cast<std::size_t>(share.node)], wanted, share.ranks);
  }

 private:
  struct Step {
    Instant at;
    std::vector<Room> rooms;
  };

  std::size_t last_before(std::size_t first, Instant end) const {
    std::size_t last = first;
    while (last + 1 < steps_.size() && steps_[last + 1].at < end) ++last;
    return last;
  }

  std::vector<Room> least_of(std::size_t first, std::size_t last) const {
    std::vector<Room> least = steps_[first].rooms;
    for (std::size_t i = first + 1; i <= last; ++i)
      for (std::size_t node = 0; node < least.size(); ++node)
        least[node] = lesser(least[node], steps_[i].rooms[node]);
    return least;
  }

  // The step that begins at this moment; made if there is none.
  std::size_t cut(Instant at) {
    const auto found = std::lower_bound(steps_.begin(), steps_.end(), at,
                                        [](const Step& step, Instant t) { return step.at < t; });
    const auto place_of = static_cast<std::size_t>(found - steps_.begin());
    if (found != steps_.end() && found->at == at) return place_of;
    SOVREN_CHECK(place_of > 0, "nothing is reserved in the past");
    Step step{at, steps_[place_of - 1].rooms};
    steps_.insert(found, std::move(step));
    return place_of;
  }

  std::vector<Step> steps_;
};

}  // namespace

Starts start_conservative(const View& view, Gate& gate, const PolicyConfig& config,
                          const Uses& uses, Instant now) {
  Starts starts;
  if (view.waiting_count() == 0) return starts;
  const Scorer scorer(view, config, uses, config.order, now);
  Line line(view, scorer);
  Profile profile(view, now);
  std::vector<int> kept;
  Resources cut;
  for (int reserved = 0; reserved < config.reservations_max;) {
    const auto candidate = line.next();
    if (!candidate) break;
    const Ask& ask = candidate->ask();
    if (profile.cpus_now() < view.by_size().begin()->first) break;  // nobody else starts now
    if (gate.bar(ask)) continue;
    const Resources& wanted = view.shape_of(ask).resources;
    auto slot = profile.earliest(gate.wanted(ask, cut), ask.estimate_s, growth_of(view),
                                 gate.nodes(ask, kept));
    if (!slot) continue;
    profile.hold(*slot, wanted, ask.estimate_s);
    line.more_of(*candidate);
    gate.started(ask, slot->placement.ranks);  // one that is reserved for counts too
    if (slot->at > now) {
      ++reserved;
      continue;
    }
    starts.choices.push_back({candidate->place.job, std::move(slot->placement)});
  }
  return starts;
}

}  // namespace sovren::policy
