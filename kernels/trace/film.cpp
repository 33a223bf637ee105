// SPDX-License-Identifier: Apache-2.0
#include "kernels/trace/film.h"

#include <algorithm>
#include <cstddef>

#include "core/base/check.h"

namespace sovren::trace {

Film::Film(int width, int height, int channels)
    : width_(width),
      height_(height),
      channels_(channels),
      sums_(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) *
            static_cast<std::size_t>(channels)) {}

std::span<std::int64_t> Film::pixel(int x, int y) {
  const auto stride = static_cast<std::size_t>(channels_);
  const auto number =
      static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) + static_cast<std::size_t>(x);
  return sums().subspan(number * stride, stride);
}

std::span<const std::int64_t> Film::pixel(int x, int y) const {
  return const_cast<Film*>(this)->pixel(x, y);
}

void Film::clear() {
  std::fill(sums_.begin(), sums_.end(), 0);
}

void Film::add(const Film& other) {
  SOVREN_CHECK(sums_.size() == other.sums_.size(), "films are of one size");
  for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] += other.sums_[i];
}

}  // namespace sovren::trace
