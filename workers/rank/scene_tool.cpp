// SPDX-License-Identifier: Apache-2.0
#include "workers/rank/scene_tool.h"

#include <array>
#include <istream>
#include <iterator>
#include <ostream>
#include <string>

#include "core/text/json.h"
#include "jobs/rendering/generate/scenes.h"
#include "jobs/rendering/generate/sky.h"
#include "jobs/rendering/gltf_writer.h"
#include "jobs/rendering/picture.h"
#include "storage/file/file.h"

namespace sovren::workers {
namespace {

using text::Json;

/// Of all that stands somewhere: a mesh counts as often as it is used.
std::int64_t triangles_of(const jobs::GltfModel& model) {
  std::int64_t triangles = 0;
  for (const jobs::GltfNode& node : model.nodes) {
    if (node.mesh < 0) continue;
    for (const auto& part : model.meshes[static_cast<std::size_t>(node.mesh)].parts)
      triangles += std::ssize(part.triangles.triangles);
  }
  return triangles;
}

Result<void> write_output(const std::string& output, const char* ending, const std::string& bytes) {
  if (!output.ends_with(ending))
    return fail(
        {.code = Code::usage, .what = "--output '" + output + "' does not end in " + ending});
  SOVREN_DO(storage::make_directories(storage::parent_directory(output)));
  return storage::write_file_atomic(output, bytes);
}

Result<Json> make(std::istream& stream) {
  const std::string request_bytes(std::istreambuf_iterator<char>(stream), {});
  SOVREN_TRY(request, text::parse_json(request_bytes, "request"));
  SOVREN_TRY(name, text::get_string(request, "scene"));
  SOVREN_TRY(output, text::get_string(request, "output"));
  SOVREN_TRY(detail, text::get_double(request, "detail"));
  Json answer{{"schema", "sovren.scene/1"}, {"scene", name}, {"output", output}};
  if (name == "sky") {
    constexpr int width = 256;
    const jobs::Picture sky = jobs::generate_sky(width);
    const std::array<jobs::Layer, 1> layers{{{"", {"R", "G", "B"}, &sky}}};
    SOVREN_TRY(file, jobs::encode_exr(layers, true, {}));
    SOVREN_DO(write_output(output, ".exr", file));
    answer["bytes"] = file.size();
    return answer;
  }
  SOVREN_TRY(model, jobs::generate_scene(name, detail));
  SOVREN_TRY(bytes, jobs::write_glb(model));
  SOVREN_DO(write_output(output, ".glb", bytes));
  answer["triangles"] = triangles_of(model);
  answer["bytes"] = bytes.size();
  return answer;
}

}  // namespace

int make_scene(std::istream& request, std::ostream& answer) {
  const auto made = make(request);
  answer << text::dump_json(made ? *made : text::error_to_json(made.error())) << "\n";
  return made ? exit_done : rank_exit_code(made.error().code);
}

}  // namespace sovren::workers
