// SPDX-License-Identifier: Apache-2.0
// How fast is a picture, and which share of that is tracing rays?
//   rendering_bench [--size 256] [--samples 64] [--depth 64] [--tracer embree|bvh] SCENE...
// For each scene: million samples and rays per CPU second of one thread, and the time that the same
// rays take alone, as a share of the whole (1: shading costs nothing). Peers on the machine of
// facts/rendering.md 5.2: Cycles 3.4.1 has 0.49 million samples a second on the Cornell box, a
// plain tracer on Embree 1.1.
#include <time.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/model/rendering_spec.h"
#include "jobs/rendering/rendering_inputs.h"
#include "kernels/trace/path_tracer.h"

namespace {

using namespace sovren;

double cpu_s() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Keeps the rays that it is asked for, batch by batch.
class Recorder : public trace::Tracer {
 public:
  struct Batch {
    std::vector<trace::Ray> rays;
    bool is_shadow;
  };
  explicit Recorder(const trace::Tracer& tracer, std::vector<Batch>& batches)
      : tracer_(tracer), batches_(batches) {}
  void closest(std::span<const trace::Ray> rays, std::span<trace::Hit> hits) const override {
    batches_.push_back({{rays.begin(), rays.end()}, false});
    tracer_.closest(rays, hits);
  }
  void occluded(std::span<const trace::Ray> rays,
                std::span<std::uint8_t> is_occluded) const override {
    batches_.push_back({{rays.begin(), rays.end()}, true});
    tracer_.occluded(rays, is_occluded);
  }
  std::string name() const override { return tracer_.name(); }
  std::int64_t size_bytes() const override { return tracer_.size_bytes(); }

 private:
  const trace::Tracer& tracer_;
  std::vector<Batch>& batches_;
};

struct Options {
  RenderingSpec spec;
  std::vector<std::string> scenes;
};

Options read_options(int argc, char** argv) {
  Options options;
  options.spec.width = options.spec.height = 256;
  options.spec.samples = 64;
  options.spec.max_depth = 64;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.rfind("--", 0) != 0) {
      options.scenes.push_back(word);
      continue;
    }
    if (i + 1 == argc) break;
    const std::string value = argv[++i];
    if (word == "--size") options.spec.width = options.spec.height = std::stoi(value);
    if (word == "--samples") options.spec.samples = std::stoi(value);
    if (word == "--depth") options.spec.max_depth = std::stoi(value);
    if (word == "--tracer" && value == "bvh") options.spec.tracer = RenderingSpec::Tracer::bvh;
  }
  return options;
}

Result<std::unique_ptr<trace::Tracer>> make_tracer(const RenderingSpec& spec,
                                                   const jobs::RenderingInputs& inputs) {
  return spec.tracer == RenderingSpec::Tracer::bvh ? trace::make_bvh_tracer(inputs.scene, 1)
                                                   : trace::make_embree_tracer(inputs.scene, 1);
}

/// CPU seconds of all samples of the picture.
double time_of(trace::PathTracer& tracer, const RenderingSpec& spec, int samples) {
  trace::Film film(spec.width, spec.height, trace::Film::picture_channels);
  std::vector<trace::RenderUnit> units;
  for (int first = 0; first < samples; first += 16)
    for (int y = 0; y < spec.height; y += 16)
      for (int x = 0; x < spec.width; x += 16)
        units.push_back({x, y, x + 16, y + 16, static_cast<std::uint32_t>(first), 16});
  const double start_s = cpu_s();
  if (!tracer.render(units, film)) return 0;
  return cpu_s() - start_s;
}

Result<void> measure(const RenderingSpec& spec) {
  const double load_s = cpu_s();
  SOVREN_TRY(inputs, jobs::read_rendering_inputs(spec));
  const double build_s = cpu_s();
  SOVREN_TRY(tracer, make_tracer(spec, inputs));
  const double ready_s = cpu_s();
  const std::string name = tracer->name();

  std::vector<Recorder::Batch> batches;
  const auto recorded = trace::make_cpu_path_tracer(
      inputs.scene, std::make_unique<Recorder>(*tracer, batches), inputs.settings, 1);
  time_of(*recorded, spec, 16);
  std::vector<trace::Hit> hits(4096);
  std::vector<std::uint8_t> is_occluded(4096);
  const double replay_s = cpu_s();
  for (const Recorder::Batch& batch : batches) {
    if (batch.is_shadow)
      tracer->occluded(batch.rays, std::span(is_occluded).first(batch.rays.size()));
    else
      tracer->closest(batch.rays, std::span(hits).first(batch.rays.size()));
  }
  const double rays_s = cpu_s() - replay_s;
  const auto rays_of_16 = static_cast<double>(recorded->rays());

  const auto whole =
      trace::make_cpu_path_tracer(inputs.scene, std::move(tracer), inputs.settings, 1);
  const double seconds = time_of(*whole, spec, spec.samples);
  const double samples = static_cast<double>(spec.width) * spec.height * spec.samples;
  const auto rays = static_cast<double>(whole->rays());
  const double share = rays_s / rays_of_16 * rays / seconds;
  std::printf(
      "%-28s %9zu triangles  load %5.2f s, tree %5.2f s  %6.3f Msamples/s  %5.2f Mrays/s "
      " %4.2f rays/sample  raw rays %5.2f M/s = %2.0f %% of the time\n",
      spec.scene.substr(spec.scene.rfind('/') + 1).c_str(), inputs.scene->triangles.size(),
      build_s - load_s, ready_s - build_s, samples / seconds * 1e-6, rays / seconds * 1e-6,
      rays / samples, rays_of_16 / rays_s * 1e-6, 100 * share);
  std::printf(
      "{\"scene\":\"%s\",\"tracer\":\"%s\",\"samples_per_s\":%.0f,\"rays_per_s\":%.0f,"
      "\"raw_share\":%.3f}\n",
      spec.scene.c_str(), name.c_str(), samples / seconds, rays / seconds, share);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Options options = read_options(argc, argv);
  if (options.scenes.empty()) {
    std::fprintf(stderr,
                 "usage: rendering_bench [--size N] [--samples N] [--depth N] "
                 "[--tracer embree|bvh] SCENE...\n");
    return 2;
  }
  for (const std::string& scene : options.scenes) {
    options.spec.scene = scene;
    if (const auto measured = measure(options.spec); !measured)
      std::fprintf(stderr, "%s\n", to_text(measured.error()).c_str());
  }
  return 0;
}
