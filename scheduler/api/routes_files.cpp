// SPDX-License-Identifier: Apache-2.0
// What lies in a job's directory: logs and checkpoint sets. Read on the worker thread.
#include <algorithm>

#include "core/text/json.h"
#include "scheduler/api/api.h"
#include "scheduler/api/job_log.h"
#include "scheduler/api/problem.h"
#include "scheduler/api/snapshot.h"
#include "storage/checkpoint/checkpoint_set.h"

namespace sovren::api {
namespace {

using engine::Engine;
using text::Json;

constexpr std::int64_t log_bytes_max = 1 << 20;
constexpr int rank_max = 999'999;

/// A character of UTF-8 that is cut off at the end is left for the next part.
void drop_cut_character(std::string& bytes) {
  std::size_t size = bytes.size();
  for (int back = 0; back < 4 && size > 0; ++back) {
    const auto byte = static_cast<unsigned char>(bytes[--size]);
    if (byte < 0x80) return;
    if (byte < 0xc0) continue;  // goes on from the byte before
    const int length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    if (back + 1 < length && size > 0) bytes.resize(size);
    return;
  }
}

struct LogWish {
  JobId job;
  std::string dir;
  int rank = 0;
  std::int64_t offset = 0;
  std::int64_t limit = 0;
  bool is_text = false;
  bool has_ended = false;  ///< the job
};

Response log_response(const LogWish& wish) {
  auto part = read_job_log(wish.dir, wish.rank, wish.offset, wish.limit);
  if (!part) return problem_of(part.error());
  if (wish.is_text)
    return {.body = std::move(part->bytes), .content_type = "text/plain; charset=utf-8"};
  const auto next_of = [&] { return part->offset + std::ssize(part->bytes); };
  if (next_of() < part->size_bytes || !wish.has_ended) drop_cut_character(part->bytes);
  const std::int64_t next = next_of();
  const Json answer = {{"schema", "sovren.log/1"},
                       {"job", wish.job.value},
                       {"rank", wish.rank},
                       {"offset", part->offset},
                       {"next", next},
                       {"size_bytes", part->size_bytes},
                       {"is_final", wish.has_ended && next >= part->size_bytes},
                       {"text", part->bytes}};
  return {.body = text::dump_json(answer) + "\n"};
}

Response sets_response(JobId job, const std::string& dir) {
  std::vector<storage::RejectedSet> rejected;
  const auto sets = storage::list_sets(dir + "/checkpoints", rejected);
  if (!sets) return problem_of(sets.error());
  Json views = Json::array();
  for (const storage::SetInfo& set : *sets)
    views.push_back({{"name", set.name},
                     {"job", set.header.job.value},
                     {"attempt", set.header.attempt},
                     {"step", set.header.step},
                     {"kind", set.header.kind},
                     {"size_bytes", set.size_bytes},
                     {"shards", set.shards}});
  Json damaged = Json::array();
  for (const storage::RejectedSet& set : rejected)
    damaged.push_back({{"name", set.name}, {"why", set.why}});
  const Json answer = {{"schema", "sovren.checkpoints/1"},
                       {"job", job.value},
                       {"checkpoints", std::move(views)},
                       {"damaged", std::move(damaged)}};
  return {.body = text::dump_json(answer) + "\n"};
}

/// The files of a job are its owner's, and may hold what others must not read.
Result<void> may_read_files(const Caller& caller, const Job& job) {
  if (caller.user == job.user || caller.may(Scope::operate)) return {};
  return fail(
      forbidden("the files of job " + std::to_string(job.id.value) + " are user " + job.user + "'s",
                "its owner or an operator may read them"));
}

}  // namespace

Result<void> Api::show_logs(Call& call) {
  SOVREN_TRY(id, parse_job_id(call.parameters[0]));
  Query query(call.request.target);
  SOVREN_TRY(rank, query.whole("rank", 0, 0, rank_max));
  SOVREN_TRY(offset, query.whole("offset", 0, -log_bytes_max, INT64_MAX / 2));
  SOVREN_TRY(limit, query.whole("limit", log_bytes_max, 1, log_bytes_max));
  const std::string format = query.text("format", "json");
  SOVREN_DO(query.finish());
  if (format != "json" && format != "text")
    return fail({.code = Code::usage,
                 .what = "'" + format + "' is no format of a log",
                 .hint = "json or text",
                 .where = "query format"});
  LogWish wish{.job = id,
               .rank = static_cast<int>(rank),
               .offset = offset,
               .limit = limit,
               .is_text = format == "text"};
  return look(call.responder,
              [wish, caller = call.caller](const Engine& engine) mutable -> Result<Words> {
                SOVREN_TRY(job, find_job(engine, wish.job));
                SOVREN_DO(may_read_files(caller, *job));
                wish.dir = job->dir;
                wish.has_ended = is_final(job->state);
                return [wish] { return log_response(wish); };
              });
}

Result<void> Api::show_checkpoints(Call& call) {
  SOVREN_TRY(id, parse_job_id(call.parameters[0]));
  SOVREN_DO(Query(call.request.target).finish());
  return look(call.responder, [id, caller = call.caller](const Engine& engine) -> Result<Words> {
    SOVREN_TRY(job, find_job(engine, id));
    SOVREN_DO(may_read_files(caller, *job));
    return [id, dir = job->dir] { return sets_response(id, dir); };
  });
}

}  // namespace sovren::api
