// SPDX-License-Identifier: Apache-2.0
#include "kernels/trace/path_tracer.h"

namespace sovren::trace {

Result<std::unique_ptr<PathTracer>> make_device_path_tracer(std::shared_ptr<const CompiledScene>,
                                                            const RenderSettings&) {
  return fail({.code = Code::device, .what = "this build of Sovren has no CUDA backend"});
}

}  // namespace sovren::trace
