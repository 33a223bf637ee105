// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/mitsuba_lights.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>

#include "kernels/trace/math.h"

namespace sovren::jobs::mitsuba {
namespace {

using trace::Affine;
using trace::PunctualLight;
using trace::Texture;
using trace::Vec3;

constexpr float degree = trace::pi / 180;

Result<void> add_point(const Node& emitter, trace::Scene& scene) {
  PunctualLight light;
  light.name = emitter.id().empty() ? emitter.type() : emitter.id();
  SOVREN_TRY(place, emitter.transform("to_world"));
  SOVREN_TRY(at, emitter.vector("position", place.origin));
  light.position = at;
  const bool is_spot = emitter.type() == "spot";
  SOVREN_TRY(intensity, emitter.color("intensity", {1, 1, 1}));
  light.intensity = intensity;
  if (is_spot) {
    light.kind = PunctualLight::Kind::spot;
    light.direction = trace::normalized(trace::transform_vector(place, {0, 0, 1}));
    SOVREN_TRY(cutoff, emitter.number("cutoff_angle", 20));
    SOVREN_TRY(inner, emitter.number("beam_width", cutoff * 0.75F));
    float sine = 0;
    trace::sin_cos(std::clamp(cutoff, 0.01F, 90.0F) * degree, sine, light.cos_outer);
    trace::sin_cos(std::clamp(inner, 0.0F, 0.999F * cutoff) * degree, sine, light.cos_inner);
  }
  scene.lights.push_back(std::move(light));
  return {};
}

Result<void> add_directional(const Node& emitter, trace::Scene& scene) {
  PunctualLight light;
  light.name = emitter.id().empty() ? emitter.type() : emitter.id();
  light.kind = PunctualLight::Kind::directional;
  SOVREN_TRY(place, emitter.transform("to_world"));
  SOVREN_TRY(way, emitter.vector("direction", trace::transform_vector(place, {0, 0, 1})));
  SOVREN_TRY(irradiance, emitter.color("irradiance", {1, 1, 1}));
  if (!(trace::length(way) > 0)) return fail(emitter.wrong("a direction of no length"));
  light.direction = trace::normalized(way);
  light.intensity = irradiance;
  scene.lights.push_back(std::move(light));
  return {};
}

using Pixel = std::array<float, 4>;

Pixel pixel_of(const Texture& texture, int x, int y) {
  const auto at = static_cast<std::size_t>(y) * static_cast<std::size_t>(texture.width) +
                  static_cast<std::size_t>(x);
  Pixel pixel{};
  if (texture.format == Texture::Format::float32) {
    std::memcpy(pixel.data(), texture.texels.data() + at * sizeof(Pixel), sizeof(Pixel));
    return pixel;
  }
  for (std::size_t c = 0; c < 4; ++c) {
    const float share =
        static_cast<float>(std::to_integer<unsigned>(texture.texels[at * 4 + c])) / 255;
    pixel[c] = share <= 0.04045F ? share / 12.92F : trace::power((share + 0.055F) / 1.055F, 2.4F);
  }
  return pixel;
}

/// Between four pixels; u goes round, v ends at the poles.
Pixel looked_up(const Texture& texture, float u, float v) {
  const float x = (u - std::floor(u)) * static_cast<float>(texture.width) - 0.5F;
  const float y = v * static_cast<float>(texture.height) - 0.5F;
  const float fx = x - std::floor(x), fy = y - std::floor(y);
  const int x0 = static_cast<int>(std::floor(x)), y0 = static_cast<int>(std::floor(y));
  Pixel sum{};
  for (int corner = 0; corner < 4; ++corner) {
    const int dx = corner & 1, dy = corner >> 1;
    const Pixel pixel = pixel_of(texture, (x0 + dx + texture.width) % texture.width,
                                 std::clamp(y0 + dy, 0, texture.height - 1));
    const float weight = (dx == 1 ? fx : 1 - fx) * (dy == 1 ? fy : 1 - fy);
    for (std::size_t c = 0; c < 4; ++c) sum[c] += weight * pixel[c];
  }
  return sum;
}

/// The picture as it lies in our mapping.
Texture turned_map(const Texture& map, const Affine& mitsuba_from_world) {
  Texture made;
  made.name = map.name;
  made.width = map.width;
  made.height = map.height;
  made.format = Texture::Format::float32;
  made.wrap_v = Texture::Wrap::clamp;
  std::size_t at = 0;
  made.texels.resize(static_cast<std::size_t>(map.width) * static_cast<std::size_t>(map.height) *
                     sizeof(Pixel));
  for (int row = 0; row < made.height; ++row)
    for (int column = 0; column < made.width; ++column) {
      const float polar =
          (static_cast<float>(row) + 0.5F) / static_cast<float>(made.height) * trace::pi;
      const float around =
          ((static_cast<float>(column) + 0.5F) / static_cast<float>(made.width) - 0.5F) * 2 *
          trace::pi;
      float sin_polar = 0, cos_polar = 1, sin_around = 0, cos_around = 1;
      trace::sin_cos(polar, sin_polar, cos_polar);
      trace::sin_cos(around, sin_around, cos_around);
      const Vec3 way = trace::normalized(trace::transform_vector(
          mitsuba_from_world, {sin_polar * cos_around, cos_polar, sin_polar * sin_around}));
      const Pixel pixel = looked_up(map, trace::arc_tan2(way.x, -way.z) / (2 * trace::pi),
                                    trace::arc_cos(way.y) / trace::pi);
      std::memcpy(made.texels.data() + at, pixel.data(), sizeof(Pixel));
      at += sizeof(Pixel);
    }
  return made;
}

Result<void> add_envmap(const Node& emitter, SceneTextures& textures, trace::Scene& scene) {
  SOVREN_TRY(name, emitter.text("filename", ""));
  SOVREN_TRY(scale, emitter.number("scale", 1));
  SOVREN_TRY(place, emitter.transform("to_world"));
  // Directions must stay finite numbers on their way through it.
  const auto is_fair = [](Vec3 column) {
    const float size = trace::length(column);
    return size > 1e-3F && size < 1e3F;
  };
  if (!is_fair(place.columns[0]) || !is_fair(place.columns[1]) || !is_fair(place.columns[2]) ||
      !(trace::magnitude(trace::determinant(place)) > 1e-9F))
    return fail(emitter.wrong("to_world must turn directions, not flatten or blow them up"));
  SOVREN_TRY(map, textures.load(emitter.document().path(), name, true));
  scene.environment.texture = textures.add(turned_map(textures.at(map), trace::inverse(place)));
  scene.environment.tint = Vec3{1, 1, 1} * scale;
  return {};
}

}  // namespace

Result<void> add_emitter(const Node& emitter, SceneTextures& textures, trace::Scene& scene) {
  const std::string type = emitter.type();
  if (type == "point" || type == "spot") return add_point(emitter, scene);
  if (type == "directional") return add_directional(emitter, scene);
  if (type == "envmap") return add_envmap(emitter, textures, scene);
  if (type == "constant") {
    SOVREN_TRY(radiance, emitter.color("radiance", {1, 1, 1}));
    scene.environment.tint = radiance;
    return {};
  }
  emitter.warn("the emitter '" + type.substr(0, 40) + "' is left out");
  return {};
}

Result<void> add_sensor(const Node& sensor, trace::Scene& scene) {
  const std::string type = sensor.type();
  if (type != "perspective" && type != "thinlens") {
    sensor.warn("the sensor '" + type.substr(0, 40) + "' is left out");
    return {};
  }
  float width = 768, height = 576;
  for (const Node& child : sensor.children()) {
    if (child.tag() != "film") continue;
    SOVREN_TRY(film_width, child.number("width", width));
    SOVREN_TRY(film_height, child.number("height", height));
    if (!(film_width >= 1 && film_height >= 1)) return fail(child.wrong("a film of no size"));
    width = film_width;
    height = film_height;
    if (child.property("width") || child.property("height"))
      child.warn("the picture's size is the job's; the film's shape is used for the view's angle");
  }
  SOVREN_TRY(fov, sensor.number("fov", 0));
  SOVREN_TRY(axis, sensor.text("fov_axis", "x"));
  trace::Camera camera;
  camera.name = sensor.id().empty() ? type : sensor.id();
  float half = 0;  // tangent of half the angle, along y
  if (sensor.property("focal_length")) {
    SOVREN_TRY(length, sensor.text("focal_length", "50mm"));
    // Of a frame of 36 x 24 mm, by its diagonal.
    float millimetres = 0;
    std::from_chars(length.data(), length.data() + length.size(), millimetres);
    if (!(millimetres > 0)) return fail(sensor.wrong("focal_length must be more than 0"));
    half = 21.6333F / millimetres * height / trace::root(width * width + height * height);
  } else {
    if (!(fov > 0 && fov < 180)) return fail(sensor.wrong("fov must be between 0 and 180 degrees"));
    float sine = 0, cosine = 1;
    trace::sin_cos(fov * degree / 2, sine, cosine);
    const bool is_wide = width > height;
    const bool is_y =
        axis == "y" || (axis == "smaller" && is_wide) || (axis == "larger" && !is_wide);
    const float along = axis == "diagonal" ? trace::root(width * width + height * height)
                        : is_y             ? height
                                           : width;
    half = sine / cosine * height / along;
  }
  camera.y_fov = 2 * trace::arc_tan2(half, 1);
  SOVREN_TRY(place, sensor.transform("to_world"));
  Affine turned = place;
  turned.columns[0] = -trace::normalized(place.columns[0]);
  turned.columns[1] = trace::normalized(place.columns[1]);
  turned.columns[2] = -trace::normalized(place.columns[2]);
  camera.world_from_camera = camera.world_from_camera_end = turned;
  if (type == "thinlens") {
    SOVREN_TRY(radius, sensor.number("aperture_radius", 0));
    SOVREN_TRY(focus, sensor.number("focus_distance", 1));
    if (!(radius >= 0 && focus > 0)) return fail(sensor.wrong("a lens that cannot be"));
    camera.lens_radius = radius;
    camera.focus_distance = focus;
  }
  scene.cameras.push_back(std::move(camera));
  return {};
}

}  // namespace sovren::jobs::mitsuba
