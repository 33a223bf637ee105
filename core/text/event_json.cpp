// SPDX-License-Identifier: Apache-2.0
#include "core/text/event_json.h"

#include "core/text/job_file.h"
#include "core/text/model_fields.h"

namespace sovren::text {

template <>
struct StoredNames<JobState> {
  static constexpr const char* what = "a job state";
  static std::string_view name(JobState value) { return state_name(value); }
  static std::optional<JobState> value(std::string_view text) { return state_of(text); }
};
template <>
struct StoredNames<Ending> {
  static constexpr const char* what = "an ending";
  static std::string_view name(Ending value) { return ending_name(value); }
  static std::optional<Ending> value(std::string_view text) { return ending_of(text); }
};

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

namespace {

constexpr int version = 1;

tl::unexpected<Error> corrupt(std::string what) {
  return fail({.code = Code::storage_corrupt, .what = "an event of the log: " + std::move(what)});
}

Result<void> read_spec(const Json& json, SharedSpec& spec) {
  if (!json.contains("spec")) return {};
  SOVREN_TRY(toml, get_string(json, "spec"));
  auto parsed = parse_job_file({.name = "spec", .text = std::move(toml), .base_dir = ""});
  if (!parsed) return fail(std::move(parsed.error().front()));
  spec = SharedSpec(*std::move(parsed));
  return {};
}

// Tries the alternatives of EventBody by name.
template <std::size_t index = 0>
Result<EventBody> read_body(const std::string& name, const Json& json) {
  if constexpr (index == std::variant_size_v<EventBody>) {
    return corrupt("'" + name + "' is not known to this version");
  } else {
    EventBody body(std::in_place_index<index>);
    if (event_name(body) != name) return read_body<index + 1>(name, json);
    auto& event = std::get<index>(body);
    Reader reader(json);
    fields(reader, event);
    if (reader.error()) return corrupt(name + ": " + reader.error()->what);
    if constexpr (requires { event.spec; }) {
      if (auto read = read_spec(json, event.spec); !read)
        return corrupt(name + ": " + to_text(read.error()));
      if (!event.spec && event.spec_id.value == 0) return corrupt(name + ": it has no spec");
    }
    return body;
  }
}

}  // namespace

std::string event_to_json(const Event& event) {
  Json json = {{"v", version},
               {"event", std::string(event_name(event.body))},
               {"at", event.at.ms},
               {"seq", event.seq.value}};
  Writer writer(json);
  std::visit(
      [&](const auto& body) {
        writer.all(body);
        if constexpr (requires { body.spec; })
          if (body.spec) json["spec"] = print_job_file(*body.spec);
      },
      event.body);
  return dump_json(json);
}

Result<Event> event_from_json(std::string_view line) {
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
