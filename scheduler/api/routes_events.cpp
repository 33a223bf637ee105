// SPDX-License-Identifier: Apache-2.0
// Server-sent events.
#include <charconv>

#include "scheduler/api/api.h"
#include "scheduler/api/snapshot.h"

namespace sovren::api {
namespace {

/// ?after=, or the header that a browser sends when it comes back; none: neither is there.
Result<std::optional<std::int64_t>> after_of(const Call& call) {
  Query query(call.request.target);
  SOVREN_TRY(after, query.whole("after", -1, 0, INT64_MAX));
  SOVREN_DO(query.finish());
  if (after >= 0) return after;
  const std::string_view last = call.request.header("last-event-id");
  if (last.empty()) return std::nullopt;
  std::int64_t seq = 0;
  const auto [end, error] = std::from_chars(last.data(), last.data() + last.size(), seq);
  if (error == std::errc() && end == last.data() + last.size() && seq >= 0) return seq;
  return fail({.code = Code::usage,
               .what = "Last-Event-ID is no number",
               .hint = "send the id of the last event that was seen",
               .where = "header Last-Event-ID"});
}

}  // namespace

Result<void> Api::watch_job(Call& call) {
  SOVREN_TRY(id, parse_job_id(call.parameters[0]));
  SOVREN_TRY(after, after_of(call));
  return host_->read([this, responder = call.responder, id, after](const engine::Engine& engine) {
    if (auto job = find_job(engine, id); !job) return answer(responder, job.error());
    hub_.watch(responder.open_stream(), id, EventSeq{after.value_or(0)}, engine.state().applied);
  });
}

// Those who have been away for long get a piece of the log at a time, and come back for the next.
void Api::catch_up(const Responder& responder, EventSeq seq) {
  constexpr std::size_t piece = 1000;
  const auto missed = events_.read_events(seq, piece);
  if (!missed) return answer(responder, missed.error());
  const auto stream = responder.open_stream();
  for (const Event& event : *missed) send_event(*stream, event);
  stream->send("", "lagged", R"({"hint":"read again after the last id you have"})");
  stream->close();
}

Result<void> Api::watch_all(Call& call) {
  SOVREN_TRY(after, after_of(call));
  return host_->read([this, responder = call.responder, after](const engine::Engine& engine) {
    const EventSeq seq{after.value_or(engine.state().applied.value)};
    const EventSeq newest = engine.state().applied;
    if (seq < hub_.gone(newest)) return catch_up(responder, seq);
    hub_.watch(responder.open_stream(), std::nullopt, seq, newest);
  });
}

}  // namespace sovren::api
