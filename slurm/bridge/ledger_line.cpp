// SPDX-License-Identifier: Apache-2.0
// Lines of the ledger. The form that is stored: fields are added with a default, none is renamed or
// removed.
#include "core/text/text_fields.h"
#include "slurm/bridge/ledger.h"

namespace sovren::slurm {
namespace {

// Any record.
struct Line {
  std::string record;
  Instant at;
  std::string nonce, site_job, to, continues;
  std::int64_t task = no_task;
  std::string name, dir, job_file, user;
  std::int64_t array_tasks = 0;
  std::string state;
  int restarts = 0;
  std::string reason, nodes;
  int exit_code = 0;
  std::string why;
};

void fields(auto& io, Line& e) {
  const std::string none;
  io.required("record", e.record);
  io.required("at", e.at);
  io.unless("nonce", e.nonce, none);
  io.unless("site_job", e.site_job, none);
  io.unless("to", e.to, none);
  io.unless("continues", e.continues, none);
  io.unless("task", e.task, no_task);
  io.unless("name", e.name, none);
  io.unless("dir", e.dir, none);
  io.unless("job_file", e.job_file, none);
  io.unless("user", e.user, none);
  io.unless("array_tasks", e.array_tasks, std::int64_t{0});
  io.unless("state", e.state, none);
  io.unless("restarts", e.restarts, 0);
  io.unless("reason", e.reason, none);
  io.unless("nodes", e.nodes, none);
  io.unless("exit_code", e.exit_code, 0);
  io.unless("why", e.why, none);
}

struct ToLine {
  Instant at;

  Line operator()(const SiteAsked& e) const {
    return {.record = "asked",
            .at = at,
            .nonce = e.nonce,
            .name = e.name,
            .dir = e.dir,
            .job_file = e.job_file,
            .user = e.user,
            .array_tasks = e.array_tasks};
  }
  Line operator()(const SiteSubmitted& e) const {
    return {.record = "submitted",
            .at = at,
            .nonce = e.nonce,
            .site_job = e.site_job,
            .continues = e.continues,
            .task = e.element};
  }
  Line operator()(const SiteWithdrawn& e) const {
    return {.record = "withdrawn", .at = at, .nonce = e.nonce, .why = e.why};
  }
  Line operator()(const SiteSeen& e) const {
    return {.record = "seen",
            .at = at,
            .site_job = e.site_job,
            .task = e.task,
            .state = e.sight.state,
            .restarts = e.sight.restarts,
            .reason = e.sight.reason,
            .nodes = e.sight.nodes};
  }
  Line operator()(const SiteEnded& e) const {
    return {.record = "ended",
            .at = at,
            .site_job = e.site_job,
            .task = e.task,
            .state = e.end.state,
            .exit_code = e.end.exit_code,
            .why = e.end.why};
  }
  Line operator()(const SiteContinued& e) const {
    return {.record = "continued", .at = at, .site_job = e.from, .to = e.to, .task = e.task};
  }
};

}  // namespace

std::string record_to_line(const SiteRecord& record) {
  std::string line = "{";
  text::TextWriter(line).all(std::visit(ToLine{record.at}, record.body));
  return line + "}";
}

Result<SiteRecord> record_from_line(std::string_view text) {
  Line e;
  if (auto error = text::read_fields(text, "ledger", e)) return fail(*std::move(error));
  const auto made = [&e](auto body) { return SiteRecord{e.at, std::move(body)}; };
  if (e.record == "asked")
    return made(SiteAsked{e.nonce, e.name, e.dir, e.job_file, e.user, e.array_tasks});
  if (e.record == "submitted") return made(SiteSubmitted{e.nonce, e.site_job, e.continues, e.task});
  if (e.record == "withdrawn") return made(SiteWithdrawn{e.nonce, e.why});
  if (e.record == "seen")
    return made(SiteSeen{e.site_job, e.task, {e.state, e.restarts, e.reason, e.nodes, e.at}});
  if (e.record == "ended")
    return made(SiteEnded{e.site_job, e.task, {e.state, e.exit_code, e.why, e.at}});
  if (e.record == "continued") return made(SiteContinued{e.site_job, e.to, e.task});
  return fail({.code = Code::mismatch, .what = "unknown record '" + e.record + "'"});
}

}  // namespace sovren::slurm
