// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/nn/level/optimizer.h"
#include "tests/unit/nn/levels.h"

namespace sovren::nn {
namespace {

/// AdamW of one number, in double, as the paper has it.
struct PlainAdamW {
  double p, m = 0, v = 0;
  void step(const AdamW& a, double g) {
    p -= a.learning_rate * a.weight_decay * p;
    m = a.beta1 * m + (1 - a.beta1) * g;
    v = a.beta2 * v + (1 - a.beta2) * g * g;
    const double m_hat = m / (1 - std::pow(a.beta1, static_cast<double>(a.step)));
    const double v_hat = v / (1 - std::pow(a.beta2, static_cast<double>(a.step)));
    p -= a.learning_rate * m_hat / (std::sqrt(v_hat) + a.epsilon);
  }
};

TEST(AdamWUpdate, IsThePapersInManySteps) {
  constexpr std::size_t size = 2 * norm_block + 37;
  Team team(2);
  std::vector<float> p = normal_numbers(size, 1), m(size), v(size);
  std::vector<PlainAdamW> plain;
  for (const float value : p) plain.push_back({value});
  for (int step = 1; step <= 10; ++step) {
    const AdamW adamw{.learning_rate = 1e-2 / step,
                      .beta1 = 0.9,
                      .beta2 = 0.95,
                      .epsilon = 1e-8,
                      .weight_decay = 0.1,
                      .step = step};
    const std::vector<float> g = normal_numbers(size, 100 + static_cast<std::uint64_t>(step));
    adamw_update(team, adamw, 0.5, p, g, m, v);
    for (std::size_t i = 0; i < size; ++i) plain[i].step(adamw, 0.5 * static_cast<double>(g[i]));
  }
  for (std::size_t i = 0; i < size; ++i) {
    ASSERT_NEAR(p[i], plain[i].p, 2e-6) << i;
    ASSERT_NEAR(m[i], plain[i].m, 2e-7) << i;
    ASSERT_NEAR(v[i], plain[i].v, 2e-7) << i;
  }
}

TEST(AdamWUpdate, LevelsAndThreadsGiveTheSameBits) {
  constexpr std::size_t size = 1003;
  const std::vector<float> g = normal_numbers(size, 5);
  const AdamWFactors factors{1, 0.999F, 0.9F, 0.1F, 0.95F, 0.05F, 0.01F, 3, 1e-8F};
  std::vector<std::vector<float>> results;
  for (const Level level : levels_here()) {
    std::vector<float> p = normal_numbers(size, 6), m = normal_numbers(size, 7, 0.1F),
                       v(size, 0.3F);
    kernels_of<OptimizerKernels>(level).adamw(factors, size, p.data(), g.data(), m.data(),
                                              v.data());
    p.insert(p.end(), m.begin(), m.end());
    p.insert(p.end(), v.begin(), v.end());
    results.push_back(std::move(p));
  }
  for (const auto& result : results) EXPECT_EQ(result, results.front());
}

TEST(BlockSquares, AreTheSumsOfEachBlock) {
  constexpr std::size_t size = 2 * norm_block + 5;
  Team team(2);
  const std::vector<float> values = normal_numbers(size, 8);
  std::vector<double> squares(3);
  block_squares(team, values, squares);
  for (std::size_t b = 0; b < 3; ++b) {
    double expected = 0;
    for (std::size_t i = b * norm_block; i < std::min(size, (b + 1) * norm_block); ++i)
      expected += static_cast<double>(values[i]) * static_cast<double>(values[i]);
    EXPECT_NEAR(squares[b], expected, 1e-9 * expected) << b;
  }
  std::vector<double> at_level;
  for (const Level level : levels_here())
    at_level.push_back(kernels_of<OptimizerKernels>(level).squares(norm_block, values.data()));
  for (const double sum : at_level) EXPECT_EQ(sum, squares[0]);
}

TEST(AddTo, AddsElementByElement) {
  Team team(2);
  std::vector<float> to = normal_numbers(40'001, 9);
  const std::vector<float> before = to, from = normal_numbers(40'001, 10);
  add_to(team, from, to);
  for (std::size_t i = 0; i < to.size(); ++i) ASSERT_EQ(to[i], before[i] + from[i]) << i;
}

}  // namespace
}  // namespace sovren::nn
