// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/attention.h"

#include <gtest/gtest.h>

#include <complex>
#include <limits>

#include "kernels/nn/attention_by_level.h"
#include "kernels/nn/level/exponent.h"
#include "tests/unit/nn/bits.h"
#include "tests/unit/nn/levels.h"
#include "tests/unit/nn/plain_attention.h"

namespace sovren::nn {
namespace {

constexpr float nothing = std::numeric_limits<float>::quiet_NaN();  // what nobody wrote

std::size_t qkv_size(const AttentionShape& shape) {
  return static_cast<std::size_t>(shape.batch * shape.tokens * shape.qkv_width());
}
std::size_t out_size(const AttentionShape& shape) {
  return static_cast<std::size_t>(shape.batch * shape.tokens * shape.q_width());
}
std::size_t row_count(const AttentionShape& shape) {
  return static_cast<std::size_t>(shape.batch * shape.tokens * shape.heads);
}

struct Results {
  std::vector<float> out, log_sum, d_qkv;
};

Results results_of(Level level, int threads, const AttentionShape& shape,
                   const std::vector<float>& qkv, const std::vector<float>& d_out,
                   const Dropout& dropout = {}) {
  Team team(threads);
  Results r{std::vector<float>(out_size(shape), nothing),
            std::vector<float>(row_count(shape), nothing),
            std::vector<float>(qkv_size(shape), nothing)};
  attention_forward(level, team, shape, qkv.data(), dropout, r.out.data(), r.log_sum.data());
  attention_backward(level, team, shape, qkv.data(), dropout, r.out.data(), r.log_sum.data(),
                     d_out.data(), r.d_qkv.data());
  return r;
}

/// The largest difference, in units of the largest number expected (at least 1e-30).
double error_of(const std::vector<float>& values, const std::vector<double>& expected) {
  double error = 0, largest = 1e-30;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double difference = std::abs(static_cast<double>(values[i]) - expected[i]);
    error = difference <= error ? error : difference;  // NaN too
    largest = std::max(largest, std::abs(expected[i]));
  }
  return error / largest;
}

struct Case {
  AttentionShape shape;
  Dropout dropout;
};

std::string name_of(const testing::TestParamInfo<Case>& info) {
  const auto& [shape, dropout] = info.param;
  return "b" + std::to_string(shape.batch) + "_t" + std::to_string(shape.tokens) + "_h" +
         std::to_string(shape.heads) + "_kv" + std::to_string(shape.kv_heads) + "_w" +
         std::to_string(shape.head_width) + (dropout.is_on() ? "_dropout" : "");
}

class AttentionCase : public testing::TestWithParam<Case> {};

TEST_P(AttentionCase, IsThePlainOneForwardAndBackward) {
  const auto& [shape, dropout] = GetParam();
  const std::vector<float> qkv = normal_numbers(qkv_size(shape), 1);
  const std::vector<float> d_out = normal_numbers(out_size(shape), 2);
  const PlainAttention plain(shape, qkv, dropout);
  const Results r = results_of(cpu_level(), 2, shape, qkv, d_out, dropout);
  EXPECT_LT(error_of(r.out, plain.out), 2e-6);
  EXPECT_LT(error_of(r.log_sum, plain.log_sum), 1e-6);
  EXPECT_LT(error_of(r.d_qkv, plain.gradient(d_out)), 4e-6);
}

INSTANTIATE_TEST_SUITE_P(Shapes, AttentionCase,
                         testing::Values(Case{{2, 128, 4, 4, 32}, {}}, Case{{1, 1, 1, 1, 16}, {}},
                                         Case{{3, 33, 2, 2, 20}, {}}, Case{{1, 65, 3, 1, 8}, {}},
                                         Case{{2, 64, 2, 2, 48}, {}}, Case{{1, 100, 6, 2, 33}, {}},
                                         Case{{1, 300, 2, 1, 64}, {}}, Case{{1, 70, 1, 1, 128}, {}},
                                         Case{{2, 7, 4, 2, 2}, {}},
                                         Case{{2, 77, 2, 1, 16}, {0.2F, 11, 5, 3}},
                                         Case{{1, 130, 4, 2, 20}, {0.5F, 12, 6, 1'000'000'007}}),
                         name_of);

TEST(Attention, GradientIsTheSlopeOfThePlainOne) {
  const AttentionShape shape{1, 19, 4, 2, 6};
  const Dropout dropout{0.25F, 3, 4, 2};
  std::vector<float> qkv = normal_numbers(qkv_size(shape), 3);
  const std::vector<float> d_out = normal_numbers(out_size(shape), 4);
  const Results r = results_of(cpu_level(), 1, shape, qkv, d_out, dropout);
  const auto value = [&](std::size_t at, double moved) {
    std::vector<double> x(qkv.begin(), qkv.end());
    x[at] += moved;
    const PlainAttention plain(shape, x, dropout);
    double sum = 0;
    for (std::size_t i = 0; i < d_out.size(); ++i)
      sum += plain.out[i] * static_cast<double>(d_out[i]);
    return sum;
  };
  for (std::size_t at = 0; at < qkv.size(); ++at) {
    constexpr double step = 1e-5;
    const double slope = (value(at, step) - value(at, -step)) / (2 * step);
    ASSERT_NEAR(r.d_qkv[at], slope, 2e-6 * (1 + std::abs(slope))) << at;
  }
}

TEST(Attention, LargeScoresDoNotOverflow) {
  const AttentionShape shape{1, 90, 2, 1, 32};
  const std::vector<float> qkv = normal_numbers(qkv_size(shape), 5, 30);  // scores of thousands
  const std::vector<float> d_out = normal_numbers(out_size(shape), 6);
  const PlainAttention plain(shape, qkv);
  const Results r = results_of(cpu_level(), 1, shape, qkv, d_out);
  EXPECT_LT(error_of(r.out, plain.out), 1e-3);  // a score of 4000 is known to 2.4e-4
  EXPECT_LT(error_of(r.log_sum, plain.log_sum), 1e-6);
  EXPECT_LT(error_of(r.d_qkv, plain.gradient(d_out)), 1e-3);
}

TEST(Attention, ThreadsAndLevelsGiveTheSameBits) {
  const Dropout some{0.1F, 1, 2, 0};
  for (const auto& [shape, dropout] :
       {Case{{2, 70, 4, 2, 20}, {}}, Case{{1, 33, 2, 2, 48}, some}, Case{{1, 1, 1, 1, 3}, {}}}) {
    const std::vector<float> qkv = normal_numbers(qkv_size(shape), 7);
    const std::vector<float> d_out = normal_numbers(out_size(shape), 8);
    const Results first = results_of(Level::plain, 1, shape, qkv, d_out, dropout);
    for (const Level level : levels_here())
      for (const int threads : {1, 2, 5}) {
        const Results r = results_of(level, threads, shape, qkv, d_out, dropout);
        expect_same_bits(r.out, first.out, level_name(level).data());
        expect_same_bits(r.log_sum, first.log_sum, level_name(level).data());
        expect_same_bits(r.d_qkv, first.d_qkv, level_name(level).data());
      }
  }
}

TEST(Attention, ASequenceAloneGivesTheSameBitsAsInABatch) {
  const AttentionShape shape{3, 75, 2, 1, 24}, alone{1, 75, 2, 1, 24};
  Dropout dropout{0.3F, 9, 9, 40};
  const std::vector<float> qkv = normal_numbers(qkv_size(shape), 9);
  const std::vector<float> d_out = normal_numbers(out_size(shape), 10);
  const Results all = results_of(cpu_level(), 2, shape, qkv, d_out, dropout);
  const auto third = [](const std::vector<float>& values, int b) {
    const auto size = static_cast<std::ptrdiff_t>(values.size()) / 3;
    return std::vector<float>(values.begin() + b * size, values.begin() + (b + 1) * size);
  };
  for (int b = 0; b < 3; ++b) {
    const Results r = results_of(cpu_level(), 1, alone, third(qkv, b), third(d_out, b), dropout);
    expect_same_bits(r.out, third(all.out, b), "in a batch");
    expect_same_bits(r.log_sum, third(all.log_sum, b), "in a batch");
    expect_same_bits(r.d_qkv, third(all.d_qkv, b), "in a batch");
    ++dropout.first_row;
  }
}

TEST(Attention, LaterTokensChangeNothing) {
  const AttentionShape shape{1, 80, 1, 1, 16};
  std::vector<float> qkv = normal_numbers(qkv_size(shape), 11);
  const std::vector<float> d_out = normal_numbers(out_size(shape), 12);
  const Results before = results_of(cpu_level(), 1, shape, qkv, d_out);
  constexpr std::ptrdiff_t first = 70;
  for (auto x = qkv.begin() + first * shape.qkv_width(); x != qkv.end(); ++x) *x = 100;
  const Results after = results_of(cpu_level(), 1, shape, qkv, d_out);
  for (std::size_t i = 0; i < first * 16; ++i) ASSERT_EQ(before.out[i], after.out[i]) << i;
}

/// The largest error of function(x) for x from `first` to `last`, in units in the last place of
/// the larger of it and `least`.
double worst_ulp(double first, double last, double least, plain::F16 (*function)(plain::F16),
                 double (*exact)(double)) {
  constexpr int steps = 100'000;
  double worst = 0;
  for (int i = 0; i <= steps; ++i) {
    const auto x = static_cast<float>(first + (last - first) * i / steps);
    float lane[16];
    function(plain::F16::all(x)).store(lane);
    const double expected = exact(static_cast<double>(x));
    const double unit =
        0x1p-23 * std::exp2(std::floor(std::log2(std::max(std::abs(expected), least))));
    worst = std::max(worst, std::abs(static_cast<double>(lane[0]) - expected) / unit);
  }
  return worst;
}

TEST(Exponent, IsAsExactAsItSays) {
  const auto power = [](double x) { return std::exp2(x); };
  EXPECT_LT(worst_ulp(-125, 0, 0, plain::power_of_two, power), 1.5);
  EXPECT_LT(worst_ulp(-1.5, 1.5, 0, plain::power_of_two, power), 1.5);
  const auto logarithm = [](double x) { return std::log(x); };
  EXPECT_LT(worst_ulp(1e-3, 4, 1, plain::log, logarithm), 2);
  EXPECT_LT(worst_ulp(1, 1e6, 1, plain::log, logarithm), 2);
  const auto lane_0 = [](plain::F16 a) { return a.lane[0]; };
  EXPECT_EQ(lane_0(plain::power_of_two(plain::F16::all(0))), 1);
  EXPECT_EQ(lane_0(plain::power_of_two(plain::F16::all(-3e38F))), 0x1p-126F);
  EXPECT_EQ(lane_0(plain::log(plain::F16::all(1))), 0);
  EXPECT_TRUE(std::isnan(lane_0(plain::power_of_two(plain::F16::all(nothing)))));
}

TEST(Rotate, TurnsPairsByTheAngleOfTheirPosition) {
  constexpr double theta = 500;
  constexpr int first = 5;
  for (const AttentionShape shape :
       {AttentionShape{2, 35, 2, 1, 40}, AttentionShape{1, 3, 1, 1, 2}}) {
    const std::vector<float> before = normal_numbers(qkv_size(shape), 13);
    std::vector<float> qkv = before;
    Team team(2);
    rotate(team, shape, theta, first, Rotation::forward, qkv.data());
    const auto half = static_cast<std::size_t>(shape.head_width / 2);
    const auto heads = static_cast<std::size_t>(shape.heads + 2 * shape.kv_heads);
    for (std::size_t i = 0; i < qkv.size(); ++i) {
      const std::size_t head = i / (2 * half) % heads, in_head = i % (2 * half);
      const std::size_t token = i / (2 * half * heads) % static_cast<std::size_t>(shape.tokens);
      const bool is_value = head >= static_cast<std::size_t>(shape.heads + shape.kv_heads);
      const std::size_t pair = in_head % half, at = i - in_head + pair;
      const double frequency = std::pow(theta, -2.0 * static_cast<double>(pair) / shape.head_width);
      const std::complex<double> turned =
          std::complex<double>(before[at], before[at + half]) *
          std::polar(1.0, static_cast<double>(first + token) * frequency);
      const double expected = in_head < half ? turned.real() : turned.imag();
      ASSERT_NEAR(qkv[i], is_value ? static_cast<double>(before[i]) : expected, 1e-6) << i;
    }
    rotate(team, shape, theta, first, Rotation::backward, qkv.data());
    for (std::size_t i = 0; i < qkv.size(); ++i) ASSERT_NEAR(qkv[i], before[i], 1e-6) << i;
  }
}

TEST(Rotate, ThreadsAndLevelsGiveTheSameBits) {
  const AttentionShape shape{2, 37, 3, 1, 20};
  std::vector<std::vector<float>> results;
  for (const Level level : levels_here())
    for (const int threads : {1, 2, 5}) {
      Team team(threads);
      results.push_back(normal_numbers(qkv_size(shape), 14));
      rotate(level, team, shape, 10'000, 0, Rotation::forward, results.back().data());
    }
  for (const auto& result : results)
    expect_same_bits(result, results.front(), "levels and threads");
}

/// qkv of whole sequences, as a cache with room for more holds its keys and values.
struct Cache {
  Cache(const AttentionShape& shape, int capacity, const std::vector<float>& qkv) {
    const auto kv_width = static_cast<std::size_t>(shape.kv_heads * shape.head_width);
    const auto q_width = static_cast<std::size_t>(shape.q_width());
    for (int b = 0; b < shape.batch; ++b)
      for (int token = 0; token < capacity; ++token) {
        if (token >= shape.tokens) {
          keys.insert(keys.end(), kv_width, nothing);
          values.insert(values.end(), kv_width, nothing);
          continue;
        }
        const float* row = qkv.data() + (b * shape.tokens + token) * shape.qkv_width();
        if (token + 1 == shape.tokens) q.insert(q.end(), row, row + q_width);
        keys.insert(keys.end(), row + q_width, row + q_width + kv_width);
        values.insert(values.end(), row + q_width + kv_width, row + q_width + 2 * kv_width);
      }
  }
  std::vector<float> q, keys, values;
};

TEST(AttentionDecode, IsTheLastRowOfTheForwardPass) {
  for (const AttentionShape shape :
       {AttentionShape{2, 50, 4, 2, 32}, AttentionShape{1, 1, 2, 2, 20},
        AttentionShape{2, 33, 3, 1, 7}, AttentionShape{1, 16, 1, 1, 64}}) {
    const std::vector<float> qkv = normal_numbers(qkv_size(shape), 15, 2);
    const PlainAttention plain(shape, qkv);
    std::vector<double> expected;
    for (int b = 1; b <= shape.batch; ++b) {
      const auto end = plain.out.begin() + std::ptrdiff_t{b} * shape.tokens * shape.q_width();
      expected.insert(expected.end(), end - shape.q_width(), end);
    }
    const int capacity = shape.tokens + 3;
    const Cache cache(shape, capacity, qkv);
    std::vector<std::vector<float>> results;
    for (const Level level : levels_here())
      for (const int threads : {1, 2, 5}) {
        Team team(threads);
        std::vector<float> out(expected.size(), nothing);
        attention_decode(level, team, shape, capacity, cache.q.data(), cache.keys.data(),
                         cache.values.data(), out.data());
        results.push_back(std::move(out));
      }
    EXPECT_LT(error_of(results.front(), expected), 1e-6);
    for (const auto& result : results)
      expect_same_bits(result, results.front(), "levels and threads");
  }
}

}  // namespace
}  // namespace sovren::nn
