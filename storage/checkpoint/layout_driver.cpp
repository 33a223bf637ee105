// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/layout_driver.h"

#include <hdf5.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <limits>
#include <new>

// A virtual file driver (HDF5 "VFL Technical Note") with nothing below it but memory. It exists so
// that HDF5 never sees a disk: no errno that it could lose, and nothing to be flushed at its exit.

namespace sovren::storage {

void SparseBytes::write(std::uint64_t at, std::span<const std::byte> data) {
  while (!data.empty()) {
    const std::size_t in_page = at % page_bytes;
    const std::size_t part = std::min(data.size(), page_bytes - in_page);
    auto [page, is_new] = pages_.try_emplace(at / page_bytes);
    if (is_new) page->second.fill(std::byte{0});
    std::memcpy(page->second.data() + in_page, data.data(), part);
    data = data.subspan(part);
    at += part;
  }
}

void SparseBytes::read(std::uint64_t at, std::span<std::byte> out) const {
  while (!out.empty()) {
    const std::size_t in_page = at % page_bytes;
    const std::size_t part = std::min(out.size(), page_bytes - in_page);
    const auto page = pages_.find(at / page_bytes);
    if (page == pages_.end())
      std::memset(out.data(), 0, part);
    else
      std::memcpy(out.data(), page->second.data() + in_page, part);
    out = out.subspan(part);
    at += part;
  }
}

namespace {

struct Properties {
  SparseBytes* bytes;
};

/// HDF5 knows it by its first member.
struct File {
  H5FD_t base{};
  SparseBytes* bytes = nullptr;
};

File* file_of(H5FD_t* file) {
  return reinterpret_cast<File*>(file);
}
const File* file_of(const H5FD_t* file) {
  return reinterpret_cast<const File*>(file);
}

H5FD_t* open_file(const char*, unsigned, hid_t access_properties, haddr_t) {
  const auto* const properties =
      static_cast<const Properties*>(H5Pget_driver_info(access_properties));
  if (properties == nullptr) return nullptr;
  File* const file = new (std::nothrow) File;
  if (file != nullptr) file->bytes = properties->bytes;
  return reinterpret_cast<H5FD_t*>(file);
}

herr_t close_file(H5FD_t* file) {
  delete file_of(file);
  return 0;
}

herr_t query(const H5FD_t*, unsigned long* flags) {
  *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_AGGREGATE_SMALLDATA;
  return 0;
}

haddr_t get_size(const H5FD_t* file, H5FD_mem_t) {
  return file_of(file)->bytes->size;
}

herr_t set_size(H5FD_t* file, H5FD_mem_t, haddr_t size) {
  file_of(file)->bytes->size = size;
  return 0;
}

herr_t read_bytes(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t at, std::size_t size, void* out) {
  file_of(file)->bytes->read(at, {static_cast<std::byte*>(out), size});
  return 0;
}

herr_t write_bytes(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t at, std::size_t size,
                   const void* data) {
  try {
    file_of(file)->bytes->write(at, {static_cast<const std::byte*>(data), size});
  } catch (const std::exception&) {  // bad_alloc must not cross HDF5, which is C
    return -1;
  }
  return 0;
}

hid_t register_driver() {
  H5FD_class_t driver{};
  driver.name = "sovren layout";
  driver.maxaddr = static_cast<haddr_t>(std::numeric_limits<std::int64_t>::max());
  driver.fc_degree = H5F_CLOSE_STRONG;
  driver.fapl_size = sizeof(Properties);
  driver.open = open_file;
  driver.close = close_file;
  driver.query = query;
  driver.get_eoa = get_size;
  driver.set_eoa = set_size;
  driver.get_eof = get_size;
  driver.read = read_bytes;
  driver.write = write_bytes;
  constexpr std::array<H5FD_mem_t, H5FD_MEM_NTYPES> one_list = H5FD_FLMAP_DICHOTOMY;
  std::copy(one_list.begin(), one_list.end(), driver.fl_map);
  return H5FDregister(&driver);
}

}  // namespace

bool set_layout_driver(Hdf5Id access_properties, SparseBytes& bytes) {
  static const hid_t driver = register_driver();
  const Properties properties{&bytes};
  return driver >= 0 && H5Pset_driver(access_properties, driver, &properties) >= 0;
}

}  // namespace sovren::storage
