// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/noise_estimate.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "jobs/rendering/trimmed_mean.h"

namespace sovren::jobs {

namespace {

using trace::Film;
using Aov = RenderingSpec::Aov;

constexpr double radiance_unit = 1.0 / (std::int64_t{1} << 30);
constexpr double square_unit = 1.0 / (std::int64_t{1} << 20);

/// Mean of a channel in Q33.30; 0 without samples.
double mean_of(std::int64_t sum, std::int64_t count) {
  return count > 0 ? static_cast<double>(sum) * radiance_unit / static_cast<double>(count) : 0;
}

double luminance_of(const Rgb& color) {
  return 0.212671 * color[0] + 0.715160 * color[1] + 0.072169 * color[2];  // as trace::luminance()
}

template <class Value>
void for_each_pixel(const Film& film, const PixelBox& box, const Value& value) {
  for (int y = box.y0; y < box.y1; ++y)
    for (int x = box.x0; x < box.x1; ++x) value(film.pixel(x, y));
}

PixelBox whole(const Film& film) {
  return {0, 0, film.width(), film.height()};
}

/// How a layer's numbers come about.
struct AovKind {
  const char* name;
  std::vector<std::string> channels;
  int first;  ///< of the film's channels; -1: no means
  bool is_always_float;
};

AovKind kind_of(Aov aov) {
  switch (aov) {
    case Aov::albedo:
      return {"albedo", {"R", "G", "B"}, Film::albedo_red, false};
    case Aov::normal:
      return {"normal", {"X", "Y", "Z"}, Film::normal_x, false};
    case Aov::depth:
      return {"depth", {"V"}, Film::depth, true};
    case Aov::position:
      return {"position", {"X", "Y", "Z"}, Film::position_x, true};
    case Aov::object_id:
      return {"object_id", {"V"}, -1, true};
    case Aov::variance:
      return {"variance", {"V"}, -1, true};
    case Aov::samples:
      break;
  }
  return {"samples", {"V"}, -1, true};
}

double single_value(Aov aov, PixelSums sums) {
  if (aov == Aov::variance) return luminance_variance(sums).value_or(0);
  return static_cast<double>(sums[aov == Aov::object_id ? Film::object : Film::count]);
}

}  // namespace

Rgb mean_of(PixelSums sums) {
  const std::int64_t count = sums[Film::count];
  return {mean_of(sums[Film::red], count), mean_of(sums[Film::green], count),
          mean_of(sums[Film::blue], count)};
}

std::optional<Rgb> variance_by_halves(PixelSums sums) {
  const std::int64_t n = sums[Film::count_a], m = sums[Film::count] - n;
  if (n < 1 || m < 1) return std::nullopt;
  const double whole_count = static_cast<double>(n + m);
  const double scale =
      static_cast<double>(n) / whole_count * (static_cast<double>(m) / whole_count);
  Rgb variance{};
  for (std::size_t c = 0; c < 3; ++c) {
    const std::int64_t a = sums[Film::red_a + c], all = sums[Film::red + c];
    const double apart = mean_of(a, n) - mean_of(all - a, m);
    variance[c] = apart * apart * scale;
  }
  return variance;
}

std::optional<double> luminance_variance(PixelSums sums) {
  const std::int64_t count = sums[Film::count];
  if (count < 2) return std::nullopt;
  const auto n = static_cast<double>(count);
  const double mean = luminance_of(mean_of(sums));
  const double squares = static_cast<double>(sums[Film::luminance_squared]) * square_unit / n;
  return std::max(0.0, squares - mean * mean) / (n - 1);
}

double estimated_rel_mse(PixelSums sums) {
  Rgb variance{};
  if (const auto by_halves = variance_by_halves(sums)) {
    variance = *by_halves;
  } else {
    const auto of_luminance = luminance_variance(sums);
    if (!of_luminance) return 1;
    variance.fill(*of_luminance);
  }
  const Rgb mean = mean_of(sums);
  double error = 0;
  for (std::size_t c = 0; c < 3; ++c) error += variance[c] / (mean[c] * mean[c] + 0.01) / 3;
  return error;
}

double estimated_rel_mse(const Film& film, const PixelBox& box) {
  SOVREN_CHECK(box.x0 < box.x1 && box.y0 < box.y1, "a box has pixels");
  double sum = 0;
  for_each_pixel(film, box, [&](PixelSums sums) { sum += estimated_rel_mse(sums); });
  return sum / (static_cast<double>(box.x1 - box.x0) * (box.y1 - box.y0));
}

NoiseEstimate estimated_noise(const Film& film) {
  std::vector<double> errors;
  errors.reserve(static_cast<std::size_t>(film.width()) * static_cast<std::size_t>(film.height()));
  for_each_pixel(film, whole(film),
                 [&](PixelSums sums) { errors.push_back(estimated_rel_mse(sums)); });
  const double all = mean_of(errors);
  return {.rel_mse = all, .rel_mse_trimmed = trimmed_mean(std::move(errors))};
}

Picture mean_picture(const Film& film, bool has_alpha) {
  Picture picture{.width = film.width(), .height = film.height(), .channels = has_alpha ? 4 : 3};
  for_each_pixel(film, whole(film), [&](PixelSums sums) {
    for (const double value : mean_of(sums)) picture.values.push_back(static_cast<float>(value));
    if (has_alpha)
      picture.values.push_back(static_cast<float>(mean_of(sums[Film::alpha], sums[Film::count])));
  });
  return picture;
}

Picture aov_picture(const Film& film, Aov aov) {
  SOVREN_CHECK(aov == Aov::variance || aov == Aov::samples || film.channels() == Film::all_channels,
               "a layer is of sums that the film has");
  const AovKind kind = kind_of(aov);
  Picture picture{.width = film.width(),
                  .height = film.height(),
                  .channels = static_cast<int>(kind.channels.size())};
  for_each_pixel(film, whole(film), [&](PixelSums sums) {
    for (int c = 0; c < picture.channels; ++c)
      picture.values.push_back(static_cast<float>(
          kind.first < 0
              ? single_value(aov, sums)
              : mean_of(sums[static_cast<std::size_t>(kind.first + c)], sums[Film::count])));
  });
  return picture;
}

Layer aov_layer(Aov aov, const Picture& picture) {
  AovKind kind = kind_of(aov);
  return {.name = kind.name,
          .channels = std::move(kind.channels),
          .picture = &picture,
          .is_always_float = kind.is_always_float};
}

}  // namespace sovren::jobs
