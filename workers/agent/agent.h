// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/port/launcher.h"
#include "workers/agent/assistant.h"
#include "workers/agent/attempt.h"
#include "workers/agent/private_folder.h"
#include "workers/agent/scrubber.h"

namespace sovren::workers {

struct AgentConfig {
  std::string rank_program;              ///< empty: find_programs()
  std::string mpirun;                    ///< empty: find_programs()
  std::string temporary_dir;             ///< for the private folder; empty: $TMPDIR, else /tmp
  std::vector<std::string> environment;  ///< "NAME=value" of the attempts; empty: this process's
  std::int64_t log_bytes_max = log_bytes_max_default;  ///< of what a command prints
  std::string rsh_agent;                               ///< as AttemptHost; empty: this program's
  std::string subnet;                                  ///< as AttemptHost
  /// apart: attempts get cores, GPUs and memory of their own; together: whatever this process has.
  enum class Attempts { together, apart };
  Attempts attempts = Attempts::together;
  std::optional<int> cpus;         ///< that the node offers; none: those that there are
  std::optional<SiteLaunch> site;  ///< the node stands for this allocation; none: for this machine
  /// Checkpoint sets of the job directories that attempts were headed in are verified at rest so
  /// often, one directory at a time; 0: never.
  double scrub_interval_s = 0;
  /// Makes the folder of srun, sbatch, ... that commands on their head find first on their PATH;
  /// none: they find no such folder.
  std::function<Result<void>(const std::string& folder)> link_shims;
};

/// Starts, watches and reaps the attempts of one node.
///
/// Model    start -> reports -> AttemptExited, which comes once, last, and only when every process
///          of the attempt is gone, also those that left their process group or lost their parent.
///          Trouble after the result is durable is a warning: the attempt is done all the same.
/// Fate     embedded: the destructor kills all attempts; if this process is killed, the kernel
///          kills the launchers, and with them the ranks.
/// Scrub    What is found damaged is news (ReportRejected) of the directory's last attempt while
///          that runs, which is then asked for a fresh checkpoint; and a line of take_scrub_log().
/// Threads  one, which must live as long as the program (parent-death signals belong to threads).
///          The process's children are the agent's: it reaps all zombies when an attempt ends.
/// Errors   start: input_missing, storage_io, refused; nothing is left behind. Later trouble comes
///          as news: bad report lines as warnings, the end with exit code and error.
class Agent final : public Launcher {
 public:
  static Result<std::unique_ptr<Agent>> start(AgentConfig config);
  ~Agent() override;

  /// What this machine has.
  const NodeResources& resources() const { return host_.resources; }
  /// poll() also returns when this descriptor is readable (a signalfd, an eventfd); it is not read.
  void wake_on(int fd) { wake_fds_.push_back(fd); }

  Result<void> start(const AttemptOrder& order) override;
  Result<void> request(JobId job, int attempt, Request request) override;
  Result<void> acknowledge_seal(JobId job, int attempt, std::int64_t step) override;
  std::vector<AttemptNews> poll(double timeout_s) override;

  /// Starts this node's part of an attempt that another node heads. One that was started, or whose
  /// attempt was ended here, is not started again. Errors: as start().
  Result<void> assist(const AssistOrder& order);
  /// What an attempt headed here asked of another node has ended there.
  void assist_ended(JobId job, int attempt, const AssistEnded& ended);
  /// The same of all that runs here.
  void request_all(Request request);

  /// Lines for the log: what was found damaged at rest since the last call, and what went wrong.
  std::vector<std::string> take_scrub_log() { return std::exchange(scrub_log_, {}); }

  bool is_running(JobId job, int attempt) const;  ///< headed or helped with
  bool is_idle() const { return running_.empty() && assistants_.empty(); }
  /// Was it started, or ended before it could be, or one after it?
  bool has_seen(JobId job, int attempt) const;
  /// It is not started from now on.
  void forget(JobId job, int attempt);

 private:
  using Key = std::pair<JobId, int>;

  Agent(AttemptHost host, std::unique_ptr<Isolation> isolation, PrivateFolder folder,
        double scrub_interval_s);
  /// Until something happens or the time is over; true when a wake descriptor or signal ended it.
  bool wait(double timeout_s) const;
  void look_at_attempts(std::vector<AttemptNews>& news);
  void look_at_assistants(std::vector<AttemptNews>& news);
  void look_at_scrub(std::vector<AttemptNews>& news);
  void tell_of_scrub(const ScrubPlace& place, RankReport report, std::vector<AttemptNews>& news);
  std::vector<pid_t> leaders_but(pid_t one) const;

  AttemptHost host_;
  std::unique_ptr<Isolation> isolation_;
  PrivateFolder folder_;
  std::vector<int> wake_fds_;
  std::map<Key, Attempt> running_;
  std::list<Assistant> assistants_;
  ScrubSchedule scrubs_;
  std::optional<Scrub> scrub_;  ///< that runs
  std::vector<std::string> scrub_log_;
  std::map<JobId, int> last_attempt_;  ///< seen: never started again
  std::deque<JobId> remembered_;       ///< its keys, oldest first
  static constexpr std::size_t remembered_max = 100'000;
};

}  // namespace sovren::workers
