// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/preemption.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "scheduler/policy/feedback.h"

namespace sovren::policy {
namespace {

std::size_t index(int node) {
  return static_cast<std::size_t>(node);
}

// A running job that may be stopped.
struct Contender {
  double score = 0;
  const RunningJob* job = nullptr;
  bool is_pinned = false;
};

// One that may not, and when that or its run comes to an end.
struct Staying {
  Instant until;
  const RunningJob* job = nullptr;
};

// What waiting jobs may have: at once, and once those that are stopped have gone.
struct Offer {
  Free now;
  Free then;
};

class FeedbackPass {
 public:
  FeedbackPass(const View& view, Gate& gate, const PolicyConfig& config, const Uses& uses,
               Instant now)
      : view_(view),
        gate_(gate),
        config_(config),
        now_(now),
        feedback_(view, config, uses, now),
        now_free_(view.rooms()),
        then_free_(now_free_) {}

  Schedule run() {
    if (view_.waiting_count() == 0) return {};
    sort_runners();
    if (cpus_then_free_ < view_.by_size().begin()->first) {
      plan_wake();  // nobody could start, whoever made room
      return std::move(schedule_);
    }
    open_ = Offer{Free(lesser_rooms(now_free_, then_free_)), Free(then_free_)};
    const Scorer scorer([this](const Group& group, const Place& place) {
      return feedback_.waiting(group.ask, place.submitted);
    });
    Line line(view_, scorer);
    while (const auto candidate = next_of(line)) {
      while (runner_ != runners_.size() && runners_[runner_].score >= candidate->score)
        keep_or_stop(runners_[runner_++]);
      consider(*candidate, line);
    }
    while (runner_ != runners_.size()) keep_or_stop(runners_[runner_++]);
    plan_wake();
    return std::move(schedule_);
  }

 private:
  static std::vector<Room> lesser_rooms(const std::vector<Room>& a, const std::vector<Room>& b) {
    std::vector<Room> rooms(a.size());
    for (std::size_t i = 0; i < a.size(); ++i) rooms[i] = lesser(a[i], b[i]);
    return rooms;
  }

  std::optional<Candidate> next_of(Line& line) {
    if (cpus_then_free_ <= 0) return std::nullopt;  // nobody else could start or claim a place
    return line.next();
  }

  void give_back_all(std::vector<Room>& rooms, const RunningJob& job) const {
    const Resources& held = view_.shape_of(job.ask).resources;
    for (const Share& share : job.shares) give_back(rooms[index(share.node)], held, share.ranks);
  }

  void take_all(std::vector<Room>& rooms, const RunningJob& job) const {
    const Resources& held = view_.shape_of(job.ask).resources;
    for (const Share& share : job.shares) take(rooms[index(share.node)], held, share.ranks);
  }

  void sort_runners() {
    for (const auto& [id, job] : view_.running()) {
      const bool is_pinned = now_ < pin_end(job);
      if (job.is_stopping) {
        give_back_all(then_free_, job);
        stopping_.push_back({feedback_.running(job), &job, false});
      } else if (!job.ask.can_preempt) {
        staying_.push_back({end_of(job, now_), &job});
      } else if (!is_pinned) {
        give_back_all(then_free_, job);
        runners_.push_back({feedback_.running(job), &job, false});
      } else if (const auto score = feedback_.pinned(job.ask)) {
        give_back_all(then_free_, job);
        runners_.push_back({*score, &job, true});
      } else {
        staying_.push_back({pin_end(job), &job});
      }
    }
    std::sort(runners_.begin(), runners_.end(), [](const Contender& a, const Contender& b) {
      return std::tuple(-a.score, a.job->submitted, a.job->job) <
             std::tuple(-b.score, b.job->submitted, b.job->job);
    });
    // As they were told to, those told at once as they were chosen: the last in order first.
    std::sort(stopping_.begin(), stopping_.end(), [](const Contender& a, const Contender& b) {
      return std::tuple(a.job->asked_at, a.score, b.job->submitted, b.job->job) <
             std::tuple(b.job->asked_at, b.score, a.job->submitted, a.job->job);
    });
    for (std::size_t i = 0; i < then_free_.size(); ++i)
      if (view_.nodes()[i].is_usable)
        cpus_then_free_ += std::max<std::int64_t>(0, then_free_[i].cpus);
  }

  // A pass looks past those that it starts itself, before it comes to the candidate; so do those
  // that follow at the same moment.
  bool is_looked_past(const RunningJob& job, const Candidate& candidate) const {
    if (job.started_at < now_) return false;
    const double score = feedback_.waiting(job.ask, job.submitted);
    return std::tuple(-score, Place{job.submitted, job.job}) <
           std::tuple(-candidate.score, candidate.place);
  }

