// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/trace/vec.h"

namespace sovren::trace {

/// What one sample of a pixel saw.
struct PixelSample {
  Vec3 radiance;
  float alpha = 1;  ///< 0 where it met nothing
  // Of the first surface that is not a mirror; 0 where there is none.
  Vec3 albedo;
  Vec3 normal;
  Vec3 position;    ///< in the world
  float depth = 0;  ///< along the view direction, of the first surface
  std::int32_t object_id = 0;
};

/// Sums of the samples of some pixels, in whole numbers: whatever the order and the split over
/// threads, ranks and devices, the sums are the same bits. Overflow: none up to 2^17 samples of the
/// largest value.
///
/// Shape    (height, width, channels) of int64: the picture's channels, or all.   Units   2^-30 of
/// radiance (Q33.30) and of
///          AOVs; 2^-20 of squared luminance (Q43.20).
/// Values   a channel is clamped to [0, 65504]; a sample with a NaN or infinity is dropped whole
///          and counted in `bad`.
/// Source   facts/rendering.md 5.6: fp32 sums differ in 87 % of the values when the split does.
class Film {
 public:
  enum Channel {
    red,
    green,
    blue,  ///< of all samples
    red_a,
    green_a,
    blue_a,  ///< of those in even blocks of 16: half A; the rest is B
    luminance_squared,
    alpha,
    count,    ///< samples, whole
    count_a,  ///< of them in half A
    bad,      ///< dropped ones
    albedo_red,
    albedo_green,
    albedo_blue,
    normal_x,
    normal_y,
    normal_z,
    depth,
    position_x,
    position_y,
    position_z,
    object,  ///< the object's number, of sample 0 alone
  };
  static constexpr int picture_channels = albedo_red;
  static constexpr int all_channels = object + 1;
  static constexpr int block_samples = 16;
  static constexpr float largest = 65504;
  static constexpr float largest_squared = 8192;  ///< of luminance, where it is squared

  Film() = default;
  /// channels: picture_channels or all_channels.
  Film(int width, int height, int channels);

  int width() const { return width_; }
  int height() const { return height_; }
  int channels() const { return channels_; }
  std::span<std::int64_t> sums() { return sums_; }
  std::span<const std::int64_t> sums() const { return sums_; }
  std::span<std::int64_t> pixel(int x, int y);
  std::span<const std::int64_t> pixel(int x, int y) const;

  void clear();
  /// Adds what other has, pixel by pixel; of one size.
  void add(const Film& other);

 private:
  int width_ = 0, height_ = 0, channels_ = 0;
  std::vector<std::int64_t> sums_;
};

SOVREN_TRACE std::int64_t fixed_point(float value) {
  return static_cast<std::int64_t>(value * 1073741824.0F + (value < 0 ? -0.5F : 0.5F));
}

SOVREN_TRACE bool is_finite(float x) {
  return x - x == 0;
}
SOVREN_TRACE bool is_finite(Vec3 a) {
  return is_finite(a.x) && is_finite(a.y) && is_finite(a.z);
}

/// Of a layer: what is no number counts as 0, so that every machine takes it alike.
SOVREN_TRACE std::int64_t layer_point(float value) {
  return is_finite(value) ? fixed_point(clamped(value, -Film::largest, Film::largest)) : 0;
}

/// Adds sample `number` to the sums of its pixel, a film's with so many channels, by
/// add(channel, value), which a device does atomically.
template <class Add>
SOVREN_TRACE void add_sample(const PixelSample& sample, std::uint32_t number, int channels,
                             const Add& add) {
  if (!is_finite(sample.radiance)) {
    add(Film::bad, 1);
    return;
  }
  const bool is_in_a = (number / Film::block_samples) % 2 == 0;
  const Vec3 c{clamped(sample.radiance.x, 0, Film::largest),
               clamped(sample.radiance.y, 0, Film::largest),
               clamped(sample.radiance.z, 0, Film::largest)};
  const std::int64_t rgb[3] = {fixed_point(c.x), fixed_point(c.y), fixed_point(c.z)};
  add(Film::red, rgb[0]);
  add(Film::green, rgb[1]);
  add(Film::blue, rgb[2]);
  if (is_in_a) {
    add(Film::red_a, rgb[0]);
    add(Film::green_a, rgb[1]);
    add(Film::blue_a, rgb[2]);
    add(Film::count_a, 1);
  }
  const float l = minimum(luminance(c), Film::largest_squared);
  add(Film::luminance_squared, static_cast<std::int64_t>(l * l * 1048576.0F + 0.5F));
  add(Film::alpha, fixed_point(sample.alpha));
  add(Film::count, 1);
  if (channels <= Film::picture_channels) return;
  add(Film::albedo_red, layer_point(sample.albedo.x));
  add(Film::albedo_green, layer_point(sample.albedo.y));
  add(Film::albedo_blue, layer_point(sample.albedo.z));
  add(Film::normal_x, layer_point(sample.normal.x));
  add(Film::normal_y, layer_point(sample.normal.y));
  add(Film::normal_z, layer_point(sample.normal.z));
  add(Film::depth, layer_point(maximum(sample.depth, 0)));
  add(Film::position_x, layer_point(sample.position.x));
  add(Film::position_y, layer_point(sample.position.y));
  add(Film::position_z, layer_point(sample.position.z));
  if (number == 0) add(Film::object, sample.object_id);
}

}  // namespace sovren::trace
