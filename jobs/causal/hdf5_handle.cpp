// SPDX-License-Identifier: Apache-2.0
#include "jobs/causal/hdf5_handle.h"

#include <hdf5.h>

namespace sovren::jobs {

static_assert(sizeof(hid_t) == sizeof(Hdf5Handle::Id), "HDF5 1.10 and later have 64-bit hid_t");

Hdf5Silence::Hdf5Silence() {
  H5Eget_auto2(H5E_DEFAULT, &print_, &data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

Hdf5Silence::~Hdf5Silence() {
  H5Eset_auto2(H5E_DEFAULT, print_, data_);
}

}  // namespace sovren::jobs
