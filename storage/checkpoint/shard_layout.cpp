// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/shard_layout.h"

#include <hdf5.h>

#include <algorithm>
#include <array>

#include "core/base/check.h"
#include "storage/checkpoint/hdf5_handle.h"
#include "storage/checkpoint/layout_driver.h"
#include "storage/checkpoint/manifest.h"

namespace sovren::storage {
namespace {

// Datasets of a page and more start at a page: they can be read and written without copying parts.
constexpr hsize_t alignment_bytes = 4096;

Hdf5Id file_type(Dtype dtype) {
  switch (dtype) {
    case Dtype::u8:
      return H5T_STD_U8LE;
    case Dtype::i32:
      return H5T_STD_I32LE;
    case Dtype::i64:
      return H5T_STD_I64LE;
    case Dtype::f32:
      return H5T_IEEE_F32LE;
    case Dtype::f64:
      return H5T_IEEE_F64LE;
  }
  return H5I_INVALID_HID;
}

struct Slot {
  ShardSlab slab;
  const StagedArray* array;
  const StagedSlab* staged;
};

Result<void> put_attribute(Hdf5Id object, const char* name, std::span<const std::int64_t> values) {
  const hsize_t length = values.size();
  Hdf5Handle space(
      values.size() == 1 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &length, nullptr), H5Sclose);
  Hdf5Handle attribute(
      H5Acreate2(object, name, H5T_STD_I64LE, space.id(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  if (!space.is_open() || !attribute.is_open() ||
      H5Awrite(attribute.id(), H5T_NATIVE_INT64, values.data()) < 0 || !attribute.close())
    return fail(hdf5_error("write the attribute '" + std::string(name) + "'"));
  return {};
}

/// The groups on the way to a dataset. Made one by one: those that HDF5 makes itself hold the time.
Result<void> create_groups(Hdf5Id file, Hdf5Id group_properties, const std::string& path) {
  for (std::size_t at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1)) {
    const std::string name = path.substr(0, at);
    if (H5Lexists(file, name.c_str(), H5P_DEFAULT) > 0) continue;
    Hdf5Handle group(H5Gcreate2(file, name.c_str(), H5P_DEFAULT, group_properties, H5P_DEFAULT),
                     H5Gclose);
    if (!group.is_open() || !group.close())
      return fail(hdf5_error("create the group '" + name + "'"));
  }
  return {};
}

/// Creates the dataset of a slot and stores where its bytes are to be.
Result<void> create_dataset(Hdf5Id file, Hdf5Id group_properties, Hdf5Id dataset_properties,
                            Slot& slot) {
  SOVREN_DO(create_groups(file, group_properties, slot.slab.path));
  const ArrayInfo& info = slot.array->info;
  std::vector<hsize_t> lengths(info.shape.begin(), info.shape.end());
  lengths[0] = static_cast<hsize_t>(slot.staged->rows.count);
  Hdf5Handle space(H5Screate_simple(static_cast<int>(lengths.size()), lengths.data(), nullptr),
                   H5Sclose);
  if (!space.is_open()) return fail(hdf5_error("make a dataspace for '" + slot.slab.path + "'"));
  Hdf5Handle dataset(H5Dcreate2(file, slot.slab.path.c_str(), file_type(info.dtype), space.id(),
                                H5P_DEFAULT, dataset_properties, H5P_DEFAULT),
                     H5Dclose);
  if (!dataset.is_open()) return fail(hdf5_error("create '" + slot.slab.path + "'"));
  SOVREN_DO(put_attribute(dataset.id(), "global_shape", info.shape));
  const std::array first{slot.staged->rows.first};
  SOVREN_DO(put_attribute(dataset.id(), "first_row", first));
  if (slot.slab.bytes > 0) {
    const haddr_t offset = H5Dget_offset(dataset.id());
    if (offset == HADDR_UNDEF) return fail(hdf5_error("place '" + slot.slab.path + "'"));
    slot.slab.offset = static_cast<std::int64_t>(offset);
  }
  if (!dataset.close()) return fail(hdf5_error("close '" + slot.slab.path + "'"));
  return {};
}

/// Lets HDF5 make the file, all but the rows.
Result<void> write_structures(SparseBytes& bytes, const SetHeader& header,
                              std::vector<Slot>& slots) {
  const auto lock = lock_hdf5();
  Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  Hdf5Handle creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
  Hdf5Handle groups(H5Pcreate(H5P_GROUP_CREATE), H5Pclose);
  Hdf5Handle datasets(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  const bool is_set = access.is_open() && creation.is_open() && groups.is_open() &&
                      datasets.is_open() && set_layout_driver(access.id(), bytes) &&
                      H5Pset_libver_bounds(access.id(), H5F_LIBVER_V110, H5F_LIBVER_V110) >= 0 &&
                      H5Pset_alignment(access.id(), alignment_bytes, alignment_bytes) >= 0 &&
                      H5Pset_obj_track_times(creation.id(), 0) >= 0 &&
                      H5Pset_obj_track_times(groups.id(), 0) >= 0 &&
                      H5Pset_layout(datasets.id(), H5D_CONTIGUOUS) >= 0 &&
                      H5Pset_alloc_time(datasets.id(), H5D_ALLOC_TIME_EARLY) >= 0 &&
                      H5Pset_fill_time(datasets.id(), H5D_FILL_TIME_NEVER) >= 0 &&
                      H5Pset_obj_track_times(datasets.id(), 0) >= 0;
  if (!is_set) return fail(hdf5_error("set up the layout of a shard"));
  Hdf5Handle file(H5Fcreate("shard", H5F_ACC_TRUNC, creation.id(), access.id()), H5Fclose);
  if (!file.is_open()) return fail(hdf5_error("create a shard"));
  for (Slot& slot : slots) SOVREN_DO(create_dataset(file.id(), groups.id(), datasets.id(), slot));
  SOVREN_DO(put_attribute(file.id(), "job", std::array{header.job.value}));
  SOVREN_DO(put_attribute(file.id(), "attempt", std::array<std::int64_t, 1>{header.attempt}));
  SOVREN_DO(put_attribute(file.id(), "step", std::array{header.step}));
  if (!file.close()) return fail(hdf5_error("close a shard"));
  return {};
}

/// Puts structures and rows into the order of the file.
void list_parts(const SparseBytes& structures, ShardLayout& layout) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < layout.slabs.size(); ++i)
    if (layout.slabs[i].bytes > 0) order.push_back(i);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return layout.slabs[a].offset < layout.slabs[b].offset;
  });
  layout.bytes = static_cast<std::int64_t>(structures.size);
  const auto add_structures = [&](std::int64_t from, std::int64_t to) {
    if (from == to) return;
    std::vector<std::byte> bytes(static_cast<std::size_t>(to - from));
    structures.read(static_cast<std::uint64_t>(from), bytes);
    layout.parts.push_back({.bytes = to - from, .structures = std::move(bytes)});
  };
  std::int64_t at = 0;
  for (const std::size_t i : order) {
    const ShardSlab& slab = layout.slabs[i];
    const std::int64_t end = slab.offset + slab.bytes;
    SOVREN_CHECK(slab.offset >= at && end <= layout.bytes,
                 "HDF5 lays datasets one after the other into the file");
    add_structures(at, slab.offset);
    layout.parts.push_back({.bytes = slab.bytes, .structures = {}, .slab = i});
    at = end;
  }
  add_structures(at, layout.bytes);
}

}  // namespace

