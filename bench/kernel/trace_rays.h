// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include "bench/kernel/trace_scenes.h"
#include "core/base/rng.h"
#include "kernels/trace/view.h"

namespace sovren::bench {

/// Of size x size pixels, row by row.
inline std::vector<trace::Ray> primary_rays(const BenchScene& scene, int size = 1024) {
  using namespace trace;
  const float pixel = 1 / static_cast<float>(size);
  const Vec3 forward = normalized(scene.target - scene.eye);
  const Vec3 right = normalized(cross(forward, {0, 1, 0})), up = cross(right, forward);
  std::vector<Ray> rays;
  for (int y = 0; y < size; ++y) {
    for (int x = 0; x < size; ++x) {
      Ray ray;
      ray.origin = scene.eye;
      const float a = (static_cast<float>(x) + 0.5F) * pixel - 0.5F;
      const float b = 0.5F - (static_cast<float>(y) + 0.5F) * pixel;
      ray.direction = normalized(forward + right * a + up * b);
      ray.t_max = infinite;
      rays.push_back(ray);
    }
  }
  return rays;
}

struct NextRays {
  std::vector<trace::Ray> bounce, shadow;
};

/// From each hit on: one ray into the cosine distribution, one towards the light.
inline NextRays next_rays(const BenchScene& bench, const std::vector<trace::Ray>& rays,
                          const std::vector<trace::Hit>& hits) {
  using namespace trace;
  const CompiledScene& scene = *bench.scene;
  const Philox random(7);
  NextRays next;
  for (std::size_t i = 0; i < rays.size(); ++i) {
    if (hits[i].instance == no_hit) continue;
    const Triangle& triangle = scene.triangles[hits[i].primitive];
    const Vec3 a = scene.positions[triangle.corner[0]];
    Vec3 normal = normalized(
        cross(scene.positions[triangle.corner[1]] - a, scene.positions[triangle.corner[2]] - a));
    if (dot(normal, rays[i].direction) > 0) normal = -normal;
    const Philox::Block block = random.block(i);
    const auto number = [&](std::size_t k) { return static_cast<float>(block[k]) * 0x1p-32F; };
    const float r = root(number(0)), angle = 6.2831853F * number(1);
    Ray ray;
    ray.origin = rays[i].origin + rays[i].direction * hits[i].t + normal * 1e-4F;
    ray.direction = normalized(world_from_local(
        frame_about(normal), {r * std::cos(angle), r * std::sin(angle), root(1 - number(0))}));
    ray.t_max = infinite;
    next.bounce.push_back(ray);
    const Vec3 to_light = bench.light + Vec3{2 * number(2) - 1, 0, 2 * number(3) - 1} - ray.origin;
    ray.t_max = length(to_light) * 0.999F;
    ray.direction = normalized(to_light);
    next.shadow.push_back(ray);
  }
  return next;
}

}  // namespace sovren::bench
