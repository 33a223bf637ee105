// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "slurm/bridge/site_command.h"
#include "slurm/bridge/site_row.h"

namespace sovren::slurm {

/// How jobs are at a site, in one call of squeue or sacct for all of them.
///
/// Model    Which of its forms of output a site's squeue has is found with the first answer, and
///          remembered: chosen fields (any Slurm since 20.02), the old format without restarts,
///          --json (large: all jobs of the site). Whether there is accounting, likewise.
/// Errors   those of SiteCommand; unreachable: slurmctld or slurmdbd does not answer, or answers
///          with an error; data_invalid: no form of the answer can be read.
/// Threads  one.
class SiteQuery {
 public:
  explicit SiteQuery(SiteCommand command) : command_(std::move(command)) {}

  /// Jobs of these users that the site still knows: those that have not ended, and for a while
  /// (MinJobAge) those that have.
  Result<std::vector<SiteRow>> queue(const std::set<std::string>& users);

  /// Of the last answer to queue().
  std::size_t answer_bytes() const { return answer_bytes_; }

  /// Of these jobs ("12": with all elements), what accounting knows. Empty where there is none.
  Result<std::vector<SiteRow>> accounts(const std::vector<std::string>& site_jobs);

 private:
  enum class Form { fields, format, json };
  Result<std::vector<SiteRow>> queue_as(Form form, const std::set<std::string>& users);

  SiteCommand command_;
  Form form_ = Form::fields;
  bool is_form_known_ = false;
  std::size_t answer_bytes_ = 0;
  bool has_accounting_ = true;  // until it says that there is none
};

}  // namespace sovren::slurm
