// SPDX-License-Identifier: Apache-2.0
#include "bench/checkpoint/core_image.h"

#include <hdf5.h>

#include <vector>

#include "storage/checkpoint/hdf5_handle.h"
#include "storage/checkpoint/shard_writer.h"
#include "storage/file/file.h"

namespace sovren::bench {

using storage::hdf5_error;
using storage::Hdf5Handle;

Result<void> write_core_image(const std::string& path, std::span<const double> values) {
  std::vector<std::byte> image;
  {
    const auto lock = storage::lock_hdf5();
    Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    Hdf5Handle datasets(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    constexpr std::size_t growth_bytes = std::size_t{64} << 20;
    H5Pset_fapl_core(access.id(), growth_bytes, 0);
    H5Pset_libver_bounds(access.id(), H5F_LIBVER_V110, H5F_LIBVER_V110);
    H5Pset_alloc_time(datasets.id(), H5D_ALLOC_TIME_EARLY);
    H5Pset_fill_time(datasets.id(), H5D_FILL_TIME_NEVER);
    Hdf5Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.id()), H5Fclose);
    const hsize_t length = values.size();
    Hdf5Handle space(H5Screate_simple(1, &length, nullptr), H5Sclose);
    Hdf5Handle dataset(H5Dcreate2(file.id(), "x", H5T_IEEE_F64LE, space.id(), H5P_DEFAULT,
                                  datasets.id(), H5P_DEFAULT),
                       H5Dclose);
    if (H5Dwrite(dataset.id(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0)
      return fail(hdf5_error("write a dataset in memory"));
    if (!dataset.close() || H5Fflush(file.id(), H5F_SCOPE_LOCAL) < 0)
      return fail(hdf5_error("flush a file in memory"));
    const ssize_t size = H5Fget_file_image(file.id(), nullptr, 0);
    if (size <= 0) return fail(hdf5_error("give a file image"));
    image.resize(static_cast<std::size_t>(size));
    if (H5Fget_file_image(file.id(), image.data(), image.size()) != size)
      return fail(hdf5_error("give a file image"));
  }
  const std::span<const std::byte> piece(image);
  return storage::write_shard(path, std::span(&piece, 1), storage::DigestKind::sha256)
      .map([](const auto&) {});
}

}  // namespace sovren::bench
