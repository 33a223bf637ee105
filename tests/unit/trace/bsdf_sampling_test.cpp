// SPDX-License-Identifier: Apache-2.0
// Whether what sample() does is what evaluate() says.
#include <algorithm>

#include "tests/unit/trace/one_material.h"

namespace sovren::trace {
namespace {

bool is_near(float a, float b, float relative) {
  return std::abs(a - b) <= relative * std::max(std::abs(a), std::abs(b)) + 1e-6F;
}

TEST(BsdfSampling, WeightAndPdfAgreeWithEvaluate) {
  Draws draws(1);
  over_materials(roughness_grid, [&](const std::string& name, OneMaterial& one) {
    int checked = 0, delta = 0;
    for (const double z : cosine_grid) {
      const Vec3 wo = direction_of(z, 0.7);
      const Bsdf bsdf = one.at(wo);
      for (int i = 0; i < 300; ++i) {
        const auto [lobe, u] = draws.next();
        BsdfSample s;
        if (!sample(one.view(), bsdf, wo, lobe, u, s) || s.is_subsurface) continue;
        ASSERT_NEAR(length(s.wi), 1, 1e-5F);
        ASSERT_EQ(s.is_transmission, s.wi.z * wo.z < 0) << name;
        delta += s.is_delta ? 1 : 0;
        if (s.is_delta) continue;
        const BsdfValue v = evaluate(one.view(), bsdf, wo, s.wi);
        // Sharp lobes are known to the digits that the half vector has.
        const float tolerance = one.material.roughness < 0.2F ? 0.02F : 2e-3F;
        ASSERT_TRUE(is_near(v.pdf, s.pdf, tolerance)) << name << " " << z;
        ASSERT_TRUE(is_near(v.value.x, s.weight.x * s.pdf, 2 * tolerance)) << name << " " << z;
        ASSERT_TRUE(is_near(v.value.z, s.weight.z * s.pdf, 2 * tolerance)) << name << " " << z;
        ++checked;
      }
    }
    EXPECT_EQ(checked > 0, !is_smooth(one.at({0, 0, 1}))) << name;
    const bool is_mirror = one.material.roughness == 0 && one.material.specular > 0;
    EXPECT_EQ(delta > 0, is_mirror) << name;
  });
}

/// Directions in cells of equal solid angle over the whole sphere.
struct Cells {
  static constexpr int rows = 16, columns = 12, fine = 32;
  std::vector<double> expected = std::vector<double>(rows * columns);
  std::vector<double> observed = std::vector<double>(rows * columns);

  static int cell_of(Vec3 w) {
    const int row = std::clamp(static_cast<int>((w.z + 1) * 0.5F * rows), 0, rows - 1);
    const double turn = std::atan2(w.y, w.x) / (2 * std::acos(-1.0)) + 0.5;
    return row * columns + std::clamp(static_cast<int>(turn * columns), 0, columns - 1);
  }
  void integrate(const OneMaterial& one, const Bsdf& bsdf, Vec3 wo) {
    const double two_pi = 2 * std::acos(-1.0);
    const double area = 2 * two_pi / (rows * fine * columns * fine);
    for (int row = 0; row < rows * fine; ++row) {
      for (int column = 0; column < columns * fine; ++column) {
        const Vec3 w = direction_of((row + 0.5) / (rows * fine) * 2 - 1,
                                    ((column + 0.5) / (columns * fine) - 0.5) * two_pi);
        expected[static_cast<std::size_t>(row / fine * columns + column / fine)] +=
            static_cast<double>(evaluate(one.view(), bsdf, wo, w).pdf) * area;
      }
    }
  }
};

TEST(BsdfSampling, DirectionsFollowThePdf) {
  Draws draws(2);
  constexpr int count = 30000;
  constexpr float rough[] = {0.5F, 1.0F};
  over_materials(rough, [&](const std::string& name, OneMaterial& one) {
    for (const double z : {0.95, 0.5, 0.2, -0.6}) {
      const Vec3 wo = direction_of(z, 0.3);
      const Bsdf bsdf = one.at(wo);
      Cells cells;
      cells.integrate(one, bsdf, wo);
      double total = 0;
      for (int i = 0; i < count; ++i) {
        const auto [lobe, u] = draws.next();
        BsdfSample s;
        if (!sample(one.view(), bsdf, wo, lobe, u, s) || s.is_subsurface) continue;
        cells.observed[static_cast<std::size_t>(Cells::cell_of(s.wi))] += 1;
        total += 1;
      }
      double chi_square = 0, freedom = 0, integral = 0;
      for (std::size_t c = 0; c < cells.expected.size(); ++c) {
        const double wanted = cells.expected[c] * count;
        integral += cells.expected[c];
        if (wanted < 10) continue;
        chi_square += (cells.observed[c] - wanted) * (cells.observed[c] - wanted) / wanted;
        freedom += 1;
      }
      EXPECT_LT(chi_square, freedom + 5 * std::sqrt(2 * freedom)) << name << " " << z;
      // What is missing from 1 is absorbed. The rest: the sum over the cells is no integral.
      const double sigma = std::sqrt(integral * std::max(1 - integral, 1e-4) / count);
      EXPECT_NEAR(total / count, integral, 4 * sigma + 6e-3) << name << " " << z;
    }
  });
}

/// Metals and clear dielectrics get what one bounce loses back in proportion to one direction's
/// loss: all else is the same for both.
float one_way_gain(const Bsdf& bsdf, float Vec3::*channel) {
  if (!bsdf.is_layered) return 1;
  const Interface& s = bsdf.layers.interface;
  return s.metallic > 0 ? s.metal_gain.*channel / s.metallic : s.gain;
}

/// Has it parts with different gains, or layers that are scaled by what wo sees?
bool is_one_way(const Material& m) {
  return (m.metallic > 0 && m.metallic < 1) || (m.transmission > 0 && m.transmission < 1) ||
         m.clearcoat > 0 || !is_black(m.sheen_color);
}

TEST(BsdfSampling, ReflectionIsReciprocal) {
  Draws draws(3);
  over_materials(roughness_grid, [&](const std::string& name, OneMaterial& one) {
    if (is_one_way(one.material)) return;
    for (int i = 0; i < 200; ++i) {
      const Vec3 a = sample_cosine(draws.next().u);
      const Vec3 b = sample_cosine(draws.next().u);
      if (a.z < 0.01F || b.z < 0.01F) continue;
      const Bsdf to_a = one.at(a);
      const Bsdf to_b = one.at(b);
      const Vec3 ab = evaluate(one.view(), to_a, a, b).value / b.z;
      const Vec3 ba = evaluate(one.view(), to_b, b, a).value / a.z;
      for (const auto channel : {&Vec3::x, &Vec3::z}) {
        ASSERT_TRUE(is_near(ab.*channel * one_way_gain(to_b, channel),
                            ba.*channel * one_way_gain(to_a, channel), 2e-3F))
            << name;
      }
    }
  });
}

}  // namespace
}  // namespace sovren::trace
