// SPDX-License-Identifier: Apache-2.0
#include "core/text/event_json.h"

#include "core/text/job_file.h"
#include "core/text/model_fields.h"
#include "core/text/text_fields.h"

namespace sovren::text {

// Outside the unnamed namespace, where Writer and Reader find them by their argument.
static void fields(auto& io, NodeJoined& e) {
  io.required("node", e.node);
  io.required("resources", e.resources);
  io.optional("instance", e.instance);
}
static void fields(auto& io, NodeLeft& e) {
  io.required("node", e.node);
  io.optional("why", e.why);
}
// The spec is put beside these, as text.
static void fields(auto& io, JobSubmitted& e) {
  io.required("job", e.job);
  io.optional("user", e.user);
  io.optional("dir", e.dir);
  io.optional("spec_digest", e.spec_digest);
  io.optional("oldest_set_job", e.oldest_set_job);
  io.unless("spec_id", e.spec_id, SpecId{});
  io.unless("array_job", e.array_job, JobId{});
  io.unless("element", e.element, std::int64_t{-1});
  io.unless("is_held", e.is_held, false);
  io.unless("request_key", e.request_key, std::string());
  io.unless("request_digest", e.request_digest, std::string());
  io.unless("request_jobs", e.request_jobs, std::int64_t{0});
}
static void fields(auto& io, StopRequested& e) {
  io.required("job", e.job);
  io.required("request", e.request);
  io.optional("by", e.by);
}
static void fields(auto& io, AttemptStarted& e) {
  io.required("job", e.job);
  io.required("attempt", e.attempt);
  io.required("node", e.node);
  io.required("ranks", e.ranks);
  io.unless("slots", e.slots, std::vector<Slot>());
}
static void fields(auto& io, CheckpointSealed& e) {
  io.required("job", e.job);
  io.required("attempt", e.attempt);
  io.required("step", e.step);
  io.optional("size_bytes", e.size_bytes);
  io.optional("seal_s", e.seal_s);
  io.optional("blocked_s", e.blocked_s);
  io.unless("slowdown_s", e.slowdown_s, 0.0);
  io.unless("skipped", e.skipped, std::int64_t{0});
  fields(io, e.plan);
}
static void fields(auto& io, CheckpointRestored& e) {
  io.required("job", e.job);
  io.required("attempt", e.attempt);
  io.required("step", e.step);
  io.optional("restore_s", e.restore_s);
}
static void fields(auto& io, CheckpointRejected& e) {
  io.required("job", e.job);
  io.required("attempt", e.attempt);
  io.required("set", e.set);
  io.optional("why", e.why);
}
static void fields(auto& io, AttemptEnded& e) {
  io.required("job", e.job);
  io.required("attempt", e.attempt);
  io.required("ending", e.ending);
  io.optional("exit_code", e.exit_code);
  io.optional("error", e.error);
}
static void fields(auto& io, JobRequeued& e) {
  io.required("job", e.job);
  io.required("not_before", e.not_before);
  io.required("counted", e.counted);
  io.optional("why", e.why);
}
static void fields(auto& io, JobEnded& e) {
  io.required("job", e.job);
  io.required("state", e.state);
  io.optional("why", e.why);
  io.optional("digest", e.digest);
}
static void fields(auto& io, NodeDrained& e) {
  io.required("node", e.node);
  io.optional("why", e.why);
  io.required("by", e.by);
}
static void fields(auto& io, NodeResumed& e) {
  io.required("node", e.node);
  io.optional("by", e.by);
}
// The spec is put beside it, as text.
static void fields(auto& io, SpecAdded& e) {
  io.required("spec_id", e.spec_id);
}
static void fields(auto& io, JobsForgotten& e) {
  io.required("jobs", e.jobs);
}
static void fields(auto& io, HalfLifeSet& e) {
  io.required("half_life_s", e.half_life_s);
}
static void fields(auto& io, StateMarked& e) {
  io.hex("hash", e.hash);
}
static void fields(auto& io, AllocationAsked& e) {
  io.required("allocation", e.allocation);
  io.required("pool", e.pool);
  io.required("time_limit_s", e.time_limit_s);
}
static void fields(auto& io, AllocationQueued& e) {
  io.required("allocation", e.allocation);
  io.required("site_job", e.site_job);
}
static void fields(auto& io, AllocationStarted& e) {
  io.required("allocation", e.allocation);
  io.optional("ends_at", e.ends_at);
}
static void fields(auto& io, AllocationReleased& e) {
  io.required("allocation", e.allocation);
  io.optional("why", e.why);
}
static void fields(auto& io, AllocationEnded& e) {
  io.required("allocation", e.allocation);
  io.optional("why", e.why);
}
static void fields(auto& io, PoolNoted& e) {
  io.required("pool", e.pool);
  io.optional("note", e.note);
}
static void fields(auto& io, NodeForgotten& e) {
  io.required("node", e.node);
}

namespace {

constexpr int version = 1;

tl::unexpected<Error> corrupt(std::string what) {
  return fail({.code = Code::storage_corrupt, .what = "an event of the log: " + std::move(what)});
}

// Default-made.
template <std::size_t index = 0>
std::optional<EventBody> body_named(std::string_view name) {
  if constexpr (index < std::variant_size_v<EventBody>) {
    EventBody body(std::in_place_index<index>);
    if (event_name(body) == name) return body;
    return body_named<index + 1>(name);
  }
  return std::nullopt;
}

template <class Body>
Result<void> take_spec(std::string toml, Body& body) {
  if (!toml.empty()) {
    auto spec = read_stored_job(std::move(toml));
    if (!spec) return corrupt(std::string(event_name(body)) + ": " + to_text(spec.error()));
    body.spec = SharedSpec(*std::move(spec));
  }
  if (body.spec || body.spec_id.value != 0) return {};
  return corrupt(std::string(event_name(body)) + ": it has no spec");
}

// What event_to_json writes; none: another form of it, or no event at all.
std::optional<Result<Event>> read_quickly(std::string_view line) {
  TextReader reader(line);
  int stored_version = 0;
  std::string name;
  Event event;
  reader.required("v", stored_version);
  reader.required("event", name);
  reader.required("at", event.at);
  reader.required("seq", event.seq);
  auto body = body_named(name);
  if (stored_version != version || !body) return std::nullopt;
  event.body = *std::move(body);
  std::string toml;
  Result<void> spec;
  std::visit(
      [&](auto& e) {
        fields(reader, e);
        if constexpr (requires { e.spec; }) {
          reader.unless("spec", toml, std::string());
          spec = take_spec(std::move(toml), e);
        }
      },
      event.body);
  if (!reader.is_whole()) return std::nullopt;
  if (!spec) return fail(std::move(spec).error());
  return event;
}

Result<EventBody> read_body(const std::string& name, const Json& json) {
  auto body = body_named(name);
  if (!body) return corrupt("'" + name + "' is not known to this version");
  const auto read = [&](auto& event) -> Result<void> {
    Reader reader(json);
    fields(reader, event);
    if (reader.error()) return corrupt(name + ": " + reader.error()->what);
    if constexpr (requires { event.spec; }) {
      std::string toml;
      reader.optional("spec", toml);
      if (reader.error()) return corrupt(name + ": " + reader.error()->what);
      return take_spec(std::move(toml), event);
    }
    return {};
  };
  SOVREN_DO(std::visit(read, *body));
  return *std::move(body);
}

}  // namespace

std::string event_to_json(const Event& event) {
  std::string line = "{";
  TextWriter writer(line);
  writer.required("v", version);
  writer.required("event", event_name(event.body));
  writer.required("at", event.at);
  writer.required("seq", event.seq);
  std::visit(
      [&](const auto& body) {
        writer.all(body);
        if constexpr (requires { body.spec; })
          if (body.spec) writer.required("spec", print_job_file(*body.spec));
      },
      event.body);
  return line + "}";
}

Result<Event> event_from_json(std::string_view line) {
  if (auto event = read_quickly(line)) return *std::move(event);
  const auto json = parse_json(line, "event");
  if (!json) return corrupt(to_text(json.error()));
  const auto stored_version = get_int(*json, "v");
  const auto name = get_string(*json, "event");
  const auto at = get_int(*json, "at");
  const auto seq = get_int(*json, "seq");
  for (const Error* error :
       {stored_version ? nullptr : &stored_version.error(), name ? nullptr : &name.error(),
        at ? nullptr : &at.error(), seq ? nullptr : &seq.error()})
    if (error != nullptr) return corrupt(error->what);
  if (*stored_version != version)
    return corrupt("version " + std::to_string(*stored_version) + " is not known; this reads " +
                   std::to_string(version));
  SOVREN_TRY(body, read_body(*name, *json));
  return Event{.seq = {*seq}, .at = {*at}, .body = std::move(body)};
}

}  // namespace sovren::text
