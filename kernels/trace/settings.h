// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/trace/scene.h"
#include "kernels/trace/vec.h"

namespace sovren::trace {

/// A camera without its name: plain values for kernels.
struct CameraView {
  Camera::Kind kind = Camera::Kind::perspective;
  Affine world_from_camera, world_from_camera_end;
  float y_fov = 0.6911112F, y_extent = 1, lens_radius = 0, focus_distance = 1;
};

/// How a picture is computed. Plain values: kernels on the CPU and on devices read them.
struct RenderSettings {
  /// mis: lights are looked for and met by chance, weighed against each other (power heuristic).
  /// light: only looked for (what no light sample can find is lost: mirrors show no lamps).
  /// bsdf: only met by chance (punctual lights are lost). The last two are for tests.
  enum class Strategy { mis, light, bsdf };
  /// Shadowing and masking of GGX: height-correlated as glTF and pbrt have it, or the product of
  /// two as Cycles 3.4 and Mitsuba.
  enum class Smith { correlated, separable };
  enum class Filter { box, gaussian, blackman_harris };

  int width = 512, height = 512;
  CameraView camera;
  std::uint32_t seed = 0;
  std::uint32_t max_depth = 12;      ///< bounces; 0: emission and direct light only
  std::uint32_t roulette_depth = 4;  ///< bounces after which paths may end by chance
  float clamp = 0;  ///< most that one sample adds to a channel beyond its first bounce; 0: any
  Strategy strategy = Strategy::mis;
  Smith smith = Smith::correlated;
  /// Is what rough interfaces lose, because light bounces on them only once, given back? Cycles 3.4
  /// and Mitsuba do not.
  bool is_compensated = true;
  Filter filter = Filter::box;
  float filter_width = 1;       ///< in pixels, of the whole filter
  bool is_transparent = false;  ///< the environment lights, but is not seen: alpha is 0 there
};

}  // namespace sovren::trace
