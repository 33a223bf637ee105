// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "storage/checkpoint/checkpoint_set.h"
#include "storage/checkpoint/staging.h"

namespace sovren::storage {

/// One dataset of a shard: the rows of one slab.
struct ShardSlab {
  std::size_t array = 0;  ///< index into the staged arrays
  std::size_t slab = 0;   ///< index into that array's slabs
  std::string path;       ///< in the HDF5
  std::int64_t offset = 0;
  std::int64_t bytes = 0;
};

/// An HDF5 file as a list of pieces, front to back: HDF5's own bytes, and the rows in between,
/// which stay in the staging memory.
struct ShardLayout {
  std::vector<ShardSlab> slabs;
  std::vector<std::span<const std::byte>> pieces;
  std::int64_t bytes = 0;
  std::vector<std::vector<std::byte>> metadata;  ///< what the pieces of HDF5 point to
};

/// Lets HDF5 lay out a file of contiguous datasets without giving it the rows: it writes its
/// structures into memory (layout_driver.h) and says where the rows belong. No disk is touched, and
/// no HDF5 call is needed afterwards. Arrays without rows on this rank are left out.
///
/// Threads  any; HDF5 is called under one lock.   Errors  storage_io when HDF5 fails.
Result<ShardLayout> lay_out_shard(const SetHeader& header, std::span<const StagedArray> arrays);

}  // namespace sovren::storage
