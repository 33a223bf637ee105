// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cli/slurm_columns.h"
#include "cli/slurm_site.h"

// Only .cpp files include this, as cli/slurm_site.h.

namespace sovren::cli {

/// A line of sinfo: nodes of one partition that are alike in all that is printed. There may be
/// none.
struct SinfoRow {
  const SlurmPartition* partition = nullptr;
  std::vector<const SlurmNode*> nodes;
};

std::span<const SlurmField<SinfoRow>> sinfo_fields();

/// Does this field differ between nodes, so that each value has a line of its own?
bool parts_nodes(const SlurmField<SinfoRow>& field);

/// The partition's nodes in lines, sorted as sinfo does: the busiest state before the idle one.
std::vector<SinfoRow> sinfo_rows(const SlurmPartition& partition,
                                 std::vector<const SlurmNode*> nodes,
                                 const SlurmFormat<SinfoRow>& format, Instant now);

}  // namespace sovren::cli
