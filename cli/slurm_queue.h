// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cli/slurm_ids.h"
#include "cli/slurm_job.h"
#include "cli/slurm_site.h"
#include "cli/slurm_words.h"
#include "core/text/json.h"

// Only .cpp files include this, as core/text/json.h.

namespace sovren::cli {

class Client;

/// Which jobs are meant. Empty: any.
struct SlurmSelection {
  std::vector<SlurmId> ids;
  std::set<JobState> states;
  std::vector<std::string> users;
  std::vector<std::string> names;
  std::vector<std::string> partitions;
  std::vector<std::string> accounts;
  std::vector<std::string> qos;
  std::vector<std::string> nodes;

  /// All but the ids.
  bool fits(const SlurmJob& job) const;
};

/// Of the options user, me, name, partition, account and qos, as squeue, sacct and scancel have
/// them.
SlurmSelection selection_of(const SlurmWords& words);

/// "12,13_[1-4]". Errors: usage, "Invalid job id: foo".
Result<std::vector<SlurmId>> slurm_ids_of(const std::string& list);

/// What the scheduler has, as Slurm's programs show it.
///
/// Errors   unreachable, and what the scheduler answers.
class SlurmQueue {
 public:
  static Result<SlurmQueue> create();
  SlurmQueue(SlurmQueue&&) noexcept;
  ~SlurmQueue();

  /// By id. Ids that are not there are passed over. Without ids those that ended long ago are not
  /// among them.
  Result<std::vector<SlurmJob>> jobs(const SlurmSelection& selection);

  Result<std::vector<SlurmNode>> nodes();
  Result<std::vector<SlurmPartition>> partitions();

  Client& client() { return *client_; }

 private:
  explicit SlurmQueue(Client client);
  Result<std::vector<SlurmJob>> jobs_of(const SlurmId& id);

  std::unique_ptr<Client> client_;
};

/// A job of the API with all its members, or a record of the history.
SlurmJob slurm_job_of(const text::Json& job);

}  // namespace sovren::cli
