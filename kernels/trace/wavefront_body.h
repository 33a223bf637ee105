// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/trace/columns.h"
#include "kernels/trace/film.h"
#include "kernels/trace/path.h"
#include "kernels/trace/settings.h"
#include "kernels/trace/unit_places.h"
#include "kernels/trace/view.h"
#include "kernels/trace/wide_rays.h"

namespace sovren::trace {

// What a device's threads do to a wave of paths (wavefront.h):
//   GeneratePaths -> TraceRays<PathRays> -> ShadePaths -> TraceRays<LightRays> -> FinishPaths ->
//   ...
// A kernel without TraceRays has size() threads, in whole warps: thread i does path i, and those
// from size() on only what all lanes of a warp do together. `Thread`: see wide_rays.h, and
//   add(sum, value)              without losing what others add at the same time
//
// Source   Laine, Karras and Aila, Megakernels Considered Harmful (HPG 2013).

/// A look at a light that waits for its answer.
struct Look {
  Ray ray;
  Vec3 contribution;
  std::uint32_t path = 0;
};

struct WaveCounters {
  std::uint32_t next_ray = 0, next_look = 0;  ///< that no thread has taken
  std::uint32_t looks = 0;
  std::uint32_t survivors = 0;   ///< paths that go on
  std::uint64_t rays_again = 0;  ///< looks that went on behind a transparent surface
};

/// All that kernels read and write. Plain values and pointers into the device's memory.
struct Wave {
  SceneView scene;
  WideView bvh;
  RenderSettings settings;
  const UnitPlace* units = nullptr;
  std::uint32_t unit_count = 0;
  FilmWindow window;
  std::int64_t* film = nullptr;
  Columns<Path> paths;
  Columns<Path> next_paths;
  Columns<Hit> hits;
  Columns<Look> looks;
  WaveCounters* counters = nullptr;
};

/// New paths behind those that there are.
struct GeneratePaths {
  Wave wave;
  std::uint64_t first = 0;  ///< sample of all the units'
  std::uint32_t live = 0;   ///< paths that there are
  std::uint32_t count = 0;

  std::uint32_t size() const { return count; }
  template <class Thread>
  SOVREN_DEVICE void operator()(const Thread&, std::uint32_t i) const {
    if (i >= count) return;
    const SamplePlace place = sample_place(wave.units, wave.unit_count, first + i);
    wave.paths.put(live + i, begin_path(wave.settings, place.x, place.y, place.sample));
  }
};

/// The paths' own rays.
struct PathRays {
  static constexpr bool is_any = false;
  WideView bvh;
  Columns<Path> paths;
  Columns<Hit> hits;
  std::uint32_t live = 0;
  std::uint32_t* next = nullptr;

  SOVREN_BOTH std::uint32_t count() const { return live; }
  SOVREN_BOTH Ray ray(std::uint32_t i) const { return paths.get(i).ray; }
  template <class Thread>
  SOVREN_DEVICE bool finish(const Thread&, std::uint32_t i, const Hit& hit) const {
    hits.put(i, hit);
    return false;
  }
};

struct ShadePaths {
  Wave wave;
  std::uint32_t live = 0;

  std::uint32_t size() const { return live; }
  template <class Thread>
  SOVREN_DEVICE void operator()(const Thread& thread, std::uint32_t i) const {
    ShadowRay shadow;
    if (i < live) {
      Path path = wave.paths.get(i);
      shade(wave.scene, wave.settings, path, wave.hits.get(i), shadow);
      wave.paths.put(i, path);
    }
    const std::uint32_t place = thread.allot(shadow.is_wanted, &wave.counters->looks);
    if (shadow.is_wanted) wave.looks.put(place, {shadow.ray, shadow.contribution, i});
  }
};

/// Adds the light of a look to its path, which no other thread does.
SOVREN_TRACE void add_look(const Wave& wave, const Look& look) {
  Path path = wave.paths.get(look.path);
  path.radiance += look.contribution;
  wave.paths.put_part<offsetof(Path, radiance), sizeof(Vec3)>(look.path, path);
}

/// Rays to lights, where all surfaces are opaque.
struct LightRays {
  static constexpr bool is_any = true;
  Wave wave;
  WideView bvh;
  std::uint32_t* next = nullptr;

  SOVREN_BOTH std::uint32_t count() const { return wave.counters->looks; }
  SOVREN_BOTH Ray ray(std::uint32_t i) const { return wave.looks.get(i).ray; }
  template <class Thread>
  SOVREN_DEVICE bool finish(const Thread&, std::uint32_t i, const Hit& hit) const {
    if (hit.instance == no_hit) add_look(wave, wave.looks.get(i));
    return false;
  }
};

/// Rays to lights, where surfaces may let some of it through.
struct DimmedRays {
  static constexpr bool is_any = false;
  Wave wave;
  WideView bvh;
  std::uint32_t* next = nullptr;

  SOVREN_BOTH std::uint32_t count() const { return wave.counters->looks; }
  SOVREN_BOTH Ray ray(std::uint32_t i) const { return wave.looks.get(i).ray; }
  template <class Thread>
  SOVREN_DEVICE bool finish(const Thread& thread, std::uint32_t i, const Hit& hit) const {
    Look look = wave.looks.get(i);
    if (hit.instance == no_hit) {
      add_look(wave, look);
      return false;
    }
    ShadowRay shadow{.ray = look.ray, .contribution = look.contribution};
    if (is_blocked(wave.scene, hit, shadow)) return false;
    look.ray = shadow.ray;
    look.contribution = shadow.contribution;
    wave.looks.put(i, look);
    thread.add(&wave.counters->rays_again, std::uint64_t{1});
    return true;
  }
};

/// Keeps those that go on, side by side, and adds the others to the film.
struct FinishPaths {
  Wave wave;
  std::uint32_t live = 0;

  std::uint32_t size() const { return live; }
  template <class Thread>
  SOVREN_DEVICE void operator()(const Thread& thread, std::uint32_t i) const {
    Path path;
    path.is_alive = false;
    if (i < live) path = wave.paths.get(i);
    const std::uint32_t place = thread.allot(path.is_alive, &wave.counters->survivors);
    if (path.is_alive) wave.next_paths.put(place, path);
    if (path.is_alive || i >= live) return;
    const int x = static_cast<int>(path.key.pixel) % wave.settings.width;
    const int y = static_cast<int>(path.key.pixel) / wave.settings.width;
    const FilmWindow& window = wave.window;
    add_sample(sample_of(path), path.key.sample, window.channels,
               [&](int channel, std::int64_t value) {
                 thread.add(wave.film + film_place(window, x, y, channel), value);
               });
  }
};

}  // namespace sovren::trace
