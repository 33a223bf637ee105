// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/units.h"

namespace sovren {

/// What the jobs of one user, account, QOS or partition may hold together. None: no limit.
struct Limits {
  std::optional<int> running_jobs;
  std::optional<int> submitted_jobs;  ///< pending and running; more are refused at submit
  std::optional<std::int64_t> cpus;
  std::optional<std::int64_t> gpus;
  std::optional<int> nodes_per_job;
  std::optional<double> time_limit_s;  ///< longest that a job may ask for
  bool operator==(const Limits&) const = default;
};

/// A named set of nodes. A node is in it when its name is listed (or none is) and it bears all
/// labels.
struct Partition {
  std::string name;
  std::vector<std::string> nodes;  ///< names; empty: all
  std::map<std::string, std::string> labels;
  bool is_default = false;
  bool is_up = true;  ///< else jobs wait
  int priority = 0;
  std::optional<double> default_time_limit_s;
  Limits limits;                      ///< of all its jobs together
  Limits user_limits;                 ///< of each user's
  std::vector<std::string> users;     ///< who may use it; empty: all
  std::vector<std::string> accounts;  ///< empty: all
  bool operator==(const Partition&) const = default;
};

/// A class of service.
struct Qos {
  std::string name;
  int priority = 0;
  std::vector<std::string> preempts;  ///< names of QOS whose jobs it may preempt at once
  bool requeues =
      false;  ///< its jobs may be preempted though they cannot checkpoint: they begin anew
  double usage_factor = 1;  ///< how its use counts for fair share
  Limits limits;
  Limits user_limits;
  std::vector<std::string> users;
  bool operator==(const Qos&) const = default;
};

/// Who is charged, and how much of the machine is theirs.
struct Account {
  std::string name;
  double shares = 1;
  std::map<std::string, double> users;  ///< shares within the account; empty: all users, equally
  Limits limits;
  Limits user_limits;
  bool operator==(const Account&) const = default;
};

/// Nodes set aside for some, or for nobody (maintenance), once or again and again.
struct Reservation {
  std::string name;
  std::vector<std::string> nodes;  ///< empty: all
  Instant start;
  double duration_s = 0;
  double every_s = 0;              ///< 86400: daily, 604800: weekly; 0: once
  std::vector<std::string> users;  ///< whose jobs may use it; empty with accounts: nobody's
  std::vector<std::string> accounts;
  bool operator==(const Reservation&) const = default;
};

/// When a pool wants more nodes: a figure of the queue, or the largest of a metric that its running
/// jobs report, is above a threshold.
struct ScaleOn {
  /// "queue_seconds": the longest that a job has waited which the pool could run; "load": cores in
  /// use / cores there are; "pending": such jobs that wait; else a metric of progress reports,
  /// without or with the prefix of its kind ("causal_depth" is causal_chain_depth).
  std::string metric = "queue_seconds";
  double above = 0;
  bool operator==(const ScaleOn&) const = default;
};

/// A partition whose nodes are asked of a site when the queue wants them, and given back. Its nodes
/// bear the label pool = its name.
struct Pool {
  std::string name;  ///< also that of the partition, which is there without being written down
  std::string via = "slurm";
  int min_nodes = 0;
  int max_nodes = 1;
  int pending_max = 4;  ///< allocations that may be on their way at once
  ScaleOn scale_on;
  double idle_timeout_s = 300;  ///< an idle node is kept so long
  double time_limit_s = 3600;   ///< of one allocation
  int cpus = 1;                 ///< of a node, as it is asked for
  int gpus = 0;
  std::int64_t memory_bytes = 0;  ///< 0: as the site gives
  /// Where agents reach this daemon: an https URL, or the absolute path of its Unix socket, which
  /// only programs on the same machine can use. Empty: the address that the daemon listens at.
  std::string connect;
  std::string token_file;  ///< of agents, as the site's nodes see these files; empty: none
  std::string ca_file;
  std::string certificate_file;
  std::string program = "sovren";    ///< as the site's nodes find it
  std::vector<std::string> options;  ///< of sbatch, further: "--account=physics"
  std::string setup;                 ///< lines of shell before the agent starts
  bool operator==(const Pool&) const = default;
};

/// What an administrator has set up: who may use what. Not in the event log: a change takes effect
/// at the next start.
struct Site {
  std::vector<Partition> partitions;  ///< empty: one, "default", of all nodes
  std::vector<Pool> pools;
  std::vector<Qos> qos;           ///< empty: one, "normal"
  std::vector<Account> accounts;  ///< empty: any account, equal shares
  std::vector<Reservation> reservations;
  std::map<std::string, Limits> users;  ///< by user, over all accounts
  Limits user_limits;                   ///< of every user not named there
  std::vector<std::string> operators;   ///< may act on every job and node
  bool operator==(const Site&) const = default;
};

}  // namespace sovren
