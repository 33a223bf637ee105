// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cli/slurm_job.h"
#include "cli/slurm_site.h"

// Only .cpp files include this, as cli/slurm_site.h.

namespace sovren::cli {

/// What `scontrol show` prints of one thing: words in lines, or all in one line (-o).
class ScontrolText {
 public:
  explicit ScontrolText(bool is_one_line) : separator_(is_one_line ? " " : "\n   ") {}
  void line(const std::string& words) { text_ += (text_.empty() ? "" : separator_) + words; }
  /// With what follows it.
  std::string finished() const { return text_ + (separator_ == " " ? "\n" : "\n\n"); }

 private:
  std::string separator_;
  std::string text_;
};

std::string job_text(const SlurmJob& job, Instant now, bool is_one_line);
std::string node_text(const SlurmNode& node, const std::vector<SlurmPartition>& partitions,
                      bool is_one_line);
std::string partition_text(const SlurmPartition& partition, const std::vector<SlurmNode>& nodes,
                           bool is_one_line);

}  // namespace sovren::cli
