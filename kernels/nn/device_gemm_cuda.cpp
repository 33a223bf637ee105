// SPDX-License-Identifier: Apache-2.0
#include <cublasLt.h>

#include <deque>
#include <string>
#include <utility>

#include "core/base/check.h"
#include "kernels/nn/cublas_library.h"
#include "kernels/nn/device_gemm.h"

namespace sovren::nn::device {
namespace {

Result<void> check(const CublasLibrary& cublas, cublasStatus_t status, const std::string& doing) {
  if (status == CUBLAS_STATUS_SUCCESS) return {};
  return fail(
      {.code = Code::device,
       .what = std::string("cuBLASLt: ") + cublas.get_status_string(status) + " while " + doing,
       .hint = "backend = \"cpu\" needs no device; `sovren doctor` shows what is here"});
}

std::string text_of(const Product& product) {
  const auto [m, n, k] = product.shape;
  return "(" + std::to_string(m) + " x " + std::to_string(k) + ") x (" + std::to_string(k) + " x " +
         std::to_string(n) + ")";
}

cublasLtEpilogue_t epilogue_of(const Product& product) {
  switch (product.then) {
    case Product::Then::gelu:
      return product.has_bias ? CUBLASLT_EPILOGUE_GELU_AUX_BIAS : CUBLASLT_EPILOGUE_GELU_AUX;
    case Product::Then::gelu_slope:
      return CUBLASLT_EPILOGUE_DGELU;
    case Product::Then::none:
      break;
  }
  return product.has_bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
}

/// What cuBLASLt keeps of one product.
class Plan {
 public:
  Plan(const CublasLibrary& cublas, const Product& product)
      : cublas_(cublas), product_(product), seen_(column_major(product)) {}
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;
  ~Plan() {
    if (desc_ != nullptr) cublas_.desc_destroy(desc_);
    for (const cublasLtMatrixLayout_t layout : {left_, right_, out_})
      if (layout != nullptr) cublas_.layout_destroy(layout);
    if (preference_ != nullptr) cublas_.preference_destroy(preference_);
  }

  Result<void> make(cublasLtHandle_t handle) {
    const std::string doing = "planning " + text_of(product_);
    const auto done = [&](cublasStatus_t status) { return check(cublas_, status, doing); };
    const auto out_type = product_.type == Product::Type::bf16 ? CUDA_R_16BF : CUDA_R_32F;
    SOVREN_DO(done(cublas_.desc_create(&desc_, CUBLAS_COMPUTE_32F, CUDA_R_32F)));
    SOVREN_DO(done(lay_out(left_, seen_.left, CUDA_R_16BF)));
    SOVREN_DO(done(lay_out(right_, seen_.right, CUDA_R_16BF)));
    SOVREN_DO(done(lay_out(out_, seen_.out, out_type)));
    SOVREN_DO(done(set(CUBLASLT_MATMUL_DESC_TRANSA, operation(seen_.left))));
    SOVREN_DO(done(set(CUBLASLT_MATMUL_DESC_TRANSB, operation(seen_.right))));
    SOVREN_DO(done(set(CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue_of(product_))));
    if (has_aux()) SOVREN_DO(done(set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, seen_.out.leading())));
    // Only the alignment of these counts until the product runs.
    const void* aligned = reinterpret_cast<const void*>(std::uintptr_t{256});
    SOVREN_DO(done(set_pointers(aligned, aligned)));
    return choose(handle, done);
  }

  Result<void> run(cublasLtHandle_t handle, cudaStream_t stream, const ProductData& data,
                   void* workspace) {
    const std::string doing = "computing " + text_of(product_);
    SOVREN_DO(check(cublas_, set_pointers(data.bias, data.aux), doing));
    const float alpha = 1, beta = product_.write == GemmOutput::Write::add ? 1.0F : 0.0F;
    return check(
        cublas_,
        cublas_.matmul(handle, desc_, &alpha, data.b, left_, data.a, right_, &beta, data.c, out_,
                       data.c, out_, &algorithm_, workspace, gemm_workspace_bytes, stream),
        doing);
  }

 private:
  bool has_aux() const { return product_.then != Product::Then::none; }

