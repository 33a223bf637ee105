// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/staging.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "storage/checkpoint/background.h"
#include "storage/checkpoint/manifest.h"

namespace sovren::storage {
namespace {

constexpr std::size_t block_bytes_min = std::size_t{16} << 20;

constexpr std::size_t rounded_up(std::size_t size, std::size_t unit) {
  return (size + unit - 1) / unit * unit;
}

Error bug(std::string what) {
  return {.code = Code::bug, .what = std::move(what), .hint = "", .where = ""};
}

bool same(const ArrayInfo& a, const ArrayInfo& b) {
  return a.dtype == b.dtype && a.shape == b.shape;
}

}  // namespace

PageBlock::PageBlock(std::size_t size) {
  const std::size_t whole = rounded_up(size, page_bytes);
  void* const data =
      ::mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) return;
  data_ = static_cast<std::byte*>(data);
  size_ = whole;
}

PageBlock::PageBlock(PageBlock&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

PageBlock& PageBlock::operator=(PageBlock&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

PageBlock::~PageBlock() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

bool is_all_copied(std::span<const StagedArray> staged) {
  return std::all_of(staged.begin(), staged.end(), [](const StagedArray& array) {
    return std::all_of(array.slabs.begin(), array.slabs.end(),
                       [](const StagedSlab& slab) { return slab.is_copied(); });
  });
}

bool StagingMemory::grow(std::size_t size) {
  std::size_t wanted = std::max(size, block_bytes_min);
  if (limit_bytes_ > 0) {
    std::size_t left = static_cast<std::size_t>(limit_bytes_);
    for (const Block& block : blocks_) left -= std::min(left, block.pages.bytes().size());
    if (rounded_up(size, page_bytes) > left) return false;
    wanted = std::min(wanted, left / page_bytes * page_bytes);
  }
  PageBlock pages(wanted);
  if (pages.bytes().empty()) return false;
  blocks_.push_back({std::move(pages), 0});
  return true;
}

StagingMemory::~StagingMemory() {
  is_ending_ = true;
  if (touching_.valid()) touching_.wait();
}

void StagingMemory::touch(std::span<std::byte> pages) {
#ifdef MADV_POPULATE_WRITE
  // In pieces, so that a job that ends does not wait for all of it.
  constexpr std::size_t piece_bytes = std::size_t{32} << 20;
  while (!pages.empty() && !is_ending_) {
    const auto piece = pages.first(std::min(pages.size(), piece_bytes));
    if (::madvise(piece.data(), piece.size(), MADV_POPULATE_WRITE) != 0) return;  // an old kernel
    pages = pages.subspan(piece.size());
  }
#else
  static_cast<void>(pages);  // the first copy touches them
#endif
}

void StagingMemory::prepare(std::size_t size) {
  if (size == 0 || !blocks_.empty() || !grow(size)) return;
  touching_ = in_background([this, pages = blocks_.back().pages.bytes()] { touch(pages); });
}

std::span<std::byte> StagingMemory::take(std::size_t size, std::size_t alignment) {
  if (touching_.valid()) touching_.get();
  const auto fits = [&](const Block& block) {
    const std::size_t room = block.pages.bytes().size();
    const std::size_t from = rounded_up(block.used, alignment);
    return from <= room && room - from >= size;
  };
  // A put that does not fit into the current block goes into the next; the rest stays unused.
  while (current_ < blocks_.size() && !fits(blocks_[current_])) {
    if (blocks_[current_].used == 0) {
      blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(current_));
    } else {
      ++current_;
    }
  }
  if (current_ == blocks_.size() && !grow(size)) return {};
  Block& block = blocks_[current_];
  block.used = rounded_up(block.used, alignment);
  const std::span<std::byte> taken = block.pages.bytes().subspan(block.used, size);
  block.used += size;
  return taken;
}

void StagingMemory::reset() {
  std::erase_if(blocks_, [](const Block& block) { return block.used == 0; });
  for (Block& block : blocks_) block.used = 0;
  current_ = 0;
}

std::span<const std::byte> StagingWriter::copy(const StagedArray& array, Rows rows,
                                               std::span<const std::byte> data) {
  const auto copy_to = [&](StagingMemory& memory, std::size_t alignment) {
    const std::span<std::byte> copy = memory.take(data.size(), alignment);
    if (!copy.empty()) std::memcpy(copy.data(), data.data(), data.size());
    return copy;
  };
  if (data.empty()) return {};
  if (data.size() <= small_put_bytes) return copy_to(small_, alignof(std::max_align_t));
  // Large datasets start at a page of the file: copies that do the same can be written without the
  // page cache. What goes on from the last put goes on in memory, too.
  const bool goes_on = last_ == &array && last_end_ == rows.first;
  const std::size_t alignment = goes_on ? 1 : page_bytes;
  needed_bytes_ = static_cast<std::int64_t>(
      rounded_up(static_cast<std::size_t>(needed_bytes_), alignment) + data.size());
  last_ = &array;
  last_end_ = rows.first + rows.count;
  return large_ == nullptr ? std::span<const std::byte>() : copy_to(*large_, alignment);
}

Result<void> StagingWriter::put(const ArrayInfo& info, Rows rows, std::span<const std::byte> data) {
  const std::string quoted = "'" + info.name + "'";
  if (!is_array_name(info.name))
    return fail(bug("a state array cannot be named " + quoted +
                    "; letters, digits, _ - . + and single slashes can be used"));
  auto size = array_size(info);
  if (!size) return fail(bug(size.error().what));
  const std::int64_t length = info.shape[0];
  if (rows.first < 0 || rows.count < 0 || rows.count > length || rows.first > length - rows.count)
    return fail(bug("rows were put that " + quoted + " does not have"));
  if (std::cmp_not_equal(data.size(), rows.count * size->row_bytes))
    return fail(bug("the bytes put for " + quoted + " do not go with its shape"));
  auto [found, is_new] = arrays_.try_emplace(info.name, StagedArray{info, {}});
  StagedArray& array = found->second;
  if (!is_new && !same(array.info, info))
    return fail(bug(quoted + " was put with two dtypes or shapes"));
  if (rows.count == 0) return {};
  StagedSlab slab{rows, static_cast<std::int64_t>(data.size()), {}, puts_++};
  if (const auto copied = copy(array, rows, data); !copied.empty()) slab.pieces.push_back(copied);
  array.slabs.push_back(std::move(slab));
  return {};
}

std::int64_t StagingWriter::needed_bytes() const {
  return static_cast<std::int64_t>(rounded_up(static_cast<std::size_t>(needed_bytes_), page_bytes));
}

namespace {

/// What follows on in the array, and often in memory.
void join(StagedSlab& slab, StagedSlab& next) {
  const bool is_copied = slab.is_copied() && next.is_copied();
  slab.rows.count += next.rows.count;
  slab.bytes += next.bytes;
  if (!is_copied) {
    slab.pieces.clear();
    return;
  }
  for (const auto& piece : next.pieces) {
    if (!slab.pieces.empty() &&
        slab.pieces.back().data() + slab.pieces.back().size() == piece.data())
      slab.pieces.back() = {slab.pieces.back().data(), slab.pieces.back().size() + piece.size()};
    else
      slab.pieces.push_back(piece);
  }
}

}  // namespace

Result<std::vector<StagedArray>> StagingWriter::finish() {
  std::vector<StagedArray> staged;
  for (auto& [name, array] : arrays_) {
    std::sort(array.slabs.begin(), array.slabs.end(),
              [](const StagedSlab& a, const StagedSlab& b) { return a.rows.first < b.rows.first; });
    std::vector<StagedSlab> joined;
    for (StagedSlab& slab : array.slabs) {
      const std::int64_t end =
          joined.empty() ? -1 : joined.back().rows.first + joined.back().rows.count;
      if (slab.rows.first < end)
        return fail(
            bug("row " + std::to_string(slab.rows.first) + " of '" + name + "' was put twice"));
      if (slab.rows.first == end)
        join(joined.back(), slab);
      else
        joined.push_back(std::move(slab));
    }
    array.slabs = std::move(joined);
    staged.push_back(std::move(array));
  }
  return staged;
}

}  // namespace sovren::storage