  void take_then(const Share& share, const Resources& resources, bool is_staying = false) {
    Room& room = then_free_[index(share.node)];
    const std::int64_t before = std::max<std::int64_t>(0, room.cpus);
    take(room, resources, share.ranks);
    if (view_.nodes()[index(share.node)].is_usable)
      cpus_then_free_ += std::max<std::int64_t>(0, room.cpus) - before;
    if (in_the_end_ && !is_staying) {
      Room end = (*in_the_end_)[share.node];
      take(end, resources, share.ranks);
      in_the_end_->set(share.node, end);
    }
    offer_again(share.node);
  }

  void offer_again(int node) {
    const Room& then = then_free_[index(node)];
    const Room now = lesser(now_free_[index(node)], then);
    open_->now.set(node, now);
    open_->then.set(node, then);
    if (!left_over_) return;
    const Room& promised = schedule_.promise->rooms[index(node)];
    left_over_->now.set(node, lesser(now, promised));
    left_over_->then.set(node, lesser(then, promised));
  }

  // A running job stays if its place has not been claimed by those before it.
  void keep_or_stop(const Contender& runner) {
    const RunningJob& job = *runner.job;
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
    for (const Share& share : job.shares) take_then(share, held, runner.is_pinned);
    if (runner.is_pinned) staying_.push_back({pin_end(job), &job});
  }

  void consider(const Candidate& candidate, Line& line) {
    const Ask& ask = candidate.ask();
    if (gate_.bar(ask)) return;
    const Resources& wanted = gate_.wanted(ask, cut_);
    const auto nodes = gate_.nodes(ask, kept_);
    const bool is_in_time = gives_back_in_time(ask);
    Offer& offer = left_over_ && !is_in_time ? *left_over_ : *open_;
    const Growth growth = growth_of(view_);
    auto placement = offer.now.find(view_, ask, wanted, growth, nodes);
    const bool does_start = placement.has_value();
    if (!placement) placement = offer.then.find(view_, ask, wanted, growth, nodes, Fit::first);
    if (!placement) {
      if (schedule_.promise) return;
      drain_for(candidate, wanted, nodes);
      if (schedule_.promise) line.keep_only([this](const Group& group) { return has_part(group); });
      return;
    }
    if (!does_start) spare_runners(*placement, offer, wanted, nodes);
    const Resources& held = view_.shape_of(ask).resources;
    for (const Share& share : placement->shares) {
      if (does_start) take(now_free_[index(share.node)], held, share.ranks);
      if (schedule_.promise && !is_in_time)
        take(schedule_.promise->rooms[index(share.node)], held, share.ranks);
      take_then(share, held);
    }
    gate_.started(ask, placement->ranks);
    (does_start ? schedule_.choices : schedule_.claims)
        .push_back({candidate.place.job, *std::move(placement)});
    line.more_of(candidate);
  }

  Instant pin_end(const RunningJob& job) const { return job.started_at + feedback_.pin_s(job.ask); }

  // Behind one that is drained for: is there enough for it in what is left over?
  bool has_part(const Group& group) const {
    return group.cpus_least <= cpus_left_over_ || gives_back_in_time(group.ask);
  }

  // Where a drain takes longer than pins do, because of jobs that cannot be stopped, others may
  // have what is kept until then, if they end or can be stopped before.
  bool gives_back_in_time(const Ask& ask) const {
    if (!schedule_.promise) return false;
    const Instant at = schedule_.promise->at;
    if (at - now_ <= config_.preemption.quantum_s) return false;
    const double own_s =
        ask.can_preempt ? std::min(ask.estimate_s, feedback_.pin_s(ask)) : ask.estimate_s;
    return now_ + own_s <= at;
  }

  // The candidate's place is one that some who run must leave. As few as will do: first those that
  // are stopping, then those behind it in order, the last first.
  void spare_runners(Placement& placement, const Offer& offer, const Resources& wanted,
                     std::span<const int> nodes) {
    if (view_.nodes().size() == 1) return;  // it is that one whoever leaves
    std::size_t fewest = 0;
    std::size_t enough = stopping_.size() + (runners_.size() - runner_);
    while (fewest < enough) {
      const std::size_t tried = fewest + (enough - fewest) / 2;
      std::vector<Room> rooms = offer.then.rooms();
      for (std::size_t i = tried; i < stopping_.size(); ++i) take_all(rooms, *stopping_[i].job);
      const std::size_t leave = tried - std::min(tried, stopping_.size());
      for (std::size_t i = runner_; i < runners_.size() - leave; ++i)
        take_all(rooms, *runners_[i].job);
      if (auto found = place(wanted, growth_of(view_), rooms, nodes, Fit::first)) {
        placement = *std::move(found);
        enough = tried;
      } else {
        fewest = tried + 1;
      }
    }
  }

