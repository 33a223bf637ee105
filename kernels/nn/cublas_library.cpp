// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/cublas_library.h"

#include <dlfcn.h>

#include <string>
#include <type_traits>

namespace sovren::nn::device {
namespace {

Error refused(std::string what) {
  return {.code = Code::refused,
          .what = std::move(what),
          .hint = "install cuBLAS 12 or 13, or name its folder in LD_LIBRARY_PATH"};
}

Result<CublasLibrary> open_library() {
  void* library = ::dlopen("libcublasLt.so.13", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) library = ::dlopen("libcublasLt.so.12", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return fail(refused(std::string("cuBLASLt is not here: ") + ::dlerror()));

  CublasLibrary cublas;
  std::string missing;
  const auto take = [&](const char* name, auto& function) {
    function =
        reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(library, name));
    if (function == nullptr && missing.empty()) missing = name;
  };
  take("cublasLtCreate", cublas.create);
  take("cublasLtDestroy", cublas.destroy);
  take("cublasLtGetStatusString", cublas.get_status_string);
  take("cublasLtMatrixLayoutCreate", cublas.layout_create);
  take("cublasLtMatrixLayoutDestroy", cublas.layout_destroy);
  take("cublasLtMatmulDescCreate", cublas.desc_create);
  take("cublasLtMatmulDescDestroy", cublas.desc_destroy);
  take("cublasLtMatmulDescSetAttribute", cublas.desc_set);
  take("cublasLtMatmulPreferenceCreate", cublas.preference_create);
  take("cublasLtMatmulPreferenceDestroy", cublas.preference_destroy);
  take("cublasLtMatmulPreferenceSetAttribute", cublas.preference_set);
  take("cublasLtMatmulAlgoGetHeuristic", cublas.get_heuristic);
  take("cublasLtMatmul", cublas.matmul);
  if (!missing.empty()) return fail(refused("libcublasLt has no " + missing));
  return cublas;
}

}  // namespace

const Result<CublasLibrary>& cublas_library() {
  static const Result<CublasLibrary> library = open_library();
  return library;
}

}  // namespace sovren::nn::device
