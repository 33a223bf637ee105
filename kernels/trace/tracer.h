// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/base/result.h"
#include "kernels/trace/compiled_scene.h"
#include "kernels/trace/view.h"

namespace sovren::trace {

struct Bvh;

/// Finds what rays meet, on the CPU.
///
/// Laws     what a call returns is decided by its rays alone: neither by threads nor by other
///          calls. Nothing is missed between two triangles that share an edge (watertight). A ray
///          whose origin or direction is not finite meets nothing.
/// Threads  any number may call at once.
class Tracer {
 public:
  virtual ~Tracer() = default;
  /// The nearest hit with t_min < t < t_max (ends to a rounding), or Hit::instance == no_hit.
  /// Ties: either.
  virtual void closest(std::span<const Ray> rays, std::span<Hit> hits) const = 0;
  /// 1 where anything is between t_min and t_max, else 0.
  virtual void occluded(std::span<const Ray> rays, std::span<std::uint8_t> is_occluded) const = 0;
  virtual std::string name() const = 0;  ///< "embree 3.13.5 (avx2)"
  virtual std::int64_t size_bytes() const = 0;
};

/// Intel's Embree, opened when it is first asked for (libembree3.so.3). Errors: device when it
/// is not installed; out_of_memory. Of rays aimed at an edge, 2 in 1000 pass between its triangles
/// (of ten million others, none).
Result<std::unique_ptr<Tracer>> make_embree_tracer(std::shared_ptr<const CompiledScene> scene,
                                                   int threads);

/// Our own tree of eight-wide nodes (bvh.h). Works everywhere.
Result<std::unique_ptr<Tracer>> make_bvh_tracer(std::shared_ptr<const CompiledScene> scene,
                                                int threads);
/// The same with a tree of the scene that is there already.
std::unique_ptr<Tracer> make_tracer_of(std::shared_ptr<const CompiledScene> scene, Bvh bvh,
                                       int threads);

}  // namespace sovren::trace
