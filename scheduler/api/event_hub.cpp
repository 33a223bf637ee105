// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/event_hub.h"

#include <algorithm>
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

void send_event(EventStream& stream, const Event& event) {
  send(stream, event, event_view(event));
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

bool EventHub::has_watchers(JobId job) const {
  return std::ranges::any_of(watchers_, [&](const Watcher& each) { return each.job == job; });
}

void EventHub::tell(JobId job, std::string_view event, std::string_view data) {
  for (const Watcher& watcher : watchers_)
    if (watcher.job == job) watcher.stream->send("", event, data);
}

bool EventHub::has_gap(std::optional<JobId> job, EventSeq after, EventSeq newest) const {
  if (after >= gone(newest)) return false;
  if (!job || after.value > 0) return true;
  const auto first =
      std::ranges::find_if(kept_, [&](const Event& event) { return job == job_of(event); });
  return first == kept_.end() || !std::holds_alternative<JobSubmitted>(first->body);
}

void EventHub::watch(std::shared_ptr<EventStream> stream, std::optional<JobId> job, EventSeq after,
                     EventSeq newest) {
  if (has_gap(job, after, newest))
    stream->send("", "gap", R"({"until":)" + std::to_string(gone(newest).value) + "}");
  for (const Event& event : kept_)
    if (event.seq > after && (!job || job == job_of(event))) send_event(*stream, event);
  watchers_.push_back({std::move(stream), job});
}

}  // namespace sovren::api
