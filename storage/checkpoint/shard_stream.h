// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/port/state_io.h"
#include "storage/checkpoint/shard_layout.h"
#include "storage/checkpoint/shard_writer.h"
#include "storage/checkpoint/staging.h"

namespace sovren::storage {

/// Writes a shard front to back: HDF5's own bytes and the rows that were copied from where they
/// are, the other rows as they are put, straight from the memory of the job.
///
/// Errors   put never fails: what it does is collective for some kinds of jobs, so a rank whose
/// disk
///          has failed goes on to the end. finish tells: storage_io; bug for rows that are put in
///          another order than the layout's, or not at all.
class ShardStream final : public StateWriter {
 public:
  /// staged and layout outlive it.
  ShardStream(const std::vector<StagedArray>& staged, const ShardLayout& layout,
              const std::string& path, const ShardForm& form);
  using StateWriter::put;
  Result<void> put(const ArrayInfo& info, Rows rows, std::span<const std::byte> data) override;
  /// What is left, fsync and close.
  Result<FileDigest> finish();

 private:
  const StagedSlab& slab_at(const ShardPart& part) const;
  /// All up to the next rows that have to be put.
  Result<void> write_what_is_here();
  Result<void> write_rows(const ArrayInfo& info, Rows rows, std::span<const std::byte> data);

  const std::vector<StagedArray>& staged_;
  const ShardLayout& layout_;
  std::optional<PieceWriter> writer_;
  std::size_t part_ = 0;          ///< the next of the layout's
  std::int64_t part_rows_ = 0;    ///< of that part that have been put
  std::optional<Error> failure_;  ///< the first
};

/// Takes the rows of a rank that writes nothing.
class Discard final : public StateWriter {
 public:
  using StateWriter::put;
  Result<void> put(const ArrayInfo&, Rows, std::span<const std::byte>) override { return {}; }
};

}  // namespace sovren::storage
