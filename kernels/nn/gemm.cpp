// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/gemm.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>

#include "core/base/check.h"
#include "kernels/nn/level.h"
#include "kernels/nn/level/gemm.h"
#include "kernels/nn/level/gemm_amx.h"

namespace sovren::nn {
namespace {

/// Memory of a thread that outlives the calls: a fresh page costs more than a small product.
class Scratch {
 public:
  float* at_least(std::int64_t size) {
    if (size > size_) {
      memory_.reset(static_cast<float*>(
          ::operator new[](static_cast<std::size_t>(size) * sizeof(float), alignment)));
      size_ = size;
    }
    return memory_.get();
  }

 private:
  static constexpr std::align_val_t alignment{64};
  struct Free {
    void operator()(float* memory) const { ::operator delete[](memory, alignment); }
  };
  std::unique_ptr<float[], Free> memory_;
  std::int64_t size_ = 0;
};

constexpr std::int64_t packed_floats = 1 << 18;  // of B, aimed at: they stay in a cache

std::int64_t round_up(std::int64_t count, std::int64_t step) {
  return (count + step - 1) / step * step;
}

/// Columns that are packed at a time; a multiple of gemm_most_columns.
std::int64_t columns_at_once(const GemmShape& shape) {
  const std::int64_t fit = packed_floats / std::max<std::int64_t>(shape.k, 1);
  return std::max(fit / gemm_most_columns, std::int64_t{1}) * gemm_most_columns;
}

/// How a product is made.
struct Way {
  const GemmKernels::Steps& steps;
  std::int64_t panel_width;
  std::int64_t scratch_size;
};

Way way_for(Precision precision, const GemmShape& shape) {
  const GemmKernels& kernels = kernels_here<GemmKernels>();
#if defined(__x86_64__)
  if (precision == Precision::bf16 && shape.k >= amx_k_min && has_amx())
    return {amx_steps(), amx_panel_width, amx_scratch_size};
#endif
  return {precision == Precision::bf16 ? kernels.bf16 : kernels.fp32, kernels.panel_width,
          gemm_scratch_size};
}

/// C's columns first .. end.
void multiply_columns(Team& team, const Way& way, const GemmShape& shape, MatrixView a,
                      MatrixView b, const GemmOutput& c, std::int64_t first, std::int64_t end) {
  thread_local Scratch packing;
  float* const panels = packing.at_least(shape.k * round_up(end - first, way.panel_width));
  const std::int64_t width = way.panel_width;
  team.run((end - first + width - 1) / width, [&](std::int64_t panel) {
    way.steps.pack(b, shape.k, shape.n, first + panel * width, panels + panel * width * shape.k);
  });
  const std::int64_t row_blocks = round_up(shape.m, gemm_most_rows) / gemm_most_rows;
  const std::int64_t groups = round_up(end - first, gemm_most_columns) / gemm_most_columns;
  team.run(row_blocks * groups, [&](std::int64_t part) {
    thread_local Scratch scratch;
    const std::int64_t row = part % row_blocks * gemm_most_rows;
    const std::int64_t column = part / row_blocks * gemm_most_columns;
    const GemmBlock block{.row = row,
                          .rows = std::min(gemm_most_rows, shape.m - row),
                          .column = first + column,
                          .columns = std::min(gemm_most_columns, end - first - column),
                          .k = shape.k};
    way.steps.multiply(block, a, panels + column * shape.k, c, scratch.at_least(way.scratch_size));
  });
}

bool is_readable(const MatrixView& view) {
  return view.row_stride == 1 || view.column_stride == 1;
}

}  // namespace

void gemm(Team& team, Precision precision, GemmShape shape, MatrixView a, MatrixView b,
          const GemmOutput& c) {
  SOVREN_CHECK(is_readable(a) && is_readable(b), "rows or columns of a factor are contiguous");
  const Way way = way_for(precision, shape);
  const std::int64_t step = columns_at_once(shape);
  for (std::int64_t first = 0; first < shape.n; first += step)
    multiply_columns(team, way, shape, a, b, c, first, std::min(shape.n, first + step));
}

}  // namespace sovren::nn
