// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/preemption.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace sovren::policy {
namespace {

constexpr double second_level_s = 3600;       ///< the first level ends with the quantum
constexpr double aging_unit_s = 3600;         ///< of waiting
constexpr double hysteresis = 4;              ///< a running job's advantage over a waiting one
constexpr double starving_s = 21 * 86'400.0;  ///< waited so long, a job goes before all others
constexpr double left_s_min = 60;
constexpr double points_per_doubling = 250;  ///< of multifactor priority

std::size_t index(int node) {
  return static_cast<std::size_t>(node);
}

// How many QOS stand below this one, by who may preempt whom: 0 for most.
int tier_of(const std::string& qos, const Site& site, int depth = 0) {
  if (depth > 16) return depth;  // a circle: the site file's reader refuses it
  int tier = 0;
  for (const Qos& one : site.qos) {
    if (one.name != qos) continue;
    for (const std::string& lower : one.preempts)
      tier = std::max(tier, 1 + tier_of(lower, site, depth + 1));
  }
  return tier;
}

struct Contender {
  double score = 0;
  const RunningJob* job = nullptr;
};

struct Staying {
  Instant until;
  const RunningJob* job = nullptr;
};

double left_s(const Ask& ask, double attained_s) {
  const double left = ask.estimate_s - attained_s;
  return std::max(left_s_min, left > 0 ? left : attained_s / 2);
}

class FeedbackPass {
 public:
  FeedbackPass(const View& view, Gate& gate, const PolicyConfig& config, const Uses& uses,
               Instant now)
      : view_(view),
        gate_(gate),
        config_(config),
        now_(now),
        now_free_(view.rooms()),
        then_free_(now_free_) {
    if (config.order == Order::multifactor) multifactor_.emplace(view, config, uses, now);
  }

  Schedule run() {
    if (view_.waiting_count() == 0) return {};
    sort_runners();
    const Scorer scorer([this](const Group& group, const Place& place) {
      return score(group.ask, place.submitted, group.ask.attained_s, 1);
    });
    if (cpus_then_free_ < view_.by_size().begin()->first) {
      plan_wake();  // nobody could start, whoever made room
      return std::move(schedule_);
    }
    Line line(view_, scorer);
    auto runner = runners_.begin();
    while (const auto candidate = next_of(line)) {
      for (; runner != runners_.end() && runner->score >= candidate->score; ++runner)
        keep_or_stop(*runner->job);
      consider(*candidate, line);
    }
    for (; runner != runners_.end(); ++runner) keep_or_stop(*runner->job);
    plan_wake();
    return std::move(schedule_);
  }

 private:
  std::optional<Candidate> next_of(Line& line) {
    if (cpus_then_free_ <= 0) return std::nullopt;  // nobody else could start or claim a place
    return line.next();
  }

  int tier(const Ask& ask) {
    const auto [found, is_new] = tiers_.try_emplace(ask.owner, 0);
    if (is_new) found->second = tier_of(view_.owner_of(ask).qos, config_.site);
    return found->second;
  }

  // Higher first: tier of the QOS; then level, least run first; then what is left of it by its own
  // estimate, shrunk by waiting and by priority. As one number: what is left is below 2^40 s.
  double score(const Ask& ask, Instant submitted, double attained_s, double advantage) {
    const double waited_s = std::max(0.0, (now_ - submitted) - attained_s);
    if (waited_s > starving_s)  // those that run stay, then first come, first served
      return 0x1p50 * tier(ask) + (advantage > 1 ? 0x1p46 : 0x1p45) -
             static_cast<double>(submitted.ms) / 1000;
    double left = left_s(ask, attained_s) / std::sqrt(1 + waited_s / aging_unit_s) / advantage;
    if (multifactor_) {
      Priority points = multifactor_->priority(ask, submitted);
      points.age = 0;
      left /= std::exp2(std::clamp(points.total() / points_per_doubling, -20.0, 20.0));
    }
    return 0x1p50 * tier(ask) - 0x1p40 * level(attained_s) - std::min(left, 0x1p39);
  }

  int level(double attained_s) const {
    return (attained_s >= config_.preemption.quantum_s ? 1 : 0) +
           (attained_s >= second_level_s ? 1 : 0);
  }

  void sort_runners() {
    int highest_waiting = 0;
    if (!config_.site.qos.empty())
      for (const auto& [ask, group] : view_.groups())
        highest_waiting = std::max(highest_waiting, tier(ask));
    for (const auto& [id, job] : view_.running()) {
      const double run_s = now_ - job.started_at;
      const bool is_pinned =
          run_s < config_.preemption.quantum_s && tier(job.ask) >= highest_waiting;
      const bool is_movable = job.ask.can_preempt && !job.is_stopping && !is_pinned;
      if (is_movable || job.is_stopping) {
        const Resources& held = view_.shape_of(job.ask).resources;
        for (const Share& share : job.shares)
          give_back(then_free_[index(share.node)], held, share.ranks);
      }
      if (is_movable)
        runners_.push_back(
            {score(job.ask, job.submitted, job.ask.attained_s + run_s, hysteresis), &job});
      else if (!job.is_stopping)
        staying_.push_back(
            {job.ask.can_preempt ? job.started_at + config_.preemption.quantum_s : job.expected_end,
             &job});
    }
    std::sort(runners_.begin(), runners_.end(), [](const Contender& a, const Contender& b) {
      return std::tuple(-a.score, a.job->submitted, a.job->job) <
             std::tuple(-b.score, b.job->submitted, b.job->job);
    });
    for (std::size_t i = 0; i < then_free_.size(); ++i)
      if (view_.nodes()[i].is_usable)
        cpus_then_free_ += std::max<std::int64_t>(0, then_free_[i].cpus);
  }

