// SPDX-License-Identifier: Apache-2.0
#include "kernels/trace/sampler.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sovren::trace {
namespace {

constexpr std::size_t numbers = 8;
using Numbers = std::array<float, numbers>;  // x of four pairs, then y

Numbers numbers_of(const SampleKey& key, std::uint32_t block) {
  const SobolPairs p = sobol::pairs_of(key, block);
  return {p.x[0], p.x[1], p.x[2], p.x[3], p.y[0], p.y[1], p.y[2], p.y[3]};
}

TEST(TraceSampler, SideBySideIsTheSameAsOneByOne) {
  std::uint64_t state = 1;
  const auto next = [&] {
    state = state * 6364136223846793005 + 1442695040888963407;
    return static_cast<std::uint32_t>(state >> 32);
  };
  for (int i = 0; i < 20000; ++i) {
    const SampleKey key{next(), next(), i % 2 == 0 ? next() : static_cast<std::uint32_t>(i)};
    const auto block = static_cast<std::uint32_t>(i % 70);
    const SobolPairs a = sobol::pairs_of(key, block);
    const SobolPairs b = sobol::pairs_one_by_one(key, block);
    for (int k = 0; k < 4; ++k) {
      ASSERT_EQ(a.x[k], b.x[k]);
      ASSERT_EQ(a.y[k], b.y[k]);
    }
  }
}

TEST(TraceSampler, ValuesNeverChange) {
  const BounceNumbers b = bounce_numbers({1, 2, 3}, 4);
  const std::vector<float> values{b.lobe,          b.bsdf.x,        b.bsdf.y,   b.light,
                                  b.light_point.x, b.light_point.y, b.roulette, b.extra};
  EXPECT_EQ(values,
            (std::vector<float>{0x842a0fp-24F, 0xc86410p-24F, 0xe8000ep-24F, 0xb315cdp-24F,
                                0xb3c45dp-24F, 0x766b84p-24F, 0x676450p-24F, 0x38a22fp-24F}));
  const CameraNumbers c = camera_numbers({7, 65537, 1023});
  EXPECT_EQ((std::vector<float>{c.filter.x, c.filter.y, c.lens.x, c.lens.y, c.time}),
            (std::vector<float>{0xb9e57fp-24F, 0xa387b6p-24F, 0x99e0fcp-24F, 0xc30279p-24F,
                                0x3a5cd3p-24F}));
}

/// Is there one of the points in each of the boxes, 2^k wide and 2^(bits - k) high?
bool is_net(const std::vector<Vec2>& points, int bits) {
  for (int k = 0; k <= bits; ++k) {
    std::vector<int> count(points.size(), 0);
    for (const Vec2 p : points) {
      const int column = static_cast<int>(p.x * static_cast<float>(1 << k));
      const int row = static_cast<int>(p.y * static_cast<float>(1 << (bits - k)));
      ++count[static_cast<std::size_t>((row << k) + column)];
    }
    for (const int c : count) {
      if (c != 1) return false;
    }
  }
  return true;
}

TEST(TraceSampler, FirstSamplesOfEveryPairAreNets) {
  for (std::uint32_t pixel = 0; pixel < 20; ++pixel) {
    for (const int bits : {4, 6, 8}) {
      for (std::size_t pair = 0; pair < 4; ++pair) {
        // Aligned runs of a power of two are nets too: the second one starts at 2^bits.
        for (std::uint32_t first : {0U, 1U << bits}) {
          std::vector<Vec2> points;
          for (std::uint32_t i = 0; i < 1U << bits; ++i) {
            const Numbers n = numbers_of({9, pixel * 77, first + i}, pixel % 5);
            points.push_back({n[pair], n[pair + 4]});
          }
          EXPECT_TRUE(is_net(points, bits)) << pixel << ' ' << bits << ' ' << pair;
        }
      }
    }
  }
}

TEST(TraceSampler, PairsAreThoseOfTheNames) {
  for (const int bits : {4, 6}) {
    std::vector<Vec2> filter, lens, bsdf, light_point;
    for (std::uint32_t i = 0; i < 1U << bits; ++i) {
      const CameraNumbers c = camera_numbers({3, 5, i});
      const BounceNumbers b = bounce_numbers({3, 5, i}, 2);
      filter.push_back(c.filter);
      lens.push_back(c.lens);
      bsdf.push_back(b.bsdf);
      light_point.push_back(b.light_point);
    }
    EXPECT_TRUE(is_net(filter, bits));
    EXPECT_TRUE(is_net(lens, bits));
    EXPECT_TRUE(is_net(bsdf, bits));
    EXPECT_TRUE(is_net(light_point, bits));
  }
}

TEST(TraceSampler, EveryNumberIsUniformOverPixels) {
  constexpr int bins = 64;
  constexpr int pixels = 64000;
  for (const std::uint32_t sample : {0U, 5U}) {
    std::array<std::array<int, bins>, numbers> count{};
    for (std::uint32_t pixel = 0; pixel < pixels; ++pixel) {
      const Numbers n = numbers_of({0, pixel, sample}, 1);
      for (std::size_t k = 0; k < numbers; ++k) {
        ASSERT_GE(n[k], 0);
        ASSERT_LT(n[k], 1);
        ++count[k][static_cast<std::size_t>(n[k] * bins)];
      }
    }
    for (const auto& c : count) {
      double chi = 0;
      for (const int x : c) chi += (x - 1000.0) * (x - 1000.0) / 1000.0;
      EXPECT_LT(chi, 63 + 5 * std::sqrt(2 * 63.0));
      EXPECT_GT(chi, 63 - 5 * std::sqrt(2 * 63.0));
    }
  }
}

/// Sum of products of what is left of two numbers without their mean, over some samples.
double product_of(const std::vector<Numbers>& a, std::size_t i, const std::vector<Numbers>& b,
                  std::size_t k) {
  double sum = 0;
  for (std::size_t s = 0; s < a.size(); ++s) {
    sum += (static_cast<double>(a[s][i]) - 0.5) * (static_cast<double>(b[s][k]) - 0.5);
  }
  return sum * 12 / std::sqrt(static_cast<double>(a.size()));
}

TEST(TraceSampler, NumbersPixelsBouncesAndSeedsAreNotCorrelated) {
  constexpr int pixels = 8000;
  for (const std::uint32_t samples : {1U, 4U, 16U}) {
    // Mean over pixels of the product with: the same block, the next pixel, bounce and seed.
    std::array<std::array<std::array<double, numbers>, numbers>, 4> sum{};
    for (std::uint32_t pixel = 0; pixel < pixels; ++pixel) {
      std::array<std::vector<Numbers>, 4> points;
      for (std::uint32_t s = 0; s < samples; ++s) {
        points[0].push_back(numbers_of({0, pixel, s}, 1));
        points[1].push_back(numbers_of({0, pixel + 1, s}, 1));
        points[2].push_back(numbers_of({0, pixel, s}, 2));
        points[3].push_back(numbers_of({1, pixel, s}, 1));
      }
      for (std::size_t other = 0; other < 4; ++other) {
        for (std::size_t i = 0; i < numbers; ++i) {
          for (std::size_t k = 0; k < numbers; ++k) {
            sum[other][i][k] += product_of(points[0], i, points[other], k);
          }
        }
      }
    }
    for (std::size_t other = 0; other < 4; ++other) {
      for (std::size_t i = 0; i < numbers; ++i) {
        for (std::size_t k = 0; k < numbers; ++k) {
          if (other == 0 && i == k) continue;
          // Of stratified numbers the variance of the product is up to 1.6.
          EXPECT_LT(std::abs(sum[other][i][k]) / std::sqrt(1.6 * pixels), 5)
              << samples << ' ' << other << ' ' << i << ' ' << k;
        }
      }
    }
  }
}

TEST(TraceSampler, ErrorsOfASmoothFunctionAreThoseOfOwensScrambling) {
  // The variance of the mean of x^2 over N points that are nested uniformly scrambled: one point
  // in each N-th, independent there. The square of 2x over 12 N^3.
  constexpr std::uint32_t pixels = 600;
  for (const std::uint32_t samples : {16U, 64U, 256U}) {
    double squares = 0;
    for (std::uint32_t pixel = 0; pixel < pixels; ++pixel) {
      std::array<double, numbers> sum{};
      for (std::uint32_t s = 0; s < samples; ++s) {
        const Numbers n = numbers_of({2, pixel, s}, 3);
        for (std::size_t k = 0; k < numbers; ++k) sum[k] += static_cast<double>(n[k] * n[k]);
      }
      for (const double x : sum) squares += std::pow(x / samples - 1.0 / 3, 2);
    }
    const double expected = 4.0 / 3 / 12 / std::pow(samples, 3);
    EXPECT_NEAR(squares / (pixels * numbers) / expected, 1, 0.2) << samples;
  }
}

}  // namespace
}  // namespace sovren::trace
