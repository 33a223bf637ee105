// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/generator.h"

#include <algorithm>
#include <limits>

#include "kernels/nn/level/matvec.h"
#include "tests/unit/nn/bits.h"
#include "tests/unit/nn/plain_model.h"

namespace sovren::nn {
namespace {

using Tokens = std::vector<std::int32_t>;

Tokens generated(Generator& generator, const Tokens& prompt, const Generator::Setting& setting) {
  Tokens tokens;
  generator.generate(prompt, setting, [&](std::int32_t token) {
    tokens.push_back(token);
    return true;
  });
  return tokens;
}

struct GeneratorTest : testing::TestWithParam<ModelShape> {
  ModelShape shape = GetParam();
  std::vector<float> parameters = some_parameters(shape);
  PlainModel plain{shape, {parameters.begin(), parameters.end()}};
  Team team{2};
  Generator generator{shape, parameters, team};

  std::vector<double> plain_logits(const Tokens& window) const {
    return plain.logits(window).back();
  }
  /// What generate() is to say, without a cache: each token from its whole window read anew.
  template <class Choose>
  Tokens expected(const Tokens& prompt, std::int64_t count, const Choose& choose) const {
    const auto context = static_cast<std::size_t>(shape.context);
    Tokens window = prompt, tokens;
    for (std::int64_t t = 0; t < count; ++t) {
      tokens.push_back(choose(plain_logits(window), t));
      if (window.size() == context)
        window.erase(window.begin(), window.end() - static_cast<std::ptrdiff_t>(context / 2));
      window.push_back(tokens.back());
    }
    return tokens;
  }
};

TEST_P(GeneratorTest, NextLogitsAreThoseOfThePlainModel) {
  for (const std::size_t length : {1U, 2U, 33U, 48U}) {
    const Tokens context = some_tokens(length, shape, length);
    const std::vector<float> logits = generator.next_logits(context);
    const std::vector<double> reference = plain_logits(context);
    ASSERT_EQ(logits.size(), reference.size());
    for (std::size_t i = 0; i < logits.size(); ++i)
      ASSERT_NEAR(logits[i], reference[i], 1e-4) << length << ": " << i;
  }
}

TEST_P(GeneratorTest, TheCacheChangesNothingAlsoBeyondTheContext) {
  const Tokens prompt = some_tokens(5, shape, 7);
  const Tokens greedy = expected(prompt, 100, [](const std::vector<double>& logits, std::int64_t) {
    return static_cast<std::int32_t>(std::max_element(logits.begin(), logits.end()) -
                                     logits.begin());
  });
  EXPECT_EQ(generated(generator, prompt, {.tokens = 100, .temperature = 0}), greedy);
  EXPECT_EQ(generated(generator, prompt, {.tokens = 100, .temperature = 0.5, .top_k = 1}), greedy);
}

TEST_P(GeneratorTest, DrawsFromTheSoftmaxOfTheLikeliest) {
  const Tokens prompt = some_tokens(30, shape, 8);
  const Philox random(11);
  const Tokens drawn = expected(prompt, 60, [&](const std::vector<double>& logits, std::int64_t t) {
    std::vector<double> sorted = logits;
    std::sort(sorted.rbegin(), sorted.rend());
    const double least = sorted[4];  // of the five likeliest
    double total = 0, sum = 0;
    for (const double x : logits) total += x < least ? 0 : std::exp(x / 0.7);
    std::int32_t token = 0;
    for (const double x : logits) {
      sum += x < least ? 0 : std::exp(x / 0.7);
      if (sum >= random.uniform(static_cast<std::uint64_t>(t)) * total) break;
      ++token;
    }
    return token;
  });
  const Generator::Setting setting{.tokens = 60, .temperature = 0.7, .top_k = 5, .seed = 11};
  EXPECT_EQ(generated(generator, prompt, setting), drawn);
}

TEST_P(GeneratorTest, OfALongPromptTheNewestTokensCount) {
  const Tokens prompt = some_tokens(130, shape, 9);
  expect_same_bits(generator.next_logits(prompt),
                   generator.next_logits(Tokens(prompt.end() - shape.context, prompt.end())),
                   "long prompt");
}

TEST_P(GeneratorTest, ThreadsGiveTheSameBitsAndTokens) {
  const Tokens prompt = some_tokens(20, shape, 10);
  expect_same_bits_for_any_team([&](Team& of_any_size) {
    Generator anew(shape, parameters, of_any_size);
    std::vector<float> result = anew.next_logits(prompt);
    for (const std::int32_t token : generated(anew, prompt, {.tokens = 50, .seed = 3}))
      result.push_back(static_cast<float>(token));
    return result;
  });
}

TEST_P(GeneratorTest, StopsWhereItIsTold) {
  int taken = 0;
  generator.generate(some_tokens(3, shape, 4), {.tokens = 50},
                     [&](std::int32_t) { return ++taken < 7; });
  EXPECT_EQ(taken, 7);
}

TEST_P(GeneratorTest, AContextOfOneTokenIsEnough) {
  ModelShape tiny = shape;
  tiny.context = 1;
  const std::vector<float> weights = some_parameters(tiny);
  Generator of_tiny(tiny, weights, team);
  const Tokens said = generated(of_tiny, {5}, {.tokens = 4, .temperature = 0});
  const PlainModel reference(tiny, {weights.begin(), weights.end()});
  Tokens window = {5};
  for (const std::int32_t token : said) {
    const std::vector<double> logits = reference.logits(window).back();
    EXPECT_EQ(std::max_element(logits.begin(), logits.end()) - logits.begin(), token);
    window = {token};
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, GeneratorTest, testing::Values(small_gpt2(), small_llama()));

TEST(DrawToken, OfEqualsTheFirst) {
  const std::vector<float> logits = {1, 3, 3, 2, 3};
  EXPECT_EQ(draw_token(logits, {.temperature = 0}, 0.9), 1);
  EXPECT_EQ(draw_token(logits, {.temperature = 1, .top_k = 1}, 1), 1);
  EXPECT_EQ(draw_token(logits, {.temperature = 1, .top_k = 2}, 1), 2);
}

TEST(DrawToken, GivesEachTokenItsShare) {
  const std::vector<float> logits = {0, std::log(2.0F), std::log(5.0F)};  // 1/8, 2/8, 5/8
  std::vector<int> count(3);
  for (int i = 1; i <= 800; ++i)
    ++count[static_cast<std::size_t>(draw_token(logits, {.temperature = 1}, (i - 0.5) / 800))];
  EXPECT_EQ(count, (std::vector<int>{100, 200, 500}));
}

TEST(DrawToken, NeverDrawsWhatIsNoNumber) {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (const double u : {0x1p-53, 0.5, 1.0}) {
    EXPECT_EQ(draw_token(std::vector<float>{nan, -infinity, 1, nan}, {.temperature = 1}, u), 2);
    EXPECT_EQ(draw_token(std::vector<float>{nan, nan}, {.temperature = 1, .top_k = 1}, u), 0);
  }
}

TEST(Matvec, IsTheSumOfProductsAtAllLevels) {
  constexpr std::size_t rows = 7, columns = 53;
  const std::vector<float> weight = normal_numbers(rows * columns, 1);
  const std::vector<float> x = normal_numbers(columns, 2), bias = normal_numbers(rows, 3);
  const auto product = [&](const MatvecKernels& kernels) {
    std::vector<float> y(rows);
    kernels.matvec(rows, columns, weight.data(), x.data(), bias.data(), y.data());
    return y;
  };
  expect_same_bits_at_all_levels<MatvecKernels>(product);
  const std::vector<float> y = product(kernels_here<MatvecKernels>());
  for (std::size_t row = 0; row < rows; ++row) {
    double sum = static_cast<double>(bias[row]);
    for (std::size_t i = 0; i < columns; ++i)
      sum += static_cast<double>(weight[row * columns + i]) * static_cast<double>(x[i]);
    EXPECT_NEAR(y[row], sum, 1e-5) << row;
  }
}

}  // namespace
}  // namespace sovren::nn
