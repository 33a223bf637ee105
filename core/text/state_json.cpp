// SPDX-License-Identifier: Apache-2.0
#include "core/text/state_json.h"

#include "core/text/job_file.h"
#include "core/text/model_fields.h"
#include "core/text/text_fields.h"

namespace sovren::text {

namespace {

constexpr int version = 1;
constexpr std::size_t piece_bytes = std::size_t{1} << 20;

// Lines that are no type of the model.
struct Head {
  int v = version;
  EventSeq applied;
  std::int64_t last_job = 0, last_spec = 0;
  double run_s = 0, half_life_s = 0;
  std::int64_t breakdowns = 0;
  Totals totals;  ///< further
  std::int64_t last_allocation = 0;
};
struct PoolLine {
  std::string pool, note;
};
struct SpecLine {
  SpecId spec_id;
  std::int64_t jobs = 0;
  std::string spec;
};
struct UsageLine {
  Association who;
  Usage usage;
};
struct KeyLine {
  std::string key;
  KeyedRequest request;
};
struct JobLine {
  Job job;
  std::optional<Error> error;
  std::string spec;  ///< where it shares none
};
struct End {
  std::int64_t lines = 0;
};

}  // namespace

static void fields(auto& io, Head& h) {
  io.required("v", h.v);
  io.required("applied", h.applied);
  io.required("last_job", h.last_job);
  io.required("last_spec", h.last_spec);
  io.required("run_s", h.run_s);
  io.required("breakdowns", h.breakdowns);
  io.required("half_life_s", h.half_life_s);
  io.unless("node_s", h.totals.node_s, h.run_s);  // was not kept: all had one node
  io.unless("lost_s", h.totals.lost_s, 0.0);
  io.unless("seals", h.totals.seals, std::int64_t{0});
  io.unless("blocked_s", h.totals.blocked_s, 0.0);
  io.unless("last_allocation", h.last_allocation, std::int64_t{0});
}
static void fields(auto& io, SpecLine& s) {
  io.required("spec_id", s.spec_id);
  io.required("jobs", s.jobs);
  io.required("spec", s.spec);
}
static void fields(auto& io, Node& n) {
  io.required("node", n.name);
  io.required("resources", n.resources);
  io.required("instance", n.instance);
  io.required("is_up", n.is_up);
  io.required("down_why", n.down_why);
  io.required("drained_why", n.drained_why);
  io.required("drained_by", n.drained_by);
  io.required("failures", n.failures);
  io.required("attempts", n.attempts);
  io.required("is_exclusive", n.is_exclusive);
  io.required("cpus_used", n.cpus_used);
  io.required("gpus_used", n.gpus_used);
  io.required("memory_used_bytes", n.memory_used_bytes);
}
static void fields(auto& io, UsageLine& u) {
  io.required("account", u.who.account);
  io.required("user", u.who.user);
  io.unless("qos", u.who.qos, std::string());
  io.required("cpu_s", u.usage.cpu_s);
  io.required("gpu_s", u.usage.gpu_s);
  io.required("at", u.usage.at);
}
static void fields(auto& io, Allocation& a) {
  io.required("allocation", a.id);
  io.required("pool", a.pool);
  io.required("time_limit_s", a.time_limit_s);
  io.required("asked_at", a.asked_at);
  io.required("site_job", a.site_job);
  io.required("is_started", a.is_started);
  io.required("started_at", a.started_at);
  io.required("ends_at", a.ends_at);
  io.required("is_released", a.is_released);
  io.required("why", a.why);
}
static void fields(auto& io, PoolLine& p) {
  io.required("pool", p.pool);
  io.required("note", p.note);
}
static void fields(auto& io, KeyLine& k) {
  io.required("key", k.key);
  io.required("first", k.request.first);
  io.required("jobs", k.request.jobs);
  io.required("digest", k.request.digest);
}
static void fields(auto& io, Job& j) {
  static const Job usual;
  io.required("job", j.id);
  io.unless("user", j.user, usual.user);
  io.unless("dir", j.dir, usual.dir);
  io.unless("spec_digest", j.spec_digest, usual.spec_digest);
  io.unless("spec_id", j.spec_id, usual.spec_id);
  io.unless("array_job", j.array_job, usual.array_job);
  io.unless("element", j.element, usual.element);
  io.unless("oldest_set_job", j.oldest_set_job, usual.oldest_set_job);
  io.required("submitted_at", j.submitted_at);
  io.unless("state", j.state, usual.state);
  io.unless("attempts", j.attempts, usual.attempts);
  io.unless("failures", j.failures, usual.failures);
  io.unless("not_before", j.not_before, usual.not_before);
  io.unless("why", j.why, usual.why);
  io.unless("is_held", j.is_held, usual.is_held);
  io.optional("stop_requested", j.stop_requested);
  io.unless("stop_by", j.stop_by, usual.stop_by);
  io.unless("stop_requested_at", j.stop_requested_at, usual.stop_requested_at);
  io.optional("kill_requested_at", j.kill_requested_at);
  io.unless("slots", j.slots, usual.slots);
  io.unless("ranks", j.ranks, usual.ranks);
  io.unless("first_started_at", j.first_started_at, usual.first_started_at);
  io.unless("started_at", j.started_at, usual.started_at);
  io.unless("seen_at", j.seen_at, usual.seen_at);
  io.unless("run_s", j.run_s, usual.run_s);
  io.unless("node_s", j.node_s, j.run_s);
  io.unless("queue_s", j.queue_s, usual.queue_s);
  io.unless("sealed_step", j.sealed_step, usual.sealed_step);
  io.unless("furthest_step", j.furthest_step, usual.furthest_step);
  io.unless("step_at_start", j.step_at_start, usual.step_at_start);
  io.unless("sealed_bytes", j.sealed_bytes, usual.sealed_bytes);
  io.unless("seals", j.seals, usual.seals);
  io.unless("seal_s", j.seal_s, usual.seal_s);
  io.unless("blocked_s", j.blocked_s, usual.blocked_s);
  io.unless("slowdown_s", j.slowdown_s, usual.slowdown_s);
  io.unless("skipped_seals", j.skipped_seals, usual.skipped_seals);
  fields(io, j.plan);
  io.unless("restore_s", j.restore_s, usual.restore_s);
  io.unless("restores", j.restores, usual.restores);
  io.unless("kept_at", j.kept_at, j.started_at);
  io.unless("lost_s", j.lost_s, usual.lost_s);
  io.unless("breakdowns", j.breakdowns, usual.breakdowns);
  io.unless("preemptions", j.preemptions, usual.preemptions);
  io.unless("killed_at_step", j.killed_at_step, usual.killed_at_step);
  io.unless("kills_at_step", j.kills_at_step, usual.kills_at_step);
  io.unless("digest", j.digest, usual.digest);
  io.unless("exit_code", j.exit_code, usual.exit_code);
  io.unless("ended_at", j.ended_at, usual.ended_at);
}
static void fields(auto& io, JobLine& line) {
  fields(io, line.job);
  io.optional("error", line.error);
  io.unless("spec", line.spec, std::string());
}
static void fields(auto& io, End& e) {
  io.required("lines", e.lines);
}

namespace {

/// Collects lines to pieces.
class Pieces {
 public:
  explicit Pieces(const std::function<Result<void>(std::string_view)>& put) : put_(put) {}

