// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/model/dependency.h"
#include "scheduler/policy/policy.h"
#include "scheduler/policy/view.h"

namespace sovren::policy {

/// Keeps a View in step with a State: after each event, update the jobs and nodes it touched.
///
/// Model    a PENDING job is in the View once it may start: begun, not held, dependencies
///          fulfilled. Before that it waits here for a time or for other jobs.
/// Cost     of an update: logarithmic, and one look at each job that depends on the updated one.
class Index {
 public:
  explicit Index(const PolicyConfig& config);

  void rebuild(const State& state);
  void update_job(const State& state, JobId job);
  void update_node(const State& state, const std::string& node);

  /// Lets in those whose begin time has come.
  void advance(const State& state, Instant now);
  /// When the next one's comes.
  std::optional<Instant> next_begin() const;

  /// Jobs whose dependencies can never be fulfilled, with the reason.
  const std::map<JobId, std::string>& impossible() const { return impossible_; }
  /// Running jobs, by when a limit may ask something of them.
  const std::set<std::pair<Instant, JobId>>& checks() const { return checks_; }
  /// Is an ended job named by one that still waits?
  bool is_awaited(JobId job) const { return dependents_.contains(job); }

  const View& view() const { return *view_; }

 private:
  using Name = std::pair<std::string, std::string>;  ///< user, job name

  /// What a PENDING job waits for. cursor: elements of an array before it have been looked at.
  struct Wait {
    Dependency on;
    std::int64_t cursor = 0;
  };
  enum class Fate { open, fulfilled, impossible };

  void forget(JobId job);
  void put_pending(const State& state, const Job& job);
  void put_running(const State& state, const Job& job);
  Ask ask_of(const Job& job);
  void await(const State& state, const Job& job);
  Fate fate_of(const State& state, const Job& job, Wait& wait, std::string& why) const;
  Fate fate_of_array(const State& state, Wait& wait, std::string& why) const;
  bool is_first_of_name(const State& state, const Job& job) const;
  void note_name(const State& state, const Job& job);
  void settle_dependents(const State& state, JobId on);

  const PolicyConfig& config_;
  Instant now_{INT64_MIN};
  std::unique_ptr<View> view_;
  std::map<JobId, std::vector<Wait>> awaiting_;  ///< PENDING, by what they wait for
  std::map<JobId, std::set<JobId>> dependents_;
  std::set<JobId> singletons_;              ///< of awaiting_: those that wait for a name
  std::map<Name, std::set<JobId>> active_;  ///< kept only while there are singletons
  std::set<std::pair<Instant, JobId>> begins_;
  std::map<JobId, Instant> begin_of_;
  std::map<JobId, std::string> impossible_;
  std::set<std::pair<Instant, JobId>> checks_;
  std::map<JobId, Instant> check_of_;
};

/// The partition that a job runs in: its own, or the default one; empty: there are none.
std::string partition_of(const JobSpec& spec, const Site& site);

}  // namespace sovren::policy
