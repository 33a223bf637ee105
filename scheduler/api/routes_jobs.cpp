// SPDX-License-Identifier: Apache-2.0
// Listing, showing and acting on jobs.
#include <memory>
#include <utility>

#include "scheduler/api/api.h"
#include "scheduler/api/problem.h"
#include "scheduler/api/snapshot.h"
#include "scheduler/api/views.h"

namespace sovren::api {
namespace {

using engine::Engine;
using text::Json;

constexpr std::int64_t page_max = 1000;
// Jobs that one request looks at: about 2 ms of the engine's time; the next page goes on from
// there.
constexpr std::int64_t scan_max = 20'000;
constexpr double wait_max_s = 60;

using States = std::set<JobState>;

/// "PENDING,RUNNING", "open", "final"; empty: all.
Result<States> parse_states(const std::string& text) {
  States states;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::string word = text.substr(at, end - at);
    at = end + 1;
    const std::size_t before = states.size();
    if (const auto state = state_of(word)) states.insert(*state);
    for (int i = 0; i <= static_cast<int>(JobState::out_of_memory); ++i) {
      const auto state = static_cast<JobState>(i);
      if ((word == "final" && is_final(state)) || (word == "open" && !is_final(state)))
        states.insert(state);
    }
    if (states.size() == before)
      return fail({.code = Code::usage,
                   .what = "'" + word + "' is no state, or stands twice",
                   .hint =
                       "states are PENDING, RUNNING, COMPLETED, FAILED, CANCELLED, TIMEOUT, ...; "
                       "'open' stands for all that have not ended, 'final' for the others",
                   .where = "query state"});
  }
  return states;
}

struct Filter {
  States states;
  std::string user;
  JobId array;
  JobId after;
  std::int64_t limit = 0;
  bool is_newest_first = false;
  bool is_folded = false;  ///< of an array only the first that fits
  Detail detail = Detail::row;

  bool fits(const Job& job) const {
    return (states.empty() || states.contains(job.state)) && (user.empty() || job.user == user) &&
           (array.value == 0 || is_of_array(job));
  }
  bool is_of_array(const Job& job) const { return job.array_job == array || job.id == array; }
  /// None of the jobs after it fits: those of an array have numbers in a row.
  bool is_past(const Job& job) const {
    return array.value != 0 && !is_newest_first && job.id > array && !is_of_array(job);
  }
};

struct Page {
  std::vector<JobSnapshot> jobs;
  std::optional<JobId> next;  ///< where the next page goes on after
  EventSeq seq;
  Detail detail = Detail::row;
};

/// Takes a page from jobs that come in the order wanted. A page does not end within a folded array,
/// whose jobs come one after another.
template <class Iterator>
void fill(Page& page, const Engine& engine, const Filter& filter, Iterator begin, Iterator end) {
  std::int64_t looked_at = 0;
  JobId folded;
  const auto is_in_folded = [&](const Job& job) {
    return folded.value != 0 && job.array_job == folded;
  };
  for (; begin != end; ++begin) {
    const auto& [id, job] = *begin;
    if (filter.is_past(job)) return;
    if (!is_in_folded(job) && filter.fits(job)) {
      page.jobs.push_back(snapshot(engine, job));
      folded = filter.is_folded ? job.array_job : JobId();
      if (folded.value != 0) {
        page.jobs.back().array = count_elements(engine, folded);
        looked_at += page.jobs.back().array->elements;
      }
    }
    const auto next = std::next(begin);
    if (next != end && is_in_folded(next->second)) continue;
    if (std::cmp_less(page.jobs.size(), filter.limit) && ++looked_at < scan_max) continue;
    if (next != end) page.next = id;
    return;
  }
}

Page page_of(const Engine& engine, const Filter& filter) {
  Page page{.seq = engine.state().applied, .detail = filter.detail};
  const auto& jobs = engine.state().jobs;
  if (filter.is_newest_first) {
    const auto first = filter.after.value == 0 ? jobs.end() : jobs.lower_bound(filter.after);
    fill(page, engine, filter, std::make_reverse_iterator(first), jobs.rend());
  } else {
    const auto first = std::max(filter.after, JobId{filter.array.value - 1});
    fill(page, engine, filter, jobs.upper_bound(first), jobs.end());
  }
  return page;
}

Json view_of(const JobSnapshot& shot, TaskNames& tasks, Detail detail) {
  return job_view(shot.job,
                  {.reason = shot.reason.code,
                   .why = shot.reason.text,
                   .live = shot.live ? &*shot.live : nullptr,
                   .array = shot.array ? &*shot.array : nullptr,
                   .array_task = tasks.of(shot.job)},
                  detail);
}

Response page_response(const Page& page) {
  Json jobs = Json::array();
  TaskNames tasks;
  for (const JobSnapshot& shot : page.jobs) jobs.push_back(view_of(shot, tasks, page.detail));
  const Json answer = {{"schema", "sovren.jobs/1"},
                       {"jobs", std::move(jobs)},
                       {"next", page.next ? Json(page.next->value) : Json(nullptr)},
                       {"seq", page.seq.value}};
  return {.body = text::dump_json(answer) + "\n"};
}

Response job_response(Json job, EventSeq seq) {
  const Json answer = {{"schema", "sovren.job/1"}, {"job", std::move(job)}, {"seq", seq.value}};
  return {.body = text::dump_json(answer) + "\n"};
}

}  // namespace

