// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/base/result.h"
#include "kernels/trace/compiled_scene.h"
#include "kernels/trace/film.h"
#include "kernels/trace/settings.h"
#include "kernels/trace/tracer.h"

namespace sovren::trace {

/// A rectangle of pixels and some of their samples: [x_begin, x_end) x [y_begin, y_end) x
/// [first_sample, first_sample + samples).
struct RenderUnit {
  int x_begin = 0, y_begin = 0, x_end = 0, y_end = 0;
  std::uint32_t first_sample = 0, samples = 0;
};

/// Computes samples and adds them to a film.
///
/// Laws     a sample is decided by the scene, the settings, its pixel and its number alone, and
///          sums are whole numbers: any split of the units over calls, threads and ranks gives the
///          same film, bit for bit (of one tracer; devices: within a tolerance of the CPU).
/// Source   docs/rendering.md.
class PathTracer {
 public:
  virtual ~PathTracer() = default;
  virtual Result<void> render(std::span<const RenderUnit> units, Film& film) = 0;
  virtual std::string name() const = 0;   ///< "embree 3.13.5 (avx2)", "NVIDIA H200"
  virtual std::int64_t rays() const = 0;  ///< found so far, shadow rays included
};

/// On `threads` threads of the CPU.
std::unique_ptr<PathTracer> make_cpu_path_tracer(std::shared_ptr<const CompiledScene> scene,
                                                 std::unique_ptr<Tracer> tracer,
                                                 const RenderSettings& settings, int threads);

/// On this rank's device (kernels/device); `threads` build its tree. Errors: device; refused: not
/// enough memory there.
Result<std::unique_ptr<PathTracer>> make_device_path_tracer(
    std::shared_ptr<const CompiledScene> scene, const RenderSettings& settings, int threads);

}  // namespace sovren::trace
