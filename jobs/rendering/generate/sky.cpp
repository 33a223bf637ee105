// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/generate/sky.h"

#include <algorithm>
#include <array>

#include "jobs/rendering/generate/shapes.h"
#include "kernels/trace/math.h"

namespace sovren::jobs {
namespace {

using trace::Vec3;

constexpr float turbidity = 3;
constexpr float zenith_angle_of_sun = 55.0F * trace::pi / 180;
constexpr float sun_azimuth = 40.0F * trace::pi / 180;  // from +x towards +z

/// Perez's five numbers at this turbidity.
using Perez = std::array<float, 5>;
constexpr Perez at_turbidity(const std::array<float, 5>& slope, const std::array<float, 5>& start) {
  Perez perez{};
  for (std::size_t i = 0; i < perez.size(); ++i) perez[i] = slope[i] * turbidity + start[i];
  return perez;
}
constexpr Perez luminance_perez = at_turbidity({0.1787F, -0.3554F, -0.0227F, 0.1206F, -0.0670F},
                                               {-1.4630F, 0.4275F, 5.3251F, -2.5771F, 0.3703F});
constexpr Perez x_perez = at_turbidity({-0.0193F, -0.0665F, -0.0004F, -0.0641F, -0.0033F},
                                       {-0.2592F, 0.0008F, 0.2125F, -0.8989F, 0.0452F});
constexpr Perez y_perez = at_turbidity({-0.0167F, -0.0950F, -0.0079F, -0.0441F, -0.0109F},
                                       {-0.2608F, 0.0092F, 0.2102F, -1.6537F, 0.0529F});

float perez_of(const Perez& p, float cos_zenith, float gamma, float cos_gamma) {
  return (1 + p[0] * trace::exp_of(p[1] / cos_zenith)) *
         (1 + p[2] * trace::exp_of(p[3] * gamma) + p[4] * cos_gamma * cos_gamma);
}

/// Its value towards the zenith is given: the value elsewhere.
float spread(const Perez& p, float zenith, float cos_zenith, float gamma, float cos_gamma) {
  const float sun = zenith_angle_of_sun;
  return zenith * perez_of(p, cos_zenith, gamma, cos_gamma) / perez_of(p, 1, sun, cosine(sun));
}

using Cubic = std::array<std::array<float, 4>, 3>;
/// Chromaticity of the zenith: quadratic in the turbidity, cubic in the sun's angle.
float chromaticity(const Cubic& m) {
  const float t = turbidity, s = zenith_angle_of_sun;
  const auto row = [&](const std::array<float, 4>& c) {
    return ((c[0] * s + c[1]) * s + c[2]) * s + c[3];
  };
  return row(m[0]) * t * t + row(m[1]) * t + row(m[2]);
}

Vec3 linear_srgb(float luminance, float x, float y) {
  const float big_x = x / y * luminance, big_z = (1 - x - y) / y * luminance;
  return {3.2404542F * big_x - 1.5371385F * luminance - 0.4985314F * big_z,
          -0.9692660F * big_x + 1.8760108F * luminance + 0.0415560F * big_z,
          0.0556434F * big_x - 0.2040259F * luminance + 1.0572252F * big_z};
}

Vec3 sky_towards(Vec3 way, Vec3 sun) {
  const float chi = (4.0F / 9 - turbidity / 120) * (trace::pi - 2 * zenith_angle_of_sun);
  const float zenith_luminance =
      (4.0453F * turbidity - 4.9710F) * sine(chi) / cosine(chi) - 0.2155F * turbidity + 2.4192F;
  const float zenith_x = chromaticity({{{0.00166F, -0.00375F, 0.00209F, 0},
                                        {-0.02903F, 0.06377F, -0.03202F, 0.00394F},
                                        {0.11693F, -0.21196F, 0.06052F, 0.25886F}}});
  const float zenith_y = chromaticity({{{0.00275F, -0.00610F, 0.00317F, 0},
                                        {-0.04214F, 0.08970F, -0.04153F, 0.00516F},
                                        {0.15346F, -0.26756F, 0.06670F, 0.26688F}}});
  const float cos_zenith = std::max(way.y, 0.01F);
  const float cos_gamma = std::clamp(trace::dot(way, sun), -1.0F, 1.0F);
  const float gamma = trace::arc_cos(cos_gamma);
  const auto at = [&](const Perez& p, float zenith) {
    return spread(p, zenith, cos_zenith, gamma, cos_gamma);
  };
  constexpr float kilocandela = 0.1F;  // one of these becomes so much
  const Vec3 color = linear_srgb(at(luminance_perez, zenith_luminance) * kilocandela,
                                 at(x_perez, zenith_x), at(y_perez, zenith_y));
  return {std::max(color.x, 0.0F), std::max(color.y, 0.0F), std::max(color.z, 0.0F)};
}

}  // namespace

Picture generate_sky(int width) {
  Picture picture{.width = width, .height = width / 2, .channels = 3, .values = {}};
  const float up = cosine(zenith_angle_of_sun), flat = sine(zenith_angle_of_sun);
  const Vec3 sun{flat * cosine(sun_azimuth), up, flat * sine(sun_azimuth)};
  constexpr float sun_width = 0.03F;  // radians
  const Vec3 sun_radiance{230, 195, 146}, ground{0.11F, 0.1F, 0.085F};
  for (int row = 0; row < picture.height; ++row)
    for (int column = 0; column < width; ++column) {
      const float v = (static_cast<float>(row) + 0.5F) / static_cast<float>(picture.height);
      const float u = (static_cast<float>(column) + 0.5F) / static_cast<float>(width);
      const float polar = v * trace::pi, around = (u - 0.5F) * 2 * trace::pi;
      const Vec3 way{sine(polar) * cosine(around), cosine(polar), sine(polar) * sine(around)};
      Vec3 color = way.y > 0 ? sky_towards(way, sun) : ground;
      const float off = trace::length(way - sun) / sun_width;
      color += sun_radiance * trace::exp_of(-0.5F * off * off);
      picture.values.insert(picture.values.end(), {color.x, color.y, color.z});
    }
  return picture;
}

}  // namespace sovren::jobs
