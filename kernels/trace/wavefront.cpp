// SPDX-License-Identifier: Apache-2.0
#include "kernels/trace/wavefront.h"

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "kernels/trace/device_scene.h"

namespace sovren::trace {
namespace {

constexpr std::uint32_t least_paths = 1U << 12;

/// Bytes for each path side by side.
constexpr std::size_t path_bytes =
    2 * Columns<Path>::size_bytes(1) + Columns<Hit>::size_bytes(1) + Columns<Look>::size_bytes(1);

/// An array on the device that grows.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(TraceDevice& device) : device_(device) {}
  T* data() const { return data_; }
  Result<void> reserve(std::size_t size) {
    if (size <= size_) return {};
    device_.release(data_);
    data_ = nullptr;
    size_ = 0;
    SOVREN_TRY(data, device_.allocate(size * sizeof(T)));
    data_ = static_cast<T*>(data);
    size_ = size;
    return {};
  }

 private:
  TraceDevice& device_;
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

class Wavefront final : public PathTracer {
 public:
  Wavefront(std::unique_ptr<TraceDevice> device, const RenderSettings& settings)
      : device_(std::move(device)), units_(*device_), film_(*device_) {
    wave_.settings = settings;
  }

  Result<void> prepare(const CompiledScene& scene, int threads, std::uint32_t most_paths);
  Result<void> render(std::span<const RenderUnit> units, Film& film) override;
  std::string name() const override { return device_->name(); }
  std::int64_t rays() const override { return rays_; }

 private:
  Result<std::uint64_t> place_units(std::span<const RenderUnit> units);
  Result<void> open_window(std::span<const RenderUnit> units, int channels);
  Result<std::uint32_t> step(std::uint32_t live);
  Result<void> add_to(Film& film);

