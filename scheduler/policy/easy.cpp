// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "scheduler/policy/starts.h"

namespace sovren::policy {
namespace {

std::size_t index(int node) {
  return static_cast<std::size_t>(node);
}

class EasyPass {
 public:
  EasyPass(const View& view, Gate& gate, const PolicyConfig& config, const Uses& uses, Instant now)
      : view_(view),
        gate_(gate),
        config_(config),
        uses_(uses),
        now_(now),
        free_(view.rooms()),
        cpus_free_(view.cpus_free()) {}

  Starts run() {
    if (!has_room()) return {};
    const Scorer scorer(view_, config_, uses_, config_.order, now_);
    Line line(view_, scorer);
    while (const auto candidate = line.next()) {
      if (!has_room()) break;                     // nobody else starts, so that no promise matters
      if (gate_.bar(candidate->ask())) continue;  // nor has any other of its group a way past it
      if (start_if_fits(*candidate, free_)) {
        line.more_of(*candidate);
        continue;
      }
      promise(*candidate);
      if (starts_.promise) break;  // else it fits on no machine that is up: it holds none back
    }
    if (starts_.promise && config_.backfill != Backfill::none) backfill(scorer);
    return std::move(starts_);
  }

 private:
  bool has_room() const {
    return !view_.by_size().empty() && view_.by_size().begin()->first <= cpus_free_;
  }

  bool start_if_fits(const Candidate& candidate, Free& free) {
    if (candidate.group->cpus_least > cpus_free_) return false;
    const Ask& ask = candidate.ask();
    auto placement =
        free.find(view_, ask, gate_.wanted(ask, cut_), growth_of(view_), gate_.nodes(ask, kept_));
    if (!placement) return false;
    const Resources& resources = view_.shape_of(ask).resources;
    for (const Share& share : placement->shares) {
      Room room = free_[share.node];
      const std::int64_t before = std::max<std::int64_t>(0, room.cpus);
      take(room, resources, share.ranks);
      free_.set(share.node, room);
      cpus_free_ += std::max<std::int64_t>(0, room.cpus) - before;
    }
    started_.push_back({.job = candidate.place.job,
                        .ask = ask,
                        .shares = placement->shares,
                        .ranks = placement->ranks,
                        .started_at = now_,
                        .expected_end = now_ + ask.estimate_s});
    taken_.insert(candidate.place.job);
    gate_.started(ask, placement->ranks);
    starts_.choices.push_back({candidate.place.job, *std::move(placement)});
    return true;
  }

  void promise(const Candidate& candidate) {
    if (has_no_promise_.contains(candidate.ask().shape)) return;
    const auto nodes = gate_.nodes(candidate.ask(), kept_);
    starts_.promise = promise_to(view_, candidate, nodes, free_.rooms(), started_, now_);
    if (starts_.promise) {
      taken_.insert(candidate.place.job);
      gate_.started(candidate.ask(),
                    ranks_of(starts_.promise->shares));  // nor a limit be in its way
    } else if (nodes.data() == view_.allowed(candidate.ask()).data()) {
      has_no_promise_.insert(candidate.ask().shape);
    }
  }

  bool ends_in_time(const Ask& ask) const { return now_ + ask.estimate_s <= starts_.promise->at; }

  void backfill(const Scorer& by_order) {
    Promise& promise = *starts_.promise;
    std::vector<Room> lesser_rooms(promise.rooms.size());
    std::int64_t both_free = 0;
    for (std::size_t i = 0; i < lesser_rooms.size(); ++i) {
      lesser_rooms[i] = lesser(free_.rooms()[i], promise.rooms[i]);
      both_free += std::max<std::int64_t>(0, lesser_rooms[i].cpus);
    }
    Free both(std::move(lesser_rooms));
    const bool has_own_order = config_.backfill_order && *config_.backfill_order != config_.order;
    const Scorer scorer =
        has_own_order ? Scorer(view_, config_, uses_, *config_.backfill_order, now_) : by_order;
    Line line(view_, scorer, cpus_free_, [&](const Group& group) {
      return ends_in_time(group.ask) || group.cpus_least <= both_free;
    });
    while (const auto candidate = line.next()) {
      if (!has_room()) break;
      if (taken_.contains(candidate->place.job)) {
        line.more_of(*candidate);
        continue;
      }
      if (gate_.bar(candidate->ask())) continue;
      const bool is_short = ends_in_time(candidate->ask());
      if (!start_if_fits(*candidate, is_short ? free_ : both)) continue;
      line.more_of(*candidate);
      const Resources& resources = view_.shape_of(candidate->ask()).resources;
      for (const Share& share : started_.back().shares) {
        Room& then = promise.rooms[index(share.node)];
        if (!is_short) take(then, resources, share.ranks);
        both.set(share.node, lesser(free_[share.node], then));
      }
    }
  }