  static cublasOperation_t operation(const ColumnMajor::Matrix& matrix) {
    return matrix.is_transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
  }
  cublasStatus_t lay_out(cublasLtMatrixLayout_t& layout, const ColumnMajor::Matrix& matrix,
                         cudaDataType_t type) {
    return cublas_.layout_create(&layout, type, static_cast<std::uint64_t>(matrix.rows),
                                 static_cast<std::uint64_t>(matrix.columns), matrix.leading());
  }
  template <class T>
  cublasStatus_t set(cublasLtMatmulDescAttributes_t attribute, const T& value) {
    return cublas_.desc_set(desc_, attribute, &value, sizeof(value));
  }
  cublasStatus_t set_pointers(const void* bias, const void* aux) {
    cublasStatus_t status = CUBLAS_STATUS_SUCCESS;
    if (product_.has_bias) status = set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
    if (has_aux() && status == CUBLAS_STATUS_SUCCESS)
      status = set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, aux);
    return status;
  }

  /// The heuristic's first choice among the algorithms whose sums have a fixed order. Parts of a
  /// cut sum may lie in the workspace, to be added in a step of their own: without cuts, the
  /// gradients of small matrices, which are sums over all tokens, would leave most of the device
  /// idle.
  template <class Done>
  Result<void> choose(cublasLtHandle_t handle, const Done& done) {
    const std::uint64_t most = gemm_workspace_bytes;
    const std::uint32_t schemes =
        CUBLASLT_REDUCTION_SCHEME_NONE | CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
    SOVREN_DO(done(cublas_.preference_create(&preference_)));
    SOVREN_DO(done(cublas_.preference_set(preference_, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                          &most, sizeof(most))));
    SOVREN_DO(done(cublas_.preference_set(preference_, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
                                          &schemes, sizeof(schemes))));
    cublasLtMatmulHeuristicResult_t found{};
    int count = 0;
    SOVREN_DO(done(cublas_.get_heuristic(handle, desc_, left_, right_, out_, out_, preference_, 1,
                                         &found, &count)));
    if (count == 0) return done(CUBLAS_STATUS_NOT_SUPPORTED);
    SOVREN_DO(done(found.state));
    algorithm_ = found.algo;
    return {};
  }

  const CublasLibrary& cublas_;
  const Product product_;
  const ColumnMajor seen_;
  cublasLtMatmulDesc_t desc_ = nullptr;
  cublasLtMatrixLayout_t left_ = nullptr, right_ = nullptr, out_ = nullptr;
  cublasLtMatmulPreference_t preference_ = nullptr;
  cublasLtMatmulAlgo_t algorithm_{};
};

class CublasProducts final : public Products {
 public:
  explicit CublasProducts(const CublasLibrary& cublas) : cublas_(cublas) {}
  ~CublasProducts() override {
    plans_.clear();
    if (handle_ != nullptr) cublas_.destroy(handle_);
  }

  Result<void> start() {
    return check(cublas_, cublas_.create(&handle_), "starting on the device");
  }

  Result<int> plan(const Product& product) override {
    const auto [m, n, k] = product.shape;
    const ColumnMajor seen = column_major(product);
    SOVREN_CHECK(m > 0 && n > 0 && k > 0, "no matrix is empty");
    for (const ColumnMajor::Matrix& matrix : {seen.left, seen.right, seen.out})
      SOVREN_CHECK(matrix.leading() % gemm_alignment == 0, "rows are whole pieces of 16 bytes");
    const bool is_plain = !product.has_bias && product.then == Product::Then::none;
    SOVREN_CHECK(is_plain || (product.type == Product::Type::bf16 &&
                              product.write == GemmOutput::Write::set),
                 "what follows a sum follows one that is set, in bf16");
    SOVREN_CHECK(!product.has_bias || product.then != Product::Then::gelu_slope,
                 "a slope has no bias");
    Plan& plan = plans_.emplace_back(cublas_, product);
    SOVREN_DO(plan.make(handle_));
    return static_cast<int>(plans_.size()) - 1;
  }

  Result<void> run(void* stream, int product, const ProductData& data, void* workspace) override {
    return plans_[static_cast<std::size_t>(product)].run(handle_, static_cast<cudaStream_t>(stream),
                                                         data, workspace);
  }

 private:
  const CublasLibrary& cublas_;
  cublasLtHandle_t handle_ = nullptr;
  std::deque<Plan> plans_;
};

}  // namespace

Result<std::unique_ptr<Products>> make_products() {
  if (!cublas_library()) return fail(cublas_library().error());
  auto products = std::make_unique<CublasProducts>(*cublas_library());
  SOVREN_DO(products->start());
  return products;
}

}  // namespace sovren::nn::device
