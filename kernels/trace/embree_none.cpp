// SPDX-License-Identifier: Apache-2.0
#include "kernels/trace/tracer.h"

namespace sovren::trace {

Result<std::unique_ptr<Tracer>> make_embree_tracer(std::shared_ptr<const CompiledScene> /*scene*/,
                                                   int /*threads*/) {
  return fail({.code = Code::device,
               .what = "this build has no Embree",
               .hint = "set tracer = \"bvh\", or build with Embree 3's headers (Debian: "
                       "libembree-dev)"});
}

}  // namespace sovren::trace
