// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/rendering_inputs.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <utility>

#include "core/text/nearest.h"
#include "jobs/kind/input_file.h"
#include "jobs/rendering/scene_file.h"

namespace sovren::jobs {

namespace {

Result<Picture> read_picture(const std::string& path) {
  SOVREN_TRY(file, MappedFile::open(path));
  return decode_picture(file.bytes(), path);
}

SceneMoment moment_of(const RenderingSpec& spec) {
  const double frame = frame_number(spec.frame).value_or(0);
  const double begin_s = frame / spec.frames_per_second;
  return {.time_s = begin_s, .end_time_s = begin_s + spec.shutter / spec.frames_per_second};
}

/// The picture as the texture of an environment.
trace::Texture environment_texture(const Picture& picture, const std::string& path) {
  trace::Texture texture;
  texture.name = path;
  texture.width = picture.width;
  texture.height = picture.height;
  texture.format = trace::Texture::Format::float32;
  texture.wrap_v = trace::Texture::Wrap::clamp;
  const auto pixels =
      static_cast<std::size_t>(picture.width) * static_cast<std::size_t>(picture.height);
  const auto channels = static_cast<std::size_t>(picture.channels);
  std::vector<float> values(pixels * 4, 1.0F);
  for (std::size_t i = 0; i < pixels; ++i)
    for (std::size_t c = 0; c < 3; ++c)
      values[i * 4 + c] = picture.values[i * channels + (channels < 3 ? 0 : c)];
  texture.texels.resize(values.size() * sizeof(float));
  std::memcpy(texture.texels.data(), values.data(), texture.texels.size());
  return texture;
}

Result<void> set_environment(const RenderingSpec& spec, trace::Scene& scene) {
  trace::Environment& environment = scene.environment;
  const auto strength = static_cast<float>(spec.environment_strength);
  if (!spec.environment.empty()) {
    SOVREN_TRY(picture, read_picture(spec.environment));
    for (const float value : picture.values)
      if (!std::isfinite(value) || value < 0)
        return fail({.code = Code::data_invalid,
                     .what = "the environment holds " + std::to_string(value) +
                             ", which is no amount of light",
                     .where = spec.environment});
    environment = {.texture = static_cast<int>(scene.textures.size()), .tint = {1, 1, 1}};
    scene.textures.push_back(environment_texture(picture, spec.environment));
  }
  environment.tint = environment.tint * strength;
  environment.rotation += static_cast<float>(spec.environment_rotation * std::numbers::pi / 180);
  return {};
}

/// Looks at all of the scene from its front, a little from above.
trace::Camera overview(const trace::CompiledScene& scene) {
  using trace::Vec3;
  const Vec3 centre = (scene.low + scene.high) * 0.5F;
  const float radius = std::max(1e-6F, trace::length(scene.high - scene.low) * 0.5F);
  trace::Camera camera;
  const Vec3 back = trace::normalized(Vec3{0.3F, 0.35F, 1});
  const Vec3 right = trace::normalized(trace::cross({0, 1, 0}, back));
  camera.world_from_camera.columns[0] = right;
  camera.world_from_camera.columns[1] = trace::cross(back, right);
  camera.world_from_camera.columns[2] = back;
  camera.world_from_camera.origin = centre + back * (radius / std::sin(camera.y_fov * 0.5F));
  camera.world_from_camera_end = camera.world_from_camera;
  return camera;
}

Result<trace::Camera> choose_camera(const RenderingSpec& spec, const trace::CompiledScene& scene) {
  if (spec.camera.empty()) return scene.cameras.empty() ? overview(scene) : scene.cameras.front();
  std::vector<std::string_view> names;
  for (const trace::Camera& camera : scene.cameras) {
    if (camera.name == spec.camera || camera.node_name == spec.camera) return camera;
    names.push_back(camera.name);
  }
  Error error{.code = Code::data_invalid,
              .what = "camera '" + spec.camera + "' is not in the scene",
              .where = spec.scene};
  const std::string near = text::nearest(spec.camera, names);
  if (names.empty()) {
    error.hint = "the scene has no cameras; without camera = one is made that shows everything";
  } else if (!near.empty()) {
    error.hint = "did you mean '" + near + "'?";
  } else {
    error.hint = "there are:";
    for (std::size_t i = 0; i < std::min<std::size_t>(names.size(), 20); ++i)
      error.hint += (i == 0 ? " '" : ", '") + std::string(names[i]) + "'";
  }
  return fail(std::move(error));
}

trace::RenderSettings settings_of(const RenderingSpec& spec, const trace::Camera& camera) {
  using trace::RenderSettings;
  RenderSettings settings;
  settings.width = spec.width;
  settings.height = spec.height;
  settings.camera = {.kind = camera.kind,
                     .world_from_camera = camera.world_from_camera,
                     .world_from_camera_end = camera.world_from_camera_end,
                     .y_fov = camera.y_fov,
                     .y_extent = camera.y_extent,
                     .lens_radius = camera.lens_radius,
                     .focus_distance = camera.focus_distance};
  if (spec.lens_radius > 0) settings.camera.lens_radius = static_cast<float>(spec.lens_radius);
  if (spec.focus_distance > 0)
    settings.camera.focus_distance = static_cast<float>(spec.focus_distance);
  settings.seed = static_cast<std::uint32_t>(spec.seed ^ (spec.seed >> 32));
  settings.max_depth = static_cast<std::uint32_t>(spec.max_depth);
  settings.roulette_depth = static_cast<std::uint32_t>(spec.roulette_depth);
  settings.clamp = static_cast<float>(spec.clamp);
  settings.strategy = static_cast<RenderSettings::Strategy>(spec.sampling);
  settings.smith = static_cast<RenderSettings::Smith>(spec.smith);
  settings.filter = static_cast<RenderSettings::Filter>(spec.filter);
  const double usual_width = spec.filter == RenderingSpec::PixelFilter::box ? 1 : 1.5;
  settings.filter_width = static_cast<float>(spec.filter_width.value_or(usual_width));
  settings.is_compensated = spec.energy_compensation;
  settings.is_transparent = spec.transparent;
  return settings;
}

Result<void> check_light(const RenderingSpec& spec, const trace::CompiledScene& scene) {
  const bool is_unlit = std::any_of(scene.materials.begin(), scene.materials.end(),
                                    [](const trace::Material& m) { return m.is_unlit; });
  if (!scene.lights.empty() || !scene.environment.is_black || is_unlit) return {};
  return fail({.code = Code::data_invalid,
               .what = "nothing in the scene shines: the picture would be black",
               .hint = "set [rendering] environment to a picture of a sky or studio, or give a "
                       "material emission or the scene a light",
               .where = spec.scene});
}

Result<denoise::UNet> read_denoiser(const std::string& path) {
  SOVREN_TRY(file, MappedFile::open(path));
  SOVREN_TRY(archive, denoise::read_tensor_archive(file.bytes(), path));
  return denoise::UNet::make(archive, path);
}

}  // namespace

Result<RenderingInputs> read_rendering_inputs(const RenderingSpec& spec, AssetCache* assets) {
  RenderingInputs inputs;
  if (!spec.denoise.empty() && spec.denoise != "filter") {
    SOVREN_TRY(denoiser, read_denoiser(spec.denoise));
    inputs.denoiser = std::move(denoiser);
  }
  SceneMoment moment = moment_of(spec);
  moment.assets = assets;
  SOVREN_TRY(scene, read_scene(spec.scene, moment));
  SOVREN_DO(set_environment(spec, scene));
  auto compiled = trace::compile(std::move(scene));
  if (!compiled) {
    Error error = std::move(compiled).error();
    error.where = spec.scene;
    return fail(std::move(error));
  }
  inputs.scene = std::move(*compiled);
  SOVREN_DO(check_light(spec, *inputs.scene));
  SOVREN_TRY(camera, choose_camera(spec, *inputs.scene));
  inputs.camera = camera.name;
  inputs.settings = settings_of(spec, camera);
  if (spec.reference.empty()) return inputs;
  SOVREN_TRY(reference, read_picture(spec.reference));
  if (reference.width != spec.width || reference.height != spec.height)
    return fail({.code = Code::data_invalid,
                 .what = "the reference is " + std::to_string(reference.width) + " x " +
                         std::to_string(reference.height) + " pixels, the picture " +
                         std::to_string(spec.width) + " x " + std::to_string(spec.height),
                 .hint = "set width and height to those of the reference",
                 .where = spec.reference});
  inputs.reference = std::move(reference);
  return inputs;
}

}  // namespace sovren::jobs
