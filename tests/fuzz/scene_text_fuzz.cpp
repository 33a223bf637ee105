// SPDX-License-Identifier: Apache-2.0
// Any bytes as an OBJ file, its MTL, a PLY file or a scene of Mitsuba: the first byte, o, m, p or
// x, says which. What is read can be drawn.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "core/base/check.h"
#include "jobs/rendering/scene_file.h"
#include "tests/fuzz/scene_check.h"

namespace {

using namespace sovren;

std::string folder() {
  const auto made =
      std::filesystem::temp_directory_path() / ("scene_text_fuzz_" + std::to_string(::getpid()));
  std::filesystem::create_directory(made);
  return made.string() + "/";
}

void write(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary).write(text.data(), std::ssize(text));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string in = folder();
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  constexpr jobs::SceneMoment moment{.time_s = 0, .end_time_s = 0, .bytes_max = 4 << 20};
  std::string path = in + "scene.obj";
  if (data[0] == 'm') {
    write(in + "scene.mtl", text);
    write(path, "mtllib scene.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl a\nf 1 2 3\n");
  } else {
    if (data[0] == 'p') path = in + "scene.ply";
    if (data[0] == 'x') path = in + "scene.xml";
    write(path, text);
  }
  const auto scene = jobs::read_scene(path, moment);
  if (scene)
    check_scene(*scene);
  else
    SOVREN_CHECK(!scene.error().what.empty(), "a refusal says why");
  return 0;
}
