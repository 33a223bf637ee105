// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/staging.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "storage/checkpoint/manifest.h"

namespace sovren::storage {
namespace {

constexpr std::size_t block_bytes_min = std::size_t{16} << 20;

Error bug(std::string what) {
  return {.code = Code::bug, .what = std::move(what), .hint = "", .where = ""};
}

bool same(const ArrayInfo& a, const ArrayInfo& b) {
  return a.dtype == b.dtype && a.shape == b.shape;
}

}  // namespace

std::span<std::byte> StagingMemory::take(std::size_t size) {
  // A put that does not fit into the current block goes into the next; the rest stays unused.
  while (current_ < blocks_.size() && blocks_[current_].size - blocks_[current_].used < size) {
    if (blocks_[current_].used == 0) {
      blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(current_));
    } else {
      ++current_;
    }
  }
  if (current_ == blocks_.size()) {
    const std::size_t block_size = std::max(size, block_bytes_min);
    std::unique_ptr<std::byte[]> data(new (std::nothrow) std::byte[block_size]);
    if (data == nullptr) return {};
    blocks_.push_back({std::move(data), block_size, 0});
  }
  Block& block = blocks_[current_];
  const std::span<std::byte> taken(block.data.get() + block.used, size);
  block.used += size;
  return taken;
}

void StagingMemory::reset() {
  std::erase_if(blocks_, [](const Block& block) { return block.used == 0; });
  for (Block& block : blocks_) block.used = 0;
  current_ = 0;
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
  const std::span<std::byte> copy = memory_.take(data.size());
  if (copy.size() != data.size()) {
    return fail({.code = Code::storage_io,
                 .what = "not enough memory to copy " + std::to_string(data.size()) + " bytes of " +
                         quoted + " for a checkpoint",
                 .hint = "use more ranks or nodes, or a larger memory_per_rank",
                 .where = ""});
  }
  if (!data.empty()) std::memcpy(copy.data(), data.data(), data.size());
  array.slabs.push_back({rows, {copy}});
  return {};
}

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
      if (slab.rows.first == end) {
        joined.back().rows.count += slab.rows.count;
        joined.back().pieces.push_back(slab.pieces.front());
      } else {
        joined.push_back(std::move(slab));
      }
    }
    array.slabs = std::move(joined);
    staged.push_back(std::move(array));
  }
  return staged;
}

}  // namespace sovren::storage
