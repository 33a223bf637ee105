// SPDX-License-Identifier: Apache-2.0
// The wavefront on an emulated device: its films are those of the CPU's path tracer over the same
// tree, bit for bit.
#include "kernels/trace/wavefront.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "kernels/trace/device_scene.h"
#include "kernels/trace/wide_bvh.h"
#include "tests/unit/trace/emulated_trace_device.h"
#include "tests/unit/trace/render_scenes.h"

namespace sovren::trace {
namespace {

using Order = EmulatedTraceDevice::Order;
using ScenePointer = std::shared_ptr<const CompiledScene>;

template <class T>
T got(Result<T> result) {
  if (!result) throw std::runtime_error(to_text(result.error()));
  return std::move(*result);
}

std::vector<std::int64_t> film_of(PathTracer& tracer, const RenderSettings& settings,
                                  std::span<const RenderUnit> units) {
  Film film(settings.width, settings.height, Film::all_channels);
  const Result<void> done = tracer.render(units, film);
  EXPECT_TRUE(done) << (done ? "" : to_text(done.error()));
  return {film.sums().begin(), film.sums().end()};
}

using Make = Result<std::unique_ptr<Tracer>> (*)(ScenePointer, int);
std::unique_ptr<PathTracer> cpu_tracer(const ScenePointer& scene, const RenderSettings& settings,
                                       Make make = make_wide_bvh_tracer) {
  return make_cpu_path_tracer(scene, got(make(scene, 1)), settings, 2);
}
std::unique_ptr<PathTracer> wave_tracer(ScenePointer scene, const RenderSettings& settings,
                                        std::uint32_t paths, Order order = Order::forward) {
  return got(make_wavefront(std::make_unique<EmulatedTraceDevice>(order), std::move(scene),
                            settings, 1, paths));
}

std::vector<RenderUnit> whole(const RenderSettings& settings, std::uint32_t samples) {
  return {{0, 0, settings.width, settings.height, 0, samples}};
}

TEST(Wavefront, FindsTheFilmOfTheCpuBitForBit) {
  for (const RenderScene& one : render_scenes()) {
    SCOPED_TRACE(one.name);
    const ScenePointer scene = got(compile(one.scene));
    const auto units = whole(one.settings, 2);
    const auto cpu = cpu_tracer(scene, one.settings);
    const auto wave = wave_tracer(scene, one.settings, 300);
    const std::vector<std::int64_t> expected = film_of(*cpu, one.settings, units);
    EXPECT_TRUE(film_of(*wave, one.settings, units) == expected);
    EXPECT_EQ(wave->rays(), cpu->rays());
    const auto other = cpu_tracer(scene, one.settings, make_bvh_tracer);
    EXPECT_TRUE(film_of(*other, one.settings, units) == expected) << "over the CPU's own tree";
    EXPECT_TRUE(std::ranges::any_of(expected, [](std::int64_t sum) { return sum != 0; }));
  }
}

TEST(Wavefront, IsTheSameForAnySplitOrderAndNumberOfPaths) {
  const RenderScene one = room_of_glass();
  const ScenePointer scene = got(compile(one.scene));
  const RenderSettings& s = one.settings;
  const auto expected = film_of(*cpu_tracer(scene, s), s, whole(s, 3));
  EXPECT_TRUE(film_of(*wave_tracer(scene, s, 4096, Order::backward), s, whole(s, 3)) == expected);
  const std::vector<RenderUnit> parts{{10, 5, s.width, s.height, 0, 3},
                                      {0, 0, s.width, 5, 0, 1},
                                      {0, 0, 0, 5, 0, 9},
                                      {0, 0, s.width, 5, 1, 2},
                                      {0, 5, 10, s.height, 0, 3}};
  const auto wave = wave_tracer(scene, s, 130);
  EXPECT_TRUE(film_of(*wave, s, parts) == expected);
  std::vector<std::int64_t> sums(expected.size());
  for (const RenderUnit& part : parts) {
    const auto film = film_of(*wave, s, {&part, 1});
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += film[i];
  }
  EXPECT_TRUE(sums == expected);
}

TEST(Wavefront, AddsToWhatTheFilmHas) {
  const RenderScene one = room_of_glass();
  const ScenePointer scene = got(compile(one.scene));
  const auto wave = wave_tracer(scene, one.settings, 128);
  Film film(one.settings.width, one.settings.height, Film::picture_channels);
  const RenderUnit first{3, 4, 9, 8, 0, 1}, second{3, 4, 9, 8, 1, 1};
  for (const RenderUnit& unit : {first, second}) ASSERT_TRUE(wave->render({&unit, 1}, film));
  Film both(one.settings.width, one.settings.height, Film::picture_channels);
  const RenderUnit all{3, 4, 9, 8, 0, 2};
  ASSERT_TRUE(wave->render({&all, 1}, both));
  EXPECT_TRUE(std::ranges::equal(film.sums(), both.sums()));
  EXPECT_EQ(film.pixel(3, 4)[Film::count] + film.pixel(3, 4)[Film::bad], 2);
  EXPECT_EQ(film.pixel(2, 4)[Film::count], 0);
  ASSERT_TRUE(wave->render({}, film));
  EXPECT_TRUE(std::ranges::equal(film.sums(), both.sums()));
}

/// Whatever the device reads is in its own memory.
TEST(Wavefront, NeedsNothingOfTheHostsScene) {
  const RenderScene one = sheets_with_holes();
  ScenePointer scene = got(compile(one.scene));
  const auto expected =
      film_of(*cpu_tracer(scene, one.settings), one.settings, whole(one.settings, 1));
  const std::weak_ptr<const CompiledScene> watch = scene;
  const auto wave = wave_tracer(std::move(scene), one.settings, 256);
  scene.reset();
  EXPECT_TRUE(watch.expired());
  EXPECT_TRUE(film_of(*wave, one.settings, whole(one.settings, 1)) == expected);
}

TEST(Wavefront, SaysHowMuchMemoryIsMissing) {
  const RenderScene one = room_of_glass();
  const ScenePointer scene = got(compile(one.scene));
  auto device = std::make_unique<EmulatedTraceDevice>(Order::forward, 10'000);
  const auto wave = make_wavefront(std::move(device), scene, one.settings, 1);
  ASSERT_FALSE(wave);
  EXPECT_EQ(wave.error().code, Code::refused);
  EXPECT_NE(wave.error().what.find("MiB on emulated"), std::string::npos);
}

TEST(Wavefront, RaysOfAnEmulatedWarpFindWhatOneRayFinds) {
  const RenderScene one = moving_things();
  const ScenePointer scene = got(compile(one.scene));
  const WideBvh bvh = got(build_wide_bvh(*scene, 1));
  constexpr std::uint32_t count = 1000;
  for (const Order order : {Order::forward, Order::backward}) {
    EmulatedTraceDevice device(order);
    const DeviceScene copy = got(copy_scene(device, *scene, bvh));
    TraceRays<PlainRays> kernel{{.bvh = copy.bvh, .size = count}};
    kernel.job.rays.data =
        static_cast<Word*>(got(device.allocate(Columns<Ray>::size_bytes(count))));
    kernel.job.hits.data =
        static_cast<Word*>(got(device.allocate(Columns<Hit>::size_bytes(count))));
    kernel.job.rays.capacity = kernel.job.hits.capacity = count;
    kernel.job.next = static_cast<std::uint32_t*>(got(device.allocate(4)));
    ASSERT_TRUE(device.clear(kernel.job.next, 4));
    Numbers numbers(3);
    std::vector<Ray> rays(count);
    for (std::uint32_t i = 0; i < count; ++i) {
      rays[i].origin = numbers.in_box(1.4F);
      rays[i].direction = numbers.direction();
      rays[i].t_max = i % 4 == 0 ? 0.5F : infinite;
      rays[i].time = numbers.between(0, 1);
      kernel.job.rays.put(i, rays[i]);
    }
    ASSERT_TRUE(device.run(kernel));
    for (std::uint32_t i = 0; i < count; ++i) {
      const Hit found = kernel.job.hits.get(i);
      const Hit expected = walk_through<false>(bvh.view(scene->instances.data()), rays[i]);
      EXPECT_EQ(found.instance, expected.instance) << i;
      EXPECT_EQ(found.primitive, expected.primitive) << i;
      EXPECT_EQ(found.t, expected.t) << i;
      EXPECT_EQ(found.u, expected.u) << i;
      EXPECT_EQ(found.v, expected.v) << i;
    }
  }
}

}  // namespace
}  // namespace sovren::trace
