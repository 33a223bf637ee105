// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/hdf5_handle.h"

#include <hdf5.h>

#include <type_traits>

namespace sovren::storage {

static_assert(std::is_same_v<hid_t, Hdf5Id> && std::is_same_v<herr_t, int>, "HDF5 1.10 and later");

std::unique_lock<std::mutex> lock_hdf5() {
  static std::mutex mutex;
  static bool is_set_up = false;
  std::unique_lock lock(mutex);
  if (!is_set_up) {
    // Fails, without harm, when another folder has used HDF5 before.
    static_cast<void>(H5dont_atexit());
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    is_set_up = true;
  }
  return lock;
}

Error hdf5_error(const std::string& activity) {
  std::string why;
  const auto first = [](unsigned, const H5E_error2_t* entry, void* text) -> herr_t {
    auto& line = *static_cast<std::string*>(text);
    if (line.empty() && entry->desc != nullptr) line = entry->desc;
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, first, &why);
  H5Eclear2(H5E_DEFAULT);
  return {.code = Code::storage_io,
          .what = "HDF5 cannot " + activity + (why.empty() ? "" : ": " + why),
          .hint = "",
          .where = ""};
}

}  // namespace sovren::storage
