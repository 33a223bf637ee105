// SPDX-License-Identifier: Apache-2.0
#include "kernels/denoise/convolution.h"

#include <algorithm>

#include "core/base/check.h"
#include "kernels/linalg/clones.h"
#include "kernels/nn/gemm.h"

namespace sovren::denoise {

namespace {

SOVREN_CLONES void cut_below_zero(float* values, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) values[i] = values[i] > 0 ? values[i] : 0;
}

SOVREN_CLONES void largest_of_four(const float* __restrict above, const float* __restrict below,
                                   std::int64_t channels, float* __restrict to) {
  for (std::int64_t c = 0; c < channels; ++c) {
    const float a = above[c] > above[channels + c] ? above[c] : above[channels + c];
    const float b = below[c] > below[channels + c] ? below[c] : below[channels + c];
    to[c] = a > b ? a : b;
  }
}

}  // namespace

Map convolve(nn::Team& team, const Convolution& convolution, const Map& from) {
  SOVREN_CHECK(convolution.in == from.channels(), "a convolution's input has its channels");
  const std::int64_t height = from.height(), width = from.width();
  Map to(height, width, convolution.out);
  // The frame's pixels left and right are computed too, as if rows were one line, and cleared.
  const nn::GemmShape shape{
      .m = height * (width + 2), .n = convolution.out, .k = 3 * convolution.in};
  for (std::int64_t row = 0; row < 3; ++row) {
    const float* weights = convolution.weights.data() + row * shape.k * shape.n;
    nn::GemmOutput output{.data = to.at(0, -1), .row_stride = convolution.out};
    if (row == 0) output.bias = convolution.bias.data();
    if (row > 0) output.write = nn::GemmOutput::Write::add;
    nn::gemm(team, nn::Precision::fp32, shape,
             {.data = from.at(row - 1, -1) - convolution.in, .row_stride = convolution.in},
             {.data = weights, .row_stride = shape.n}, output);
  }
  team.run(height, [&](std::int64_t y) {
    cut_below_zero(to.at(y, 0), width * convolution.out);
    std::fill_n(to.at(y, -1), convolution.out, 0.0F);
    std::fill_n(to.at(y, width), convolution.out, 0.0F);
  });
  return to;
}

Map pooled(nn::Team& team, const Map& from) {
  SOVREN_CHECK(from.height() % 2 == 0 && from.width() % 2 == 0, "halves are whole");
  Map to(from.height() / 2, from.width() / 2, from.channels());
  team.run(to.height(), [&](std::int64_t y) {
    for (std::int64_t x = 0; x < to.width(); ++x)
      largest_of_four(from.at(2 * y, 2 * x), from.at(2 * y + 1, 2 * x), from.channels(),
                      to.at(y, x));
  });
  return to;
}

Map joined(nn::Team& team, const Map& coarse, const Map& fine) {
  SOVREN_CHECK(fine.height() == 2 * coarse.height() && fine.width() == 2 * coarse.width(),
               "the fine map has four pixels for each");
  Map to(fine.height(), fine.width(), coarse.channels() + fine.channels());
  team.run(to.height(), [&](std::int64_t y) {
    for (std::int64_t x = 0; x < to.width(); ++x) {
      float* pixel = std::copy_n(coarse.at(y / 2, x / 2), coarse.channels(), to.at(y, x));
      std::copy_n(fine.at(y, x), fine.channels(), pixel);
    }
  });
  return to;
}

}  // namespace sovren::denoise
