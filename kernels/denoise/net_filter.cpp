// SPDX-License-Identifier: Apache-2.0
#include "kernels/denoise/net_filter.h"

#include <algorithm>

#include "core/base/check.h"
#include "kernels/denoise/transfer.h"

namespace sovren::denoise {

namespace {

using trace::Film;

constexpr double radiance_unit = 1.0 / (std::int64_t{1} << 30);
/// Whole steps of the network's coarsest map.
constexpr int overlap = (UNet::reach + UNet::alignment - 1) / UNet::alignment * UNet::alignment;

int rounded_up(int size) {
  return (size + UNet::alignment - 1) / UNet::alignment * UNet::alignment;
}

float mean(std::span<const std::int64_t> sums, int channel) {
  const std::int64_t count = sums[Film::count];
  if (count == 0) return 0;
  return static_cast<float>(static_cast<double>(sums[static_cast<std::size_t>(channel)]) *
                            radiance_unit / static_cast<double>(count));
}

std::vector<float> mean_colors(const Film& film) {
  std::vector<float> colors;
  for (int y = 0; y < film.height(); ++y)
    for (int x = 0; x < film.width(); ++x)
      for (int c = 0; c < 3; ++c) colors.push_back(mean(film.pixel(x, y), Film::red + c));
  return colors;
}

/// A stretch of one side of the picture: pixels first .. end, of which inner_first .. inner_end are
/// kept.
struct Stretch {
  int first, end, inner_first, inner_end;
};

/// Cuts a side into `count` stretches; first ones are multiples of the alignment, so that pixels
/// are pooled together as in the whole.
std::vector<Stretch> stretches(int size, int count) {
  const int step = rounded_up((size + count - 1) / count);
  std::vector<Stretch> cut;
  for (int at = 0; at < size; at += step) {
    const int end = std::min(size, at + step);
    cut.push_back({std::max(0, at - overlap), std::min(size, end + overlap), at, end});
  }
  return cut;
}

void fill_pixel(std::span<const std::int64_t> sums, float exposure, std::int64_t channels,
                float* to) {
  for (int c = 0; c < 3; ++c) {
    to[c] = encoded(mean(sums, Film::red + c) * exposure);
    if (channels >= 6) to[3 + c] = std::clamp(mean(sums, Film::albedo_red + c), 0.0F, 1.0F);
    if (channels >= 9)
      to[6 + c] = std::clamp(mean(sums, Film::normal_x + c), -1.0F, 1.0F) * 0.5F + 0.5F;
  }
}

}  // namespace

std::vector<float> filtered(nn::Team& team, const UNet& net, const Film& film,
                            std::int64_t tile_pixels_max) {
  SOVREN_CHECK(film.channels() == Film::all_channels, "the film has albedo and normal");
  std::vector<float> picture = mean_colors(film);
  const float exposure = exposure_of(picture, film.height(), film.width());
  int rows = 1, columns = 1;
  const auto side = [](int size, int count) {
    return rounded_up((size + count - 1) / count) + (count > 1 ? 2 * overlap : 0);
  };
  while (std::int64_t{side(film.height(), rows)} * side(film.width(), columns) > tile_pixels_max) {
    const bool is_high = side(film.height(), rows) > side(film.width(), columns);
    int& count = is_high ? rows : columns;
    if ((is_high ? film.height() : film.width()) / (count + 1) < overlap) break;
    ++count;
  }
  for (const Stretch& down : stretches(film.height(), rows))
    for (const Stretch& across : stretches(film.width(), columns)) {
      Map input(rounded_up(down.end - down.first), rounded_up(across.end - across.first),
                net.input_channels());
      team.run(down.end - down.first, [&](std::int64_t y) {
        for (int x = across.first; x < across.end; ++x)
          fill_pixel(film.pixel(x, down.first + static_cast<int>(y)), exposure, input.channels(),
                     input.at(y, x - across.first));
      });
      const Map output = net.run(team, input);
      team.run(down.inner_end - down.inner_first, [&](std::int64_t row) {
        const int y = down.inner_first + static_cast<int>(row);
        for (int x = across.inner_first; x < across.inner_end; ++x)
          for (int c = 0; c < 3; ++c)
            picture[static_cast<std::size_t>((std::int64_t{y} * film.width() + x) * 3 + c)] =
                decoded(output.at(y - down.first, x - across.first)[c]) / exposure;
      });
    }
  return picture;
}

}  // namespace sovren::denoise
