// SPDX-License-Identifier: Apache-2.0
#include "kernels/trace/trace_device.h"

namespace sovren::trace {

Result<std::unique_ptr<TraceDevice>> make_cuda_trace_device() {
  return fail({.code = Code::device,
               .what = "this build has no CUDA backend",
               .hint = "set backend = \"cpu\""});
}

}  // namespace sovren::trace
