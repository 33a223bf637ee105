// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "core/base/result.h"
#include "core/port/asset_cache.h"
#include "kernels/trace/scene.h"

namespace sovren::jobs {

/// When a scene is looked at, and how much of it is accepted.
struct SceneMoment {
  double time_s = 0;      ///< of its animations, when the shutter opens
  double end_time_s = 0;  ///< when it closes; the same: nothing moves meanwhile
  std::int64_t bytes_max = std::int64_t{8} << 30;  ///< of all files, decoded
  AssetCache* assets = nullptr;                    ///< for decoded textures; null: none
};

/// Reads a scene with all files that it names, by the ending of its name: .gltf .glb .obj .ply
/// .xml.
/// Errors   input_missing, data_invalid, refused (too large, a required extension that is not
///          known), each naming the file, the node or line, and what is wrong.
Result<trace::Scene> read_scene(const std::string& path, const SceneMoment& moment);

// One for each format; read_scene() chooses.
Result<trace::Scene> read_gltf(const std::string& path, const SceneMoment& moment);
Result<trace::Scene> read_obj(const std::string& path, const SceneMoment& moment);
Result<trace::Scene> read_ply(const std::string& path, const SceneMoment& moment);
Result<trace::Scene> read_mitsuba(const std::string& path, const SceneMoment& moment);

}  // namespace sovren::jobs