  std::unique_ptr<TraceDevice> device_;
  Wave wave_;
  std::uint32_t capacity_ = 0;  ///< paths side by side
  DeviceArray<UnitPlace> units_;
  DeviceArray<std::int64_t> film_;
  std::vector<std::int64_t> sums_;  ///< the film's, on the host
  std::int64_t rays_ = 0;
};

Result<void> Wavefront::prepare(const CompiledScene& scene, int threads, std::uint32_t most_paths) {
  SOVREN_TRY(bvh, build_wide_bvh(scene, threads));
  SOVREN_TRY(copy, copy_scene(*device_, scene, bvh));
  wave_.scene = copy.scene;
  wave_.bvh = copy.bvh;
  SOVREN_TRY(counters, device_->allocate(sizeof(WaveCounters)));
  wave_.counters = static_cast<WaveCounters*>(counters);
  // The other half is for the film.
  SOVREN_TRY(free, device_->free_bytes());
  capacity_ = most_paths;
  while (capacity_ > least_paths && capacity_ * path_bytes > static_cast<std::uint64_t>(free) / 2)
    capacity_ /= 2;
  const auto make = [this](auto& columns) -> Result<void> {
    SOVREN_TRY(data, device_->allocate(columns.size_bytes(capacity_)));
    columns.data = static_cast<Word*>(data);
    columns.capacity = capacity_;
    return {};
  };
  SOVREN_DO(make(wave_.paths));
  SOVREN_DO(make(wave_.next_paths));
  SOVREN_DO(make(wave_.hits));
  return make(wave_.looks);
}

/// Copies the units to the device. Returns how many samples they have.
Result<std::uint64_t> Wavefront::place_units(std::span<const RenderUnit> units) {
  std::vector<UnitPlace> places;
  std::uint64_t samples = 0;
  for (const RenderUnit& unit : units) {
    const int width = unit.x_end - unit.x_begin, height = unit.y_end - unit.y_begin;
    if (width <= 0 || height <= 0 || unit.samples == 0) continue;
    places.push_back({unit.x_begin, unit.y_begin, width, height, unit.first_sample, samples});
    samples +=
        static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(height) * unit.samples;
  }
  if (samples == 0) return samples;
  SOVREN_DO(units_.reserve(places.size()));
  SOVREN_DO(device_->upload(units_.data(), places.data(), places.size() * sizeof(UnitPlace)));
  wave_.units = units_.data();
  wave_.unit_count = static_cast<std::uint32_t>(places.size());
  return samples;
}

/// Makes an empty film of the pixels that the units touch.
Result<void> Wavefront::open_window(std::span<const RenderUnit> units, int channels) {
  int x_begin = wave_.settings.width, y_begin = wave_.settings.height, x_end = 0, y_end = 0;
  for (const RenderUnit& unit : units) {
    x_begin = std::min(x_begin, unit.x_begin);
    y_begin = std::min(y_begin, unit.y_begin);
    x_end = std::max(x_end, unit.x_end);
    y_end = std::max(y_end, unit.y_end);
  }
  SOVREN_CHECK(x_begin >= 0 && y_begin >= 0 && x_end <= wave_.settings.width &&
                   y_end <= wave_.settings.height,
               "units are inside of the picture");
  wave_.window = {x_begin, y_begin, x_end - x_begin, y_end - y_begin, channels};
  const std::size_t size = film_place(wave_.window, x_begin, y_begin, channels);
  SOVREN_DO(film_.reserve(size));
  wave_.film = film_.data();
  sums_.resize(size);
  return device_->clear(wave_.film, size * sizeof(std::int64_t));
}

/// All paths that there are go on by one ray. Returns how many are left.
Result<std::uint32_t> Wavefront::step(std::uint32_t live) {
  WaveCounters* counters = wave_.counters;
  SOVREN_DO(device_->run(
      TraceRays<PathRays>{{wave_.bvh, wave_.paths, wave_.hits, live, &counters->next_ray}}));
  SOVREN_DO(device_->run(ShadePaths{wave_, live}));
  if (wave_.scene.has_alpha)
    SOVREN_DO(device_->run(TraceRays<DimmedRays>{{wave_, wave_.bvh, &counters->next_look}}));
  else
    SOVREN_DO(device_->run(TraceRays<LightRays>{{wave_, wave_.bvh, &counters->next_look}}));
  SOVREN_DO(device_->run(FinishPaths{wave_, live}));
  WaveCounters counted;
  SOVREN_DO(device_->download(&counted, counters, sizeof counted));
  SOVREN_DO(device_->clear(counters, sizeof counted));
  std::swap(wave_.paths, wave_.next_paths);
  rays_ += std::int64_t{live} + counted.looks + static_cast<std::int64_t>(counted.rays_again);
  return counted.survivors;
}

Result<void> Wavefront::add_to(Film& film) {
  SOVREN_DO(device_->download(sums_.data(), wave_.film, sums_.size() * sizeof(std::int64_t)));
  const FilmWindow& window = wave_.window;
  for (int y = window.y; y < window.y + window.height; ++y)
    for (int channel = 0; channel < window.channels; ++channel) {
      const std::int64_t* from = sums_.data() + film_place(window, window.x, y, channel);
      std::int64_t* to = film.pixel(window.x, y).data() + channel;
      for (int x = 0; x < window.width; ++x) to[std::int64_t{x} * window.channels] += from[x];
    }
  return {};
}

Result<void> Wavefront::render(std::span<const RenderUnit> units, Film& film) {
  SOVREN_TRY(samples, place_units(units));
  if (samples == 0) return {};
  SOVREN_DO(open_window(units, film.channels()));
  SOVREN_DO(device_->clear(wave_.counters, sizeof(WaveCounters)));
  std::uint64_t begun = 0;
  std::uint32_t live = 0;
  while (begun < samples || live > 0) {
    const auto more =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(capacity_ - live, samples - begun));
    if (more > 0) SOVREN_DO(device_->run(GeneratePaths{wave_, begun, live, more}));
    begun += more;
    SOVREN_TRY(left, step(live + more));
    live = left;
  }
  return add_to(film);
}

}  // namespace

Result<std::unique_ptr<PathTracer>> make_wavefront(std::unique_ptr<TraceDevice> device,
                                                   std::shared_ptr<const CompiledScene> scene,
                                                   const RenderSettings& settings, int threads,
                                                   std::uint32_t most_paths) {
  auto wavefront = std::make_unique<Wavefront>(std::move(device), settings);
  SOVREN_DO(wavefront->prepare(*scene, threads, most_paths));
  return wavefront;
}

Result<std::unique_ptr<PathTracer>> make_device_path_tracer(
    std::shared_ptr<const CompiledScene> scene, const RenderSettings& settings, int threads) {
  SOVREN_TRY(device, make_cuda_trace_device());
  return make_wavefront(std::move(device), std::move(scene), settings, threads);
}

}  // namespace sovren::trace
