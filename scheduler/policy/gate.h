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

/// When a running job must be gone, and who says so.
struct Leave {
  Instant at;
  std::string_view by;  ///< by_policy: a reservation; by_pool: the end of a node's allocation
};

/// The reservations that go on, and the next occurrence of the others, during one pass; and the
/// ends of nodes, each like a reservation from then on that admits nobody.
class Windows {
 public:
  Windows(const View& view, const PolicyConfig& config, Instant now);

  bool is_empty() const { return open_.empty() && !view_.has_ends(); }
  std::optional<Instant> next_change() const { return next_change_; }
  /// Leaves the nodes that the job may start on now.
  void keep_open(const Ask& ask, std::vector<int>& nodes) const;
  /// When a checkpointing job must be gone because a reservation that does not admit it begins, or
  /// a node of it ends; none: never.
  std::optional<Leave> must_leave(const RunningJob& job) const;

 private:
  struct Open {
    const Reservation* reservation;
    Window window;
    std::vector<bool> nodes;
  };

  bool is_shut(const Ask& ask, Instant start, bool can_leave, double gap_s) const;

  const View& view_;
  Instant now_;
  bool is_preempting_;
  std::vector<Open> open_;
  std::optional<Instant> next_change_;
};

/// What limits and reservations leave of the machine, during one pass.
class Gate {
 public:
  Gate(const View& view, const PolicyConfig& config, Instant now);

  /// Of limits: which one stands in the way of one more such job, be it as small as it may.
  std::optional<Bar> bar(const Ask& ask) const;
  /// What it may ask for: of an elastic job, no more ranks than limits leave. `kept` holds it if it
  /// is less than its shape.
  const Resources& wanted(const Ask& ask, Resources& kept) const;
  /// Nodes that it may start on now; `kept` holds them if they are not the View's own list.
  std::span<const int> nodes(const Ask& ask, std::vector<int>& kept) const;
  std::optional<Instant> next_change() const { return windows_.next_change(); }
  /// It is to start: counts from now on in this pass.
  void started(const Ask& ask, int ranks);

 private:
  struct Held {
    int running = 0;
    std::int64_t cpus = 0;
    std::int64_t gpus = 0;
  };
  Held held_by(int entity) const;

  const View& view_;
  Windows windows_;
  std::map<int, Held> extra_;
  std::map<JobId, int> extra_of_array_;
};

}  // namespace sovren::policy
