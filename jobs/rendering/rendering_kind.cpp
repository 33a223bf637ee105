// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/rendering_kind.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "core/base/check.h"
#include "core/base/units.h"
#include "core/text/job_file.h"
#include "jobs/rendering/asset_store.h"
#include "jobs/rendering/film_sums.h"
#include "jobs/rendering/noise_estimate.h"
#include "jobs/rendering/render_plan.h"
#include "jobs/rendering/rendering_inputs.h"
#include "jobs/rendering/rendering_result.h"
#include "kernels/denoise/guided_filter.h"
#include "kernels/denoise/net_filter.h"
#include "kernels/trace/path_tracer.h"

namespace sovren::jobs {

namespace {

using SteadyClock = std::chrono::steady_clock;

/// Samples of a step: about a quarter of a second of four threads, or of a device.
std::int64_t usual_step_samples(const JobSpec& job, Backend backend) {
  constexpr std::int64_t of_threads = 1 << 18;
  constexpr std::int64_t of_device = 1 << 25;
  if (backend == Backend::cuda) return of_device * job.resources.ranks;
  const std::int64_t threads =
      std::int64_t{job.resources.ranks} * std::max(1, job.resources.cpus_per_rank);
  return of_threads * ((threads + 3) / 4);
}

class RenderingKind : public JobKind {
 public:
  RenderingKind(const JobSpec& job, RenderingSpec spec, const Setting& setting,
                std::int64_t step_samples)
      : name_(job.name),
        memory_bytes_max_(job.resources.memory_per_rank_bytes),
        spec_(std::move(spec)),
        setting_(setting),
        plan_(spec_.width, spec_.height, spec_.tile, spec_.samples,
              spec_.noise_threshold > 0 ? RenderPlan::Epochs::doubling : RenderPlan::Epochs::one),
        step_units_(std::max<std::int64_t>(
            1,
            step_samples / (std::int64_t{spec_.tile} * spec_.tile * trace::Film::block_samples))) {}

  Result<void> load() override;
  SpecFacts facts() const override { return facts_; }
  std::vector<std::string> warnings() const override { return inputs_.scene->warnings; }
  Result<void> init() override;
  Result<void> restore(StateReader& reader) override;
  Result<void> step() override;
  bool done() const override { return epoch_ == plan_.epochs() || active_.empty(); }
  std::int64_t steps() const override { return steps_; }
  Result<void> checkpoint(StateWriter& writer) const override;
  Progress progress() const override;
  Result<std::vector<ResultFile>> preview() override;
  Result<Outcome> finish() override;

 private:
  int channels() const {
    return spec_.aovs.empty() && spec_.denoise.empty() ? trace::Film::picture_channels
                                                       : trace::Film::all_channels;
  }
  Result<void> check_memory() const;
  Result<void> start_tracer();
  Result<std::unique_ptr<trace::PathTracer>> make_tracer() const;
  Result<void> render(std::int64_t first, std::int64_t end);
  Result<void> finish_epoch();
  std::int64_t units_in_epoch() const {
    return plan_.units(epoch_, static_cast<std::int64_t>(active_.size()));
  }
  /// Samples of a tile's pixels so far.
  std::vector<std::int32_t> samples_of_tiles() const;
  double samples_done() const;

  std::string name_;
  std::int64_t memory_bytes_max_;  ///< 0: no limit
  RenderingSpec spec_;
  Setting setting_;
  RenderPlan plan_;
  std::int64_t step_units_;
  RenderingInputs inputs_;
  SpecFacts facts_;
  std::unique_ptr<trace::PathTracer> tracer_;

  // The state. film_ holds this rank's share of the sums.
  trace::Film film_;
  int epoch_ = 0;
  std::int64_t units_done_ = 0;  ///< of the epoch
  std::int64_t steps_ = 0;
  std::vector<std::uint8_t> is_active_;     ///< of each tile
  std::vector<std::int32_t> tile_samples_;  ///< of each tile, before this epoch
  std::vector<std::int32_t> active_;        ///< numbers of the active tiles

  // Numbers of units, counted over the attempt, that were taken from the shared counter but belong
  // to a later step.
  std::int64_t taken_first_ = 0, taken_end_ = 0;
  std::int64_t counted_ = 0;  ///< all units of the attempt's steps so far

