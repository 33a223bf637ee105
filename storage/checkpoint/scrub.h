// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/base/id.h"
#include "core/base/result.h"

namespace sovren::storage {

struct ScrubSetting {
  double bytes_per_s = 0;             ///< read no faster; 0: as fast as the disk is
  std::function<double()> now_s;      ///< a steady clock
  std::function<void(double)> sleep;  ///< for so many seconds
};

/// A set that was sealed whole and is not any more.
struct DamagedSet {
  std::string name;
  std::string why;
  JobId job;                    ///< 0: its manifest does not tell
  bool is_quarantined = false;  ///< else it is where it was
};

struct ScrubReport {
  std::int64_t sets = 0;   ///< that were read, damaged ones too
  std::int64_t bytes = 0;  ///< of good sets
  std::vector<DamagedSet> damaged;
  bool is_newest_damaged = false;  ///< the job should seal anew
};

/// Reads the sealed sets of a "checkpoints" folder again, from the disk and not from the page cache
/// where the system lets it, and compares them with their checksums: damage at rest is found while
/// another set is there to go back to. The job may run meanwhile.
///
/// Model    A set that differs twice is damaged. It is moved to quarantine/, under LOCK, when
///          another set of the same job has just been found good and is still there; else it stays,
///          for a restore must say that all are bad and never find nothing. Sets that cannot be
///          read now, are of a newer Sovren, or have gone meanwhile are let alone.
/// Needs    no key: the checksums are of the bytes as they lie there.
/// Errors   storage_io: the folder cannot be listed, or LOCK not be had.
Result<ScrubReport> scrub_sets(const std::string& dir, const ScrubSetting& setting);

}  // namespace sovren::storage
