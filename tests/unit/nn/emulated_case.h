// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/unit/nn/emulated_device.h"
#include "tests/unit/nn/levels.h"

namespace sovren::nn::device {

/// fp32 as the nearest bf16, by plain arithmetic.
inline Bf16 nearest_bf16(float x) {
  const auto near = static_cast<std::uint32_t>(to_bits(x) >> 16);
  std::uint32_t best = near;
  double least = INFINITY;
  for (const std::uint32_t at : {near, near + 1}) {
    const double distance = std::abs(static_cast<double>(from_bits(at << 16)) - x);
    if (distance < least || (distance == least && at % 2 == 0)) best = at;
    least = std::min(least, distance);
  }
  return static_cast<Bf16>(best);
}

/// Normal numbers in bf16.
inline std::vector<Bf16> bf16_numbers(std::size_t count, std::uint64_t seed, float scale = 1) {
  std::vector<Bf16> numbers;
  for (const float x : normal_numbers(count, seed, scale)) numbers.push_back(nearest_bf16(x));
  return numbers;
}

inline std::vector<double> doubles(const std::vector<Bf16>& numbers) {
  std::vector<double> values;
  for (const Bf16 x : numbers) values.push_back(from_bf16(x));
  return values;
}

/// A quiet NaN in bf16: what nobody wrote.
inline constexpr Bf16 unwritten = 0x7FFF;

/// Each within half a unit of bf16 (2^-9, rounding), and `more` besides.
inline void expect_rounded(const std::vector<Bf16>& found, const std::vector<double>& reference,
                           double more = 1e-5) {
  ASSERT_EQ(found.size(), reference.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    ASSERT_NEAR(from_bf16(found[i]), reference[i], 0x1p-8 * std::abs(reference[i]) + more)
        << "element " << i;
}
inline void expect_close(const std::vector<float>& found, const std::vector<double>& reference,
                         double bound) {
  ASSERT_EQ(found.size(), reference.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    ASSERT_NEAR(found[i], reference[i], bound * (1 + std::abs(reference[i]))) << "element " << i;
}

/// result(order) in both orders of a block's threads: the same, or a barrier is missing.
template <class Compute>
auto in_both_orders(const Compute& compute) {
  const auto result = compute(EmulatedLaunch{Order::forward});
  EXPECT_EQ(result, compute(EmulatedLaunch{Order::backward})) << "a barrier is missing";
  return result;
}

}  // namespace sovren::nn::device
