// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/rendering_result.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "core/text/digest.h"
#include "core/text/json.h"
#include "jobs/rendering/film_summary.h"
#include "jobs/rendering/noise_estimate.h"
#include "jobs/rendering/quality.h"
#include "jobs/rendering/tone_map.h"
#include "kernels/denoise/guided_filter.h"
#include "kernels/denoise/net_filter.h"

namespace sovren::jobs {

namespace {

using Aov = RenderingSpec::Aov;
using trace::Film;

/// The pictures of a finished film; layers point to them.
struct Pictures {
  Picture final, noisy;
  std::vector<Picture> aovs;
};

Result<std::string> exr_of(const RenderingSpec& spec, const RenderingInputs& inputs,
                           const Pictures& pictures, const SpecFacts& facts) {
  const std::vector<std::string> color = spec.transparent
                                             ? std::vector<std::string>{"R", "G", "B", "A"}
                                             : std::vector<std::string>{"R", "G", "B"};
  std::vector<Layer> layers{{.name = "", .channels = color, .picture = &pictures.final}};
  if (!spec.denoise.empty())
    layers.push_back({.name = "noisy", .channels = color, .picture = &pictures.noisy});
  for (std::size_t i = 0; i < spec.aovs.size(); ++i)
    layers.push_back(aov_layer(spec.aovs[i], pictures.aovs[i]));
  std::map<std::string, std::string> metadata;
  constexpr std::string_view section = "rendering.";
  for (const auto& [key, value] : facts)
    metadata["sovren." + (key.starts_with(section) ? key.substr(section.size()) : key)] = value;
  metadata["sovren.camera"] = inputs.camera.empty() ? "(made)" : inputs.camera;
  return encode_exr(layers, spec.precision == RenderingSpec::Precision::half, metadata);
}

/// The picture that is shown, its alpha as it was.
Picture denoised(const RenderingSpec& spec, const RenderingInputs& inputs, const Film& film,
                 const Picture& noisy, int threads) {
  if (spec.denoise.empty()) return noisy;
  nn::Team team(threads);
  const std::vector<float> colors = inputs.denoiser
                                        ? denoise::filtered(team, *inputs.denoiser, film)
                                        : denoise::filtered(team, film);
  Picture picture = noisy;
  const auto channels = static_cast<std::size_t>(picture.channels);
  for (std::size_t i = 0; i < colors.size(); ++i)
    picture.values[i / 3 * channels + i % 3] = colors[i];
  return picture;
}

/// What quality.json says, and the metrics that follow from it.
struct Scores {
  double noise = 0;
  double samples = 0;  ///< of a pixel, in the mean
  BadSamples bad;
  std::optional<Quality> against_reference;
  double score = 0;
};

Result<Scores> score(const RenderingInputs& inputs, const Film& film, const Picture& picture) {
  Scores scores;
  scores.noise = estimated_noise(film).rel_mse;
  scores.samples = mean_samples(film);
  scores.bad = bad_samples(film);
  if (inputs.reference) {
    SOVREN_TRY(quality, compare(without_alpha(picture), without_alpha(*inputs.reference)));
    scores.against_reference = quality;
    scores.score = score_of_flip(quality.flip);
  } else {
    scores.score = score_of_noise(scores.noise);
  }
  return scores;
}

std::string quality_json(const Scores& scores) {
  text::Json json;
  json["schema"] = "sovren.quality/1";
  json["score"] = scores.score;
  json["noise"] = scores.noise;
  json["samples_per_pixel"] = scores.samples;
  json["bad_samples"] = scores.bad.count;
  if (scores.bad.count > 0) json["first_bad_pixel"] = {scores.bad.x, scores.bad.y};
  if (const auto& quality = scores.against_reference) {
    json["psnr"] = quality->psnr_db;
    json["ssim"] = quality->ssim;
    json["mse"] = quality->mse;
    json["rel_mse"] = quality->rel_mse;
    json["rel_mse_trimmed"] = quality->rel_mse_trimmed;
    json["flip"] = quality->flip;
    json["flip_hdr"] = quality->flip_hdr;
  }
  return json.dump(2) + "\n";
}

std::map<std::string, double> metrics_of(const Scores& scores) {
  std::map<std::string, double> metrics;
  metrics["rendering_quality_score"] = scores.score;
  metrics["rendering_noise"] = scores.noise;
  metrics["rendering_samples_per_pixel"] = scores.samples;
  metrics["rendering_bad_samples"] = static_cast<double>(scores.bad.count);
  if (const auto& quality = scores.against_reference) {
    metrics["rendering_flip"] = quality->flip;
    metrics["rendering_ssim"] = quality->ssim;
    metrics["rendering_relative_mse"] = quality->rel_mse;
    metrics["rendering_psnr_decibels"] = quality->psnr_db;
  }
  return metrics;
}

/// Of all that the files show, whatever their formats add.
std::string digest_of_pictures(const Film& film, const Pictures& pictures) {
  text::Sha256 hash;
  hash.update(std::as_bytes(film.sums()));
  hash.update(std::as_bytes(std::span(pictures.final.values)));
  return hash.hex();
}

}  // namespace

Result<Outcome> rendering_outcome(const RenderingSpec& spec, const RenderingInputs& inputs,
                                  const Film& film, const SpecFacts& facts,
                                  const Setting& setting) {
  Pictures pictures;
  pictures.noisy = mean_picture(film, spec.transparent);
  pictures.final = denoised(spec, inputs, film, pictures.noisy, setting.threads);
  for (const Aov aov : spec.aovs) pictures.aovs.push_back(aov_picture(film, aov));
  SOVREN_TRY(exr, exr_of(spec, inputs, pictures, facts));
  SOVREN_TRY(png, encode_png(tone_mapped(pictures.final, spec.exposure, spec.tone_map)));
  SOVREN_TRY(scores, score(inputs, film, pictures.final));
  if (setting.log && scores.bad.count > 0)
    setting.log("warning: " + std::to_string(scores.bad.count) +
                " samples were no finite numbers and are left out, the first at pixel (" +
                std::to_string(scores.bad.x) + ", " + std::to_string(scores.bad.y) + ")");
  Outcome outcome;
  outcome.metrics = metrics_of(scores);
  outcome.digest = digest_of_pictures(film, pictures);
  outcome.files.push_back({.name = "image.exr", .bytes = std::move(exr)});
  outcome.files.push_back({.name = "image.png", .bytes = std::move(png)});
  outcome.files.push_back({.name = "quality.json", .bytes = quality_json(scores)});
  return outcome;
}

Result<std::vector<ResultFile>> preview_files(Communicator& comm, const RenderingSpec& spec,
                                              const Film& film) {
  Film small = smaller(film, preview_side_max);
  SOVREN_DO(comm.all_reduce(small.sums(), Reduce::sum));
  std::vector<ResultFile> files;
  if (comm.rank() != 0) return files;
  const Picture picture = mean_picture(small, spec.transparent);
  SOVREN_TRY(png, encode_png(tone_mapped(picture, spec.exposure, spec.tone_map)));
  files.push_back({.name = "image.png", .bytes = std::move(png)});
  return files;
}

}  // namespace sovren::jobs
