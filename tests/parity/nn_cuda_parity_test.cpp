// SPDX-License-Identifier: Apache-2.0
// The operations of a training step: a device in bf16 against the CPU in fp32, on the same bf16
// numbers, and twice with the same bits. The device is CUDA's (skipped, with the reason, where none
// is), or the emulated one: this file is in both programs.
#include "kernels/nn/pointwise.h"
#include "tests/parity/nn_cuda_case.h"

namespace sovren::nn {
namespace {

using device::expect_close;
using device::expect_rounded;

/// The distance of two arrays, in units of the root mean square of the second.
double distance(const std::vector<Bf16>& found, const std::vector<float>& expected) {
  double squares = 0, errors = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    errors += std::pow(double{device::from_bf16(found[i])} - double{expected[i]}, 2);
    squares += std::pow(expected[i], 2);
  }
  return std::sqrt(errors / squares);
}

TEST_F(NnCudaParity, Attention) {
  const Dropout none, some{.rate = 0.3F, .seed = 3, .stream = 8, .first_row = 77};
  struct Case {
    AttentionShape shape;
    Dropout dropout;
  };
  std::vector<Case> cases = {{{1, 1, 1, 1, 64}, none},
                             {{2, 33, 2, 1, 64}, none},
                             {{1, 71, 1, 1, 128}, some},
                             {{1, 10, 4, 2, 20}, none},
                             {{1, 9, 2, 1, 33}, some}};
  if (!is_emulated_)
    for (const Case& one : {Case{{1, 1024, 3, 3, 64}, none}, Case{{2, 257, 4, 1, 128}, none},
                            Case{{1, 300, 2, 2, 64}, some}})
      cases.push_back(one);
  for (const auto& [shape, dropout] : cases) {
    const auto qkv = bf16_numbers(size_of(shape.batch * shape.tokens, shape.qkv_width()), 1);
    const auto d_out = bf16_numbers(size_of(shape.batch * shape.tokens, shape.q_width()), 2);
    const Attended found = twice([&] { return attend(shape, dropout, qkv, d_out); });
    std::vector<float> out(d_out.size()), log_sum(found.log_sum.size()), d_qkv(qkv.size());
    attention_forward(team_, shape, floats(qkv).data(), dropout, out.data(), log_sum.data());
    attention_backward(team_, shape, floats(qkv).data(), dropout, out.data(), log_sum.data(),
                       floats(d_out).data(), d_qkv.data());
    EXPECT_LT(distance(found.out, out), 0x1p-8) << shape.tokens << " x " << shape.head_width;
    EXPECT_LT(distance(found.d_qkv, d_qkv), 0x1p-7) << shape.tokens << " x " << shape.head_width;
    expect_close(found.log_sum, doubles(log_sum), 1e-5);
  }
}

TEST_F(NnCudaParity, Rotation) {
  const AttentionShape shape{2, 33, 4, 2, 64};
  const auto qkv = bf16_numbers(size_of(66, shape.qkv_width()), 1);
  const Array<float> table(device::rotation_table(33, 64, 10000, 7));
  for (const Rotation rotation : {Rotation::forward, Rotation::backward}) {
    const Array<Bf16> turned(qkv);
    expect_done(device::rotate(nullptr, shape, table.data(), rotation, turned.data()));
    std::vector<float> expected = floats(qkv);
    rotate(team_, shape, 10000, 7, rotation, expected.data());
    expect_rounded(turned.values(), doubles(expected));
  }
}

struct Normed {
  std::vector<Bf16> sum, y, d_x;
  std::vector<float> d_weight, d_bias;
  bool operator==(const Normed&) const = default;
};

TEST_F(NnCudaParity, Norms) {
  const std::int64_t many = is_emulated_ ? 30 : 5000;
  for (const NormShape& shape :
       {NormShape{NormKind::layer, 33, 257}, NormShape{NormKind::layer, 1, 768},
        NormShape{NormKind::rms, many, 520}, NormShape{NormKind::layer, many, 768},
        NormShape{NormKind::rms, 3, 8192}}) {
    const bool is_layer = shape.kind == NormKind::layer;
    const auto size = size_of(shape.rows, shape.width), width = size_of(1, shape.width);
    const auto x = bf16_numbers(size, 1), branch = bf16_numbers(size, 2);
    const auto d_y = bf16_numbers(size, 3), d_after = bf16_numbers(size, 4);
    const auto weight = bf16_numbers(width, 5), bias = bf16_numbers(width, 6);
    const Normed found = twice([&] {
      const Array<Bf16> a(x), b(branch), c(d_y), w(weight), shift(bias), d_x(d_after);
      const auto sum = Array<Bf16>::unwritten(size), y = Array<Bf16>::unwritten(size);
      const auto mean = Array<float>::unwritten(size), scale = Array<float>::unwritten(size);
      const auto work = Array<float>::unwritten(size_of(1, device::norm_workspace(shape)));
      const Array<float> d_weight{std::vector<float>(width, 1)}, d_bias{std::vector<float>(width)};
      expect_done(device::norm_forward(nullptr, shape, a.data(), b.data(), nullptr, w.data(),
                                       is_layer ? shift.data() : nullptr, sum.data(), y.data(),
                                       is_layer ? mean.data() : nullptr, scale.data()));
      expect_done(device::norm_backward(nullptr, shape, c.data(), sum.data(), w.data(), mean.data(),
                                        scale.data(), d_x.data(), work.data(), d_x.data(),
                                        d_weight.data(), is_layer ? d_bias.data() : nullptr));
      return Normed{sum.values(), y.values(), d_x.values(), d_weight.values(), d_bias.values()};
    });
    std::vector<float> sum = floats(x), y(size), mean(size), scale(size), d_x = floats(d_after);
    std::vector<float> d_weight(width, 1), d_bias(width);
    for (std::size_t i = 0; i < size; ++i) sum[i] += device::from_bf16(branch[i]);
    expect_rounded(found.sum, doubles(sum));
    const std::vector<float> rounded = floats(found.sum);
    norm_forward(team_, shape, rounded.data(), floats(weight).data(),
                 is_layer ? floats(bias).data() : nullptr, y.data(), mean.data(), scale.data());
    norm_backward(team_, shape, floats(d_y).data(), rounded.data(), floats(weight).data(),
                  mean.data(), scale.data(), d_x.data(), d_weight.data(),
                  is_layer ? d_bias.data() : nullptr);
    expect_rounded(found.y, doubles(y), 1e-4);
    expect_rounded(found.d_x, doubles(d_x), 1e-4);
    expect_close(found.d_weight, doubles(d_weight), 1e-4);
    expect_close(found.d_bias, doubles(d_bias), 1e-4);
  }
}

TEST_F(NnCudaParity, ResidualsAndDropout) {
  const std::int64_t rows = 33, width = 257;
  const Dropout dropout{.rate = 0.1F, .seed = 3, .stream = 8, .first_row = 1'000'000'007};
  const auto x = bf16_numbers(size_of(rows, width), 1), branch = bf16_numbers(x.size(), 2);
  const Array<Bf16> a(x), b(branch);
  const Array<Dropout> kept({dropout});
  const auto y = Array<Bf16>::unwritten(x.size()), dropped = Array<Bf16>::unwritten(x.size());
  expect_done(
      device::add_residual(nullptr, rows, width, a.data(), b.data(), kept.data(), y.data()));
  expect_done(device::apply_dropout(nullptr, rows, width, kept.data(), b.data(), dropped.data()));
  std::vector<float> sum = floats(x), alone = floats(branch);
  add_residual(team_, rows, width, alone.data(), dropout, sum.data());
  apply_dropout(team_, rows, width, dropout, alone.data());
  expect_rounded(y.values(), doubles(sum));
  expect_rounded(dropped.values(), doubles(alone));
}

TEST_F(NnCudaParity, Activations) {
  const std::int64_t rows = 33, hidden = 257, size = 2 * rows * hidden;
  const auto x = bf16_numbers(size_of(1, size), 1, 2), d_y = bf16_numbers(x.size(), 2);
  const Array<Bf16> input(x), slope(d_y);
  const auto y = Array<Bf16>::unwritten(x.size()), d_x = Array<Bf16>::unwritten(x.size());
  std::vector<float> expected(x.size()), expected_slope(x.size());

  expect_done(device::gelu_forward(nullptr, size, input.data(), y.data()));
  expect_done(device::gelu_backward(nullptr, size, input.data(), slope.data(), d_x.data()));
  gelu_forward(team_, size, floats(x).data(), expected.data());
  gelu_backward(team_, size, floats(x).data(), floats(d_y).data(), expected_slope.data());
  expect_rounded(y.values(), doubles(expected));
  expect_rounded(d_x.values(), doubles(expected_slope));

  const auto half = Array<Bf16>::unwritten(x.size() / 2);
  expect_done(device::swiglu_forward(nullptr, rows, hidden, input.data(), half.data()));
  expect_done(
      device::swiglu_backward(nullptr, rows, hidden, input.data(), slope.data(), d_x.data()));
  expected.resize(x.size() / 2);
  swiglu_forward(team_, rows, hidden, floats(x).data(), expected.data());
  swiglu_backward(team_, rows, hidden, floats(x).data(), floats(d_y).data(), expected_slope.data());
  expect_rounded(half.values(), doubles(expected));
  expect_rounded(d_x.values(), doubles(expected_slope));
}

TEST_F(NnCudaParity, ColumnSums) {
  for (const auto& [rows, width] :
       {std::pair<std::int64_t, std::int64_t>{33, 257}, {is_emulated_ ? 90 : 9000, 768}}) {
    const auto x = bf16_numbers(size_of(rows, width), 1);
    const auto found = twice([&] {
      const Array<Bf16> input(x);
      const Array<float> sums{std::vector<float>(size_of(1, width), 1)};
      const auto work =
          Array<float>::unwritten(size_of(1, device::column_sums_workspace(rows, width)));
      expect_done(device::add_column_sums(nullptr, rows, width, width, input.data(), work.data(),
                                          sums.data()));
      return sums.values();
    });
    std::vector<float> expected(size_of(1, width), 1);
    add_column_sums(team_, rows, width, width, floats(x).data(), expected.data());
    expect_close(found, doubles(expected), 1e-4);
  }
}

TEST_F(NnCudaParity, Embeddings) {
  const std::int64_t rows = 20 * 33, context = 33, width = 257, vocab = 50;
  std::vector<std::int32_t> tokens;
  for (std::uint64_t k = 0; k < 20 * 33; ++k)
    tokens.push_back(static_cast<std::int32_t>(Philox(4).below(k, vocab)));
  std::vector<std::int32_t> by_token(size_of(1, device::bucket_ints(rows)));
  device::fill_buckets(tokens, by_token);
  const auto table = bf16_numbers(size_of(vocab, width), 1);
  const auto places = bf16_numbers(size_of(context, width), 2);
  const auto d_x = bf16_numbers(size_of(rows, width), 3);
  const Array<std::int32_t> ids(tokens), buckets(by_token);
  const Array<Bf16> weights(table), positions(places), slope(d_x);
  const auto x = Array<Bf16>::unwritten(d_x.size());
  expect_done(device::embed(nullptr, rows, context, width, ids.data(), weights.data(),
                            positions.data(), x.data()));
  std::vector<float> expected(d_x.size()), d_table(table.size()), d_places(places.size());
  embed(team_, tokens, context, width, floats(table).data(), floats(places).data(),
        expected.data());
  expect_rounded(x.values(), doubles(expected));

  const auto found = twice([&] {
    const Array<float> a(d_table), b(d_places);
    expect_done(device::embed_backward(nullptr, rows, context, width, vocab, ids.data(),
                                       buckets.data(), slope.data(), a.data(), b.data()));
    return std::pair(a.values(), b.values());
  });
  embed_backward(team_, tokens, context, width, floats(d_x).data(), d_table.data(),
                 d_places.data());
  expect_close(found.first, doubles(d_table), 1e-5);
  expect_close(found.second, doubles(d_places), 1e-5);
}

struct Classified {
  std::vector<Bf16> gradient;
  std::vector<float> losses, only_losses;
  std::vector<double> total;
  bool operator==(const Classified&) const = default;
};

TEST_F(NnCudaParity, Classifier) {
  for (const auto& [rows, vocab, stride] :
       {std::tuple<std::int64_t, std::int64_t, std::int64_t>{33, 257, 384},
        {1, 257, 257},
        {is_emulated_ ? 1 : 7, 50257, 50304}}) {
    const auto logits = bf16_numbers(size_of(rows, stride), 1, 3);
    std::vector<std::int32_t> targets;
    for (std::int64_t k = 0; k < rows; ++k)
      targets.push_back(static_cast<std::int32_t>((k * 7919) % vocab));
    const Classified found = twice([&] {
      const Array<Bf16> values(logits);
      const Array<std::int32_t> ids(targets);
      const auto losses = Array<float>::unwritten(targets.size());
      const auto only = Array<float>::unwritten(targets.size());
      const auto total = Array<double>::unwritten(1);
      expect_done(device::cross_entropy(nullptr, rows, vocab, stride, ids.data(), values.data(),
                                        only.data()));
      expect_done(device::classify(nullptr, rows, vocab, stride, ids.data(), 0.25F, values.data(),
                                   losses.data()));
      expect_done(device::sum_values(nullptr, rows, losses.data(), total.data()));
      return Classified{values.values(), losses.values(), only.values(), total.values()};
    });
    std::vector<float> gradient = floats(logits), losses(targets.size());
    classify(team_, vocab, stride, targets, 0.25F, gradient.data(), losses);
    expect_rounded(found.gradient, doubles(gradient), 1e-6);
    expect_close(found.losses, doubles(losses), 1e-5);
    EXPECT_EQ(found.only_losses, found.losses);
    double total = 0;
    for (const float loss : found.losses) total += double{loss};
    EXPECT_NEAR(found.total[0], total, 1e-12 * total);
  }
}

TEST_F(NnCudaParity, OptimizerGivesTheBitsOfTheProcessor) {
  const std::size_t size = 3 * norm_block + 777;
  auto p = normal_numbers(size, 1), m = normal_numbers(size, 2), v = normal_numbers(size, 3);
  for (float& x : v) x = x * x;
  const auto g = normal_numbers(size, 4);
  const AdamW adamw{.learning_rate = 1e-3, .weight_decay = 0.1, .step = 7};
  const Array<float> parameters(p), gradient(g), first(m), second(v), sum(p);
  const auto copy = Array<Bf16>::unwritten(size), rounded = Array<Bf16>::unwritten(size);
  const auto squares = Array<double>::unwritten(4);
  const auto count = static_cast<std::int64_t>(size);
  expect_done(device::add_to(nullptr, count, gradient.data(), sum.data()));
  expect_done(device::round_to_bf16(nullptr, count, gradient.data(), rounded.data()));
  expect_done(device::block_squares(nullptr, count, gradient.data(), squares.data()));
  expect_done(device::adamw_update(nullptr, adamw, 0.7, count, parameters.data(), gradient.data(),
                                   first.data(), second.data(), copy.data()));
  std::vector<float> expected_sum = p;
  add_to(team_, g, expected_sum);
  EXPECT_EQ(sum.values(), expected_sum);
  adamw_update(team_, adamw, 0.7, p, g, m, v);
  EXPECT_EQ(parameters.values(), p);
  EXPECT_EQ(first.values(), m);
  EXPECT_EQ(second.values(), v);
  const auto copied = copy.values(), near = rounded.values();
  for (std::size_t i = 0; i < size; ++i) {
    ASSERT_EQ(copied[i], device::nearest_bf16(p[i]));
    ASSERT_EQ(near[i], device::nearest_bf16(g[i]));
  }
  std::vector<double> expected(4);
  block_squares(team_, g, expected);
  const auto found = squares.values();
  for (std::size_t k = 0; k < 4; ++k) EXPECT_NEAR(found[k], expected[k], 1e-13 * expected[k]);
}

}  // namespace
}  // namespace sovren::nn
