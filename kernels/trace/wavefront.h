// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "core/base/result.h"
#include "kernels/trace/path_tracer.h"
#include "kernels/trace/trace_device.h"

namespace sovren::trace {

/// How many paths go side by side, so that a device of 270,000 threads has eight for each.
inline constexpr std::uint32_t wave_paths = 1U << 21;

/// Paths as a wave: all of them take their next step together, kernel by kernel (wavefront_body.h).
/// Those that end make room for new ones, so that the device stays full until the last samples.
///
/// Threads    one call at a time.
/// most_paths at most so many side by side; fewer where the device's memory, or the work, is small.
Result<std::unique_ptr<PathTracer>> make_wavefront(std::unique_ptr<TraceDevice> device,
                                                   std::shared_ptr<const CompiledScene> scene,
                                                   const RenderSettings& settings, int threads,
                                                   std::uint32_t most_paths = wave_paths);

}  // namespace sovren::trace
