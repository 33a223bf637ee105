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

/// A stretch of an HDF5 file.
struct ShardPart {
  std::int64_t bytes = 0;
  std::vector<std::byte> structures;  ///< HDF5's own bytes; empty: the rows of a slab
  std::size_t slab = 0;               ///< index into ShardLayout::slabs
};

/// An HDF5 file: HDF5's own bytes, and where the rows go in between.
struct ShardLayout {
  std::vector<ShardSlab> slabs;
  std::vector<ShardPart> parts;  ///< front to back
  std::int64_t bytes = 0;
};

/// Lets HDF5 lay out a file of contiguous datasets without giving it the rows: it writes its
/// structures into memory (layout_driver.h) and says where the rows belong. No disk is touched, and
/// no HDF5 call is needed afterwards. Arrays without rows on this rank are left out. Slabs come
/// into the file in the order in which they were put; HDF5 may move forward those that fit into a
/// gap, which are smaller than small_put_bytes.
///
/// Threads  any; HDF5 is called under one lock.   Errors  storage_io when HDF5 fails.
Result<ShardLayout> lay_out_shard(const SetHeader& header, std::span<const StagedArray> arrays);

/// The bytes of a shard whose rows are all copied, front to back. They stay where they are.
std::vector<std::span<const std::byte>> pieces_of(const ShardLayout& layout,
                                                  std::span<const StagedArray> arrays);

}  // namespace sovren::storage
