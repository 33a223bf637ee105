// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/trace/alias.h"
#include "kernels/trace/math.h"
#include "kernels/trace/texture.h"
#include "kernels/trace/vec.h"
#include "kernels/trace/view.h"

namespace sovren::trace {

/// Where in the environment's image a direction looks; both from 0 to 1.
SOVREN_TRACE Vec2 environment_place(const EnvironmentView& environment, Vec3 direction) {
  const float turn = arc_tan2(direction.z, direction.x) + environment.rotation;
  return {wrapped(turn * (0.5F * inverse_pi) + 0.5F, Texture::Wrap::repeat),
          arc_cos(direction.y) * inverse_pi};
}

SOVREN_TRACE Vec3 environment_radiance_at(const SceneView& view, Vec2 place) {
  const EnvironmentView& environment = view.environment;
  const Vec4 t = bilinear(view.textures[environment.texture], 0, place, Texture::Wrap::repeat,
                          Texture::Wrap::clamp);
  return environment.tint * Vec3{t.x, t.y, t.z};
}

/// What comes from there if nothing is in the way. direction: unit, away from the scene.
SOVREN_TRACE Vec3 environment_radiance(const SceneView& view, Vec3 direction) {
  const EnvironmentView& environment = view.environment;
  if (environment.is_black) return {};
  if (environment.texture < 0) return environment.tint;
  return environment_radiance_at(view, environment_place(environment, direction));
}

SOVREN_TRACE int cell_of(float place, int cells) {
  const int i = static_cast<int>(place * static_cast<float>(cells));
  return i < cells ? i : cells - 1;
}

/// Density of sample_cells at a place of the image, per unit of solid angle.
SOVREN_TRACE float cells_pdf(const EnvironmentView& environment, Vec2 place) {
  const std::int64_t row = cell_of(place.y, environment.cells_y);
  const std::int64_t column = cell_of(place.x, environment.cells_x);
  return environment.cells[environment.cells_y + row * environment.cells_x + column].chance;
}

/// A direction: a row of cells, a cell of the row, and within it all directions alike.
SOVREN_TRACE Vec3 sample_cells(const EnvironmentView& environment, Vec2 u) {
  const auto columns = static_cast<std::uint32_t>(environment.cells_x);
  const auto rows = static_cast<std::uint32_t>(environment.cells_y);
  const std::uint32_t row = choose(environment.cells, rows, u.y);
  const std::uint32_t column =
      choose(environment.cells + rows + static_cast<std::int64_t>(row) * columns, columns, u.x);
  const float step = pi / static_cast<float>(rows);
  float sine = 0;
  float top = 0;
  float bottom = 0;
  sin_cos(static_cast<float>(row) * step, sine, top);
  sin_cos(static_cast<float>(row + 1) * step, sine, bottom);
  const float y = mix(top, bottom, u.y);
  const float turn = (static_cast<float>(column) + u.x) / static_cast<float>(columns) - 0.5F;
  Vec3 direction;
  sin_cos(2.0F * pi * turn - environment.rotation, direction.z, direction.x);
  const float radius = root(maximum(0.0F, 1.0F - y * y));
  return {direction.x * radius, y, direction.z * radius};
}

/// Density over all directions, or over those of one side (side: unit, or 0), of a constant one.
SOVREN_TRACE float constant_pdf(Vec3 side) {
  return is_black(side) ? 0.25F * inverse_pi : 0.5F * inverse_pi;
}
SOVREN_TRACE Vec3 sample_constant(Vec3 side, Vec2 u) {
  const bool is_half = !is_black(side);
  const float z = is_half ? u.x : 1.0F - 2.0F * u.x;
  const float radius = root(maximum(0.0F, 1.0F - z * z));
  float sine = 0;
  float cosine = 0;
  sin_cos(2.0F * pi * u.y, sine, cosine);
  const Vec3 local{radius * cosine, radius * sine, z};
  return is_half ? world_from_local(frame_about(side), local) : local;
}

}  // namespace sovren::trace
