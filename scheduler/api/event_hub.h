// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/model/event.h"
#include "scheduler/api/event_stream.h"

namespace sovren::api {

/// The event as the API shows it: as it is stored, but without the text of a job's spec.
std::string event_view(const Event& event);

void send_event(EventStream& stream, const Event& event);

/// The job that an event is about; none: it is about a node, or about no one job.
std::optional<JobId> job_of(const Event& event);

/// Durable events on their way to those who watch, and the newest ones for those who come back.
///
/// Model    A watcher gets the events after the one it names. If some of these are no longer kept,
///          it is told `event: gap` with the number of the newest of these, and reads the state
///          anew.
/// Threads  one: the engine's.
/// Cost     An event is put into words once somebody is to see it.
class EventHub {
 public:
  explicit EventHub(std::size_t kept_max) : kept_max_(kept_max) {}

  void publish(const Event& event);
  /// job: none stands for all events. A job that has all of its events kept has no gap after 0.
  /// newest: event there is.
  void watch(std::shared_ptr<EventStream> stream, std::optional<JobId> job, EventSeq after,
             EventSeq newest);
  /// What is not kept and has no id, to those who watch this very job.
  void tell(JobId job, std::string_view event, std::string_view data);
  bool has_watchers(JobId job) const;
  /// The newest event that is not kept, where `newest` is the newest of all.
  EventSeq gone(EventSeq newest) const {
    return kept_.empty() ? newest : EventSeq{kept_.front().seq.value - 1};
  }

 private:
  bool has_gap(std::optional<JobId> job, EventSeq after, EventSeq newest) const;

  struct Watcher {
    std::shared_ptr<EventStream> stream;
    std::optional<JobId> job;
  };

  const std::size_t kept_max_;
  std::deque<Event> kept_;  ///< without gaps, oldest first
  std::vector<Watcher> watchers_;
};

}  // namespace sovren::api
