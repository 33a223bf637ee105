// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/gltf_views.h"

#include <array>
#include <limits>
#include <optional>
#include <string>

#include "jobs/rendering/gltf_document.h"
#include "kernels/trace/film.h"
#include "kernels/trace/math.h"

namespace sovren::jobs::gltf {

using trace::Affine;
using trace::Camera;
using trace::PunctualLight;
using trace::Vec3;

namespace {

constexpr float any = std::numeric_limits<float>::max();
constexpr float smallest = std::numeric_limits<float>::min();

// The same place and view direction, with axes of length 1 at right angles.
std::optional<Affine> rigid(const Affine& m) {
  const Vec3 z = trace::normalized(m.columns[2]);
  const Vec3 x = trace::normalized(trace::cross(m.columns[1], z));
  const Affine result{{x, trace::cross(z, x), z}, m.origin};
  if (!is_finite(result)) return std::nullopt;
  return result;
}

Result<void> read_perspective(const Place& place, Camera& camera) {
  SOVREN_TRY(perspective, place.needed_object("perspective"));
  SOVREN_TRY(y_fov, perspective.number("yfov", 0, 0, 3.14159F));
  if (y_fov == 0) return perspective.wrong_at("yfov", "must be there and more than 0");
  camera.y_fov = y_fov;
  return {};
}

Result<void> read_orthographic(const Place& place, Camera& camera) {
  SOVREN_TRY(orthographic, place.needed_object("orthographic"));
  SOVREN_TRY(y_extent, orthographic.number("ymag", 0, 0, any));
  if (y_extent == 0) return orthographic.wrong_at("ymag", "must be there and more than 0");
  camera.kind = Camera::Kind::orthographic;
  camera.y_extent = y_extent;
  return {};
}

// Our own: glTF's cameras are pinholes.
Result<void> read_lens(const Place& place, Camera& camera) {
  SOVREN_TRY(extras, place.object("extras"));
  if (!extras) return {};
  SOVREN_TRY(lens, extras->object("sovren_lens"));
  if (!lens) return {};
  SOVREN_TRY(radius, lens->number("radius", 0, 0, any));
  SOVREN_TRY(focus, lens->number("focus_distance", 1, smallest, any));
  camera.lens_radius = radius;
  camera.focus_distance = focus;
  return {};
}

Result<void> read_cone(const Place& place, PunctualLight& light) {
  SOVREN_TRY(spot, place.needed_object("spot"));
  SOVREN_TRY(inner, spot.number("innerConeAngle", 0, 0, 1.5707964F));
  SOVREN_TRY(outer, spot.number("outerConeAngle", 0.78539816F, 0, 1.5707964F));
  if (!(inner < outer)) return spot.wrong_at("innerConeAngle", "must be less than outerConeAngle");
  float sine = 0;
  trace::sin_cos(inner, sine, light.cos_inner);
  trace::sin_cos(outer, sine, light.cos_outer);
  return {};
}

}  // namespace

Result<Camera> read_camera(const Document& document, const Node& node, const Affine& opens,
                           const Affine& closes) {
  const Place place = document.item(Part::cameras, node.camera);
  Camera camera;
  SOVREN_TRY(name, place.text("name", ""));
  SOVREN_TRY(type, place.text("type", ""));
  camera.name = name.empty() ? node.name : name;
  camera.node_name = node.name;
  if (type == "perspective")
    SOVREN_DO(read_perspective(place, camera));
  else if (type == "orthographic")
    SOVREN_DO(read_orthographic(place, camera));
  else
    return place.wrong_at("type",
                          "must be perspective or orthographic, not '" + type.substr(0, 20) + "'");
  SOVREN_DO(read_lens(place, camera));
  const auto first = rigid(opens), last = rigid(closes);
  if (!first || !last) return place.wrong("the node '" + node.name + "' scales it to nothing");
  camera.world_from_camera = *first;
  camera.world_from_camera_end = *last;
  return camera;
}

Result<PunctualLight> read_light(const Document& document, const Node& node,
                                 const Affine& world_from_node) {
  SOVREN_TRY(extension, document.root().extension("KHR_lights_punctual"));
  if (!extension) return document.root().wrong("has no KHR_lights_punctual");
  SOVREN_TRY(lights, extension->objects("lights"));
  const Place& place = lights[static_cast<std::size_t>(node.light)];
  PunctualLight light;
  SOVREN_TRY(name, place.text("name", ""));
  SOVREN_TRY(type, place.text("type", ""));
  SOVREN_TRY(color, place.numbers("color", std::array<float, 3>{1, 1, 1}));
  SOVREN_TRY(intensity, place.number("intensity", 1, 0, any));
  light.name = node.name.empty() ? name : node.name;
  light.position = world_from_node.origin;
  light.direction = trace::normalized(-world_from_node.columns[2]);
  light.intensity = Vec3{color[0], color[1], color[2]} * intensity;
  if (!trace::is_finite(light.intensity) || color[0] < 0 || color[1] < 0 || color[2] < 0)
    return place.wrong_at("color", "its numbers must not be negative, nor too large");
  if (type == "directional")
    light.kind = PunctualLight::Kind::directional;
  else if (type == "spot")
    light.kind = PunctualLight::Kind::spot;
  else if (type != "point")
    return place.wrong_at("type",
                          "must be point, spot or directional, not '" + type.substr(0, 20) + "'");
  if (light.kind == PunctualLight::Kind::spot) SOVREN_DO(read_cone(place, light));
  if (light.kind != PunctualLight::Kind::point && !trace::is_finite(light.direction))
    return place.wrong("the node '" + node.name + "' scales its direction to nothing");
  if (light.kind == PunctualLight::Kind::point) light.direction = {0, 0, -1};
  return light;
}

}  // namespace sovren::jobs::gltf
