// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/base/result.h"
#include "kernels/nn/gemm.h"

/// Products of matrices on a CUDA device, by cuBLASLt (opened where it is first needed, so that
/// programs start without it).
namespace sovren::nn::device {

/// C (m, n) = A (m, k) B (k, n), and what is done with each sum before it is written. Factors are
/// bf16, sums fp32, rounded once when they are written. Matrices are row-major without gaps.
struct Product {
  enum class Type { bf16, fp32 };
  /// none; gelu: aux = x, x = gelu(x), tanh approximation; gelu_slope: x *= gelu'(aux).
  enum class Then { none, gelu, gelu_slope };
  GemmShape shape;
  bool is_a_transposed = false;  ///< A lies in memory as (k, m)
  bool is_b_transposed = false;  ///< B lies in memory as (n, k)
  Type type = Type::bf16;        ///< of C
  GemmOutput::Write write = GemmOutput::Write::set;
  bool has_bias = false;   ///< x += bias[column], first
  Then then = Then::none;  ///< with this or a bias, C is bf16 and set
};

/// The same product as a column-major library sees it: out = op(left) op(right).
struct ColumnMajor {
  struct Matrix {
    std::int64_t rows = 0;     ///< as it lies in memory
    std::int64_t columns = 0;  ///< the same
    bool is_transposed = false;
    std::int64_t leading() const { return rows; }
  };
  Matrix left;   ///< B
  Matrix right;  ///< A
  Matrix out;    ///< C
};
ColumnMajor column_major(const Product& product);

/// Rows of matrices, as they lie in memory, are multiples of this: 16 bytes of bf16, as tensor
/// cores want them.
inline constexpr std::int64_t gemm_alignment = 8;
/// Device memory that a product may use while it runs.
inline constexpr std::size_t gemm_workspace_bytes = std::size_t{32} << 20;

/// Device pointers, 16-byte aligned.
struct ProductData {
  const void* a = nullptr;
  const void* b = nullptr;
  void* c = nullptr;
  const void* bias = nullptr;  ///< (n) bf16
  void* aux = nullptr;         ///< (m, n) bf16: written by gelu, read by gelu_slope
};

/// The products of a model, each planned once, before the first step.
///
/// Laws     the same bits whenever the same product and values come again, on one kind of device
///          and version of cuBLASLt: a product keeps one algorithm, and sums that are cut are put
///          together in a step of their own, in fixed order, never by atomics.
/// Errors   refused: no cuBLASLt; device: it has no algorithm for the product, or fails.
/// Threads  one.
class Products {
 public:
  virtual ~Products() = default;
  /// The product's number, for run().
  virtual Result<int> plan(const Product& product) = 0;
  /// Puts the product on the stream (cudaStream_t); it may be captured. workspace:
  /// gemm_workspace_bytes on the device, 256-byte aligned; of one stream at a time.
  virtual Result<void> run(void* stream, int product, const ProductData& data, void* workspace) = 0;
};

/// For CUDA's current device. Refused where the CUDA backend is not built.
Result<std::unique_ptr<Products>> make_products();

}  // namespace sovren::nn::device
