// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/port/state_io.h"

namespace sovren::storage {

/// Memory that a rank's rows are copied into, kept from one seal to the next: touching new pages
/// costs five to eight times as much as copying into old ones (docs/adr/0002).
class StagingMemory {
 public:
  /// Bytes that stay valid until reset(). Empty when there is not enough memory.
  std::span<std::byte> take(std::size_t size);
  /// All is free again; blocks that the last round did not use are given back.
  void reset();

 private:
  struct Block {
    std::unique_ptr<std::byte[]> data;
    std::size_t size = 0;
    std::size_t used = 0;
  };
  std::vector<Block> blocks_;
  std::size_t current_ = 0;
};

/// Rows of one array that this rank holds: neighbouring slabs are one, in several pieces.
struct StagedSlab {
  Rows rows;
  std::vector<std::span<const std::byte>> pieces;
};

struct StagedArray {
  ArrayInfo info;
  std::vector<StagedSlab> slabs;  ///< in row order
};

/// Takes what a job kind puts, by copy.
class StagingWriter : public StateWriter {
 public:
  explicit StagingWriter(StagingMemory& memory) : memory_(memory) {}
  using StateWriter::put;
  Result<void> put(const ArrayInfo& info, Rows rows, std::span<const std::byte> data) override;

  /// Everything put, by name, slabs sorted and joined. Fails with bug for rows put twice.
  Result<std::vector<StagedArray>> finish();

 private:
  StagingMemory& memory_;
  std::map<std::string, StagedArray, std::less<>> arrays_;
};

}  // namespace sovren::storage
