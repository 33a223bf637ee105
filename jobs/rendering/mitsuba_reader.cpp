// SPDX-License-Identifier: Apache-2.0
// The common subset of Mitsuba 3's scenes: sensors, shapes, BSDFs, textures, emitters.
// Source   Mitsuba 3's documentation, "Plugins".
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "jobs/kind/input_file.h"
#include "jobs/rendering/mitsuba_lights.h"
#include "jobs/rendering/mitsuba_materials.h"
#include "jobs/rendering/mitsuba_shapes.h"
#include "jobs/rendering/mitsuba_xml.h"
#include "jobs/rendering/scene_file.h"

namespace sovren::jobs {
namespace mitsuba {
namespace {

class Reader {
 public:
  Reader(Document& document, std::int64_t bytes_max)
      : document_(document), bytes_max_(bytes_max), textures_(bytes_max), materials_(textures_) {}

  Result<trace::Scene> read() {
    for (const Node& child : document_.root().children()) {
      const std::string tag = child.tag();
      if (tag == "shape")
        SOVREN_DO(add_shape(child));
      else if (tag == "emitter")
        SOVREN_DO(add_emitter(child, textures_, scene_));
      else if (tag == "sensor")
        SOVREN_DO(add_sensor(child, scene_));
      else if (tag == "integrator")
        SOVREN_DO(look_at_integrator(child));
      else if (tag != "default" && tag != "bsdf" && tag != "texture")
        child.warn("<" + tag.substr(0, 40) + "> is not read");
    }
    scene_.materials = materials_.take();
    scene_.textures = textures_.take();
    scene_.warnings = std::move(document_.warnings);
    return std::move(scene_);
  }

 private:
  /// Paths are what is computed whatever it asks for; a depth of -1 is none.
  Result<void> look_at_integrator(const Node& integrator) {
    const std::string type = integrator.type();
    if (type != "path" && type != "aov")
      integrator.warn("the integrator '" + type.substr(0, 40) + "' is taken as path");
    SOVREN_TRY(depth, integrator.number("max_depth", -1));
    if (depth >= 0)
      integrator.warn("max_depth is the job's: that of this file would be max_depth = " +
                      std::to_string(std::max(0, static_cast<int>(depth) - 2)));
    for (const Node& child : integrator.children())
      if (child.tag() == "integrator") SOVREN_DO(look_at_integrator(child));
    return {};
  }

  Result<void> add_shape(const Node& shape) {
    SOVREN_TRY(made, read_shape(shape, bytes_max_));
    if (!made) return {};
    SOVREN_TRY(bare, materials_.of_shape(shape));
    int material = bare;
    for (const Node& child : shape.children()) {
      if (child.tag() != "emitter") continue;
      if (child.type() != "area") return fail(child.wrong("a shape's emitter must be area"));
      SOVREN_TRY(radiance, child.color("radiance", {1, 1, 1}));
      material = materials_.shining(bare, radiance);
    }
    ++object_id_;
    for (trace::Mesh& mesh : made->meshes) {
      mesh.material = material;
      trace::Instance instance;
      instance.name = mesh.name;
      instance.mesh = static_cast<int>(scene_.meshes.size());
      instance.object_id = object_id_;
      instance.world_from_object = instance.world_from_object_end = made->world_from_object;
      scene_.instances.push_back(std::move(instance));
      scene_.meshes.push_back(std::move(mesh));
    }
    return {};
  }

  Document& document_;
  std::int64_t bytes_max_;
  trace::Scene scene_;
  SceneTextures textures_;
  Materials materials_;
  int object_id_ = 0;
};

}  // namespace
}  // namespace mitsuba

Result<trace::Scene> read_mitsuba(const std::string& path, const SceneMoment& moment) {
  SOVREN_TRY(file, MappedFile::open(path));
  constexpr std::int64_t text_max = std::int64_t{64} << 20;  // shapes are in files of their own
  if (static_cast<std::int64_t>(file.text().size()) > std::min(text_max, moment.bytes_max / 16))
    return fail({.code = Code::refused,
                 .what = "the file is too large: " + std::to_string(file.text().size()) + " bytes",
                 .where = path});
  mitsuba::Document document;
  SOVREN_DO(mitsuba::Document::parse(path, file.text(), document));
  return mitsuba::Reader(document, moment.bytes_max).read();
}

}  // namespace sovren::jobs
