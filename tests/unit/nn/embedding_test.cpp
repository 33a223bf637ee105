// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/pointwise.h"
#include "tests/unit/nn/bits.h"

namespace sovren::nn {
namespace {

/// 3 sequences of 47 tokens of a vocabulary of 7: each token comes back often.
struct Embedding : testing::TestWithParam<int> {
  static constexpr std::int64_t context = 47;
  static constexpr std::size_t count = 3 * context;
  static constexpr std::size_t vocab = 7;
  std::size_t width = static_cast<std::size_t>(GetParam());
  std::int64_t columns = GetParam();
  std::vector<float> tokens_table = normal_numbers(vocab * width, 1);
  std::vector<float> positions_table = normal_numbers(context * width, 2);
  std::vector<float> d_x = normal_numbers(count * width, 3);
  std::vector<std::int32_t> tokens = some_tokens();

  static std::vector<std::int32_t> some_tokens() {
    std::vector<std::int32_t> tokens;
    for (std::uint64_t t = 0; t < count; ++t)
      tokens.push_back(static_cast<std::int32_t>(Philox(4).below(t, vocab)));
    return tokens;
  }
  std::size_t token(std::size_t t) const { return static_cast<std::size_t>(tokens[t]); }

  struct Gradients {
    std::vector<float> tokens, positions;
  };
  Gradients backward(Team& team, bool has_positions) const {
    Gradients d{tokens_table, positions_table};  // what they are added to
    embed_backward(team, tokens, context, columns, d_x.data(), d.tokens.data(),
                   has_positions ? d.positions.data() : nullptr);
    return d;
  }
};

TEST_P(Embedding, IsTheSumOfTwoRows) {
  Team team(2);
  std::vector<float> both(count * width), alone(count * width);
  embed(team, tokens, context, columns, tokens_table.data(), positions_table.data(), both.data());
  embed(team, tokens, context, columns, tokens_table.data(), nullptr, alone.data());
  for (std::size_t t = 0; t < count; ++t)
    for (std::size_t i = 0; i < width; ++i) {
      const float of_token = tokens_table[token(t) * width + i];
      const float of_place = positions_table[t % context * width + i];
      ASSERT_EQ(alone[t * width + i], of_token) << t << " " << i;
      ASSERT_EQ(both[t * width + i], of_token + of_place) << t << " " << i;
    }
}

TEST_P(Embedding, GradientsAreSumsInTheOrderOfTokens) {
  Team team(2);
  const Gradients d = backward(team, true), alone = backward(team, false);
  Gradients expected{tokens_table, positions_table};
  for (std::size_t t = 0; t < count; ++t)
    for (std::size_t i = 0; i < width; ++i) {
      expected.tokens[token(t) * width + i] += d_x[t * width + i];
      expected.positions[t % context * width + i] += d_x[t * width + i];
    }
  expect_same_bits(d.tokens, expected.tokens, "token table");
  expect_same_bits(d.positions, expected.positions, "position table");
  expect_same_bits(alone.tokens, expected.tokens, "token table alone");
  expect_same_bits(alone.positions, positions_table, "untouched");
}

TEST_P(Embedding, ThreadsGiveTheSameBits) {
  expect_same_bits_for_any_team([&](Team& team) {
    std::vector<float> x(count * width);
    embed(team, tokens, context, columns, tokens_table.data(), positions_table.data(), x.data());
    const Gradients d = backward(team, true);
    return joined({x, d.tokens, d.positions});
  });
}

INSTANTIATE_TEST_SUITE_P(Widths, Embedding, testing::Values(1, 20, 64, 257));

}  // namespace
}  // namespace sovren::nn
