// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/trace/vec.h"

namespace sovren::trace {

/// A RenderUnit as a device reads it; its samples are counted on from those of the units before it.
struct UnitPlace {
  int x = 0, y = 0, width = 0, height = 0;
  std::uint32_t first_sample = 0;
  std::uint64_t first = 0;
};

struct SamplePlace {
  int x = 0, y = 0;
  std::uint32_t sample = 0;
};

inline constexpr std::uint32_t strip_rows = 4;

/// Sample `index` of all the units', which are in ascending order of `first`. Neighbours in number
/// are neighbours in the picture: a warp's 32 are a rectangle of 8 x 4 pixels.
SOVREN_TRACE SamplePlace sample_place(const UnitPlace* units, std::uint32_t count,
                                      std::uint64_t index) {
  std::uint32_t low = 0, high = count;  // the unit is in [low, high)
  while (high - low > 1) {
    const std::uint32_t middle = low + (high - low) / 2;
    if (units[middle].first <= index)
      low = middle;
    else
      high = middle;
  }
  const UnitPlace& unit = units[low];
  const auto width = static_cast<std::uint32_t>(unit.width);
  const auto height = static_cast<std::uint32_t>(unit.height);
  const std::uint64_t place = index - unit.first;
  const std::uint64_t pixels = std::uint64_t{width} * height;
  const auto pixel = static_cast<std::uint32_t>(place % pixels);
  // Strips of four rows (the last one may have fewer), column by column.
  const std::uint32_t strip = pixel / (strip_rows * width);
  const std::uint32_t rows_left = height - strip * strip_rows;
  const std::uint32_t rows = rows_left < strip_rows ? rows_left : strip_rows;
  const std::uint32_t inside = pixel - strip * strip_rows * width;
  return {unit.x + static_cast<int>(inside / rows),
          unit.y + static_cast<int>(strip * strip_rows + inside % rows),
          unit.first_sample + static_cast<std::uint32_t>(place / pixels)};
}

/// The pixels that a call of render() touches, and where their sums lie on the device.
///
/// Shape    (channels, height, width): threads that add to neighbours' sums touch one stretch of
///          memory.
struct FilmWindow {
  int x = 0, y = 0, width = 0, height = 0, channels = 0;
};
SOVREN_TRACE std::uint64_t film_place(const FilmWindow& window, int x, int y, int channel) {
  return (static_cast<std::uint64_t>(channel) * static_cast<std::uint64_t>(window.height) +
          static_cast<std::uint64_t>(y - window.y)) *
             static_cast<std::uint64_t>(window.width) +
         static_cast<std::uint64_t>(x - window.x);
}

}  // namespace sovren::trace
