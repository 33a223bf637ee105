// SPDX-License-Identifier: Apache-2.0
// Why a job waits, and what became of those that ended.
#include "scheduler/api/api.h"
#include "scheduler/api/snapshot.h"
#include "scheduler/api/views.h"

namespace sovren::api {
namespace {

using engine::Engine;
using text::Json;

Json priority_view(const policy::Priority& priority) {
  return {{"total", priority.total()},         {"age", priority.age},
          {"fair_share", priority.fair_share}, {"qos", priority.qos},
          {"partition", priority.partition},   {"size", priority.size},
          {"deadline", priority.deadline},     {"nice", priority.nice}};
}

Response explanation_response(const JobSnapshot& shot, const policy::Explanation& found) {
  Json nodes = Json::array();
  for (const auto& [node, why] : found.nodes) nodes.push_back({{"node", node}, {"why", why}});
  Json ahead = Json::array();
  for (const JobId job : found.ahead) ahead.push_back(job.value);
  const Json job = job_view(shot.job,
                            {.reason = found.reason.code,
                             .why = found.reason.text,
                             .live = shot.live ? &*shot.live : nullptr},
                            Detail::row);
  const Json answer = {
      {"schema", "sovren.explanation/1"},
      {"job", job},
      {"reason", found.reason.code},
      {"why", found.reason.text},
      {"nodes", std::move(nodes)},
      {"nodes_fitting", found.nodes_fitting},
      {"position", found.position},
      {"ahead", std::move(ahead)},
      {"estimated_start",
       found.estimated_start ? Json(format_utc(*found.estimated_start)) : Json(nullptr)},
      {"priority", priority_view(found.priority)},
      {"advice", found.advice}};
  return {.body = text::dump_json(answer) + "\n"};
}

Response history_response(const std::vector<JobRecord>& records, bool is_page_full) {
  Json jobs = Json::array();
  for (const JobRecord& record : records) jobs.push_back(record_view(record));
  const Json next = is_page_full ? Json(records.back().id.value) : Json(nullptr);
  const Json answer = {{"schema", "sovren.history/1"}, {"jobs", std::move(jobs)}, {"next", next}};
  return {.body = text::dump_json(answer) + "\n"};
}

}  // namespace

Result<void> Api::explain(Call& call) {
  SOVREN_TRY(id, parse_job_id(call.parameters[0]));
  SOVREN_DO(Query(call.request.target).finish());
  return look(call.responder, [id](const Engine& engine) -> Result<Words> {
    SOVREN_TRY(job, find_job(engine, id));
    policy::Explanation found{.reason = {.text = job->why}};
    if (job->state == JobState::pending) found = engine.explain(id);
    return [shot = snapshot(engine, *job), found = std::move(found)] {
      return explanation_response(shot, found);
    };
  });
}

Result<void> Api::history(Call& call) {
  Query query(call.request.target);
  HistoryQuery wanted{.user = query.text("user")};
  SOVREN_TRY(since, query.time("since"));
  SOVREN_TRY(until, query.time("until"));
  SOVREN_TRY(limit, query.whole("limit", 100, 1, 1000));
  SOVREN_TRY(after_job, query.whole("after", 0, 0, INT64_MAX));
  const std::string state = query.text("state");
  SOVREN_DO(query.finish());
  wanted.state = state_of(state);
  if (!state.empty() && !wanted.state)
    return fail({.code = Code::usage,
                 .what = "'" + state + "' is no state",
                 .hint = "COMPLETED, FAILED, CANCELLED, TIMEOUT, NODE_FAIL, OUT_OF_MEMORY",
                 .where = "query state"});
  wanted.since = since;
  wanted.until = until;
  wanted.limit = static_cast<std::size_t>(limit);
  wanted.after = JobId{after_job};
  return look(call.responder, [this, wanted](const Engine&) -> Result<Words> {
    SOVREN_TRY(records, history_.query(wanted));
    return [records = std::move(records), limit = wanted.limit] {
      return history_response(records, records.size() == limit);
    };
  });
}

}  // namespace sovren::api
