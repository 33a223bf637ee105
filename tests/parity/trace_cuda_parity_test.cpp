// SPDX-License-Identifier: Apache-2.0
// The path tracer on a device against the CPU's, over trees of their own: the same samples, and so
// nearly the same film; and always the same bits again. Skipped, with the reason, where no device
// is.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "kernels/device/device.h"
#include "kernels/trace/path_tracer.h"
#include "tests/unit/trace/render_scenes.h"

namespace sovren::trace {
namespace {

using ScenePointer = std::shared_ptr<const CompiledScene>;

template <class T>
T got(Result<T> result) {
  if (!result) throw std::runtime_error(to_text(result.error()));
  return std::move(*result);
}

class TraceCudaParity : public testing::Test {
 protected:
  void SetUp() override {
    const kernels::DeviceList list = kernels::list_devices();
    if (list.devices.empty()) GTEST_SKIP() << list.why_none;
  }
  static std::unique_ptr<PathTracer> on_device(const ScenePointer& scene,
                                               const RenderSettings& settings) {
    return got(make_device_path_tracer(scene, settings, 2));
  }
  static std::unique_ptr<PathTracer> on_cpu(const ScenePointer& scene,
                                            const RenderSettings& settings) {
    return make_cpu_path_tracer(scene, got(make_bvh_tracer(scene, 2)), settings, 2);
  }
  static Film film_of(PathTracer& tracer, const RenderSettings& settings,
                      std::span<const RenderUnit> units) {
    Film film(settings.width, settings.height, Film::all_channels);
    const Result<void> done = tracer.render(units, film);
    EXPECT_TRUE(done) << (done ? "" : to_text(done.error()));
    return film;
  }
};

/// Larger than where the device is an emulated one.
RenderScene enlarged(RenderScene one) {
  one.settings.width = 160;
  one.settings.height = 120;
  return one;
}

RenderUnit whole(const RenderSettings& settings, std::uint32_t samples) {
  return {0, 0, settings.width, settings.height, 0, samples};
}

/// Mean over pixels and colours of (a - b)^2 / (b^2 + 0.01), and how many pixels are left out of
/// it: those where a path went another way, which shows as more than a hundredth.
struct Distance {
  double relative_mse = 0;
  int diverged = 0;
};
Distance distance(const Film& film, const Film& expected) {
  Distance found;
  int counted = 0;
  for (int y = 0; y < film.height(); ++y)
    for (int x = 0; x < film.width(); ++x) {
      const auto a = film.pixel(x, y), b = expected.pixel(x, y);
      const auto samples = static_cast<double>(b[Film::count]) * 0x1p30;
      double worst = 0;
      for (int c = 0; c < 3; ++c) {
        const double mean = static_cast<double>(b[c]) / samples;
        const double error = static_cast<double>(a[c] - b[c]) / samples;
        worst = std::max(worst, error * error / (mean * mean + 0.01));
      }
      if (worst > 1e-4) {
        ++found.diverged;
        continue;
      }
      found.relative_mse += worst;
      ++counted;
    }
  found.relative_mse /= std::max(1, counted);
  return found;
}

TEST_F(TraceCudaParity, FilmsOfDeviceAndCpuAgree) {
  for (const RenderScene& one : render_scenes()) {
    SCOPED_TRACE(one.name);
    const RenderScene large = enlarged(one);
    const ScenePointer scene = got(compile(large.scene));
    const RenderUnit all = whole(large.settings, 32);
    const auto device = on_device(scene, large.settings);
    const Film found = film_of(*device, large.settings, {&all, 1});
    const Film expected = film_of(*on_cpu(scene, large.settings), large.settings, {&all, 1});
    for (std::size_t i = 0; i < found.sums().size(); i += Film::all_channels)
      ASSERT_EQ(found.sums()[i + Film::count] + found.sums()[i + Film::bad], 32);
    const Distance apart = distance(found, expected);
    EXPECT_LT(apart.relative_mse, 1e-6);
    EXPECT_LE(apart.diverged, found.width() * found.height() / 1000);
    RecordProperty("diverged_" + one.name, apart.diverged);
    RecordProperty("is_equal_" + one.name,
                   std::ranges::equal(found.sums(), expected.sums()) ? "yes" : "no");
  }
}

TEST_F(TraceCudaParity, TheFilmIsTheSameForAnySplitAndAgain) {
  for (const RenderScene& one : render_scenes()) {
    SCOPED_TRACE(one.name);
    const RenderScene large = enlarged(one);
    const RenderSettings& s = large.settings;
    const ScenePointer scene = got(compile(large.scene));
    const auto device = on_device(scene, s);
    const RenderUnit all = whole(s, 16);
    const Film expected = film_of(*device, s, {&all, 1});
    EXPECT_TRUE(std::ranges::equal(film_of(*device, s, {&all, 1}).sums(), expected.sums()));
    const auto other = on_device(scene, s);
    const std::vector<RenderUnit> parts{{0, 0, 64, 64, 0, 16},
                                        {64, 0, s.width, 64, 0, 5},
                                        {0, 64, s.width, s.height, 0, 16},
                                        {64, 0, s.width, 64, 5, 11}};
    EXPECT_TRUE(std::ranges::equal(film_of(*other, s, parts).sums(), expected.sums()));
    Film sum(s.width, s.height, Film::all_channels);
    for (const RenderUnit& part : parts) ASSERT_TRUE(other->render({&part, 1}, sum));
    EXPECT_TRUE(std::ranges::equal(sum.sums(), expected.sums()));
  }
}

/// More samples than a wave has paths: new ones begin where others have ended.
TEST_F(TraceCudaParity, MoreSamplesThanPaths) {
  const RenderScene large = enlarged(room_of_glass());
  const ScenePointer scene = got(compile(large.scene));
  const auto device = on_device(scene, large.settings);
  const RenderUnit all = whole(large.settings, 256);
  const Film at_once = film_of(*device, large.settings, {&all, 1});
  Film sum(large.settings.width, large.settings.height, Film::all_channels);
  for (std::uint32_t first = 0; first < 256; first += 32) {
    RenderUnit part = whole(large.settings, 32);
    part.first_sample = first;
    ASSERT_TRUE(device->render({&part, 1}, sum));
  }
  EXPECT_TRUE(std::ranges::equal(sum.sums(), at_once.sums()));
}

}  // namespace
}  // namespace sovren::trace
