// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>

#include "storage/checkpoint/hdf5_handle.h"

namespace sovren::storage {

/// The bytes that HDF5 wrote into a file that is nowhere: in pages, all others are zero.
class SparseBytes {
 public:
  void write(std::uint64_t at, std::span<const std::byte> data);
  void read(std::uint64_t at, std::span<std::byte> out) const;
  std::uint64_t size = 0;  ///< of the file, as HDF5 last set it

 private:
  static constexpr std::size_t page_bytes = 4096;
  std::map<std::uint64_t, std::array<std::byte, page_bytes>> pages_;
};

/// Makes files opened with these access properties live in `bytes`, which must outlive them. False
/// when HDF5 refuses. The caller holds lock_hdf5().
bool set_layout_driver(Hdf5Id access_properties, SparseBytes& bytes);

}  // namespace sovren::storage
