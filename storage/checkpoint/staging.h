// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <future>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/port/state_io.h"

namespace sovren::storage {

inline constexpr std::size_t page_bytes = 4096;

/// Whole pages of zeros from the system; none where it has none.
class PageBlock {
 public:
  PageBlock() = default;
  /// size: rounded up to pages.
  explicit PageBlock(std::size_t size);
  PageBlock(PageBlock&& other) noexcept;
  PageBlock& operator=(PageBlock&& other) noexcept;
  ~PageBlock();
  std::span<std::byte> bytes() const { return {data_, size_}; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Memory that a rank's rows are copied into, kept from one seal to the next: touching new pages
/// costs five to eight times as much as copying into old ones (docs/adr/0002).
class StagingMemory {
 public:
  /// limit_bytes: of all pages together; 0: none.
  explicit StagingMemory(std::int64_t limit_bytes = 0) : limit_bytes_(limit_bytes) {}
  StagingMemory(const StagingMemory&) = delete;
  StagingMemory& operator=(const StagingMemory&) = delete;
  ~StagingMemory();

  /// Gets pages for so many bytes, and touches them in the background; the first take waits for
  /// that. Nothing when there are some already, or when there is not enough memory.
  void prepare(std::size_t size);

  /// Bytes that stay valid until reset(), from a place that is a multiple of `alignment` (a power
  /// of 2, a page at most; 1: right behind the last, where there is room). Empty when there is not
  /// enough memory.
  std::span<std::byte> take(std::size_t size, std::size_t alignment);
  /// All is free again; blocks that the last round did not use are given back.
  void reset();

 private:
  struct Block {
    PageBlock pages;
    std::size_t used = 0;
  };
  /// Room for `size` bytes more, in a block of its own; false: there is no memory.
  bool grow(std::size_t size);

  void touch(std::span<std::byte> pages);

  std::int64_t limit_bytes_;
  std::atomic<bool> is_ending_{false};
  std::future<void> touching_;
  std::vector<Block> blocks_;
  std::size_t current_ = 0;
};

/// Rows of one array that this rank holds: neighbouring slabs are one.
struct StagedSlab {
  Rows rows;
  std::int64_t bytes = 0;
  /// The copy of them, in several pieces; none: they were not copied, and must be put again.
  std::vector<std::span<const std::byte>> pieces;
  std::size_t order = 0;  ///< the slab with the lower one was put first
  bool is_copied() const { return bytes == 0 || !pieces.empty(); }
};

struct StagedArray {
  ArrayInfo info;
  std::vector<StagedSlab> slabs;  ///< in row order
};

/// Is every row of it copied?
bool is_all_copied(std::span<const StagedArray> staged);

/// Puts up to this size are copied in any case. HDF5 leaves less than this behind when it aligns a
/// dataset (4096 bytes, and what is left of the block that it keeps for small things), so larger
/// ones come into a shard in the order in which they are put.
inline constexpr std::size_t small_put_bytes = 16384;

/// Takes what a job kind puts, by copy, as far as the memory goes; of the rest it keeps what it is.
class StagingWriter : public StateWriter {
 public:
  /// large: for what is larger than small_put_bytes; null: that is not copied.
  StagingWriter(StagingMemory* large, StagingMemory& small) : large_(large), small_(small) {}
  using StateWriter::put;
  Result<void> put(const ArrayInfo& info, Rows rows, std::span<const std::byte> data) override;

  /// Large memory that copies of all that was put take; whole pages.
  std::int64_t needed_bytes() const;

  /// Everything put, by name, slabs sorted and joined. Fails with bug for rows put twice.
  Result<std::vector<StagedArray>> finish();

 private:
  /// Nothing when it is not to be copied, or when there is no memory.
  std::span<const std::byte> copy(const StagedArray& array, Rows rows,
                                  std::span<const std::byte> data);

  StagingMemory* const large_;
  StagingMemory& small_;
  std::int64_t needed_bytes_ = 0;
  std::size_t puts_ = 0;
  const StagedArray* last_ = nullptr;  ///< whose large rows were put last, and up to where
  std::int64_t last_end_ = 0;
  std::map<std::string, StagedArray, std::less<>> arrays_;
};

}  // namespace sovren::storage
