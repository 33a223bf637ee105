// SPDX-License-Identifier: Apache-2.0
// Any bytes as a glTF file, .gltf or .glb. What is read can be drawn: every number names something
// that is there, and every vertex is finite.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/base/check.h"
#include "jobs/rendering/scene_file.h"
#include "tests/fuzz/scene_check.h"

namespace {

using namespace sovren;

constexpr std::int64_t bytes_max = 4 << 20;

std::string scene_path() {
  const auto folder =
      std::filesystem::temp_directory_path() / ("gltf_fuzz_" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  return (folder / "scene.gltf").string();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string path = scene_path();
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  const auto scene =
      jobs::read_gltf(path, {.time_s = 0.25, .end_time_s = 0.75, .bytes_max = bytes_max});
  if (scene) {
    check_scene(*scene);
    for (const trace::Instance& instance : scene->instances)
      SOVREN_CHECK(trace::determinant(instance.world_from_object) != 0,
                   "an instance stands somewhere");
  } else {
    SOVREN_CHECK(!scene.error().what.empty() && !scene.error().where.empty(),
                 "a refusal says where and why");
  }
  return 0;
}
