// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/film_summary.h"

#include <algorithm>
#include <span>

namespace sovren::jobs {

using trace::Film;

Picture without_alpha(const Picture& picture) {
  if (picture.channels == 3) return picture;
  Picture colors{.width = picture.width, .height = picture.height, .channels = 3};
  const auto channels = static_cast<std::size_t>(picture.channels);
  for (std::size_t at = 0; at < picture.values.size(); at += channels)
    for (std::size_t c = 0; c < 3; ++c)
      colors.values.push_back(picture.values[at + (channels < 3 ? 0 : c)]);
  return colors;
}

Film smaller(const Film& film, int side_max) {
  const int factor = (std::max(film.width(), film.height()) + side_max - 1) / side_max;
  Film small((film.width() + factor - 1) / factor, (film.height() + factor - 1) / factor,
             Film::picture_channels);
  for (int y = 0; y < film.height(); ++y)
    for (int x = 0; x < film.width(); ++x) {
      const std::span<std::int64_t> to = small.pixel(x / factor, y / factor);
      const std::span<const std::int64_t> from = film.pixel(x, y);
      for (std::size_t c = 0; c < to.size(); ++c) to[c] += from[c];
    }
  return small;
}

BadSamples bad_samples(const Film& film) {
  BadSamples bad;
  for (int y = 0; y < film.height(); ++y)
    for (int x = 0; x < film.width(); ++x) {
      const std::int64_t count = film.pixel(x, y)[Film::bad];
      if (count > 0 && bad.count == 0) {
        bad.x = x;
        bad.y = y;
      }
      bad.count += count;
    }
  return bad;
}

double mean_samples(const Film& film) {
  double samples = 0;
  for (int y = 0; y < film.height(); ++y)
    for (int x = 0; x < film.width(); ++x)
      samples += static_cast<double>(film.pixel(x, y)[Film::count]);
  return samples / film.width() / film.height();
}

}  // namespace sovren::jobs
