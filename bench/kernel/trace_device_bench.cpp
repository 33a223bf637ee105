// SPDX-License-Identifier: Apache-2.0
// Rays and samples of paths on a device: primary and incoherent rays in an interior of 250,000
// triangles, samples of the Cornell box, and the time until 3 million triangles can be traced.
// Prints a line of JSON for each, with what it should be. Without a device it says why.
//   trace_device_bench [ROUNDS]      each is timed over ROUNDS rounds (10) after one that is not
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/kernel/trace_rays.h"
#include "bench/kernel/trace_scenes.h"
#include "kernels/trace/device_scene.h"
#include "kernels/trace/path_tracer.h"
#include "kernels/trace/trace_device.h"
#include "kernels/trace/wide_bvh.h"

namespace {

using namespace sovren;
using namespace sovren::trace;

template <class T>
T got(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", to_text(result.error()).c_str());
    std::exit(1);
  }
  return std::move(*result);
}
void check(const Result<void>& done) {
  if (done) return;
  std::fprintf(stderr, "%s\n", to_text(done.error()).c_str());
  std::exit(1);
}

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
int threads_here() {
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

void print(const std::string& device, const char* what, double value, const char* unit,
           const char* target) {
  std::printf(
      "{\"device\": \"%s\", \"what\": \"%s\", \"value\": %.4g, \"unit\": \"%s\", "
      "\"target\": \"%s\"}\n",
      device.c_str(), what, value, unit, target);
  std::fflush(stdout);
}

/// Rays that lie on the device, with room for what they hit.
class RaysThere {
 public:
  RaysThere(TraceDevice& device, const WideView& bvh, const std::vector<Ray>& rays)
      : device_(device), rays_(rays) {
    const auto count = static_cast<std::uint32_t>(rays.size());
    kernel_.job.bvh = bvh;
    kernel_.job.size = count;
    kernel_.job.rays = {words(Columns<Ray>::size_bytes(count)), count};
    kernel_.job.hits = {words(Columns<Hit>::size_bytes(count)), count};
    kernel_.job.next = static_cast<std::uint32_t*>(got(device.allocate(sizeof(std::uint32_t))));
    // Columns are filled where the host can reach them.
    std::vector<Word> staged(Columns<Ray>::words * count);
    const Columns<Ray> columns{staged.data(), count};
    for (std::uint32_t i = 0; i < count; ++i) columns.put(i, rays[i]);
    check(device.upload(kernel_.job.rays.data, staged.data(), staged.size() * sizeof(Word)));
  }
  ~RaysThere() {
    for (void* data :
         {static_cast<void*>(kernel_.job.rays.data), static_cast<void*>(kernel_.job.hits.data),
          static_cast<void*>(kernel_.job.next)})
      device_.release(data);
  }
  RaysThere(const RaysThere&) = delete;
  RaysThere& operator=(const RaysThere&) = delete;

  std::vector<Hit> hits() {
    trace_all(1);
    std::vector<Word> staged(Columns<Hit>::words * rays_.size());
    check(device_.download(staged.data(), kernel_.job.hits.data, staged.size() * sizeof(Word)));
    const Columns<Hit> columns{staged.data(), kernel_.job.size};
    std::vector<Hit> hits;
    for (std::uint32_t i = 0; i < kernel_.job.size; ++i) hits.push_back(columns.get(i));
    return hits;
  }
  /// Rays a second.
  double rate(int rounds) {
    trace_all(1);
    const double begin = now_s();
    trace_all(rounds);
    return static_cast<double>(rays_.size()) * rounds / (now_s() - begin);
  }

 private:
  Word* words(std::size_t bytes) { return static_cast<Word*>(got(device_.allocate(bytes))); }
  void trace_all(int rounds) {
    for (int round = 0; round < rounds; ++round) {
      check(device_.clear(kernel_.job.next, sizeof(std::uint32_t)));
      check(device_.run(kernel_));
    }
    std::uint32_t waited = 0;
    check(device_.download(&waited, kernel_.job.next, sizeof waited));
  }

  TraceDevice& device_;
  const std::vector<Ray>& rays_;
  TraceRays<PlainRays> kernel_;
};

/// Neighbours in number become neighbours in the picture, as paths begin (unit_places.h).
std::vector<Ray> in_warps(const std::vector<Ray>& rows, int size) {
  const UnitPlace picture{0, 0, size, size};
  std::vector<Ray> rays;
  for (std::uint64_t i = 0; i < rows.size(); ++i) {
    const SamplePlace place = sample_place(&picture, 1, i);
    rays.push_back(rows[static_cast<std::size_t>(place.y * size + place.x)]);
  }
  return rays;
}

void measure_rays(TraceDevice& device, int rounds) {
  constexpr int size = 2048;
  const bench::BenchScene bench = bench::hall();
  const DeviceScene there =
      got(copy_scene(device, *bench.scene, got(build_wide_bvh(*bench.scene, threads_here()))));
  const std::vector<Ray> primary = in_warps(bench::primary_rays(bench, size), size);
  RaysThere first(device, there.bvh, primary);
  print(device.name(), "primary rays, hall", 1e-9 * first.rate(rounds), "Grays/s", ">= 3");
  const bench::NextRays next = bench::next_rays(bench, primary, first.hits());
  RaysThere bounce(device, there.bvh, next.bounce);
  print(device.name(), "cosine bounces, hall", 1e-9 * bounce.rate(rounds), "Grays/s", ">= 1.5");
  RaysThere shadow(device, there.bvh, next.shadow);
  print(device.name(), "rays to a light, nearest hits, hall", 1e-9 * shadow.rate(rounds), "Grays/s",
        "none");
}

void measure_build(TraceDevice& device) {
  const bench::BenchScene bench = bench::terrain();
  const double begin = now_s();
  const WideBvh bvh = got(build_wide_bvh(*bench.scene, threads_here()));
  const double built = now_s();
  const DeviceScene there = got(copy_scene(device, *bench.scene, bvh));
  const std::vector<Ray> one = bench::primary_rays(bench, 1);
  RaysThere(device, there.bvh, one).hits();
  const double ready = now_s();
  const auto triangles = static_cast<double>(bench.scene->triangles.size());
  print(device.name(), "building 3 M triangles", built - begin, "s", "none");
  print(device.name(), "copying them", ready - built, "s", "none");
  print(device.name(), "both", ready - begin, "s", "<= 1.5");
  print(device.name(), "tree", static_cast<double>(bvh.size_bytes()) / triangles, "B/triangle",
        "<= 68");
}

Mesh parallelogram(int material, Vec3 corner, Vec3 along, Vec3 up) {
  Mesh mesh;
  mesh.material = material;
  mesh.positions = {corner, corner + along, corner + along + up, corner + up};
  mesh.triangles = {{0, 1, 2}, {0, 2, 3}};
  return mesh;
}

/// Five walls, a lamp and two blocks of diffuse surfaces, in units of the room's width.
Scene cornell() {
  Scene scene;
  const auto material = [&](Vec3 color, Vec3 emission) {
    Material made;
    made.base_color = color;
    made.specular = 0;
    made.emission = emission;
    scene.materials.push_back(made);
  };
  material({0.73F, 0.73F, 0.73F}, {});
  material({0.63F, 0.06F, 0.05F}, {});
  material({0.14F, 0.45F, 0.09F}, {});
  material({0.78F, 0.78F, 0.78F}, {17, 12, 4});
  const auto add = [&](const Mesh& mesh) {
    scene.meshes.push_back(mesh);
    scene.instances.push_back({.mesh = static_cast<int>(scene.meshes.size()) - 1});
  };
  const Vec3 x{1, 0, 0}, y{0, 1, 0}, z{0, 0, 1};
  add(parallelogram(0, {}, z, x));
  add(parallelogram(0, y, x, z));
  add(parallelogram(0, {}, x, y));
  add(parallelogram(1, {}, y, z));
  add(parallelogram(2, x, z, y));
  add(parallelogram(3, {0.38F, 0.998F, 0.4F}, x * 0.24F, z * 0.2F));
  const auto block = [&](Vec3 foot, Vec3 along, Vec3 deep, Vec3 up) {
    add(parallelogram(0, foot + up, deep, along));
    add(parallelogram(0, foot, along, up));
    add(parallelogram(0, foot, up, deep));
    add(parallelogram(0, foot + along, deep, up));
    add(parallelogram(0, foot + deep, up, along));
  };
  block({0.52F, 0, 0.58F}, {0.29F, 0, 0.09F}, {-0.09F, 0, 0.29F}, y * 0.3F);
  block({0.2F, 0, 0.2F}, {0.28F, 0, -0.09F}, {0.09F, 0, 0.28F}, y * 0.6F);
  return scene;
}

void measure_samples(int rounds) {
  RenderSettings settings;
  settings.width = settings.height = 1024;
  settings.max_depth = 64;
  settings.camera.world_from_camera.origin = {0.5F, 0.5F, 2.4F};
  settings.camera.world_from_camera_end = settings.camera.world_from_camera;
  const auto tracer =
      got(make_device_path_tracer(got(compile(cornell())), settings, threads_here()));
  Film film(settings.width, settings.height, Film::all_channels);
  const auto render = [&](int round) {
    const RenderUnit all{
        0, 0, settings.width, settings.height, static_cast<std::uint32_t>(round) * 32, 32};
    check(tracer->render({&all, 1}, film));
  };
  render(0);
  const std::int64_t rays = tracer->rays();
  const double begin = now_s();
  for (int round = 1; round <= rounds; ++round) render(round);
  const double took = now_s() - begin;
  print(tracer->name(), "samples, Cornell box, 64 bounces",
        1e-6 * 32 * settings.width * settings.height * rounds / took, "Msamples/s", ">= 150");
  print(tracer->name(), "their rays", 1e-9 * static_cast<double>(tracer->rays() - rays) / took,
        "Grays/s", "none");
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 10;
  {
    const std::unique_ptr<TraceDevice> device = got(make_cuda_trace_device());
    measure_rays(*device, rounds);
    measure_build(*device);
  }
  measure_samples(rounds);
}
