// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/trace/disk.h"
#include "kernels/trace/math.h"
#include "kernels/trace/sampler.h"
#include "kernels/trace/settings.h"
#include "kernels/trace/vec.h"
#include "kernels/trace/view.h"

namespace sovren::trace {

/// A number from -1/2 to 1/2 with the density of the 4-term Blackman-Harris window: the inverse of
/// its integral by a polynomial of our own, fitted to 2e-6 of the integral.
/// Source   Harris, On the Use of Windows for Harmonic Analysis with the DFT (Proc. IEEE, 1978).
SOVREN_TRACE float blackman_harris_offset(float u) {
  const float v = u + 0x1p-25F;  // never 0
  const float d = square(1.0F - 2.0F * v);
  // -ln(1 - d), by its series where the difference would cancel.
  const float square_of =
      d < 0.0625F ? d * (1.0F + d * (0.5F + d * (0.333333343F + d * (0.25F + d * 0.200000003F))))
                  : -log_of(4.0F * v * (1.0F - u));
  float p = -2.31530998e-06F + square_of * 3.9576534e-07F;
  p = 0.179370582F +
      square_of * (-0.000826682081F + square_of * (-0.000220768939F + square_of * p));
  const float offset = minimum(root(square_of) * p, 0.5F);
  return u < 0.5F ? -offset : offset;
}

/// Where in the filter around a pixel's middle the sample lies, in pixels. The density is the
/// filter itself, so that samples need no weights. width: of the whole filter; the gaussian's
/// standard deviation is a twelfth of it, as in Cycles.
SOVREN_TRACE Vec2 filter_offset(RenderSettings::Filter filter, float width, Vec2 u) {
  if (filter == RenderSettings::Filter::box) return {(u.x - 0.5F) * width, (u.y - 0.5F) * width};
  if (filter == RenderSettings::Filter::blackman_harris) {
    return {blackman_harris_offset(u.x) * width, blackman_harris_offset(u.y) * width};
  }
  // Box and Muller. u.x is at most 1 - 2^-24: no point is farther away than 5.8 deviations.
  const float r = root(-2.0F * log_of(1.0F - u.x)) * (width / 12.0F);
  Vec2 p;
  sin_cos(2.0F * pi * u.y, p.y, p.x);
  return p * r;
}

/// The ray of one sample of pixel (x, y); row 0 is the top of the picture. cone_spread: how much
/// the width of what a pixel sees grows with the distance (0 of an orthographic camera).
SOVREN_TRACE Ray camera_ray(const RenderSettings& settings, int x, int y,
                            const CameraNumbers& numbers, float& cone_spread) {
  const CameraView& camera = settings.camera;
  const Vec2 offset = filter_offset(settings.filter, settings.filter_width, numbers.filter);
  const auto width = static_cast<float>(settings.width);
  const auto height = static_cast<float>(settings.height);
  // From -1 to 1 over the height, up.
  const Vec2 place{(2.0F * (static_cast<float>(x) + 0.5F + offset.x) - width) / height,
                   (height - 2.0F * (static_cast<float>(y) + 0.5F + offset.y)) / height};

  Vec3 origin;
  Vec3 direction;
  if (camera.kind == Camera::Kind::perspective) {
    float sine = 0;
    float cosine = 0;
    sin_cos(0.5F * camera.y_fov, sine, cosine);
    const float tangent = sine / cosine;
    direction = {place.x * tangent, place.y * tangent, -1.0F};
    cone_spread = 2.0F * tangent / (height * length(direction));
  } else {
    origin = {place.x * camera.y_extent, place.y * camera.y_extent, 0};
    direction = {0, 0, -1};
    cone_spread = 0;
  }
  if (camera.lens_radius > 0) {
    const Vec2 lens = disk_point(numbers.lens) * camera.lens_radius;
    const Vec3 focus = origin + direction * camera.focus_distance;
    origin = origin + Vec3{lens.x, lens.y, 0};
    direction = focus - origin;
  }

  const Affine world = mix(camera.world_from_camera, camera.world_from_camera_end, numbers.time);
  return {transform_point(world, origin), 0, normalized(transform_vector(world, direction)),
          infinity, numbers.time};
}

}  // namespace sovren::trace