  const View& view_;
  Gate& gate_;
  const PolicyConfig& config_;
  const Uses& uses_;
  Instant now_;
  Free free_;
  std::int64_t cpus_free_;
  std::vector<RunningJob> started_;
  std::set<JobId> taken_;         ///< started, or the one that the promise was made to
  std::set<int> has_no_promise_;  ///< shapes that fit on no machine that is up
  std::vector<int> kept_;
  Resources cut_;
  Starts starts_;
};

}  // namespace

std::optional<Promise> promise_to(const View& view, const Candidate& candidate,
                                  std::span<const int> nodes, const std::vector<Room>& rooms,
                                  const std::vector<RunningJob>& started, Instant now) {
  const Resources& wanted = view.shape_of(candidate.ask()).resources;
  Promise promise{.job = candidate.place.job, .at = now, .rooms = rooms, .shares = {}};
  // Those of this pass and those that outlived what was expected are not where by_end() has them.
  auto next_running = view.by_end().begin();
  std::vector<std::pair<Instant, const RunningJob*>> others;
  for (const RunningJob& job : started) others.emplace_back(job.expected_end, &job);
  for (; next_running != view.by_end().end() && next_running->first.first <= now; ++next_running)
    others.emplace_back(end_of(*next_running->second, now), next_running->second);
  std::sort(others.begin(), others.end(), [](const auto& a, const auto& b) {
    return std::tuple(a.first, a.second->job) < std::tuple(b.first, b.second->job);
  });
  std::int64_t cpus_free = 0;
  for (const Room& room : rooms) cpus_free += std::max<std::int64_t>(0, room.cpus);

  std::vector<int> touched;
  auto next_other = others.begin();
  std::optional<Placement> placement;
  for (;;) {
    const RunningJob* job = nullptr;
    Instant end;
    const bool has_running = next_running != view.by_end().end();
    if (next_other != others.end() &&
        (!has_running || next_other->first < next_running->first.first)) {
      std::tie(end, job) = *next_other++;
    } else if (has_running) {
      end = next_running->first.first;
      job = (next_running++)->second;
    }
    if (job == nullptr) break;
    if (placement && end > promise.at) break;  // what ends at the same moment is free then too
    const Resources& held = view.shape_of(job->ask).resources;
    touched.clear();
    for (const Share& share : job->shares) {
      Room& room = promise.rooms[index(share.node)];
      const std::int64_t before = std::max<std::int64_t>(0, room.cpus);
      give_back(room, held, share.ranks);
      cpus_free += std::max<std::int64_t>(0, room.cpus) - before;
      if (std::binary_search(nodes.begin(), nodes.end(), share.node)) touched.push_back(share.node);
    }
    if (placement || touched.empty() || cpus_free < candidate.group->cpus_least) continue;
    placement = place(wanted, Growth::up_to_ranks, promise.rooms,
                      wanted.nodes <= 1 ? std::span<const int>(touched) : nodes, Fit::first);
    if (placement) promise.at = end;
  }
  if (!placement) return std::nullopt;
  for (const Share& share : placement->shares)
    take(promise.rooms[index(share.node)], wanted, share.ranks);
  promise.shares = placement->shares;
  return promise;
}

Starts start_easy(const View& view, Gate& gate, const PolicyConfig& config, const Uses& uses,
                  Instant now) {
  return EasyPass(view, gate, config, uses, now).run();
}

}  // namespace sovren::policy
