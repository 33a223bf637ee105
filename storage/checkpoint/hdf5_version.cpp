// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/hdf5_version.h"

#include <H5public.h>

namespace sovren::storage {

std::string hdf5_version() {
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(release);
}

}  // namespace sovren::storage
