// SPDX-License-Identifier: Apache-2.0
#include "kernels/trace/math.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace sovren::trace {
namespace {

constexpr float smallest = std::numeric_limits<float>::min();  // that is normal
constexpr float denormal = std::numeric_limits<float>::denorm_min();

/// |value - expected| in units of the last place of a float as large as expected.
double ulp_error(float value, double expected) {
  if (std::isnan(expected)) return std::isnan(value) ? 0 : 1e9;
  if (std::isinf(expected) || std::abs(expected) > 0x1.ffffffp127) {
    return static_cast<double>(value) == expected || (std::isinf(value) && value > 0) ? 0 : 1e9;
  }
  if (std::abs(expected) < static_cast<double>(smallest)) {
    return std::abs(static_cast<double>(value)) <= static_cast<double>(smallest) ? 0 : 1e9;
  }
  const int exponent = std::max(std::ilogb(expected), -126);
  return std::abs(static_cast<double>(value) - expected) / std::ldexp(1.0, exponent - 23);
}

template <class Visit>
void over_floats(float low, float high, std::uint32_t step, const Visit& visit) {
  for (std::uint32_t bits = bits_of(low); bits < bits_of(high); bits += step) {
    visit(float_of_bits(bits));
    visit(-float_of_bits(bits));
  }
  visit(high);
  visit(-high);
}

TEST(TraceMath, SineAndCosineAreExactToTwoUlpsUpToTenThousand) {
  double worst = 0;
  const auto visit = [&](float x) {
    float s = 0;
    float c = 0;
    sin_cos(x, s, c);
    worst = std::max({worst, ulp_error(s, std::sin(static_cast<double>(x))),
                      ulp_error(c, std::cos(static_cast<double>(x)))});
  };
  over_floats(smallest, 1e4F, 997, visit);
  visit(0);
  for (int n = 1; n < 6366; ++n) {  // the floats nearest to multiples of a quarter turn
    const auto x = static_cast<float>(n * 1.5707963267948966);
    visit(x);
    visit(std::nextafter(x, 0.0F));
    visit(std::nextafter(x, 1e9F));
  }
  EXPECT_LE(worst, 2);
}

TEST(TraceMath, SineAndCosineOfWhatIsNoAngleAreThoseOfZero) {
  for (const float x : {infinity, -infinity, std::nanf(""), 1e30F}) {
    float s = 2;
    float c = 2;
    sin_cos(x, s, c);
    EXPECT_EQ(s, 0);
    EXPECT_EQ(c, 1);
  }
}

TEST(TraceMath, ExponentialIsExactToTwoUlps) {
  double worst = 0;
  over_floats(1e-9F, 90.0F, 131, [&](float x) {
    worst = std::max(worst, ulp_error(exp_of(x), std::exp(static_cast<double>(x))));
  });
  EXPECT_LE(worst, 2);
  EXPECT_EQ(exp_of(0), 1);
  EXPECT_EQ(exp_of(-0.0F), 1);
  EXPECT_EQ(exp_of(denormal), 1);
  EXPECT_EQ(exp_of(infinity), infinity);
  EXPECT_EQ(exp_of(-infinity), 0);
  EXPECT_EQ(exp_of(-88), 0);
  EXPECT_TRUE(std::isnan(exp_of(std::nanf(""))));
}

TEST(TraceMath, LogarithmIsExactToTwoUlps) {
  double worst = 0;
  for (std::uint32_t bits = bits_of(smallest); bits < bits_of(infinity); bits += 499) {
    const float x = float_of_bits(bits);
    worst = std::max(worst, ulp_error(log_of(x), std::log(static_cast<double>(x))));
  }
  for (std::uint32_t bits = bits_of(0.999F); bits < bits_of(1.001F); ++bits) {
    const float x = float_of_bits(bits);
    worst = std::max(worst, ulp_error(log_of(x), std::log(static_cast<double>(x))));
  }
  EXPECT_LE(worst, 2);
  EXPECT_EQ(log_of(1), 0);
  EXPECT_EQ(log_of(0), -infinity);
  EXPECT_EQ(log_of(-0.0F), -infinity);
  EXPECT_EQ(log_of(denormal), -infinity);
  EXPECT_EQ(log_of(infinity), infinity);
  EXPECT_TRUE(std::isnan(log_of(-1)));
  EXPECT_TRUE(std::isnan(log_of(-infinity)));
  EXPECT_TRUE(std::isnan(log_of(std::nanf(""))));
}

TEST(TraceMath, PowerIsExactToOneUlp) {
  double worst = 0;
  for (const float exponent : {1.0F / 2.4F, 2.4F, 1.0F, 2.0F, 0.1F, -0.5F, -3.0F, 17.5F, 1e-6F}) {
    for (std::uint32_t bits = bits_of(1e-12F); bits < bits_of(1e12F); bits += 1999) {
      const float x = float_of_bits(bits);
      worst = std::max(worst,
                       ulp_error(power(x, exponent),
                                 std::pow(static_cast<double>(x), static_cast<double>(exponent))));
    }
  }
  EXPECT_LE(worst, 1);
  EXPECT_EQ(power(0, 0), 1);
  EXPECT_EQ(power(0, 2), 0);
  EXPECT_EQ(power(denormal, 2), 0);
  EXPECT_EQ(power(0, -1), infinity);
  EXPECT_EQ(power(infinity, 2), infinity);
  EXPECT_EQ(power(infinity, -2), 0);
  EXPECT_EQ(power(10, 100), infinity);
  EXPECT_EQ(power(10, -100), 0);
  EXPECT_EQ(power(2, 127), 0x1p127F);
  EXPECT_EQ(power(2, -126), 0x1p-126F);
}

TEST(TraceMath, ArcCosineIsExactToTwoUlpsAlsoNearOne) {
  double worst = 0;
  const auto visit = [&](float x) {
    worst = std::max(worst, ulp_error(arc_cos(x), std::acos(static_cast<double>(x))));
  };
  over_floats(smallest, 0.9F, 4999, visit);
  over_floats(0.9F, 1.0F, 7, visit);
  visit(0);
  EXPECT_LE(worst, 2);
  EXPECT_EQ(arc_cos(1), 0);
  EXPECT_EQ(arc_cos(-1), pi);
  EXPECT_EQ(arc_cos(1.5F), 0);
  EXPECT_EQ(arc_cos(-1.5F), pi);
}

TEST(TraceMath, ArcTangentIsExactInAllQuadrants) {
  double worst = 0;
  const auto visit = [&](float y, float x) {
    worst = std::max(worst, ulp_error(arc_tan2(y, x),
                                      std::atan2(static_cast<double>(y), static_cast<double>(x))));
  };
  for (const float x : {1.0F, -1.0F, 3e-20F, -7e30F, 0.1F}) {
    over_floats(1e-6F, 1e6F, 1009, [&](float t) { visit(t * x, x); });
    visit(0, x);
    visit(x, 0);
    visit(x, x);
    visit(-0.0F, x);
  }
  EXPECT_LE(worst, 2.5);
  EXPECT_EQ(arc_tan2(0, 0), 0);
}

/// FNV-1a over the bits of every function at many places.
std::uint64_t digest_of_all() {
  std::uint64_t digest = 0xCBF29CE484222325;
  const auto add = [&](float x) { digest = (digest ^ bits_of(x)) * 0x100000001B3; };
  over_floats(smallest, infinity, 65521, [&](float x) {
    float s = 0;
    float c = 0;
    sin_cos(x, s, c);
    for (const float value : {s, c, exp_of(x), arc_cos(x), arc_tan2(x, 0.75F), root(magnitude(x))})
      add(value);
    if (x > 0) {
      add(log_of(x));
      add(power(x, 0.41666667F));
    }
  });
  return digest;
}

TEST(TraceMath, BitsNeverChange) {
  EXPECT_EQ(digest_of_all(), 524171647610676228ULL);
}

#ifdef __SSE__
TEST(TraceMath, BitsAreTheSameOnThreadsThatFlushDenormals) {
  const std::uint64_t expected = digest_of_all();
  const unsigned saved = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(saved | 0x8040);  // flush results, take operands as 0
  const std::uint64_t digest = digest_of_all();
  __builtin_ia32_ldmxcsr(saved);
  EXPECT_EQ(digest, expected);
}
#endif

TEST(TraceMath, WholeNumbers) {
  EXPECT_EQ(nearest(2.5F), 3);
  EXPECT_EQ(nearest(-2.5F), -3);
  EXPECT_EQ(nearest(2.4F), 2);
  EXPECT_EQ(floor_of(2.9F), 2);
  EXPECT_EQ(floor_of(-2.1F), -3);
  EXPECT_EQ(floor_of(-2.0F), -2);
}

}  // namespace
}  // namespace sovren::trace
