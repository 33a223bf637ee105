// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/trace/bsdf.h"
#include "kernels/trace/camera.h"
#include "kernels/trace/film.h"
#include "kernels/trace/light.h"
#include "kernels/trace/math.h"
#include "kernels/trace/sampler.h"
#include "kernels/trace/settings.h"
#include "kernels/trace/subsurface.h"
#include "kernels/trace/surface.h"
#include "kernels/trace/view.h"

namespace sovren::trace {

// A path, stage by stage, for the CPU and for devices:
//   begin_path -> [closest hit of path.ray -> shade -> if nothing is in the shadow ray's way, its
//   contribution is added to path.radiance] while path.is_alive -> sample_of.
//
// Model    unidirectional path tracing; at each surface a light is looked for (next-event
//          estimation) and the way goes on by the surface's own distribution; light that both could
//          have found is weighed by the power heuristic (Veach 1997, section 9.2.4).
// Depth    bounces are counted from 0 at the first surface. Light that reaches bounce max_depth
//          directly is still counted; what lies behind it is not.

/// What goes on in one pixel's sample between two rays.
struct Path {
  Ray ray;  ///< the next one to trace
  Vec3 throughput{1, 1, 1};
  Vec3 radiance;
  /// Where the ray was sent from: what the chances of lights follow. Not the ray's origin, which
  /// moves on where it passes through a transparent surface.
  Receiver from;
  float pdf = 0;  ///< of the ray's direction; 0: a mirror's, or the camera's: no light sample finds
                  ///< what it finds
  float cone_width = 0, cone_spread = 0;
  SampleKey key{};
  std::uint32_t depth = 0;
  std::uint32_t passes = 0;  ///< transparent surfaces, and steps inside of a body
  std::int32_t medium = -1;  ///< material of the solid that the ray goes through; -1: air
  Walk walk{};
  bool is_walking = false;  ///< inside of a scattering body
  bool is_alive = true;
  bool has_surface = false;  ///< are the fields below filled?
  float alpha = 0;
  float depth_along_view = 0;
  Vec3 albedo, normal, position;
  std::int32_t object_id = 0;
};

/// A look at a light: adds `contribution` if nothing is in between.
struct ShadowRay {
  Ray ray;
  Vec3 contribution;
  bool is_wanted = false;
};

inline constexpr std::uint32_t passes_max = 1024;
// Numbers of these passes begin where those of bounces have ended.
inline constexpr std::uint32_t first_pass_number = 0x10000;

SOVREN_TRACE Path begin_path(const RenderSettings& settings, int x, int y, std::uint32_t sample) {
  Path path;
  path.key = {settings.seed,
              static_cast<std::uint32_t>(y) * static_cast<std::uint32_t>(settings.width) +
                  static_cast<std::uint32_t>(x),
              sample};
  path.ray = camera_ray(settings, x, y, camera_numbers(path.key), path.cone_spread);
  path.from.position = path.ray.origin;
  if (settings.camera.kind == Camera::Kind::orthographic)
    path.cone_width = 2 * settings.camera.y_extent / static_cast<float>(settings.height);
  return path;
}

SOVREN_TRACE float power_heuristic(float a, float b) {
  return a * a / (a * a + b * b);
}

/// Indirect light is limited where that is wanted.
SOVREN_TRACE Vec3 limited(const RenderSettings& settings, const Path& path, Vec3 light) {
  if (!(settings.clamp > 0) || path.depth == 0) return light;
  const float most = largest(light);
  return most > settings.clamp ? light * (settings.clamp / most) : light;
}

/// Share of light found by the path's own direction, which a light sample finds with light_pdf.
SOVREN_TRACE float share_of_found(const RenderSettings& settings, const Path& path,
                                  float light_pdf) {
  if (path.depth == 0 && path.pdf == 0) return 1;  // seen by the camera
  switch (settings.strategy) {
    case RenderSettings::Strategy::light:
      return 0;
    case RenderSettings::Strategy::bsdf:
      return 1;
    case RenderSettings::Strategy::mis:
      break;
  }
  return path.pdf == 0 ? 1 : power_heuristic(path.pdf, light_pdf);
}

/// The ray has left the scene.
SOVREN_TRACE void meet_environment(const SceneView& view, const RenderSettings& settings,
                                   Path& path) {
  path.is_alive = false;
  const bool is_seen = path.depth == 0 && path.pdf == 0;
  if (is_seen && settings.is_transparent) return;
  if (is_seen) path.alpha = 1;
  if (view.environment.is_black) return;
  const Vec3 light = environment_radiance(view, path.ray.direction);
  if (is_black(light)) return;
  const bool is_weighed = path.pdf != 0 && settings.strategy == RenderSettings::Strategy::mis;
  const float light_pdf = is_weighed ? environment_pdf(view, path.from, path.ray.direction) : 0;
  path.radiance +=
      limited(settings, path, path.throughput * light * share_of_found(settings, path, light_pdf));
}

/// Where rays begin that leave a surface.
struct Departure {
  Vec3 position;
  Vec3 side;    ///< the geometric normal on the viewer's side
  Vec3 origin;  ///< of rays to that side
};

SOVREN_TRACE Vec3 origin_towards(const Departure& departure, Vec3 direction) {
  return dot(direction, departure.side) >= 0 ? departure.origin
                                             : offset_origin(departure.position, -departure.side);
}

/// Sends the path on into `direction`, away from the surface.
SOVREN_TRACE void send(Path& path, const Departure& departure, const Receiver& from, Vec3 direction,
                       float pdf) {
  path.ray.origin = origin_towards(departure, direction);
  path.ray.direction = direction;
  path.ray.t_max = infinite;
  path.from = from;
  path.pdf = pdf;
}

/// The ray goes on behind a surface that lets it through.
SOVREN_TRACE void pass_through(Path& path, const Surface& surface) {
  path.cone_width = surface.cone_width;
  path.ray.origin = offset_origin(
      surface.position, surface.is_front ? -surface.geometric_normal : surface.geometric_normal);
  if (++path.passes > passes_max) path.is_alive = false;
}

/// Light from which directions counts there?
SOVREN_TRACE Receiver receiver_at(const SceneView& view, const Surface& surface, const Bsdf& bsdf,
                                  float time) {
  const bool is_clear = view.materials[surface.material].transmission > 0;
  return {surface.position, is_clear ? Vec3{} : bsdf.side, time};
}

/// Looks for a light from the surface.
SOVREN_TRACE void look_for_light(const SceneView& view, const RenderSettings& settings,
                                 const Path& path, const Departure& departure, const Bsdf& bsdf,
                                 const Receiver& receiver, Vec3 wo, const BounceNumbers& numbers,
                                 ShadowRay& shadow) {
  LightSample light;
  if (!sample_light(view, receiver, numbers.light, numbers.light_point, light)) return;
  const BsdfValue scattered = evaluate(view, bsdf, wo, light.direction);
  if (is_black(scattered.value)) return;
  float weight = 1 / light.pdf;
  if (!light.is_delta && settings.strategy == RenderSettings::Strategy::mis)
    weight *= power_heuristic(light.pdf, scattered.pdf);
  shadow.contribution =
      limited(settings, path, path.throughput * scattered.value * light.radiance * weight);
  if (is_black(shadow.contribution)) return;
  shadow.ray.origin = origin_towards(departure, light.direction);
  shadow.ray.direction = light.direction;
  shadow.ray.t_min = 0;
  // Not quite there: the light's own surface is no obstacle.
  shadow.ray.t_max = light.distance * (1 - 1e-4F);
  shadow.ray.time = path.ray.time;
  shadow.is_wanted = true;
}

/// What denoisers and compositors want to know of the first surface that scatters.
SOVREN_TRACE void note_surface(const SceneView& view, Path& path, const Surface& surface,
                               const Bsdf& bsdf, Vec3 wo) {
  if (path.depth == 0) {
    path.alpha = 1;
    path.object_id = surface.object_id;
    path.position = surface.position;
    path.normal = surface.frame.z * (surface.is_front ? 1.0F : -1.0F);
  }
  if (path.has_surface || (is_smooth(bsdf) && path.depth < 8)) return;
  path.has_surface = true;
  path.albedo = albedo_of(view, bsdf, wo);
}

/// Chooses how far the walk goes before it turns.
SOVREN_TRACE void walk_on(Path& path) {
  const BounceNumbers numbers = bounce_numbers(path.key, first_pass_number + path.passes);
  path.ray.t_max = walk_distance(path.walk, path.throughput, numbers.light, numbers.roulette);
  path.from.position = path.ray.origin;
  if (++path.passes > passes_max) path.is_alive = false;
}

/// The way goes on by the surface's own distribution, or ends.
SOVREN_TRACE void scatter(const SceneView& view, const RenderSettings& settings, Path& path,
                          const Surface& surface, const Departure& departure, const Bsdf& bsdf,
                          const Receiver& receiver, Vec3 wo, const BounceNumbers& numbers) {
  path.is_alive = false;
  BsdfSample next;
  if (!sample(view, bsdf, wo, numbers.lobe, numbers.bsdf, next)) return;
  path.throughput *= next.weight;
  if (path.depth >= settings.roulette_depth) {
    const float chance = clamped(largest(path.throughput), 0, 1);
    if (!(numbers.roulette < chance)) return;
    path.throughput *= 1 / chance;
  }
  path.is_alive = true;
  path.cone_width = surface.cone_width;
  path.cone_spread += next.spread;
  send(path, departure, receiver, next.wi, next.is_delta ? 0 : next.pdf);
  if (next.is_subsurface) {  // to go in and come out is one bounce
    path.is_walking = true;
    path.walk = walk_of(bsdf);
    return walk_on(path);
  }
  if (next.is_transmission)
    path.medium =
        surface.is_front && view.materials[surface.material].is_solid ? surface.material : -1;
  ++path.depth;
}

/// A walk inside of a body has come to its next turn.
SOVREN_TRACE void turn_inside(Path& path) {
  path.throughput *= walk_weight(path.walk, path.throughput, path.ray.t_max, false);
  const BounceNumbers numbers = bounce_numbers(path.key, first_pass_number + path.passes);
  const float chance = clamped(largest(path.throughput), 0, 1);
  if (!(numbers.lobe < chance)) {
    path.is_alive = false;
    return;
  }
  path.throughput *= 1 / chance;
  path.ray.origin = path.ray.origin + path.ray.direction * path.ray.t_max;
  path.ray.direction = walk_turn(path.walk, path.ray.direction, numbers.bsdf);
  walk_on(path);
}

SOVREN_TRACE void attenuate(const SceneView& view, Path& path, float distance) {
  const Vec3 sigma = attenuation_of(view.materials[path.medium]);
  path.throughput *=
      Vec3{exp_of(-sigma.x * distance), exp_of(-sigma.y * distance), exp_of(-sigma.z * distance)};
}

/// Light that the surface itself sends back along the ray.
SOVREN_TRACE void meet_emitter(const SceneView& view, const RenderSettings& settings, Path& path,
                               const Surface& surface) {
  const Vec3 light = emission_at(view, surface);
  if (is_black(light)) return;
  const bool is_weighed = path.pdf != 0 && settings.strategy == RenderSettings::Strategy::mis;
  const float pdf = is_weighed ? light_pdf(view, path.from, surface,
                                           length(surface.position - path.from.position))
                               : 0;
  path.radiance +=
      limited(settings, path, path.throughput * light * share_of_found(settings, path, pdf));
}

/// From a surface: looks for a light, and goes on.
SOVREN_TRACE void leave(const SceneView& view, const RenderSettings& settings, Path& path,
                        const Surface& surface, const Bsdf& bsdf, Vec3 wo,
                        const BounceNumbers& numbers, ShadowRay& shadow) {
  const Receiver receiver = receiver_at(view, surface, bsdf, path.ray.time);
  const Departure departure{surface.position, bsdf.side,
                            offset_origin(surface.position, bsdf.side)};
  if (!is_smooth(bsdf) && settings.strategy != RenderSettings::Strategy::bsdf)
    look_for_light(view, settings, path, departure, bsdf, receiver, wo, numbers, shadow);
  scatter(view, settings, path, surface, departure, bsdf, receiver, wo, numbers);
}

/// The path has met `hit` (or nothing): adds light, looks for more by `shadow`, and goes on.
SOVREN_TRACE void shade(const SceneView& view, const RenderSettings& settings, Path& path,
                        const Hit& hit, ShadowRay& shadow) {
  shadow.is_wanted = false;
  if (hit.instance == no_hit) {
    if (path.is_walking && path.ray.t_max < infinite) return turn_inside(path);
    return meet_environment(view, settings, path);
  }
  const float cone_width = path.cone_width + path.cone_spread * hit.t;
  const Surface surface = surface_at(view, path.ray, hit, cone_width);
  const Vec3 wo = -path.ray.direction;
  if (path.depth == 0 && path.depth_along_view == 0)
    path.depth_along_view =
        dot(surface.position - path.from.position, -settings.camera.world_from_camera.columns[2]);
  if (view.has_alpha && !path.is_walking) {
    const float opacity = opacity_at(view, surface);
    if (opacity < 1 && !(bounce_numbers(path.key, first_pass_number + path.passes).extra < opacity))
      return pass_through(path, surface);
  }
  if (path.is_walking) {
    path.throughput *= walk_weight(path.walk, path.throughput, hit.t, true);
    path.is_walking = false;
    const BounceNumbers numbers = bounce_numbers(path.key, first_pass_number + path.passes);
    return leave(view, settings, path, surface, exit_bsdf(surface), wo, numbers, shadow);
  }
  if (path.medium >= 0) attenuate(view, path, hit.t);
  meet_emitter(view, settings, path, surface);
  if (path.depth > settings.max_depth) {
    path.is_alive = false;
    return;
  }
  const Bsdf bsdf = bsdf_at(view, settings, surface, wo);
  note_surface(view, path, surface, bsdf, wo);
  leave(view, settings, path, surface, bsdf, wo, bounce_numbers(path.key, path.depth), shadow);
}

/// Of scenes with transparent surfaces: the shadow ray has met `hit`. Is its light lost? Else it
/// goes on behind the surface, dimmer.
SOVREN_TRACE bool is_blocked(const SceneView& view, const Hit& hit, ShadowRay& shadow) {
  const Surface surface = surface_at(view, shadow.ray, hit, 0);
  const float opacity = opacity_at(view, surface);
  if (!(opacity < 1)) return true;
  shadow.contribution *= 1 - opacity;
  const float way = length(surface.position - shadow.ray.origin);
  shadow.ray.origin = offset_origin(
      surface.position, surface.is_front ? -surface.geometric_normal : surface.geometric_normal);
  shadow.ray.t_max -= way;
  return !(shadow.ray.t_max > 0);
}

SOVREN_TRACE PixelSample sample_of(const Path& path) {
  return {.radiance = path.radiance,
          .alpha = path.alpha,
          .albedo = path.albedo,
          .normal = path.normal,
          .position = path.position,
          .depth = path.depth_along_view,
          .object_id = path.object_id};
}

}  // namespace sovren::trace
