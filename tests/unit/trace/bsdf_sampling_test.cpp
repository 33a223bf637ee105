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
  for (const float roughness : roughness_grid) {
    for (const auto& [name, material] : materials_of_roughness(roughness)) {
      OneMaterial one(material);
      int checked = 0;
      for (const double z : cosine_grid) {
        const Vec3 wo = direction_of(z, 0.7);
        const Bsdf bsdf = one.at(wo);
        for (int i = 0; i < 300; ++i) {
          const auto [lobe, u] = draws.next();
          BsdfSample s;
          if (!sample(one.view(), bsdf, wo, lobe, u, s) || s.is_delta || s.is_subsurface) continue;
          EXPECT_NEAR(length(s.wi), 1, 1e-5F);
          EXPECT_EQ(s.is_transmission, s.wi.z * wo.z < 0) << name;
          const BsdfValue v = evaluate(one.view(), bsdf, wo, s.wi);
          // Sharp lobes are known to the digits that the half vector has.
          const float tolerance = roughness < 0.2F ? 0.01F : 1e-3F;
          ASSERT_TRUE(is_near(v.pdf, s.pdf, tolerance)) << name << " " << roughness << " " << z;
          ASSERT_TRUE(is_near(v.value.x, s.weight.x * s.pdf, 2 * tolerance)) << name;
          ASSERT_TRUE(is_near(v.value.z, s.weight.z * s.pdf, 2 * tolerance)) << name;
          ++checked;
        }
      }
      const bool is_delta_only =
          roughness == 0 && (is_black(one.at({0, 0, 1}).diffuse) || name == "sheet");
      EXPECT_EQ(checked > 0, !is_delta_only) << name << " " << roughness;
    }
  }
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
  constexpr int count = 40000;
  for (const float roughness : {0.5F, 0.75F, 1.0F}) {
    for (const auto& [name, material] : materials_of_roughness(roughness)) {
      OneMaterial one(material);
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
        const auto where = name + " " + std::to_string(roughness) + " " + std::to_string(z);
        EXPECT_LT(chi_square, freedom + 5 * std::sqrt(2 * freedom)) << where;
        const double sigma = std::sqrt(integral * std::max(1 - integral, 1e-4) / count);
        EXPECT_NEAR(total / count, integral, 4 * sigma + 3e-3) << where;
      }
    }
  }
}

/// Metals and clear dielectrics get what one bounce loses back in proportion to one direction's
/// loss: all else is the same for both.
float one_way_gain(const Bsdf& bsdf, float Vec3::*channel) {
  const Interface& s = bsdf.interface;
  return s.metallic > 0 ? s.metal_gain.*channel / s.metallic : s.gain;
}

TEST(BsdfSampling, ReflectionIsReciprocal) {
  Draws draws(3);
  for (const float roughness : roughness_grid) {
    for (const auto& [name, material] : materials_of_roughness(roughness)) {
      if (name == "mixed" || name == "tinted") continue;  // parts with gains of their own
      OneMaterial one(material);
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
              << name << " " << roughness;
        }
      }
    }
  }
}

}  // namespace
}  // namespace sovren::trace
