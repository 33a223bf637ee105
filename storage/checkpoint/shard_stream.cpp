// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/shard_stream.h"

#include <algorithm>
#include <utility>

namespace sovren::storage {
namespace {

Error out_of_order(const ArrayInfo& info, std::int64_t row, const std::string& expected) {
  return {.code = Code::bug,
          .what = "row " + std::to_string(row) + " of '" + info.name + "' was put where " +
                  expected +
                  " was to come: without a copy, rows have to be put in the same order each time"};
}

const StagedArray* find_array(const std::vector<StagedArray>& staged, const std::string& name) {
  const auto found = std::lower_bound(
      staged.begin(), staged.end(), name,
      [](const StagedArray& array, const std::string& wanted) { return array.info.name < wanted; });
  return found != staged.end() && found->info.name == name ? &*found : nullptr;
}

}  // namespace

ShardStream::ShardStream(const std::vector<StagedArray>& staged, const ShardLayout& layout,
                         const std::string& path, const ShardForm& form)
    : staged_(staged), layout_(layout) {
  auto shard = ShardWriter::create(path, layout.bytes, form);
  if (shard)
    writer_.emplace(std::move(*shard));
  else
    failure_ = std::move(shard).error();
}

const StagedSlab& ShardStream::slab_at(const ShardPart& part) const {
  const ShardSlab& slab = layout_.slabs[part.slab];
  return staged_[slab.array].slabs[slab.slab];
}

Result<void> ShardStream::write_what_is_here() {
  for (; part_ < layout_.parts.size() && part_rows_ == 0; ++part_) {
    const ShardPart& part = layout_.parts[part_];
    if (!part.structures.empty()) {
      SOVREN_DO(writer_->append(part.structures));
      continue;
    }
    const StagedSlab& slab = slab_at(part);
    if (!slab.is_copied()) break;
    for (const auto& piece : slab.pieces) SOVREN_DO(writer_->append(piece));
  }
  return {};
}

Result<void> ShardStream::write_rows(const ArrayInfo& info, Rows rows,
                                     std::span<const std::byte> data) {
  const StagedArray* array = find_array(staged_, info.name);
  const auto is_here = [&](const StagedSlab& slab) {
    return slab.rows.first <= rows.first &&
           rows.first + rows.count <= slab.rows.first + slab.rows.count;
  };
  const StagedSlab* slab = nullptr;
  if (array != nullptr) {
    const auto found = std::find_if(array->slabs.begin(), array->slabs.end(), is_here);
    if (found != array->slabs.end()) slab = &*found;
  }
  if (slab != nullptr && slab->is_copied()) return {};
  SOVREN_DO(write_what_is_here());
  if (part_ == layout_.parts.size()) return fail(out_of_order(info, rows.first, "nothing"));
  const StagedSlab& next = slab_at(layout_.parts[part_]);
  const ShardSlab& place = layout_.slabs[layout_.parts[part_].slab];
  const std::int64_t next_row = next.rows.first + part_rows_;
  if (slab != &next || rows.first != next_row ||
      std::cmp_not_equal(data.size(), next.bytes / next.rows.count * rows.count))
    return fail(out_of_order(
        info, rows.first,
        "row " + std::to_string(next_row) + " of '" + staged_[place.array].info.name + "'"));
  SOVREN_DO(writer_->append(data));
  part_rows_ += rows.count;
  if (part_rows_ < next.rows.count) return {};
  part_rows_ = 0;
  ++part_;
  return {};
}

Result<void> ShardStream::put(const ArrayInfo& info, Rows rows, std::span<const std::byte> data) {
  if (failure_ || data.empty()) return {};
  if (auto written = write_rows(info, rows, data); !written) failure_ = std::move(written).error();
  return {};
}

Result<FileDigest> ShardStream::finish() {
  if (failure_) return fail(*failure_);
  SOVREN_DO(write_what_is_here());
  if (part_ < layout_.parts.size()) {
    const ShardSlab& place = layout_.slabs[layout_.parts[part_].slab];
    return fail({.code = Code::bug,
                 .what = "the rows of '" + staged_[place.array].info.name +
                         "' were not all put the second time"});
  }
  return writer_->finish();
}

}  // namespace sovren::storage