Result<void> Api::list_jobs(Call& call) {
  Query query(call.request.target);
  Filter filter{.user = query.text("user")};
  SOVREN_TRY(states, parse_states(query.text("state")));
  SOVREN_TRY(limit, query.whole("limit", 100, 1, page_max));
  SOVREN_TRY(after, query.whole("after", 0, 0, INT64_MAX));
  SOVREN_TRY(array, query.whole("array", 0, 0, INT64_MAX));
  SOVREN_TRY(is_folded, query.whole("fold", 0, 0, 1));
  SOVREN_TRY(is_full, query.whole("details", 0, 0, 1));
  SOVREN_TRY(wait_s, query.seconds("wait", 0, wait_max_s));
  SOVREN_TRY(since, query.whole("since", 0, 0, INT64_MAX));
  const std::string order = query.text("order", "oldest");
  SOVREN_DO(query.finish());
  if (order != "oldest" && order != "newest")
    return fail({.code = Code::usage,
                 .what = "'" + order + "' is no order",
                 .hint = "oldest or newest",
                 .where = "query order"});
  filter.states = std::move(states);
  filter.limit = limit;
  filter.after = JobId{after};
  filter.array = JobId{array};
  filter.is_newest_first = order == "newest";
  filter.is_folded = is_folded == 1;
  filter.detail = is_full == 1 ? Detail::full : Detail::row;
  Look page = [filter](const Engine& engine) -> Result<Words> {
    return [page = page_of(engine, filter)] { return page_response(page); };
  };
  if (wait_s == 0) return look(call.responder, std::move(page));
  return wait(
      call.responder, std::nullopt, wait_s,
      [since](const Engine& engine) { return engine.state().applied.value > since; },
      std::move(page));
}

Api::Look Api::one_job(JobId id) {
  return [this, id](const Engine& engine) -> Result<Words> {
    auto job = find_job(engine, id);
    if (job)
      return [shot = snapshot(engine, **job), seq = engine.state().applied] {
        TaskNames tasks;
        return job_response(view_of(shot, tasks, Detail::full), seq);
      };
    SOVREN_TRY(record, history_.find(id));
    if (!record) return fail(std::move(job).error());
    return [record = *std::move(record), seq = engine.state().applied] {
      return job_response(record_view(record), seq);
    };
  };
}

Result<void> Api::show_job(Call& call) {
  SOVREN_TRY(id, parse_job_id(call.parameters[0]));
  Query query(call.request.target);
  SOVREN_TRY(wait_s, query.seconds("wait", 0, wait_max_s));
  SOVREN_TRY(states, parse_states(query.text("state", "final")));
  SOVREN_DO(query.finish());
  if (wait_s == 0) return look(call.responder, one_job(id));
  return wait(
      call.responder, id, wait_s,
      [id, states](const Engine& engine) {
        const auto job = engine.state().jobs.find(id);
        return job == engine.state().jobs.end() || states.contains(job->second.state);
      },
      one_job(id));
}

Result<void> Api::act(Engine& engine, Verb verb, JobId job, const std::string& by) {
  switch (verb) {
    case Verb::cancel:
      return engine.request(job, sovren::Request::cancel, by);
    case Verb::hold:
      return engine.hold(job, by);
    case Verb::release:
      return engine.release(job, by);
    case Verb::requeue:
      return engine.requeue(job, by);
    case Verb::checkpoint:
      return engine.request(job, sovren::Request::checkpoint, by);
    case Verb::preempt:
      return engine.request(job, sovren::Request::preempt, by);
  }
  return {};
}

Result<void> Api::act_on_job(Call& call, Verb verb) {
  SOVREN_TRY(id, parse_job_id(call.parameters[0]));
  Query query(call.request.target);
  SOVREN_TRY(is_array, query.whole("array", 0, 0, 1));
  SOVREN_DO(query.finish());
  const auto may = [caller = call.caller](const Job& job) -> Result<void> {
    if (caller.may_act_for(job.user)) return {};
    return fail(forbidden("job " + std::to_string(job.id.value) + " is user " + job.user +
                              "'s, not " + caller.user + "'s",
                          "its owner or an operator may do this"));
  };
  const std::string by = call.caller.user;
  if (is_array == 0)
    return change(
        call.responder,
        [id, may, verb, by](Engine& engine) -> Result<void> {
          SOVREN_TRY(job, find_job(engine, id));
          SOVREN_DO(may(*job));
          return act(engine, verb, id, by);
        },
        one_job(id));
  auto count = std::make_shared<std::int64_t>();
  return change(
      call.responder,
      [id, may, verb, by, count](Engine& engine) -> Result<void> {
        SOVREN_TRY(first, find_job(engine, id));
        SOVREN_DO(may(*first));
        *count = 0;
        for (auto job = engine.state().jobs.find(id);
             job != engine.state().jobs.end() && (job->first == id || job->second.array_job == id);
             ++job)
          if (act(engine, verb, job->first, by)) ++*count;
        return {};
      },
      [id, count](const Engine&) -> Result<Words> {
        return [id, count] {
          const Json answer = {
              {"schema", "sovren.array_action/1"}, {"array", id.value}, {"jobs", *count}};
          return Response{.body = text::dump_json(answer) + "\n"};
        };
      });
}

}  // namespace sovren::api
