// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "core/base/result.h"
#include "kernels/trace/scene.h"

namespace sovren::jobs {

/// The mesh of a PLY file: ascii, or binary of either order of bytes. Of vertices x y z, nx ny nz,
/// u v (or s t), red green blue (bytes: sRGB; floats: linear) are read; of faces their corners,
/// polygons are split. Other elements and properties are passed over.
/// Errors   input_missing; refused: too large; data_invalid with the line (or, in binary files,
///          the byte) where it is.
/// Source   G. Turk, The PLY Polygon File Format (1994).
Result<trace::Mesh> read_ply_mesh(const std::string& path, std::int64_t bytes_max);

}  // namespace sovren::jobs
