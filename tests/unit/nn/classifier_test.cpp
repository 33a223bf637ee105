// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/level/classifier.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/nn/pointwise.h"
#include "tests/unit/nn/bits.h"

namespace sovren::nn {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

double plain_loss(const std::vector<double>& row, std::size_t target) {
  const double largest = *std::max_element(row.begin(), row.end());
  double total = 0;
  for (const double x : row) total += std::exp(x - largest);
  return largest + std::log(total) - row[target];
}

/// Logits of `rows` rows; what lies beyond the vocabulary is not to be looked at.
struct Logits {
  std::size_t rows, vocab, stride;
  std::vector<float> values = filled();
  std::vector<std::int32_t> targets = some_targets();

  std::vector<float> filled() const {
    std::vector<float> all = normal_numbers(rows * stride, 1, 3);
    for (std::size_t i = 0; i < all.size(); ++i)
      if (i % stride >= vocab) all[i] = std::numeric_limits<float>::quiet_NaN();
    return all;
  }
  std::vector<std::int32_t> some_targets() const {
    std::vector<std::int32_t> all;
    for (std::size_t row = 0; row < rows; ++row)
      all.push_back(static_cast<std::int32_t>(Philox(2).below(row, vocab)));
    return all;
  }
  std::vector<double> row(std::size_t number) const {
    const auto begin = values.begin() + static_cast<std::ptrdiff_t>(number * stride);
    return {begin, begin + static_cast<std::ptrdiff_t>(vocab)};
  }
  float& at(std::size_t row_number, std::size_t column) {
    return values[row_number * stride + column];
  }
  std::size_t target(std::size_t row_number) const {
    return static_cast<std::size_t>(targets[row_number]);
  }
};

struct Classified {
  std::vector<float> gradient, losses;
};
Classified classified(Team& team, const Logits& logits, float scale) {
  Classified c{logits.values, std::vector<float>(logits.rows)};
  classify(team, static_cast<std::int64_t>(logits.vocab), static_cast<std::int64_t>(logits.stride),
           logits.targets, scale, c.gradient.data(), c.losses);
  return c;
}
std::vector<float> losses_only(Team& team, const Logits& logits) {
  std::vector<float> losses(logits.rows);
  cross_entropy(team, static_cast<std::int64_t>(logits.vocab),
                static_cast<std::int64_t>(logits.stride), logits.targets, logits.values.data(),
                losses);
  return losses;
}

void expect_plain(const Logits& logits, double tolerance) {
  constexpr float scale = 0.25F;
  Team team(2);
  const Classified c = classified(team, logits, scale);
  expect_same_bits(losses_only(team, logits), c.losses, "losses alone");
  for (std::size_t row = 0; row < logits.rows; ++row) {
    const std::vector<double> x = logits.row(row);
    const double loss = plain_loss(x, logits.target(row));
    ASSERT_NEAR(c.losses[row], loss, 1e-6 * (1 + std::abs(loss))) << row;
    for (std::size_t i = 0; i < logits.stride; ++i) {
      const double hit = i == logits.target(row) ? 1 : 0;
      const double d = i < logits.vocab ? std::exp(-plain_loss(x, i)) - hit : 0;
      ASSERT_NEAR(c.gradient[row * logits.stride + i], static_cast<double>(scale) * d, tolerance)
          << row << " " << i;
    }
  }
}

TEST(Classify, IsSoftmaxAndCrossEntropy) {
  expect_plain({33, 257, 384}, 5e-8);
  expect_plain({1, 20, 20}, 5e-8);
  expect_plain({5, 256, 256}, 5e-8);
}

TEST(Classify, TheLargestMayComeLast) {
  Logits logits{3, 3001, 3072};
  for (std::size_t i = 0; i < logits.vocab; ++i) {
    logits.at(0, i) = 0.01F * static_cast<float>(i);     // rises over all chunks
    logits.at(1, i) = -20 * static_cast<float>(i);       // falls
    logits.at(2, i) = i + 1 == logits.vocab ? 50 : -50;  // only the last counts
  }
  expect_plain(logits, 5e-8);
}

TEST(Classify, GradientIsTheSlopeOfTheLoss) {
  Team team(1);
  const Logits logits{2, 37, 48};
  const Classified c = classified(team, logits, 1);
  for (std::size_t row = 0; row < logits.rows; ++row)
    for (std::size_t i = 0; i < logits.vocab; ++i) {
      constexpr double step = 1e-5;
      std::vector<double> x = logits.row(row);
      x[i] += step;
      const double above = plain_loss(x, logits.target(row));
      x[i] -= 2 * step;
      const double below = plain_loss(x, logits.target(row));
      ASSERT_NEAR(c.gradient[row * logits.stride + i], (above - below) / (2 * step), 1e-6);
    }
}

TEST(Classify, ExtremeLogitsGiveFiniteGradients) {
  Logits logits{3, 257, 384};
  for (std::size_t i = 0; i < logits.vocab; ++i) {
    logits.at(0, i) = i % 2 == 0 ? 1e4F : -1e4F;
    logits.at(1, i) = -infinity;
    logits.at(2, i) = -1e4F;
  }
  logits.at(1, 200) = 3;
  logits.targets = {1, 200, 0};
  expect_plain(logits, 5e-8);
}

TEST(Classify, ATargetThatCannotComeHasInfiniteLoss) {
  Team team(1);
  Logits logits{1, 40, 48};
  logits.at(0, logits.target(0)) = -infinity;
  EXPECT_EQ(losses_only(team, logits)[0], infinity);
}

TEST(Classify, NanIsSeenInTheLossOfItsRowAlone) {
  Team team(2);
  Logits logits{3, 2000, 2048};
  logits.at(1, 1999) = std::numeric_limits<float>::quiet_NaN();
  const Classified c = classified(team, logits, 1);
  EXPECT_TRUE(std::isfinite(c.losses[0]));
  EXPECT_TRUE(std::isnan(c.losses[1]));
  EXPECT_TRUE(std::isfinite(c.losses[2]));
  EXPECT_TRUE(std::isnan(losses_only(team, logits)[1]));
  logits.at(1, 1999) = infinity;
  EXPECT_TRUE(std::isnan(losses_only(team, logits)[1]));
}

TEST(Classify, ThreadsGiveTheSameBits) {
  const Logits logits{133, 257, 384};
  expect_same_bits_for_any_team([&](Team& team) {
    const Classified c = classified(team, logits, 0.1F);
    return joined({c.gradient, c.losses});
  });
}

TEST(Classify, LevelsGiveTheSameBits) {
  const Logits logits{1, 2077, 2077};
  expect_same_bits_at_all_levels<ClassifierKernels>([&](const ClassifierKernels& kernels) {
    std::vector<float> x = logits.values;
    const SoftmaxParts parts = kernels.softmax(2077, x.data());
    kernels.gradient(parts, 2077, 5, 0.1F, x.data());
    return joined({x, {parts.largest, static_cast<float>(parts.total)}});
  });
}

}  // namespace
}  // namespace sovren::nn
