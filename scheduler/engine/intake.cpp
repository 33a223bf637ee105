// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>
#include <utility>

#include "core/model/dependency.h"
#include "core/text/job_file.h"
#include "scheduler/engine/engine.h"

namespace sovren::engine {
namespace {

std::string job_text(JobId job) {
  return "job " + std::to_string(job.value);
}

tl::unexpected<Error> no_such_job(JobId job) {
  return fail({.code = Code::not_found, .what = "there is no " + job_text(job)});
}

tl::unexpected<Error> refuse(const Job& job, const std::string& why) {
  return fail(
      {.code = Code::refused,
       .what = job_text(job.id) + " is " + std::string(state_name(job.state)) + ": " + why});
}

constexpr const char* no_new_start = "it may not begin anew (retry.requeue = false)";

Error over_limit(const std::string& what, const std::string& hint) {
  return {.code = Code::refused, .what = what, .hint = hint};
}

std::string term_of(const Dependency& dependency) {
  const auto with = [&](const char* kind) {
    return std::string(kind) + ":" + std::to_string(dependency.job.value);
  };
  switch (dependency.kind) {
    case Dependency::Kind::after:
      return with("after");
    case Dependency::Kind::any:
      return with("any");
    case Dependency::Kind::ok:
      return with("ok");
    case Dependency::Kind::not_ok:
      return with("notok");
    case Dependency::Kind::corresponding:
      return with("corr");
    case Dependency::Kind::singleton:
      return "singleton";
  }
  return "";
}

// Of a job, or of all elements of an array, that the state has forgotten.
Result<bool> is_met_by_history(const Dependency& dependency, History& history) {
  bool is_all_ok = true;
  for (JobId id = dependency.job;; ++id.value) {
    SOVREN_TRY(record, history.find(id));
    if (!record || (id != dependency.job && record->array_job != dependency.job)) break;
    is_all_ok = is_all_ok && record->state == JobState::completed;
    if (record->array_job != dependency.job) break;
  }
  switch (dependency.kind) {
    case Dependency::Kind::ok:
    case Dependency::Kind::corresponding:
      return is_all_ok;
    case Dependency::Kind::not_ok:
      return !is_all_ok;
    default:
      return true;
  }
}

}  // namespace

JobId Engine::next_job() const {
  return {std::max(state_.last_job, config_.last_job_before.value) + 1};
}

Result<void> Engine::check_job(const JobSpec& spec, const std::string& user) const {
  if (!spec.begin.empty())
    if (auto begin = parse_utc(spec.begin); !begin)
      return fail(std::move(begin).error().within("reading `begin`"));
  const Site& site = config_.policy.site;
  const std::string partition = policy::partition_of(spec, site);
  const bool is_of_pool = std::any_of(site.pools.begin(), site.pools.end(),
                                      [&](const Pool& pool) { return pool.name == partition; });
  // No agent has come yet: there is nothing to tell it by, but what a pool says.
  if (state_.nodes.empty() && !is_of_pool) return {};
  return policy::can_ever_run(spec, state_, config_.policy, user);
}

// What is left to wait for. Jobs that the state has forgotten are looked up; those that do not
// exist yet are refused, so nothing can wait for itself.
Result<std::string> Engine::settle_after(const std::string& after) const {
  SOVREN_TRY(dependencies, parse_after(after));
  std::string left;
  for (const Dependency& each : dependencies) {
    const bool is_open = each.kind == Dependency::Kind::singleton || state_.jobs.contains(each.job);
    if (is_open) {
      left += (left.empty() ? "" : ",") + term_of(each);
      continue;
    }
    const bool has_been = each.job.value > 0 && each.job.value <= state_.last_job;
    if (!has_been || config_.history == nullptr)
      return fail({.code = Code::refused,
                   .what = "it would wait for " + job_text(each.job) + ", which " +
                           (has_been ? "ended long ago" : "does not exist"),
                   .hint = "name jobs that `sovren jobs` lists"});
    SOVREN_TRY(is_met, is_met_by_history(each, *config_.history));
    if (!is_met)
      return fail({.code = Code::refused,
                   .what = "it can never start: '" + term_of(each) +
                           "' names a job that ended otherwise long ago",
                   .hint = "see `sovren history`"});
  }
  return dependencies.empty() ? after : left;
}

Result<JobId> Engine::submit(Submission s) {
  look_at_clock();
  if (!s.dir.starts_with('/'))
    return fail({.code = Code::usage, .what = "the job directory '" + s.dir + "' is not absolute"});
  s.spec = policy::with_site_defaults(std::move(s.spec), config_.policy.site, s.user);
  SOVREN_DO(check_job(s.spec, s.user));
  SOVREN_TRY(after, settle_after(s.spec.after));
  s.spec.after = std::move(after);
  const JobId job = next_job();
  add(JobSubmitted{.job = job,
                   .user = std::move(s.user),
                   .dir = std::move(s.dir),
                   .spec_digest = std::move(s.spec_digest),
                   .spec = std::move(s.spec),
                   .oldest_set_job = s.oldest_set_job.value == 0 ? job : s.oldest_set_job});
  return job;
}

// A key is its user's own: another user's request with the same key is another request.
Result<std::optional<Queued>> Engine::earlier(const QueueRequest& request) const {
  if (request.key.empty()) return std::nullopt;
  const auto found = state_.request_keys.find(request.user + ":" + request.key);
  if (found == state_.request_keys.end()) return std::nullopt;
  if (found->second.digest != request.digest)
    return fail(
        {.code = Code::refused,
         .what = "the Idempotency-Key '" + request.key + "' was used before, for another request",
         .hint = "use a new key for each request, and the same one only to repeat it"});
  return Queued{found->second.first, found->second.jobs, true};
}

// The number of a spec that is in the state already, or of a new one.
SpecId Engine::intern(const SharedSpec& spec) {
  const std::uint64_t hash = std::hash<std::string>{}(text::print_job_file(*spec));
  SpecId& known = interned_[hash];
  const auto found = state_.specs.find(known);
  if (found != state_.specs.end() && found->second.spec == spec) return known;
  known = {state_.last_spec + 1};
  add(SpecAdded{known, spec});
  return known;
}

Result<Queued> Engine::queue(const QueueRequest& request) {
  look_at_clock();
  SOVREN_TRY(repeat, earlier(request));
  if (repeat) return *repeat;
  JobSpec spec = policy::with_site_defaults(*request.spec, config_.policy.site, request.user);
  const bool is_array = !spec.array.empty();
  const std::int64_t jobs = text::array_size(spec);
  if (jobs > config_.array_max)
    return fail(over_limit("the array has " + std::to_string(jobs) + " elements; at most " +
                               std::to_string(config_.array_max) + " are taken",
                           "submit it in parts"));
  const std::int64_t open = static_cast<std::int64_t>(state_.jobs.size() - ended_.size());
  if (open + jobs > config_.open_jobs_max)
    return fail(over_limit(std::to_string(open) + " jobs wait and run already; at most " +
                               std::to_string(config_.open_jobs_max) + " are taken",
                           "try again when some have ended"));
  SOVREN_TRY(first_spec, is_array ? text::expand_element(spec, 0) : Result<JobSpec>(spec));
  SOVREN_DO(check_job(first_spec, request.user));
  const policy::Owner owner = OpenJobs::owner_of(first_spec, request.user, config_.policy.site);
  SOVREN_DO(open_jobs_.check(owner, jobs, config_.policy.site));
  SOVREN_TRY(after, settle_after(spec.after));

  spec.after = std::move(after);
  const SpecId spec_id = intern(spec == *request.spec ? request.spec : SharedSpec(std::move(spec)));
  const JobId first = next_job();
  for (std::int64_t element = 0; element < jobs; ++element) {
    const JobId job{first.value + element};
    JobSubmitted submitted{.job = job,
                           .user = request.user,
                           .dir = config_.jobs_dir + "/" + std::to_string(job.value),
                           .oldest_set_job = job,
                           .spec_id = spec_id,
                           .is_held = request.is_held};
    if (is_array) {
      submitted.array_job = first;
      submitted.element = element;
    }
    if (element == 0 && !request.key.empty()) {
      submitted.request_key = request.user + ":" + request.key;
      submitted.request_digest = request.digest;
      submitted.request_jobs = jobs;
    }
    add(std::move(submitted));
  }
  return Queued{first, jobs, false};
}

Result<void> Engine::request(JobId id, Request request, const std::string& by) {
  look_at_clock();
  const auto found = state_.jobs.find(id);
  if (found == state_.jobs.end()) return no_such_job(id);
  const Job& job = found->second;
  if (is_final(job.state)) return refuse(job, "it has ended");
  if (request == Request::preempt && !job.spec->retry.requeue) return refuse(job, no_new_start);
  if (job.state == JobState::running) {
    add(StopRequested{id, request, by});
  } else if (request == Request::cancel || request == Request::kill) {
    add(StopRequested{id, request, by});
    add(JobEnded{.job = id, .state = JobState::cancelled, .why = "cancelled by " + by});
  } else if (request == Request::stop) {
    if (!job.is_held) add(StopRequested{id, request, by});
  } else {
    return refuse(
        job, "only a running job can " +
                 std::string(request == Request::preempt ? "be preempted" : "seal a checkpoint"));
  }
  return {};
}

Result<void> Engine::hold(JobId id, const std::string& by) {
  return request(id, Request::stop, by);
}

Result<void> Engine::release(JobId id, const std::string& by) {
  look_at_clock();
  const auto found = state_.jobs.find(id);
  if (found == state_.jobs.end()) return no_such_job(id);
  if (found->second.state != JobState::pending)
    return refuse(found->second, "only a PENDING job can be released");
  add(JobRequeued{.job = id, .not_before = now_, .counted = false, .why = "released by " + by});
  return {};
}

Result<void> Engine::requeue(JobId id, const std::string& by) {
  look_at_clock();
  const auto found = state_.jobs.find(id);
  if (found == state_.jobs.end()) return no_such_job(id);
  const Job& job = found->second;
  if (job.state == JobState::pending) return refuse(job, "it waits already");
  if (!job.spec->retry.requeue) return refuse(job, no_new_start);
  if (job.state == JobState::running) {
    add(StopRequested{id, Request::preempt, by});
  } else {
    add(JobRequeued{.job = id, .not_before = now_, .counted = false, .why = "requeued by " + by});
  }
  return {};
}

}  // namespace sovren::engine
