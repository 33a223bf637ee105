// SPDX-License-Identifier: Apache-2.0
// How many rays does a core trace with our tree, and how many with Embree? A million primary rays
// of 1024 x 1024 pixels, one cosine-distributed bounce of each, one shadow ray of each to a square
// light; millions of rays and of triangles built per CPU second, the best of ROUNDS, the two taking
// turns. "other": rays whose hit is not the same triangle, though not at the same distance.
//   trace_bench [ROUNDS [SCENE...]]      3 box ball hall terrain
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "bench/kernel/peak.h"
#include "bench/kernel/trace_rays.h"
#include "bench/kernel/trace_scenes.h"
#include "kernels/trace/tracer.h"

namespace {

using namespace sovren;
using namespace sovren::trace;

double process_s() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Seconds: building, and each kind of rays.
struct Times {
  double build = 1e30;
  std::array<double, 3> rays{1e30, 1e30, 1e30};
};

struct Contestant {
  Result<std::unique_ptr<Tracer>> (*make)(std::shared_ptr<const CompiledScene>, int);
  std::unique_ptr<Tracer> tracer;
  Times times;
  std::vector<Hit> primary, bounce;
  std::vector<std::uint8_t> shadow;

  bool build(const std::shared_ptr<const CompiledScene>& scene) {
    tracer.reset();
    const double begin = process_s();
    auto made = make(scene, 1);
    if (!made) {
      std::fprintf(stderr, "%s\n", to_text(made.error()).c_str());
      return false;
    }
    tracer = *std::move(made);
    times.build = std::min(times.build, process_s() - begin);
    return true;
  }
  void trace(const std::vector<Ray>& rays, const bench::NextRays& next) {
    const auto timed = [&](std::size_t kind, const auto& call) {
      const double begin = bench::cpu_s();
      call();
      times.rays[kind] = std::min(times.rays[kind], bench::cpu_s() - begin);
    };
    primary.resize(rays.size());
    bounce.resize(next.bounce.size());
    shadow.resize(next.shadow.size());
    timed(0, [&] { tracer->closest(rays, primary); });
    timed(1, [&] { tracer->closest(next.bounce, bounce); });
    timed(2, [&] { tracer->occluded(next.shadow, shadow); });
  }
};

struct Differences {
  std::size_t other = 0, ties = 0;
  void add(const std::vector<Hit>& a, const std::vector<Hit>& b) {
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (a[i].instance == b[i].instance && a[i].primitive == b[i].primitive) continue;
      const bool is_tie = a[i].instance != no_hit && b[i].instance != no_hit &&
                          magnitude(a[i].t - b[i].t) <= 1e-5F * a[i].t;
      ++(is_tie ? ties : other);
    }
  }
};

void print(const bench::BenchScene& bench, const bench::NextRays& next,
           const std::array<Contestant, 2>& both) {
  const double counts[3] = {1 << 20, static_cast<double>(next.bounce.size()),
                            static_cast<double>(next.shadow.size())};
  const auto triangles = static_cast<double>(bench.scene->triangles.size());
  for (const Contestant& one : both) {
    std::printf("%-8s %9.0f  %-22s", bench.name.c_str(), triangles, one.tracer->name().c_str());
    for (std::size_t kind = 0; kind < 3; ++kind)
      std::printf(" %8.2f", 1e-6 * counts[kind] / one.times.rays[kind]);
    std::printf(" %8.2f %7.1f\n", 1e-6 * triangles / one.times.build,
                static_cast<double>(one.tracer->size_bytes()) / triangles);
  }
  std::printf("%-8s %9s  %-22s", "", "", "ours / Embree");
  for (std::size_t kind = 0; kind < 3; ++kind)
    std::printf(" %7.0f%%", 100 * both[0].times.rays[kind] / both[1].times.rays[kind]);
  std::printf(" %7.0f%%", 100 * both[0].times.build / both[1].times.build);
  Differences differences;
  differences.add(both[0].primary, both[1].primary);
  differences.add(both[0].bounce, both[1].bounce);
  std::size_t shadows = 0;
  for (std::size_t i = 0; i < both[0].shadow.size(); ++i)
    shadows += both[0].shadow[i] != both[1].shadow[i] ? 1 : 0;
  std::printf("   other %zu, ties %zu, shadows %zu\n", differences.other, differences.ties,
              shadows);
}

bool run(const bench::BenchScene& bench, int rounds) {
  std::array<Contestant, 2> both;
  both[0].make = make_embree_tracer;
  both[1].make = make_bvh_tracer;
  for (Contestant& one : both)
    if (!one.build(bench.scene)) return false;
  const std::vector<Ray> rays = bench::primary_rays(bench);
  std::vector<Hit> hits(rays.size());
  both[0].tracer->closest(rays, hits);
  const bench::NextRays next = bench::next_rays(bench, rays, hits);
  for (int round = 0; round < rounds; ++round)
    for (Contestant& one : both) one.trace(rays, next);
  print(bench, next, both);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 3;
  std::printf("%-8s %9s  %-22s %8s %8s %8s %8s %7s\n", "scene", "triangles", "Mrays per CPU s",
              "primary", "bounce", "shadow", "build", "B/tri");
  for (bench::BenchScene (*make)() :
       {bench::box_room, bench::rough_ball, bench::hall, bench::terrain}) {
    const bench::BenchScene bench = make();
    bool is_asked = argc <= 2;
    for (int i = 2; i < argc; ++i) is_asked = is_asked || bench.name == argv[i];
    if (is_asked && !run(bench, rounds)) return 1;
  }
}
