// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/level/matvec.h"

#include "kernels/nn/level.h"
#include "kernels/nn/level/lanes.h"

namespace sovren::nn {
namespace SOVREN_LEVEL {
namespace {

// `count` rows side by side: their sums do not wait for each other.
template <int count>
void rows_at_once(std::int64_t columns, const float* weight, const float* x, float* y) {
  F16 totals[count];
  for (F16& total : totals) total = F16::all(0);
  by_lanes(columns, [&](auto lanes, std::int64_t i) {
    const F16 in = lanes.load(x + i);
    for (int row = 0; row < count; ++row)
      totals[row] = fma(lanes.load(weight + row * columns + i), in, totals[row]);
  });
  for (int row = 0; row < count; ++row) y[row] = sum(totals[row]);
}

void matvec(std::int64_t rows, std::int64_t columns, const float* weight, const float* x,
            const float* bias, float* y) {
  std::int64_t row = 0;
  for (; row + 4 <= rows; row += 4) rows_at_once<4>(columns, weight + row * columns, x, y + row);
  for (; row < rows; ++row) rows_at_once<1>(columns, weight + row * columns, x, y + row);
  if (bias == nullptr) return;
  for (row = 0; row < rows; ++row) y[row] += bias[row];
}

constexpr MatvecKernels kernels{matvec};

}  // namespace
}  // namespace SOVREN_LEVEL

template <>
const MatvecKernels& kernels_of<MatvecKernels, Level::SOVREN_LEVEL>() {
  return SOVREN_LEVEL::kernels;
}

}  // namespace sovren::nn