  double step_samples_per_s_ = 0;
  double noise_ = -1;  ///< estimated at the last epoch's end; below 0: not known
};

std::int64_t physical_memory_bytes() {
  return std::int64_t{::sysconf(_SC_PHYS_PAGES)} * ::sysconf(_SC_PAGESIZE);
}

Result<void> RenderingKind::check_memory() const {
  // The sums, and again while they are added up or made a picture, or what the denoiser needs.
  const std::int64_t pixels = std::int64_t{spec_.width} * spec_.height;
  const std::int64_t sums = pixels * channels() * 8;
  std::int64_t denoiser = 0;
  if (spec_.denoise == "filter") denoiser = pixels * denoise::filter_pixel_bytes;
  if (!spec_.denoise.empty() && spec_.denoise != "filter")
    denoiser = std::min(pixels, denoise::net_tile_pixels) * denoise::net_pixel_bytes;
  const std::int64_t needed = sums + std::max(sums, denoiser);
  const std::int64_t most = memory_bytes_max_ > 0 ? memory_bytes_max_ : physical_memory_bytes();
  if (needed <= most) return {};
  return fail({.code = Code::refused,
               .what = "a picture of " + std::to_string(spec_.width) + " x " +
                       std::to_string(spec_.height) + " pixels needs " +
                       std::to_string(needed >> 20) + " MiB per rank, but " +
                       (memory_bytes_max_ > 0 ? "memory_per_rank is " : "this machine has ") +
                       format_size(most),
               .hint = "use a smaller width and height, or fewer aovs"});
}

Result<void> RenderingKind::load() {
  SOVREN_DO(check_memory());
  SOVREN_TRY(inputs, read_rendering_inputs(spec_, setting_.assets));
  inputs_ = std::move(inputs);
  JobSpec job;
  job.kind = spec_;
  facts_ = text::spec_facts(job);
  std::string digest(64, ' ');
  if (setting_.comm.rank() == 0) digest = digest_of(inputs_);
  SOVREN_DO(setting_.comm.broadcast(std::as_writable_bytes(std::span(digest)), 0));
  facts_["scene"] = "sha256:" + digest;
  return {};
}

Result<std::unique_ptr<trace::PathTracer>> RenderingKind::make_tracer() const {
  if (setting_.backend == Backend::cuda)
    return trace::make_device_path_tracer(inputs_.scene, inputs_.settings, setting_.threads);
  std::unique_ptr<trace::Tracer> tracer;
  if (spec_.tracer == RenderingSpec::Tracer::embree) {
    SOVREN_TRY(embree, trace::make_embree_tracer(inputs_.scene, setting_.threads));
    tracer = std::move(embree);
  } else {
    SOVREN_TRY(bvh, cached_bvh(setting_.assets, *inputs_.scene, setting_.threads));
    tracer = trace::make_tracer_of(inputs_.scene, std::move(bvh), setting_.threads);
  }
  return trace::make_cpu_path_tracer(inputs_.scene, std::move(tracer), inputs_.settings,
                                     setting_.threads);
}

Result<void> RenderingKind::start_tracer() {
  SOVREN_TRY(tracer, make_tracer());
  tracer_ = std::move(tracer);
  if (setting_.log) setting_.log("rays: " + tracer_->name());
  film_ = trace::Film(spec_.width, spec_.height, channels());
  taken_first_ = taken_end_ = counted_ = 0;
  return setting_.comm.set_counter(0);
}

Result<void> RenderingKind::init() {
  SOVREN_DO(start_tracer());
  epoch_ = 0;
  units_done_ = steps_ = 0;
  is_active_.assign(static_cast<std::size_t>(plan_.tiles()), 1);
  tile_samples_.assign(is_active_.size(), 0);
  active_ = tiles_of(is_active_);
  return {};
}

Result<void> RenderingKind::step() {
  SOVREN_CHECK(!done(), "there is a step left");
  const auto started = SteadyClock::now();
  const double samples_before = samples_done();
  const std::int64_t first = units_done_;
  const std::int64_t end = std::min(units_in_epoch(), first + step_units_);
  SOVREN_DO(render(first, end));
  units_done_ = end;
  counted_ += end - first;
  ++steps_;
  const double seconds = std::chrono::duration<double>(SteadyClock::now() - started).count();
  step_samples_per_s_ = (samples_done() - samples_before) / std::max(seconds, 1e-9);
  return units_done_ == units_in_epoch() ? finish_epoch() : Result<void>();
}

/// Units first .. end of the epoch, shared with the other ranks: whoever is free takes the next.
Result<void> RenderingKind::render(std::int64_t first, std::int64_t end) {
  const std::int64_t step_end = counted_ + (end - first);
  while (true) {
    if (taken_first_ == taken_end_) {
      // Many at first, fewer towards the end, so that all ranks end at once.
      const std::int64_t left = step_end - std::max(taken_end_, counted_);
      const std::int64_t share = left / (2 * std::int64_t{setting_.comm.size()});
      // A device wants some millions of samples at once.
      const std::int64_t least = setting_.backend == Backend::cuda ? 32 : setting_.threads;
      const std::int64_t amount = setting_.comm.size() == 1 ? left : std::max(share, least);
      SOVREN_TRY(taken, setting_.comm.take(std::max<std::int64_t>(1, amount)));
      taken_first_ = taken;
      taken_end_ = taken + std::max<std::int64_t>(1, amount);
    }
    if (taken_first_ >= step_end) return {};  // of a later step
    std::vector<trace::RenderUnit> units;
    for (; taken_first_ < std::min(taken_end_, step_end); ++taken_first_)
      units.push_back(plan_.unit(epoch_, active_, first + taken_first_ - counted_));
    SOVREN_DO(tracer_->render(units, film_));
  }
}

/// Finds the tiles that are good enough.
Result<void> RenderingKind::finish_epoch() {
  for (const std::int32_t tile : active_)
    tile_samples_[static_cast<std::size_t>(tile)] = plan_.samples_after(epoch_);
  const bool is_last = epoch_ + 1 == plan_.epochs();
  if (!is_last) {
    SOVREN_TRY(band, sum_bands(setting_.comm, film_, spec_.tile));
    const Rows rows = band_of(spec_.height, spec_.tile, setting_.comm.rank(), setting_.comm.size());
    std::vector<double> errors(is_active_.size());
    for (std::size_t tile = 0; tile < errors.size(); ++tile) {
      const int x = static_cast<int>(tile) % plan_.tiles_x() * spec_.tile;
      const int y =
          static_cast<int>(tile) / plan_.tiles_x() * spec_.tile - static_cast<int>(rows.first);
      if (y < 0 || y >= band.height()) continue;
      errors[tile] = estimated_rel_mse(band, {.x0 = x,
                                              .y0 = y,
                                              .x1 = std::min(x + spec_.tile, band.width()),
                                              .y1 = std::min(y + spec_.tile, band.height())});
    }
    SOVREN_DO(setting_.comm.all_reduce(errors, Reduce::sum));  // each is one rank's
    is_active_ = still_active(plan_, errors, is_active_, spec_.noise_threshold);
    active_ = tiles_of(is_active_);
    noise_ = 0;
    for (const double error : errors) noise_ += error / static_cast<double>(errors.size());
  }
  ++epoch_;
  units_done_ = 0;
  return {};
}

std::vector<std::int32_t> RenderingKind::samples_of_tiles() const {
  std::vector<std::int32_t> samples = tile_samples_;
  if (done()) return samples;
  const auto count = static_cast<std::int64_t>(active_.size());
  for (std::int64_t place = 0; place < count; ++place)
    samples[static_cast<std::size_t>(active_[static_cast<std::size_t>(place)])] =
        plan_.samples_done(epoch_, count, units_done_, place);
  return samples;
}

double RenderingKind::samples_done() const {
  double samples = 0;
  for (const std::int32_t of_tile : samples_of_tiles()) samples += of_tile;
  return samples * spec_.width * spec_.height / plan_.tiles();
}

Result<void> RenderingKind::checkpoint(StateWriter& writer) const {
  SOVREN_DO(put_bands(writer, "film/sums", setting_.comm, film_, spec_.tile));
  if (setting_.comm.rank() != 0) return {};
  const std::vector<std::int32_t> samples = samples_of_tiles();
  SOVREN_DO(writer.put_all<std::int32_t>("tiles/samples", samples));
  SOVREN_DO(writer.put_all<std::int32_t>("tiles/samples_before_epoch", tile_samples_));
  SOVREN_DO(writer.put_all<std::uint8_t>("tiles/active", is_active_));
  const std::int64_t position[] = {epoch_, units_done_, steps_};
  SOVREN_DO(writer.put_all<std::int64_t>("position", position));
  const double noise[] = {noise_};
  return writer.put_all<double>("noise", noise);
}

Result<void> RenderingKind::restore(StateReader& reader) {
  SOVREN_DO(start_tracer());
  const Rows rows = band_of(spec_.height, spec_.tile, setting_.comm.rank(), setting_.comm.size());
  if (rows.count > 0) {
    const std::size_t row =
        static_cast<std::size_t>(spec_.width) * static_cast<std::size_t>(channels());
    const std::span<std::int64_t> sums = film_.sums().subspan(
        static_cast<std::size_t>(rows.first) * row, static_cast<std::size_t>(rows.count) * row);
    SOVREN_DO(reader.get("film/sums", Dtype::i64, rows, std::as_writable_bytes(sums)));
  }
  SOVREN_TRY(position, reader.get_all<std::int64_t>("position"));
  SOVREN_TRY(samples, reader.get_all<std::int32_t>("tiles/samples_before_epoch"));
  SOVREN_TRY(active, reader.get_all<std::uint8_t>("tiles/active"));
  SOVREN_TRY(noise, reader.get_all<double>("noise"));
  const auto tiles = static_cast<std::size_t>(plan_.tiles());
  if (position.size() != 3 || samples.size() != tiles || active.size() != tiles ||
      noise.size() != 1 || position[0] < 0 || position[0] > plan_.epochs())
    return fail({.code = Code::storage_corrupt, .what = "the state is not of this picture"});
  epoch_ = static_cast<int>(position[0]);
  units_done_ = position[1];
  steps_ = position[2];
  tile_samples_ = std::move(samples);
  is_active_ = std::move(active);
  active_ = tiles_of(is_active_);
  noise_ = noise[0];
  return {};
}

Progress RenderingKind::progress() const {
  Progress progress;
  progress.step = steps_;
  const double total = static_cast<double>(spec_.samples) * spec_.width * spec_.height;
  progress.fraction = done() ? 1 : std::min(1.0, samples_done() / total);
  progress.phase = done() ? "done" : "sampling";
  progress.unit = "samples";
  progress.done = static_cast<std::int64_t>(samples_done());
  progress.total = static_cast<std::int64_t>(total);
  if (step_samples_per_s_ > 0)
    progress.metrics["rendering_samples_per_second"] = step_samples_per_s_;
  if (noise_ >= 0) progress.metrics["rendering_noise"] = noise_;
  return progress;
}

Result<std::vector<ResultFile>> RenderingKind::preview() {
  return preview_files(setting_.comm, spec_, film_);
}

Result<Outcome> RenderingKind::finish() {
  SOVREN_CHECK(done(), "finish() comes after the last step");
  std::int64_t rays = tracer_->rays();
  SOVREN_DO(setting_.comm.all_reduce(std::span(&rays, 1), Reduce::sum));
  SOVREN_TRY(film, sum_films(setting_.comm, film_, spec_.tile));
  if (setting_.comm.rank() != 0) return Outcome{};
  SOVREN_TRY(outcome, rendering_outcome(spec_, inputs_, film, facts_, setting_));
  outcome.metrics["rendering_rays"] = static_cast<double>(rays);
  return outcome;
}

}  // namespace

Result<std::unique_ptr<JobKind>> make_rendering_kind(const JobSpec& job, const RenderingSpec& spec,
                                                     const Setting& setting) {
  return make_rendering_kind(job, spec, setting, usual_step_samples(job, setting.backend));
}

Result<std::unique_ptr<JobKind>> make_rendering_kind(const JobSpec& job, const RenderingSpec& spec,
                                                     const Setting& setting,
                                                     std::int64_t step_samples) {
  SOVREN_CHECK(setting.backend != Backend::auto_, "the rank has chosen a backend");
  return std::make_unique<RenderingKind>(job, spec, setting, step_samples);
}

}  // namespace sovren::jobs
