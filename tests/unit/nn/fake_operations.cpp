// SPDX-License-Identifier: Apache-2.0
// device_ops.h and device_gemm.h over the operations of the CPU.
#include <algorithm>
#include <bit>
#include <cmath>
#include <memory>
#include <vector>

#include "kernels/nn/device_gemm.h"
#include "kernels/nn/device_ops.h"
#include "kernels/nn/pointwise.h"
#include "tests/unit/nn/fake_queue.h"

namespace sovren::nn::device {
namespace {

using fake::put;

Team& team() {
  thread_local Team own(1);
  return own;
}

std::vector<float> read(const Bf16* from, std::int64_t count) {
  std::vector<float> values(from == nullptr ? 0 : static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = std::bit_cast<float>(static_cast<std::uint32_t>(from[i]) << 16);
  return values;
}

Bf16 rounded(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  return static_cast<Bf16>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

void write(const std::vector<float>& values, Bf16* to) {
  std::transform(values.begin(), values.end(), to, rounded);
}

const float* data_or_null(const std::vector<float>& values) {
  return values.empty() ? nullptr : values.data();
}

}  // namespace

Result<void> attention_forward(Stream stream, const AttentionShape& shape, const Bf16* qkv,
                               const Dropout* dropout, Bf16* out, float* log_sum) {
  put(stream, [=] {
    const std::int64_t rows = static_cast<std::int64_t>(shape.batch) * shape.tokens;
    const auto in = read(qkv, rows * shape.qkv_width());
    std::vector<float> result(static_cast<std::size_t>(rows * shape.q_width()));
    nn::attention_forward(team(), shape, in.data(), dropout == nullptr ? Dropout{} : *dropout,
                          result.data(), log_sum);
    write(result, out);
  });
  return {};
}

Result<void> attention_backward(Stream stream, const AttentionShape& shape, const Bf16* qkv,
                                const Dropout* dropout, const Bf16* out, const float* log_sum,
                                const Bf16* d_out, float*, Bf16* d_qkv) {
  put(stream, [=] {
    const std::int64_t rows = static_cast<std::int64_t>(shape.batch) * shape.tokens;
    const auto in = read(qkv, rows * shape.qkv_width());
    const auto made = read(out, rows * shape.q_width()), d = read(d_out, rows * shape.q_width());
    std::vector<float> result(in.size());
    nn::attention_backward(team(), shape, in.data(), dropout == nullptr ? Dropout{} : *dropout,
                           made.data(), log_sum, d.data(), result.data());
    write(result, d_qkv);
  });
  return {};
}

Result<void> rotate(Stream stream, const AttentionShape& shape, const float* table,
                    Rotation rotation, Bf16* qkv) {
  put(stream, [=] {
    const int width = shape.head_width, half = width / 2;
    const std::int64_t rows = static_cast<std::int64_t>(shape.batch) * shape.tokens;
    auto x = read(qkv, rows * shape.qkv_width());
    for (std::int64_t row = 0; row < rows; ++row)
      for (int head = 0; head < shape.heads + shape.kv_heads; ++head)
        for (int i = 0; i < half; ++i) {
          const float* angle = table + (row % shape.tokens * half + i) * 2;
          const float sine = rotation == Rotation::forward ? angle[1] : -angle[1];
          float* pair = x.data() + row * shape.qkv_width() + head * width + i;
          const float a = pair[0], b = pair[half];
          pair[0] = a * angle[0] - b * sine;
          pair[half] = b * angle[0] + a * sine;
        }
    write(x, qkv);
  });
  return {};
}

Result<void> norm_forward(Stream stream, const NormShape& shape, const Bf16* x, const Bf16* branch,
                          const Dropout* dropout, const Bf16* weight, const Bf16* bias, Bf16* sum,
                          Bf16* y, float* mean, float* scale) {
  put(stream, [=] {
    auto in = read(x, shape.rows * shape.width);
    if (branch != nullptr) {
      nn::add_residual(team(), shape.rows, shape.width,
                       read(branch, shape.rows * shape.width).data(),
                       dropout == nullptr ? Dropout{} : *dropout, in.data());
      write(in, sum);
      in = read(sum, shape.rows * shape.width);
    }
    std::vector<float> result(in.size());
    nn::norm_forward(team(), shape, in.data(), read(weight, shape.width).data(),
                     data_or_null(read(bias, shape.width)), result.data(), mean, scale);
    write(result, y);
  });
  return {};
}

Result<void> norm_backward(Stream stream, const NormShape& shape, const Bf16* d_y, const Bf16* x,
                           const Bf16* weight, const float* mean, const float* scale,
                           const Bf16* d_after, float*, Bf16* d_x, float* d_weight, float* d_bias) {
  put(stream, [=] {
    const std::int64_t size = shape.rows * shape.width;
    auto result = read(d_after, size);
    result.resize(static_cast<std::size_t>(size));
    nn::norm_backward(team(), shape, read(d_y, size).data(), read(x, size).data(),
                      read(weight, shape.width).data(), mean, scale, result.data(), d_weight,
                      d_bias);
    write(result, d_x);
  });
  return {};
}

Result<void> apply_dropout(Stream stream, std::int64_t rows, std::int64_t width,
                           const Dropout* dropout, const Bf16* x, Bf16* y) {
  put(stream, [=] {
    auto in = read(x, rows * width);
    nn::apply_dropout(team(), rows, width, *dropout, in.data());
    write(in, y);
  });
  return {};
}

Result<void> add_column_sums(Stream stream, std::int64_t rows, std::int64_t width,
                             std::int64_t stride, const Bf16* x, float*, float* sums) {
  put(stream, [=] {
    nn::add_column_sums(team(), rows, width, stride, read(x, rows * stride).data(), sums);
  });
  return {};
}

Result<void> swiglu_forward(Stream stream, std::int64_t rows, std::int64_t hidden, const Bf16* x,
                            Bf16* y) {
  put(stream, [=] {
    std::vector<float> result(static_cast<std::size_t>(rows * hidden));
    nn::swiglu_forward(team(), rows, hidden, read(x, rows * 2 * hidden).data(), result.data());
    write(result, y);
  });
  return {};
}

Result<void> swiglu_backward(Stream stream, std::int64_t rows, std::int64_t hidden, const Bf16* x,
                             const Bf16* d_y, Bf16* d_x) {
  put(stream, [=] {
    std::vector<float> result(static_cast<std::size_t>(rows * 2 * hidden));
    nn::swiglu_backward(team(), rows, hidden, read(x, rows * 2 * hidden).data(),
                        read(d_y, rows * hidden).data(), result.data());
    write(result, d_x);
  });
  return {};
}

Result<void> embed(Stream stream, std::int64_t rows, std::int64_t context, std::int64_t width,
                   const std::int32_t* tokens, const Bf16* token_table, const Bf16* position_table,
                   Bf16* x) {
  put(stream, [=] {
    for (std::int64_t row = 0; row < rows; ++row) {
      auto sum = read(token_table + tokens[row] * width, width);
      const auto place =
          read(position_table == nullptr ? nullptr : position_table + row % context * width, width);
      for (std::size_t i = 0; i < place.size(); ++i) sum[i] += place[i];
      write(sum, x + row * width);
    }
  });
  return {};
}

Result<void> embed_backward(Stream stream, std::int64_t rows, std::int64_t context,
                            std::int64_t width, std::int64_t table_rows, const std::int32_t* tokens,
                            const std::int32_t* buckets, const Bf16* d_x, float* d_token_table,
                            float* d_position_table) {
  put(stream, [=] {
    // The rows are taken from the buckets alone, so that wrong ones show.
    const std::int32_t* starts = buckets + 1;
    const std::int32_t* order = starts + rows + 1;
    for (std::int32_t bucket = 0; bucket < buckets[0]; ++bucket)
      for (std::int32_t k = starts[bucket]; k < starts[bucket + 1]; ++k) {
        const std::int64_t row = order[k];
        const auto d = read(d_x + row * width, width);
        if (tokens[row] >= table_rows) std::abort();
        for (std::int64_t i = 0; i < width; ++i) {
          d_token_table[tokens[row] * width + i] += d[static_cast<std::size_t>(i)];
          if (d_position_table != nullptr)
            d_position_table[row % context * width + i] += d[static_cast<std::size_t>(i)];
        }
      }
  });
  return {};
}

Result<void> classify(Stream stream, std::int64_t rows, std::int64_t vocab, std::int64_t stride,
                      const std::int32_t* targets, float gradient_scale, Bf16* logits,
                      float* losses) {
  put(stream, [=] {
    const auto count = static_cast<std::size_t>(rows);
    auto values = read(logits, rows * stride);
    nn::classify(team(), vocab, stride, std::span(targets, count), gradient_scale, values.data(),
                 std::span(losses, count));
    write(values, logits);
  });
  return {};
}

Result<void> cross_entropy(Stream stream, std::int64_t rows, std::int64_t vocab,
                           std::int64_t stride, const std::int32_t* targets, const Bf16* logits,
                           float* losses) {
  put(stream, [=] {
    const auto count = static_cast<std::size_t>(rows);
    nn::cross_entropy(team(), vocab, stride, std::span(targets, count),
                      read(logits, rows * stride).data(), std::span(losses, count));
  });
  return {};
}

Result<void> adamw_update(Stream stream, const AdamW& adamw, double gradient_scale,
                          std::int64_t size, float* parameters, const float* gradient, float* m,
                          float* v, Bf16* copy) {
  put(stream, [=] {
    const auto count = static_cast<std::size_t>(size);
    nn::adamw_update(team(), adamw, gradient_scale, std::span(parameters, count),
                     std::span(gradient, count), std::span(m, count), std::span(v, count));
    if (copy != nullptr) std::transform(parameters, parameters + size, copy, rounded);
  });
  return {};
}

Result<void> block_squares(Stream stream, std::int64_t size, const float* values, double* squares) {
  put(stream, [=] {
    const auto blocks = static_cast<std::size_t>((size + norm_block - 1) / norm_block);
    nn::block_squares(team(), std::span(values, static_cast<std::size_t>(size)),
                      std::span(squares, blocks));
  });
  return {};
}

Result<void> add_to(Stream stream, std::int64_t size, const float* from, float* to) {
  put(stream, [=] {
    const auto count = static_cast<std::size_t>(size);
    nn::add_to(team(), std::span(from, count), std::span(to, count));
  });
  return {};
}

namespace {

class FakeProducts final : public Products {
 public:
  Result<int> plan(const Product& product) override {
    products_.push_back(product);
    return static_cast<int>(products_.size()) - 1;
  }

  Result<void> run(void* stream, int number, const ProductData& data, void*) override {
    put(stream,
        [product = products_[static_cast<std::size_t>(number)], data] { compute(product, data); });
    return {};
  }

 private:
  static void compute(const Product& product, const ProductData& data) {
    const auto [m, n, k] = product.shape;
    const auto a = read(static_cast<const Bf16*>(data.a), m * k);
    const auto b = read(static_cast<const Bf16*>(data.b), k * n);
    const auto bias = read(product.has_bias ? static_cast<const Bf16*>(data.bias) : nullptr, n);
    const auto at = [](const std::vector<float>& x, std::int64_t i) {
      return static_cast<double>(x[static_cast<std::size_t>(i)]);
    };
    std::vector<float> sums(static_cast<std::size_t>(m * n));
    for (std::int64_t row = 0; row < m; ++row)
      for (std::int64_t column = 0; column < n; ++column) {
        double sum = product.has_bias ? at(bias, column) : 0;
        for (std::int64_t i = 0; i < k; ++i)
          sum += at(a, product.is_a_transposed ? i * m + row : row * k + i) *
                 at(b, product.is_b_transposed ? column * k + i : i * n + column);
        sums[static_cast<std::size_t>(row * n + column)] = static_cast<float>(sum);
      }
    finish(product, data, sums);
  }

  static void finish(const Product& product, const ProductData& data, std::vector<float>& sums) {
    const auto size = static_cast<std::int64_t>(sums.size());
    if (product.then == Product::Then::gelu) {
      write(sums, static_cast<Bf16*>(data.aux));
      nn::gelu_forward(team(), size, std::vector<float>(sums).data(), sums.data());
    } else if (product.then == Product::Then::gelu_slope) {
      nn::gelu_backward(team(), size, read(static_cast<const Bf16*>(data.aux), size).data(),
                        std::vector<float>(sums).data(), sums.data());
    }
    if (product.type == Product::Type::bf16) return write(sums, static_cast<Bf16*>(data.c));
    auto* c = static_cast<float*>(data.c);
    for (std::int64_t i = 0; i < size; ++i)
      c[i] = sums[static_cast<std::size_t>(i)] +
             (product.write == GemmOutput::Write::add ? c[i] : 0.0F);
  }

  std::vector<Product> products_;
};

}  // namespace

Result<std::unique_ptr<Products>> make_products() {
  return std::make_unique<FakeProducts>();
}

}  // namespace sovren::nn::device
