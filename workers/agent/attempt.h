// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <poll.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/port/launcher.h"
#include "workers/agent/attempt_folder.h"
#include "workers/agent/command_output.h"
#include "workers/agent/launch_channel.h"
#include "workers/agent/report_channel.h"
#include "workers/launch/isolation.h"
#include "workers/launch/process.h"
#include "workers/launch/programs.h"
#include "workers/launch/site_launch.h"

namespace sovren::workers {

/// What the attempts of one agent share.
struct AttemptHost {
  Programs programs;
  std::string private_dir;               ///< the agent's own folder
  std::vector<std::string> environment;  ///< "NAME=value" that attempts inherit
  NodeResources resources;
  std::int64_t log_bytes_max = log_bytes_max_default;
  /// "PROGRAM rsh-agent --", which mpirun starts its daemons on other nodes with.
  std::string rsh_agent;
  Isolation* isolation = nullptr;  ///< null: attempts are not kept apart
  std::string subnet;  ///< that ranks on different nodes talk over; empty: mpirun chooses
  std::string shims;   ///< folder of srun, sbatch, ... for commands on the head; empty: none
  std::optional<SiteLaunch> site;  ///< the node stands for this allocation of a site's
};

/// One attempt from its start to its end. A rank program speaks through a socket (ReportChannel), a
/// user's command through what it prints (CommandOutput).
///
/// Threads  one, as Process.
class Attempt {
 public:
  /// Errors: of make_command() and Process::start(), storage_io; nothing runs then.
  static Result<Attempt> start(const AttemptOrder& order, const AttemptHost& host);

  const AttemptOrder& order() const { return order_; }
  pid_t pid() const { return process_.pid(); }

  void request(Request request);
  void acknowledge_seal(std::int64_t step);
  /// What its launch asked of another node has ended there.
  void assist_ended(const AssistEnded& ended);

  /// What to wait for; the end of its first process is among it.
  void add_to(std::vector<pollfd>& wanted) const;
  bool has_ended() const;
  /// Takes in what it has to say.
  void listen(std::vector<AttemptNews>& news);
  /// Ends all of an attempt whose first process is over, and says how it went. leaders: first
  /// processes of other attempts, which are not its orphans.
  AttemptExited finish(const std::vector<pid_t>& leaders, std::vector<AttemptNews>& news);

 private:
  /// Whatever an attempt speaks through; the folder holds the sockets.
  struct Ears {
    std::optional<AttemptFolder> folder;
    std::optional<ReportChannel> ranks;     ///< of a rank program
    std::optional<CommandOutput> output;    ///< of a command
    std::optional<LaunchChannel> launches;  ///< of one on several nodes
    Handle log;                             ///< of what a rank program prints
    std::int64_t log_begin = 0;             ///< bytes of it that are of earlier attempts
  };

  static Result<Ears> open_ears(const AttemptOrder& order, const AttemptHost& host,
                                const CommandSetting& setting);
  Attempt(AttemptOrder order, std::string cookie, Share share, Ears ears, Process process)
      : order_(std::move(order)),
        cookie_(std::move(cookie)),
        share_(std::move(share)),
        ears_(std::move(ears)),
        process_(std::move(process)) {}
  void request_command(Request request);
  void signal_checkpoint() const;
  void listen_to_ranks(std::vector<AttemptNews>& news);
  void note(const RankReport& report);
  void report(RankReport report, std::vector<AttemptNews>& news);
  void warn(std::string text, std::vector<AttemptNews>& news);
  void speak_for_command(int exit_code, std::vector<AttemptNews>& news);
  int exit_code_of_ranks(int exit_code) const;

  AttemptOrder order_;
  std::string cookie_;
  Share share_;
  Ears ears_;
  Process process_;
  int checkpoint_signal_ = 0;     ///< of a command; 0: none
  std::optional<Error> failure_;  ///< the most telling one that a rank reported
  bool is_started_ = false;       ///< rank 0 said so
  bool is_finished_ = false;      ///< rank 0 said that the result is durable
  bool is_kill_requested_ = false;
  bool is_stop_requested_ = false;
  bool is_by_srun_ = false;  ///< a site's srun started the ranks
  int warnings_ = 0;
  std::int64_t dropped_lines_ = 0;
};

}  // namespace sovren::workers