  // The first that fits nowhere: as running jobs come to the end of their quantum, or of their run,
  // room is kept for it.
  void drain_for(const Candidate& candidate, const Resources& wanted, std::span<const int> nodes) {
    if (!in_the_end_) in_the_end_.emplace(rooms_after(staying_.size()));
    if (!in_the_end_->find(view_, candidate.ask(), wanted, Growth::up_to_ranks, nodes)) return;
    std::erase_if(staying_,
                  [&](const Staying& staying) { return is_looked_past(*staying.job, candidate); });
    std::sort(staying_.begin(), staying_.end(), [](const Staying& a, const Staying& b) {
      return std::tuple(a.until, a.job->job) < std::tuple(b.until, b.job->job);
    });
    std::size_t few = 0;
    std::size_t enough = staying_.size();
    while (enough - few > 1) {
      const std::size_t tried = few + (enough - few) / 2;
      (place(wanted, Growth::up_to_ranks, rooms_after(tried), nodes) ? enough : few) = tried;
    }
    if (enough == 0) return;
    Promise promise{.job = candidate.place.job,
                    .at = std::max(staying_[enough - 1].until, Instant{now_.ms + 1}),
                    .rooms = rooms_after(enough),
                    .shares = {}};
    const auto placement = place(wanted, Growth::up_to_ranks, promise.rooms, nodes, Fit::first);
    if (!placement) return;
    promise.shares = placement->shares;
    gate_.started(candidate.ask(), placement->ranks);  // so that no limit comes to be in its way
    for (const Share& share : placement->shares)
      take(promise.rooms[index(share.node)], wanted, share.ranks);
    left_over_ = Offer{Free(lesser_rooms(open_->now.rooms(), promise.rooms)),
                       Free(lesser_rooms(then_free_, promise.rooms))};
    for (std::size_t i = 0; i < view_.nodes().size(); ++i)
      if (view_.nodes()[i].is_usable)
        cpus_left_over_ += std::max<std::int64_t>(0, left_over_->then.rooms()[i].cpus);
    schedule_.promise = std::move(promise);
  }

  // Once so many of those that stay have left.
  std::vector<Room> rooms_after(std::size_t left) const {
    std::vector<Room> rooms = then_free_;
    for (std::size_t i = 0; i < left; ++i) give_back_all(rooms, *staying_[i].job);
    return rooms;
  }

  // The next moment at which a running job may lose its place by time alone.
  void plan_wake() {
    if (view_.waiting_count() == schedule_.choices.size() && schedule_.preempted.empty()) return;
    const auto wake_by = [&](std::optional<Instant> at) {
      if (at && (!schedule_.wake_at || *at < *schedule_.wake_at)) schedule_.wake_at = at;
    };
    for (const auto& [id, job] : view_.running())
      if (!job.is_stopping) wake_by(feedback_.next_change(job.ask, job.started_at));
    for (const auto* starts : {&schedule_.choices, &schedule_.claims})
      for (const Choice& choice : *starts)
        wake_by(feedback_.next_change(*view_.waiting(choice.job), now_));
  }

  const View& view_;
  Gate& gate_;
  const PolicyConfig& config_;
  Instant now_;
  Feedback feedback_;
  std::vector<Room> now_free_;   ///< as it is, less what has been chosen
  std::vector<Room> then_free_;  ///< once all that may make room has, less what is kept or claimed
  std::int64_t cpus_then_free_ = 0;
  std::optional<Offer> open_;        ///< to all, from these two
  std::optional<Offer> left_over_;   ///< to those behind one that is drained for
  std::int64_t cpus_left_over_ = 0;  ///< when the drain began
  std::optional<Free> in_the_end_;   ///< once those that stay have left, too
  std::vector<Contender> runners_;   ///< may be stopped
  std::vector<Contender> stopping_;  ///< have been asked to
  std::size_t runner_ = 0;           ///< those before it have been kept or stopped
  std::vector<Staying> staying_;     ///< may not
  std::vector<int> kept_;
  Resources cut_;
  Schedule schedule_;
};

}  // namespace

Schedule schedule_by_feedback(const View& view, Gate& gate, const PolicyConfig& config,
                              const Uses& uses, Instant now) {
  return FeedbackPass(view, gate, config, uses, now).run();
}

Scorer feedback_order(const View& view, const PolicyConfig& config, const Uses& uses, Instant now) {
  auto feedback = std::make_shared<const Feedback>(view, config, uses, now);
  return Scorer([feedback](const Group& group, const Place& place) {
    return feedback->waiting(group.ask, place.submitted);
  });
}

}  // namespace sovren::policy
