// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "kernels/nn/level.h"
#include "kernels/nn/team.h"
#include "kernels/trace/path_kernels.h"
#include "kernels/trace/path_tracer.h"

namespace sovren::nn {
template <>
const trace::PathKernels& kernels_of<trace::PathKernels, Level::plain>();
template <>
const trace::PathKernels& kernels_of<trace::PathKernels, Level::avx2>();
}  // namespace sovren::nn

namespace sovren::trace {
namespace {

// So many that tracers have rays to choose from, and that all stay in the second-level cache.
constexpr std::uint32_t batch_max = 512;

/// What one thread works with.
struct Scratch {
  std::vector<Path> paths = std::vector<Path>(batch_max);
  std::vector<std::uint32_t> alive = std::vector<std::uint32_t>(batch_max);
  std::vector<Ray> rays = std::vector<Ray>(batch_max);
  std::vector<Hit> hits = std::vector<Hit>(batch_max);
  std::vector<ShadowRay> shadows = std::vector<ShadowRay>(batch_max);
  std::vector<std::uint32_t> looking;  ///< numbers of the shadows whose rays are traced
  std::vector<std::uint8_t> is_occluded = std::vector<std::uint8_t>(batch_max);
  std::vector<std::int64_t> sums;  ///< (pixels of the unit, channels of the film)
  std::int64_t rays_traced = 0;
};

class CpuPathTracer : public PathTracer {
 public:
  CpuPathTracer(std::shared_ptr<const CompiledScene> scene, std::unique_ptr<Tracer> tracer,
                const RenderSettings& settings, int threads)
      : scene_(std::move(scene)),
        tracer_(std::move(tracer)),
        settings_(settings),
        view_(scene_->view()),
        kernels_(path_kernels()),
        team_(threads) {}

  Result<void> render(std::span<const RenderUnit> units, Film& film) override {
    std::mutex mutex;  // of the film
    team_.run(static_cast<std::int64_t>(units.size()), [&](std::int64_t part) {
      const RenderUnit& unit = units[static_cast<std::size_t>(part)];
      const auto scratch = take_scratch();
      render_unit(unit, film.channels(), *scratch);
      const std::scoped_lock lock(mutex);
      add_unit(unit, scratch->sums, film);
    });
    return {};
  }

  std::string name() const override { return tracer_->name(); }
  std::int64_t rays() const override { return rays_; }

 private:
  /// A scratch that nobody has, given back at the end.
  std::unique_ptr<Scratch, std::function<void(Scratch*)>> take_scratch() {
    std::unique_ptr<Scratch> scratch;
    {
      const std::scoped_lock lock(pool_mutex_);
      if (!pool_.empty()) {
        scratch = std::move(pool_.back());
        pool_.pop_back();
      }
    }
    if (!scratch) scratch = std::make_unique<Scratch>();
    return {scratch.release(), [this](Scratch* used) {
              const std::scoped_lock lock(pool_mutex_);
              rays_ += std::exchange(used->rays_traced, 0);
              pool_.emplace_back(used);
            }};
  }

  void render_unit(const RenderUnit& unit, int channels, Scratch& scratch) const {
    const auto pixels =
        static_cast<std::uint32_t>((unit.x_end - unit.x_begin) * (unit.y_end - unit.y_begin));
    const auto stride = static_cast<std::size_t>(channels);
    scratch.sums.assign(pixels * stride, 0);
    const std::uint32_t total = pixels * unit.samples;
    for (std::uint32_t first = 0; first < total; first += batch_max) {
      const std::uint32_t count = std::min(batch_max, total - first);
      kernels_.begin(settings_, unit, first, count, scratch.paths.data());
      follow(count, scratch);
      for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint32_t pixel = (first + i) / unit.samples;
        std::int64_t* sums = scratch.sums.data() + pixel * stride;
        add_sample(sample_of(scratch.paths[i]), scratch.paths[i].key.sample, channels,
                   [sums](Film::Channel channel, std::int64_t value) { sums[channel] += value; });
      }
    }
  }