  void take_then(const Share& share, const Resources& resources) {
    Room& room = then_free_[index(share.node)];
    const std::int64_t before = std::max<std::int64_t>(0, room.cpus);
    take(room, resources, share.ranks);
    cpus_then_free_ += std::max<std::int64_t>(0, room.cpus) - before;
  }

  // A running job stays if its place has not been claimed by those before it.
  void keep_or_stop(const RunningJob& job) {
    Resources one = view_.shape_of(job.ask).resources;
    const Resources held = one;
    one.nodes = 1;
    one.ranks_min.reset();
    const bool is_free = std::all_of(job.shares.begin(), job.shares.end(), [&](const Share& share) {
      one.ranks = share.ranks;
      return ranks_in(one, Growth::up_to_ranks, then_free_[index(share.node)]) > 0;
    });
    if (!is_free) {
      schedule_.preempted.push_back(job.job);
      return;
    }
    for (const Share& share : job.shares) take_then(share, held);
  }

  void consider(const Candidate& candidate, Line& line) {
    const Ask& ask = candidate.ask();
    if (gate_.bar(ask)) return;
    const Resources& wanted = view_.shape_of(ask).resources;
    const auto nodes = gate_.nodes(ask, kept_);
    const bool does_start = place_it(wanted, nodes, Free::now);
    if (!does_start && !place_it(wanted, nodes, Free::then)) {
      if (!is_draining_) drain_for(candidate, nodes);
      return;
    }
    for (const Share& share : placement_.shares) {
      if (does_start) take(now_free_[index(share.node)], wanted, share.ranks);
      take_then(share, wanted);
      if (schedule_.promise) take(schedule_.promise->rooms[index(share.node)], wanted, share.ranks);
    }
    gate_.started(ask, placement_.ranks);
    (does_start ? schedule_.choices : schedule_.claims)
        .push_back({candidate.place.job, placement_});
    started_.push_back(ask);
    line.more_of(candidate);
  }

  enum class Free { now, then };

  // A place that is not claimed: free now, or once those that may make room have. Behind one that
  // is drained for, only what is left over then.
  bool place_it(const Resources& wanted, std::span<const int> nodes, Free when) {
    const Growth growth =
        view_.waiting_count() == 1 ? Growth::up_to_ranks_max : Growth::up_to_ranks;
    both_ = then_free_;
    for (std::size_t i = 0; i < both_.size(); ++i) {
      if (when == Free::now) both_[i] = lesser(both_[i], now_free_[i]);
      if (schedule_.promise) both_[i] = lesser(both_[i], schedule_.promise->rooms[i]);
    }
    auto placement = place(wanted, growth, both_, nodes);
    if (placement) placement_ = *std::move(placement);
    return placement.has_value();
  }

  // The first that fits nowhere: as running jobs come to the end of their quantum, or of their run,
  // room is kept for it.
  void drain_for(const Candidate& candidate, std::span<const int> nodes) {
    is_draining_ = true;
    std::sort(staying_.begin(), staying_.end(), [](const Staying& a, const Staying& b) {
      return std::tuple(a.until, a.job->job) < std::tuple(b.until, b.job->job);
    });
    const Resources& wanted = view_.shape_of(candidate.ask()).resources;
    Promise promise{.job = candidate.place.job, .at = now_, .rooms = then_free_, .shares = {}};
    for (const Staying& staying : staying_) {
      const Resources& held = view_.shape_of(staying.job->ask).resources;
      for (const Share& share : staying.job->shares)
        give_back(promise.rooms[index(share.node)], held, share.ranks);
      const auto placement = place(wanted, Growth::up_to_ranks, promise.rooms, nodes);
      if (!placement) continue;
      promise.at = std::max(staying.until, Instant{now_.ms + 1});
      promise.shares = placement->shares;
      for (const Share& share : placement->shares)
        take(promise.rooms[index(share.node)], wanted, share.ranks);
      schedule_.promise = std::move(promise);
      return;
    }
  }

  // The next moment at which a running job may lose its place by time alone.
  void plan_wake() {
    if (view_.waiting_count() == schedule_.choices.size() && schedule_.preempted.empty()) return;
    for (const auto& [id, job] : view_.running())
      if (!job.is_stopping) wake_for(job.ask, job.started_at);
    for (const Ask& ask : started_) wake_for(ask, now_);
  }

  void wake_for(const Ask& ask, Instant started_at) {
    if (!ask.can_preempt) return;
    const double quantum_s = config_.preemption.quantum_s;
    for (const double after_s :
         {quantum_s, quantum_s - ask.attained_s, second_level_s - ask.attained_s}) {
      const Instant at = started_at + after_s;
      if (at > now_ && (!schedule_.wake_at || at < *schedule_.wake_at)) schedule_.wake_at = at;
    }
  }

  const View& view_;
  Gate& gate_;
  const PolicyConfig& config_;
  Instant now_;
  std::vector<Room> now_free_;   ///< as it is, less what has been chosen
  std::vector<Room> then_free_;  ///< once all that may make room has, less what is kept or claimed
  std::int64_t cpus_then_free_ = 0;
  std::vector<Room> both_;
  std::vector<Contender> runners_;  ///< may be stopped
  std::vector<Staying> staying_;    ///< may not
  std::vector<Ask> started_;
  bool is_draining_ = false;
  Placement placement_;
  std::optional<Multifactor> multifactor_;
  std::vector<int> kept_;
  std::map<int, int> tiers_;
  Schedule schedule_;
};

}  // namespace

Schedule schedule_by_feedback(const View& view, Gate& gate, const PolicyConfig& config,
                              const Uses& uses, Instant now) {
  return FeedbackPass(view, gate, config, uses, now).run();
}

}  // namespace sovren::policy
