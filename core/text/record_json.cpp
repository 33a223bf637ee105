// SPDX-License-Identifier: Apache-2.0
#include "core/text/record_json.h"

#include "core/text/job_file.h"
#include "core/text/model_fields.h"
#include "core/text/text_fields.h"

namespace sovren {

static void fields(auto& io, JobRecord& r) {
  io.required("job", r.id);
  io.unless("array_job", r.array_job, JobId{});
  io.unless("element", r.element, std::int64_t{-1});
  io.required("name", r.name);
  io.required("kind", r.kind);
  io.required("user", r.user);
  io.optional("account", r.account);
  io.optional("partition", r.partition);
  io.optional("qos", r.qos);
  io.required("state", r.state);
  io.required("submitted_at", r.submitted_at);
  io.optional("started_at", r.started_at);
  io.required("ended_at", r.ended_at);
  io.optional("queue_s", r.queue_s);
  io.optional("run_s", r.run_s);
  io.optional("cpu_s", r.cpu_s);
  io.optional("gpu_s", r.gpu_s);
  io.optional("ranks", r.ranks);
  io.optional("nodes", r.nodes);
  io.optional("attempts", r.attempts);
  io.optional("preemptions", r.preemptions);
  io.optional("seals", r.seals);
  io.optional("blocked_s", r.blocked_s);
  io.optional("restore_s", r.restore_s);
  io.optional("exit_code", r.exit_code);
  io.optional("why", r.why);
  io.optional("digest", r.digest);
  io.optional("dir", r.dir);
}

}  // namespace sovren

namespace sovren::text {
namespace {

JobRecord record_of(const Job& job, const JobSpec& spec) {
  const Resources& r = spec.resources;
  return {.id = job.id,
          .array_job = job.array_job,
          .element = job.element,
          .name = spec.name,
          .kind = kind_name(spec.kind),
          .user = job.user,
          .account = spec.account,
          .partition = spec.partition,
          .qos = spec.qos,
          .state = job.state,
          .submitted_at = job.submitted_at,
          .started_at = job.first_started_at,
          .ended_at = job.ended_at,
          .queue_s = job.queue_s,
          .run_s = job.run_s,
          .cpu_s = job.run_s * job.ranks * r.cpus_per_rank,
          .gpu_s = job.run_s * job.ranks * r.gpus_per_rank,
          .ranks = job.ranks,
          .nodes = static_cast<int>(job.slots.size()),
          .attempts = job.attempts,
          .preemptions = job.preemptions,
          .seals = job.seals,
          .blocked_s = job.blocked_s,
          .restore_s = job.restore_s,
          .exit_code = job.exit_code,
          .why = job.why,
          .digest = job.digest,
          .dir = job.dir};
}

}  // namespace

JobRecord job_record(const Job& job) {
  if (job.element < 0 || job.element >= array_size(*job.spec)) return record_of(job, *job.spec);
  const auto element = expand_element(*job.spec, job.element);
  return record_of(job, element ? *element : *job.spec);
}

std::string record_to_json(const JobRecord& record) {
  std::string line = "{";
  TextWriter(line).all(record);
  return line + "}";
}

Result<JobRecord> record_from_json(std::string_view line) {
  JobRecord record;
  if (auto error = read_fields(line, "record", record))
    return fail(
        {.code = Code::storage_corrupt, .what = "a record of the history: " + to_text(*error)});
  return record;
}

}  // namespace sovren::text
