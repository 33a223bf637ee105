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
  /// Is an ended job, or the array that it is of, named by one that still waits?
  bool is_awaited(const Job& job) const;
  /// Does any job wait for others of its name and user to end?
  bool awaits_names() const { return singletons_ > 0; }
  /// Nodes that attempts have failed on so often in a row that they are to be drained.
  const std::set<std::string>& failing() const { return failing_; }

  /// Until the guard goes, the View is as it will be once these actions are in the log: so that
  /// one pass sees what it has itself brought about.
  class Foreseen {
   public:
    Foreseen(Index& index, const State& state, Instant now, const std::vector<Action>& actions);
    Foreseen(const Foreseen&) = delete;
    Foreseen& operator=(const Foreseen&) = delete;
    ~Foreseen();

   private:
    View& view_;
    std::vector<RunningJob> running_;
    std::vector<int> drained_;
  };

  const View& view() const { return *view_; }

 private:
  using Name = std::pair<std::string, std::string>;  ///< user, job name

  /// What a PENDING job waits for. cursor: jobs of an array before it fulfil it.
  struct Wait {
    Dependency on;
    JobId cursor;
  };
  enum class Fate { open, fulfilled, impossible };

  void forget(JobId job);
  void put(const State& state, const Job& job);
  void put_pending(const State& state, const Job& job);
  void put_running(const Job& job);
  Ask ask_of(const Job& job);
  void await(const State& state, const Job& job);
  Fate fate_of(const State& state, const Job& job, Wait& wait, std::string& why) const;
  Fate fate_of_array(const State& state, Wait& wait, std::string& why) const;
  void forget_begin(JobId job);
  const JobId* first_of(const Name& name) const;
  void note_name(const Job& job);
  void settle_name(const State& state, const Job& job);
  void settle_dependents(const State& state, JobId on, JobId changed);
  void note_failures(const State& state, const std::string& node);

  const PolicyConfig& config_;
  Instant now_{INT64_MIN};
  std::unique_ptr<View> view_;
  std::map<JobId, std::vector<Wait>> awaiting_;  ///< PENDING, by what they wait for
  std::map<JobId, std::set<JobId>> dependents_;
  int singletons_ = 0;                      ///< dependencies of that kind
  bool knows_names_ = false;                ///< since the first singleton: active_ is kept
  std::map<Name, std::set<JobId>> active_;  ///< not ended
  std::set<std::string> failing_;
  std::set<std::pair<Instant, JobId>> begins_;
  std::map<JobId, Instant> begin_of_;
  std::map<JobId, std::string> impossible_;
  std::set<std::pair<Instant, JobId>> checks_;
  std::map<JobId, Instant> check_of_;
};

/// The partition that a job runs in: its own, or the default one; empty: there are none.
std::string partition_of(const JobSpec& spec, const Site& site);

}  // namespace sovren::policy
