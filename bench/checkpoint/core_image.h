// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "core/base/result.h"

namespace sovren::bench {

/// The other way to write a shard, measured against ours: HDF5 builds the file as an image in
/// memory (core driver, H5Dwrite), which is then copied out, summed and written.
Result<void> write_core_image(const std::string& path, std::span<const double> values);

}  // namespace sovren::bench
