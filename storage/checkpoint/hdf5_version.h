// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace sovren::storage {

/// "1.10.8": of the HDF5 library that this program is linked to.
std::string hdf5_version();

}  // namespace sovren::storage
