// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "scheduler/policy/policy.h"
#include "scheduler/policy/view.h"

namespace sovren::policy {

/// Why a waiting job may not start though there might be room; code: Slurm's.
struct Bar {
  std::string code;
  std::string text;
};

/// One occurrence of a reservation.
struct Window {
  Instant start;
  Instant end;
};
/// The one that holds `now`, else the next; none when it is over for good.
std::optional<Window> occurrence(const Reservation& reservation, Instant now);

/// Whose jobs a reservation lets in.
bool admits(const Reservation& reservation, const Owner& owner);

/// What limits and reservations leave of the machine, during one pass.
class Gate {
 public:
  Gate(const View& view, const PolicyConfig& config, Instant now);

  /// Of limits: which one stands in the way of one more such job.
  std::optional<Bar> bar(const Ask& ask) const;
  /// Nodes that it may start on now; `kept` holds them if they are not the View's own list.
  std::span<const int> nodes(const Ask& ask, std::vector<int>& kept) const;
  /// Has any reservation a say now?
  bool has_windows() const { return !windows_.empty(); }
  std::optional<Instant> next_change() const { return next_change_; }
  /// It is to start: counts from now on in this pass.
  void started(const Ask& ask, int ranks);

 private:
  struct Extra {
    int running = 0;
    std::int64_t cpus = 0;
    std::int64_t gpus = 0;
  };
  struct Open {
    const Reservation* reservation;
    Window window;
    std::vector<bool> nodes;
  };

  const View& view_;
  Instant now_;
  bool is_preempting_;
  std::map<int, Extra> extra_;
  std::map<JobId, int> extra_of_array_;
  std::vector<Open> windows_;
  std::optional<Instant> next_change_;
};

/// When a checkpointing job on these nodes must be gone because a reservation that does not admit
/// it begins; none: never.
std::optional<Instant> must_leave_at(const View& view, const PolicyConfig& config,
                                     const RunningJob& job, Instant now);

}  // namespace sovren::policy
