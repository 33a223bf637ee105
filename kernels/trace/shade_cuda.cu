// SPDX-License-Identifier: Apache-2.0
// The kernels that hold the physics of surfaces, which take the compiler longest.
// Compiled for sm_90; not yet run on a device.
#include "kernels/trace/cuda_launch.h"

namespace sovren::trace {

Result<void> launch_shade(const ShadePaths& kernel, const kernels::DeviceStream& stream) {
  return launch(kernel, stream, "starting to shade");
}

Result<void> launch_dimmed_rays(const TraceRays<DimmedRays>& kernel,
                                const kernels::DeviceStream& stream, int processors) {
  return launch_rays(kernel, stream, processors, "starting rays to lights");
}

}  // namespace sovren::trace