  /// Until no path is alive.
  void follow(std::uint32_t count, Scratch& scratch) const {
    for (std::uint32_t i = 0; i < count; ++i) scratch.alive[i] = i;
    while (count > 0) {
      for (std::uint32_t k = 0; k < count; ++k)
        scratch.rays[k] = scratch.paths[scratch.alive[k]].ray;
      tracer_->closest(std::span(scratch.rays).first(count), std::span(scratch.hits).first(count));
      kernels_.shade(view_, settings_, scratch.paths.data(), scratch.alive.data(), count,
                     scratch.hits.data(), scratch.shadows.data());
      scratch.rays_traced += count;
      look(count, scratch);
      std::uint32_t left = 0;
      for (std::uint32_t k = 0; k < count; ++k)
        if (scratch.paths[scratch.alive[k]].is_alive) scratch.alive[left++] = scratch.alive[k];
      count = left;
    }
  }

  /// Traces the shadow rays, and adds the light of those that get through.
  void look(std::uint32_t count, Scratch& scratch) const {
    std::vector<std::uint32_t>& looking = scratch.looking;
    looking.clear();
    for (std::uint32_t k = 0; k < count; ++k)
      if (scratch.shadows[k].is_wanted) looking.push_back(k);
    if (view_.has_alpha) return look_through(scratch);
    const auto rays = static_cast<std::uint32_t>(looking.size());
    for (std::uint32_t i = 0; i < rays; ++i) scratch.rays[i] = scratch.shadows[looking[i]].ray;
    tracer_->occluded(std::span(scratch.rays).first(rays),
                      std::span(scratch.is_occluded).first(rays));
    scratch.rays_traced += rays;
    for (std::uint32_t i = 0; i < rays; ++i)
      if (scratch.is_occluded[i] == 0) add_light(looking[i], scratch);
  }

  /// The same where surfaces let light through: from one to the next.
  void look_through(Scratch& scratch) const {
    std::vector<std::uint32_t>& looking = scratch.looking;
    while (!looking.empty()) {
      const auto rays = static_cast<std::uint32_t>(looking.size());
      for (std::uint32_t i = 0; i < rays; ++i) scratch.rays[i] = scratch.shadows[looking[i]].ray;
      tracer_->closest(std::span(scratch.rays).first(rays), std::span(scratch.hits).first(rays));
      scratch.rays_traced += rays;
      std::uint32_t left = 0;
      for (std::uint32_t i = 0; i < rays; ++i) {
        if (scratch.hits[i].instance == no_hit)
          add_light(looking[i], scratch);
        else if (!is_blocked(view_, scratch.hits[i], scratch.shadows[looking[i]]))
          looking[left++] = looking[i];
      }
      looking.resize(left);
    }
  }

  static void add_light(std::uint32_t k, Scratch& scratch) {
    scratch.paths[scratch.alive[k]].radiance += scratch.shadows[k].contribution;
  }

  static void add_unit(const RenderUnit& unit, std::span<const std::int64_t> sums, Film& film) {
    for (int y = unit.y_begin; y < unit.y_end; ++y)
      for (int x = unit.x_begin; x < unit.x_end; ++x) {
        const std::span<std::int64_t> pixel = film.pixel(x, y);
        for (std::size_t c = 0; c < pixel.size(); ++c) pixel[c] += sums[c];
        sums = sums.subspan(pixel.size());
      }
  }

  std::shared_ptr<const CompiledScene> scene_;
  std::unique_ptr<Tracer> tracer_;
  RenderSettings settings_;
  SceneView view_;
  const PathKernels& kernels_;
  nn::Team team_;
  std::mutex pool_mutex_;
  std::vector<std::unique_ptr<Scratch>> pool_;
  std::atomic<std::int64_t> rays_ = 0;
};

}  // namespace

const PathKernels& path_kernels() {
#if defined(__x86_64__)
  if (nn::cpu_level() != nn::Level::plain) return nn::kernels_of<PathKernels, nn::Level::avx2>();
#endif
  return nn::kernels_of<PathKernels, nn::Level::plain>();
}

std::unique_ptr<PathTracer> make_cpu_path_tracer(std::shared_ptr<const CompiledScene> scene,
                                                 std::unique_ptr<Tracer> tracer,
                                                 const RenderSettings& settings, int threads) {
  return std::make_unique<CpuPathTracer>(std::move(scene), std::move(tracer), settings, threads);
}

}  // namespace sovren::trace
