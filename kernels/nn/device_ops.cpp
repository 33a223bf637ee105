// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/device_ops.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/base/check.h"
#include "kernels/nn/device_sizes.h"

namespace sovren::nn::device {

std::int64_t attention_workspace(const AttentionShape& shape) {
  return std::int64_t{shape.batch} * shape.heads * shape.tokens;
}

std::int64_t norm_workspace(const NormShape& shape) {
  return 2 * norm_backward_blocks(shape.rows, shape.width) * shape.width;
}

std::int64_t column_sums_workspace(std::int64_t rows, std::int64_t width) {
  return column_sum_blocks(rows, width) * width;
}

std::vector<float> rotation_table(int tokens, int head_width, double theta, int first) {
  SOVREN_CHECK(head_width % 2 == 0, "a head is turned by pairs");
  std::vector<float> table;
  table.reserve(static_cast<std::size_t>(tokens) * static_cast<std::size_t>(head_width));
  for (int token = 0; token < tokens; ++token)
    for (int i = 0; i < head_width / 2; ++i) {
      const double angle = (first + token) * std::pow(theta, -2.0 * i / head_width);
      table.push_back(static_cast<float>(std::cos(angle)));
      table.push_back(static_cast<float>(std::sin(angle)));
    }
  return table;
}

std::int64_t bucket_ints(std::int64_t rows) {
  return 2 * rows + 2;
}

void fill_buckets(std::span<const std::int32_t> tokens, std::span<std::int32_t> buckets) {
  const std::size_t rows = tokens.size();
  SOVREN_CHECK(buckets.size() == 2 * rows + 2, "bucket_ints() numbers");
  const std::span<std::int32_t> starts = buckets.subspan(1, rows + 1);
  const std::span<std::int32_t> places = buckets.last(rows);
  std::iota(places.begin(), places.end(), 0);
  std::stable_sort(places.begin(), places.end(), [&](std::int32_t a, std::int32_t b) {
    return tokens[static_cast<std::size_t>(a)] < tokens[static_cast<std::size_t>(b)];
  });
  std::size_t count = 0;
  for (std::size_t k = 0; k < rows; ++k) {
    const auto token = tokens[static_cast<std::size_t>(places[k])];
    if (k == 0 || token != tokens[static_cast<std::size_t>(places[k - 1])])
      starts[count++] = static_cast<std::int32_t>(k);
  }
  buckets[0] = static_cast<std::int32_t>(count);
  std::fill(starts.begin() + static_cast<std::ptrdiff_t>(count), starts.end(),
            static_cast<std::int32_t>(rows));
}

}  // namespace sovren::nn::device