Result<ShardLayout> lay_out_shard(const SetHeader& header, std::span<const StagedArray> arrays) {
  std::vector<Slot> slots;
  for (std::size_t a = 0; a < arrays.size(); ++a) {
    const StagedArray& array = arrays[a];
    for (std::size_t s = 0; s < array.slabs.size(); ++s) {
      const StagedSlab& slab = array.slabs[s];
      // '@' is in no array name.
      const std::string path = array.slabs.size() == 1
                                   ? array.info.name
                                   : array.info.name + "@" + std::to_string(slab.rows.first);
      slots.push_back({{a, s, path, 0, slab.bytes}, &array, &slab});
    }
  }
  std::sort(slots.begin(), slots.end(),
            [](const Slot& a, const Slot& b) { return a.staged->order < b.staged->order; });
  ShardLayout layout;
  SparseBytes structures;
  SOVREN_DO(write_structures(structures, header, slots));
  for (Slot& slot : slots) layout.slabs.push_back(std::move(slot.slab));
  list_parts(structures, layout);
  return layout;
}

std::vector<std::span<const std::byte>> pieces_of(const ShardLayout& layout,
                                                  std::span<const StagedArray> arrays) {
  std::vector<std::span<const std::byte>> pieces;
  for (const ShardPart& part : layout.parts) {
    if (!part.structures.empty()) {
      pieces.emplace_back(part.structures);
      continue;
    }
    const ShardSlab& slab = layout.slabs[part.slab];
    const auto& rows = arrays[slab.array].slabs[slab.slab].pieces;
    pieces.insert(pieces.end(), rows.begin(), rows.end());
  }
  return pieces;
}

}  // namespace sovren::storage
