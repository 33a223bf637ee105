// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "kernels/trace/scene.h"

namespace sovren::jobs {

/// What an OBJ file has: one mesh for each object (or group) and material.
struct ObjFile {
  struct Part {
    std::string object, material;
    trace::Mesh mesh;  ///< its material is 0
  };
  std::vector<Part> parts;
  std::vector<std::string> libraries;  ///< of mtllib, as they are named
  std::vector<std::string> warnings;
};

/// Polygons are split; corners may be counted backwards; uv are turned to ours (v runs down);
/// colours of vertices (x y z r g b) are sRGB. Lines, points and free-form surfaces are left out
/// with a warning.
/// Errors   input_missing; refused: too large; data_invalid with file and line.
/// Source   Wavefront, Object Files (.obj), appendix B1 of the Advanced Visualizer's manual.
Result<ObjFile> read_obj_file(const std::string& path, std::int64_t bytes_max);

}  // namespace sovren::jobs
