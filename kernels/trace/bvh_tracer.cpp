// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "kernels/nn/level.h"
#include "kernels/nn/team.h"
#include "kernels/trace/bvh.h"
#include "kernels/trace/bvh_pack.h"
#include "kernels/trace/flush_denormals.h"
#include "kernels/trace/level/walk.h"
#include "kernels/trace/tracer.h"

namespace sovren::trace {
namespace {

bool uses_avx2() {
  return nn::cpu_level() >= nn::Level::avx2;
}

const WalkKernels& walk_here() {
#if defined(__x86_64__)
  if (uses_avx2()) return avx2::walk_kernels;
#endif
  return plain::walk_kernels;
}

class BvhTracer final : public Tracer {
 public:
  BvhTracer(std::shared_ptr<const CompiledScene> scene, Bvh bvh, int threads)
      : scene_(std::move(scene)) {
    nn::Team team(std::max(1, threads));
    world_ = pack(std::move(bvh.world), team);
    for (BvhTree& mesh : bvh.meshes) {
      meshes_.push_back(pack(std::move(mesh), team));
      mesh_views_.push_back(meshes_.back().view());
    }
  }
  void closest(std::span<const Ray> rays, std::span<Hit> hits) const override {
    const FlushDenormals flush;
    walk_.closest(view(), rays.data(), hits.data(), static_cast<std::int64_t>(rays.size()));
  }
  void occluded(std::span<const Ray> rays, std::span<std::uint8_t> is_occluded) const override {
    const FlushDenormals flush;
    walk_.occluded(view(), rays.data(), is_occluded.data(), static_cast<std::int64_t>(rays.size()));
  }
  std::string name() const override { return uses_avx2() ? "bvh8 (avx2)" : "bvh8 (plain)"; }
  std::int64_t size_bytes() const override {
    std::size_t bytes = world_.size_bytes();
    for (const PackedTree& mesh : meshes_) bytes += mesh.size_bytes() + sizeof(WalkTree);
    return static_cast<std::int64_t>(bytes);
  }

 private:
  WalkScene view() const { return {world_.view(), mesh_views_.data(), scene_->instances.data()}; }

  std::shared_ptr<const CompiledScene> scene_;  // for its instances
  const WalkKernels& walk_ = walk_here();
  PackedTree world_;
  std::vector<PackedTree> meshes_;
  std::vector<WalkTree> mesh_views_;
};

}  // namespace

Result<std::unique_ptr<Tracer>> make_bvh_tracer(std::shared_ptr<const CompiledScene> scene,
                                                int threads) {
  SOVREN_TRY(bvh, build_bvh(*scene, threads));
  return make_tracer_of(std::move(scene), std::move(bvh), threads);
}

std::unique_ptr<Tracer> make_tracer_of(std::shared_ptr<const CompiledScene> scene, Bvh bvh,
                                       int threads) {
  return std::make_unique<BvhTracer>(std::move(scene), std::move(bvh), threads);
}

}  // namespace sovren::trace
