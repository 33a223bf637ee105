// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/quality.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "jobs/rendering/flip.h"
#include "jobs/rendering/plane.h"
#include "jobs/rendering/srgb.h"
#include "jobs/rendering/trimmed_mean.h"

namespace sovren::jobs {

namespace {

std::string size_of(const Picture& picture) {
  return std::to_string(picture.width) + " x " + std::to_string(picture.height);
}

std::optional<Error> missing_number(const Picture& picture, const std::string& name) {
  for (std::size_t i = 0; i < pixels_of(picture); ++i)
    for (std::size_t c = 0; c < 3; ++c) {
      if (std::isfinite(color_of(picture, i, c))) continue;
      const auto width = static_cast<std::size_t>(picture.width);
      return Error{.code = Code::data_invalid,
                   .what = name + " has a NaN or infinity at pixel (" + std::to_string(i % width) +
                           ", " + std::to_string(i / width) + ")"};
    }
  return std::nullopt;
}

void measure_errors(const Picture& picture, const Picture& reference, Quality& quality) {
  std::vector<double> squares(pixels_of(picture)), relative(squares.size()),
      encoded(squares.size());
  for (std::size_t i = 0; i < squares.size(); ++i)
    for (std::size_t c = 0; c < 3; ++c) {
      const double x = color_of(picture, i, c), r = color_of(reference, i, c);
      const double seen = srgb_of_linear(x) - srgb_of_linear(r);
      squares[i] += (x - r) * (x - r) / 3;
      relative[i] += (x - r) * (x - r) / (r * r + 0.01) / 3;
      encoded[i] += seen * seen / 3;
    }
  quality.mse = mean_of(squares);
  quality.rel_mse = mean_of(relative);
  quality.rel_mse_trimmed = trimmed_mean(std::move(relative));
  constexpr double most = 100;  // of pictures that are the same
  const double error = mean_of(encoded);
  quality.psnr_db = error > 0 ? std::min(most, -10 * std::log10(error)) : most;
}

Plane luma_of(const Picture& picture) {
  Plane luma(picture.width, picture.height);
  for (std::size_t i = 0; i < luma.values.size(); ++i)
    luma.values[i] = static_cast<float>(0.2126 * srgb_of_linear(color_of(picture, i, 0)) +
                                        0.7152 * srgb_of_linear(color_of(picture, i, 1)) +
                                        0.0722 * srgb_of_linear(color_of(picture, i, 2)));
  return luma;
}

Plane product(const Plane& a, const Plane& b) {
  Plane out = a;
  for (std::size_t i = 0; i < out.values.size(); ++i) out.values[i] *= b.values[i];
  return out;
}

constexpr int window_radius = 5;

Plane window_mean(const Plane& plane) {
  constexpr double sigma = 1.5;
  std::vector<double> weights;
  double sum = 0;
  for (int i = -window_radius; i <= window_radius; ++i) {
    weights.push_back(std::exp(-(i * i) / (2 * sigma * sigma)));
    sum += weights.back();
  }
  Kernel kernel;
  for (const double weight : weights) kernel.push_back(static_cast<float>(weight / sum));
  return convolved(plane, kernel, kernel);
}

}  // namespace

double ssim(const Picture& picture, const Picture& reference) {
  constexpr double c1 = 0.01 * 0.01, c2 = 0.03 * 0.03;
  const Plane x = luma_of(picture), y = luma_of(reference);
  const Plane mean_x = window_mean(x), mean_y = window_mean(y);
  const Plane square_x = window_mean(product(x, x)), square_y = window_mean(product(y, y));
  const Plane both = window_mean(product(x, y));
  const bool is_small = std::min(x.width, x.height) <= 2 * window_radius;
  const int border = is_small ? 0 : window_radius;
  double sum = 0;
  for (int row = border; row < x.height - border; ++row)
    for (int column = border; column < x.width - border; ++column) {
      const double mx = mean_x.row(row)[column], my = mean_y.row(row)[column];
      const double vx = square_x.row(row)[column] - mx * mx;
      const double vy = square_y.row(row)[column] - my * my;
      const double cross = both.row(row)[column] - mx * my;
      sum += (2 * mx * my + c1) * (2 * cross + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2));
    }
  return sum / (static_cast<double>(x.width - 2 * border) * (x.height - 2 * border));
}

Result<Quality> compare(const Picture& picture, const Picture& reference) {
  if (picture.width != reference.width || picture.height != reference.height)
    return fail({.code = Code::mismatch,
                 .what = "the picture has " + size_of(picture) + " pixels, its reference " +
                         size_of(reference),
                 .hint = "render it in the reference's size"});
  if (auto error = missing_number(picture, "the picture")) return fail(std::move(*error));
  if (auto error = missing_number(reference, "the reference")) return fail(std::move(*error));
  Quality quality;
  measure_errors(picture, reference, quality);
  quality.ssim = ssim(picture, reference);
  quality.flip = mean(flip(picture, reference));
  quality.flip_hdr = mean(flip_hdr(picture, reference));
  return quality;
}

double score_of_flip(double flip) {
  return 100 * (1 - std::clamp(flip, 0.0, 1.0));
}

double score_of_noise(double rel_mse) {
  static const double exponent = std::log10(0.05 / 0.035);
  return score_of_flip(0.035 * std::pow(std::max(rel_mse, 0.0) / 1e-3, exponent));
}

}  // namespace sovren::jobs
