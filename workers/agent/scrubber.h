// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <poll.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/port/launcher.h"
#include "workers/agent/attempt.h"
#include "workers/launch/process.h"

namespace sovren::workers {

/// A job directory with checkpoint sets, and the last attempt here that worked in it.
struct ScrubPlace {
  JobId job;
  int attempt = 0;
  std::string dir;
  std::string user;
};

/// Which job directory is scrubbed next: each one interval after it was noted, and after its last
/// turn; the longest due first. Times are of any clock that the caller likes.
class ScrubSchedule {
 public:
  /// interval_s 0: never.
  explicit ScrubSchedule(double interval_s) : interval_s_(interval_s) {}

  /// One that is known keeps its turn.
  void note(ScrubPlace place, double now_s);
  std::optional<ScrubPlace> take_due(double now_s);
  /// It is not there any more.
  void forget(const std::string& dir) { places_.erase(dir); }

  /// Beyond these, the one that was noted first is forgotten.
  static constexpr std::size_t places_max = 10'000;

 private:
  struct Turn {
    ScrubPlace place;
    double due_s = 0;
  };
  double interval_s_;
  std::map<std::string, Turn> places_;  ///< by dir
};

/// That checkpoints were not verified, and why.
ReportWarning scrub_trouble(const std::string& why);

/// One run of `sovren-rank --scrub` over a job directory, as the job's user.
class Scrub {
 public:
  /// Errors: refused (the user), storage_io, input_missing (the program).
  static Result<Scrub> start(ScrubPlace place, const AttemptHost& host);

  const ScrubPlace& place() const { return place_; }
  pid_t pid() const { return process_.pid(); }
  void add_to(std::vector<pollfd>& wanted) const {
    wanted.push_back({process_.end_fd(), POLLIN, 0});
  }
  bool has_ended() const;
  /// Damaged sets (ReportRejected), or a warning when the scrub itself failed.
  std::vector<RankReport> finish();

 private:
  Scrub(ScrubPlace place, Handle output, Process process)
      : place_(std::move(place)), output_(std::move(output)), process_(std::move(process)) {}

  ScrubPlace place_;
  Handle output_;
  Process process_;
};

}  // namespace sovren::workers
