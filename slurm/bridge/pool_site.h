// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/port/pool_host.h"

namespace sovren::slurm {

/// What is the same for all allocations of one daemon.
struct PoolPlace {
  std::string state_dir;  ///< absolute; agents write into state_dir/pools/POOL/ALLOCATION.log
  std::string nonce;      ///< of this state directory: no two daemons take each other's allocations
};

/// "sovren-render-12-1f2e3d4c": how an allocation is found again at the site.
std::string pool_job_name(const NodeWish& wish, const PoolPlace& place);
std::string pool_log_file(const NodeWish& wish, const PoolPlace& place);

/// What sbatch is called with.
std::vector<std::string> pool_sbatch(const NodeWish& wish, const PoolPlace& place);

/// One line of `squeue --format=pool_squeue_format`.
struct PoolRow {
  std::string site_job;
  std::string state;  ///< as site_state() reads it
  double left_s = 0;  ///< 0: no end is told
  std::string name;
  std::string reason;  ///< empty for "None"
  bool operator==(const PoolRow&) const = default;
};
inline constexpr std::string_view pool_squeue_format = "%i|%T|%L|%j|%r";
/// Lines that are none of its are passed over: a warning of a wrapper is no reason to stop.
std::vector<PoolRow> read_pool_rows(std::string_view text);
/// "59:48", "1-02:03:04"; none: UNLIMITED, INVALID, NOT_SET.
std::optional<double> read_time_left_s(std::string_view text);

}  // namespace sovren::slurm