  template <class T>
  Result<void> add(char letter, const T& value) {
    return add_with(letter, [&](TextWriter& writer) { writer.all(value); });
  }
  Result<void> add_with(char letter, auto&& write) {
    text_ += letter;
    text_ += '{';
    TextWriter writer(text_);
    write(writer);
    text_ += "}\n";
    ++lines_;
    return text_.size() < piece_bytes ? Result<void>{} : flush();
  }
  Result<void> flush() {
    if (text_.empty()) return {};
    SOVREN_DO(put_(text_));
    text_.clear();
    return {};
  }
  std::int64_t lines() const { return lines_; }

 private:
  const std::function<Result<void>(std::string_view)>& put_;
  std::string text_;
  std::int64_t lines_ = 0;
};

Error corrupt(std::string what) {
  return {.code = Code::storage_corrupt, .what = "a saved state: " + std::move(what)};
}

template <class T>
Result<T> read_line(std::string_view text) {
  T value{};
  if (auto error = read_fields(text, "line", value)) return fail(corrupt(to_text(*error)));
  return value;
}

Result<void> add_job(State& state, JobLine line) {
  Job& job = line.job;
  if (line.error) job.error = std::make_shared<const Error>(*std::move(line.error));
  if (job.spec_id.value == 0) {
    SOVREN_TRY(spec, read_stored_job(std::move(line.spec)));
    job.spec = SharedSpec(std::move(spec));
  } else {
    const auto entry = state.specs.find(job.spec_id);
    if (entry == state.specs.end())
      return fail(
          corrupt("job " + std::to_string(job.id.value) + " names a spec that is not there"));
    job.spec = entry->second.spec;
  }
  const JobId id = job.id;
  state.jobs.emplace_hint(state.jobs.end(), id, std::move(job));
  return {};
}

}  // namespace

Result<void> write_state(const State& state,
                         const std::function<Result<void>(std::string_view piece)>& put) {
  Pieces pieces(put);
  SOVREN_DO(pieces.add('H', Head{.applied = state.applied,
                                 .last_job = state.last_job,
                                 .last_spec = state.last_spec,
                                 .run_s = state.totals.run_s,
                                 .half_life_s = state.half_life_s,
                                 .breakdowns = state.totals.breakdowns,
                                 .totals = state.totals,
                                 .last_allocation = state.last_allocation}));
  for (const auto& [id, entry] : state.specs)
    SOVREN_DO(pieces.add('S', SpecLine{id, entry.jobs, print_job_file(*entry.spec)}));
  for (const auto& [name, node] : state.nodes) SOVREN_DO(pieces.add('N', node));
  for (const auto& [who, usage] : state.usage) SOVREN_DO(pieces.add('U', UsageLine{who, usage}));
  for (const auto& [key, request] : state.request_keys)
    SOVREN_DO(pieces.add('K', KeyLine{key, request}));
  for (const auto& [id, allocation] : state.allocations) SOVREN_DO(pieces.add('A', allocation));
  for (const auto& [pool, note] : state.pool_notes)
    SOVREN_DO(pieces.add('P', PoolLine{pool, note}));
  for (const auto& entry : state.jobs) {
    const Job& job = entry.second;
    SOVREN_DO(pieces.add_with('J', [&job](TextWriter& writer) {
      writer.all(job);
      if (job.error) writer.required("error", *job.error);
      if (job.spec_id.value == 0) writer.required("spec", print_job_file(*job.spec));
    }));
  }
  SOVREN_DO(pieces.add('E', End{pieces.lines()}));
  return pieces.flush();
}

Result<void> StateReader::take(std::string_view piece) {
  while (!piece.empty()) {
    const std::size_t end = piece.find('\n');
    if (end == piece.npos) return fail(corrupt("a line without an end"));
    SOVREN_DO(take_line(piece.substr(0, end)));
    piece.remove_prefix(end + 1);
  }
  return {};
}

Result<void> StateReader::take_line(std::string_view line) {
  const char letter = line.empty() ? ' ' : line.front();
  const std::string_view text = line.substr(line.empty() ? 0 : 1);
  if (is_ended_ || is_begun_ == (letter == 'H')) return fail(corrupt("its lines are out of order"));
  if (letter == 'E') {
    SOVREN_TRY(end, read_line<End>(text));
    is_ended_ = end.lines == lines_;
    if (!is_ended_) return fail(corrupt("lines of it are missing"));
    return {};
  }
  ++lines_;
  if (letter == 'J') {
    SOVREN_TRY(job, read_line<JobLine>(text));
    return add_job(state_, std::move(job));
  }
  if (letter == 'H') {
    SOVREN_TRY(head, read_line<Head>(text));
    if (head.v != version) return fail(corrupt("it is of version " + std::to_string(head.v)));
    is_begun_ = true;
    state_.applied = head.applied;
    state_.last_job = head.last_job;
    state_.last_spec = head.last_spec;
    state_.totals = head.totals;
    state_.totals.run_s = head.run_s;
    state_.totals.breakdowns = head.breakdowns;
    state_.half_life_s = head.half_life_s;
    state_.last_allocation = head.last_allocation;
  } else if (letter == 'S') {
    SOVREN_TRY(spec, read_line<SpecLine>(text));
    SOVREN_TRY(parsed, read_stored_job(std::move(spec.spec)));
    state_.specs[spec.spec_id] = {SharedSpec(std::move(parsed)), spec.jobs};
  } else if (letter == 'N') {
    SOVREN_TRY(node, read_line<Node>(text));
    std::string name = node.name;
    state_.nodes[std::move(name)] = std::move(node);
  } else if (letter == 'U') {
    SOVREN_TRY(usage, read_line<UsageLine>(text));
    state_.usage[std::move(usage.who)] = usage.usage;
  } else if (letter == 'A') {
    SOVREN_TRY(allocation, read_line<Allocation>(text));
    const AllocationId id = allocation.id;
    state_.allocations[id] = std::move(allocation);
  } else if (letter == 'P') {
    SOVREN_TRY(pool, read_line<PoolLine>(text));
    state_.pool_notes[std::move(pool.pool)] = std::move(pool.note);
  } else if (letter == 'K') {
    SOVREN_TRY(key, read_line<KeyLine>(text));
    state_.request_order[key.request.first] = key.key;
    state_.request_keys[std::move(key.key)] = std::move(key.request);
  } else {
    return fail(corrupt("it has a line that is not known"));
  }
  return {};
}

Result<State> StateReader::finish() && {
  if (!is_ended_) return fail(corrupt("its end is missing"));
  return std::move(state_);
}

}  // namespace sovren::text
