// SPDX-License-Identifier: Apache-2.0
#include "kernels/trace/film.h"

#include <algorithm>
#include <cstddef>

#include "core/base/check.h"

namespace sovren::trace {

Film::Film(int width, int height)
    : width_(width),
      height_(height),
      sums_(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * channels) {}

std::span<std::int64_t> Film::pixel(int x, int y) {
  return sums().subspan((static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) +
                         static_cast<std::size_t>(x)) *
                            channels,
                        channels);
}

std::span<const std::int64_t> Film::pixel(int x, int y) const {
  return sums().subspan((static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) +
                         static_cast<std::size_t>(x)) *
                            channels,
                        channels);
}

void Film::clear() {
  std::fill(sums_.begin(), sums_.end(), 0);
}

void Film::add(const Film& other) {
  SOVREN_CHECK(width_ == other.width_ && height_ == other.height_, "films are of one size");
  for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] += other.sums_[i];
}

}  // namespace sovren::trace
