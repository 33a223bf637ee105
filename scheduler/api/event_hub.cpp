// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/event_hub.h"

#include <variant>

#include "core/text/event_json.h"

namespace sovren::api {
namespace {

/// The spec stays where it is: in the state, and in the log.
Event without_spec(Event event) {
  if (auto* submitted = std::get_if<JobSubmitted>(&event.body)) submitted->spec = {};
  if (auto* added = std::get_if<SpecAdded>(&event.body)) added->spec = {};
  return event;
}

void send(EventStream& stream, const Event& event, const std::string& words) {
  stream.send(std::to_string(event.seq.value), event_name(event.body), words);
}

}  // namespace

std::string event_view(const Event& event) {
  return text::event_to_json(without_spec(event));
}

std::optional<JobId> job_of(const Event& event) {
  return std::visit(
      [](const auto& body) -> std::optional<JobId> {
        if constexpr (requires { body.job; })
          return body.job;
        else
          return std::nullopt;
      },
      event.body);
}

void EventHub::publish(const Event& event) {
  std::string words;
  std::erase_if(watchers_, [&](const Watcher& watcher) {
    if (!watcher.stream->is_open()) return true;
    if (watcher.job && watcher.job != job_of(event)) return false;
    if (words.empty()) words = event_view(event);
    send(*watcher.stream, event, words);
    return false;
  });
  kept_.push_back(without_spec(event));
  if (kept_.size() > kept_max_) kept_.pop_front();
}

void EventHub::watch(std::shared_ptr<EventStream> stream, std::optional<JobId> job,
                     EventSeq after) {
  const EventSeq next{after.value + 1};
  if (!kept_.empty() && next < kept_.front().seq)
    stream->send("", "gap", R"({"first":)" + std::to_string(kept_.front().seq.value) + "}");
  for (const Event& event : kept_)
    if (event.seq >= next && (!job || job == job_of(event)))
      send(*stream, event, event_view(event));
  watchers_.push_back({std::move(stream), job});
}

}  // namespace sovren::api
