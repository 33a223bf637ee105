// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/scene_file.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

namespace sovren::jobs {

namespace {

struct Format {
  std::string_view ending;
  Result<trace::Scene> (*read)(const std::string&, const SceneMoment&);
};
constexpr Format formats[] = {
    {".gltf", read_gltf}, {".glb", read_gltf},    {".obj", read_obj},
    {".ply", read_ply},   {".xml", read_mitsuba},
};

}  // namespace

Result<trace::Scene> read_scene(const std::string& path, const SceneMoment& moment) {
  std::string ending = std::filesystem::path(path).extension().string();
  std::ranges::transform(ending, ending.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  for (const Format& format : formats)
    if (ending == format.ending) return format.read(path, moment);
  std::string known;
  for (const Format& format : formats)
    known += (known.empty() ? "" : ", ") + std::string(format.ending);
  return fail({.code = Code::data_invalid,
               .what = "no scene's name ends in '" + ending.substr(0, 20) + "'",
               .hint = "known are " + known,
               .where = path});
}

}  // namespace sovren::jobs
