// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/trace/math.h"
#include "kernels/trace/vec.h"
#include "kernels/trace/view.h"

namespace sovren::trace {

/// Linear light of each sRGB byte (IEC 61966-2-1).
struct SrgbTable {
  float linear[256];
};

/// y^2.4 is y^2 times the fifth root of y^2, which Newton finds.
constexpr SrgbTable make_srgb_table() {
  SrgbTable table{};
  for (int i = 0; i < 256; ++i) {
    const double x = i / 255.0;
    double value = x / 12.92;
    if (x > 0.04045) {
      const double y = (x + 0.055) / 1.055;
      double r = 1;
      for (int k = 0; k < 40; ++k) r -= (r - y * y / (r * r * r * r)) / 5;
      value = y * y * r;
    }
    table.linear[i] = static_cast<float>(value);
  }
  return table;
}

inline constexpr SrgbTable host_srgb_table = make_srgb_table();
#ifdef __CUDACC__
static __device__ const SrgbTable device_srgb_table = make_srgb_table();
#endif

SOVREN_TRACE float linear_of_srgb(std::uint8_t byte) {
#ifdef __CUDA_ARCH__
  return device_srgb_table.linear[byte];
#else
  return host_srgb_table.linear[byte];
#endif
}

/// Width or height of a smaller copy.
SOVREN_TRACE int mip_size(int size, int level) {
  return size >> level > 1 ? size >> level : 1;
}

SOVREN_TRACE Vec4 texel_at(const TextureView& texture, int level, int x, int y) {
  const std::int64_t i = (static_cast<std::int64_t>(y) * mip_size(texture.width, level) + x) * 4;
  if (texture.format == Texture::Format::float32) {
    const float* t = static_cast<const float*>(texture.levels[level]) + i;
    return {t[0], t[1], t[2], t[3]};
  }
  const std::uint8_t* t = static_cast<const std::uint8_t*>(texture.levels[level]) + i;
  constexpr float scale = 1.0F / 255.0F;
  const float w = static_cast<float>(t[3]) * scale;
  if (texture.format == Texture::Format::srgb8) {
    return {linear_of_srgb(t[0]), linear_of_srgb(t[1]), linear_of_srgb(t[2]), w};
  }
  return {static_cast<float>(t[0]) * scale, static_cast<float>(t[1]) * scale,
          static_cast<float>(t[2]) * scale, w};
}

/// From 0 to 1, where the image is that coordinate u means. What has no fraction left, or is none,
/// counts as 0.
SOVREN_TRACE float wrapped(float u, Texture::Wrap wrap) {
  if (!(magnitude(u) < 8388608.0F)) return 0;
  if (wrap == Texture::Wrap::clamp) return clamped(u, 0, 1);
  if (wrap == Texture::Wrap::repeat) return u - static_cast<float>(floor_of(u));
  const float t = u - 2.0F * static_cast<float>(floor_of(0.5F * u));
  return t > 1 ? 2.0F - t : t;
}

/// A neighbour's column or row, from -1 to size: beyond an edge is the other one or the same.
SOVREN_TRACE int wrapped(int i, int size, Texture::Wrap wrap) {
  if (i < 0) return wrap == Texture::Wrap::repeat ? size - 1 : 0;
  if (i < size) return i;
  return wrap == Texture::Wrap::repeat ? 0 : size - 1;
}

/// Mixes the four texels around a place, from 0 to 1.
SOVREN_TRACE Vec4 bilinear(const TextureView& texture, int level, Vec2 place, Texture::Wrap wrap_u,
                           Texture::Wrap wrap_v) {
  const int width = mip_size(texture.width, level);
  const int height = mip_size(texture.height, level);
  const float x = place.x * static_cast<float>(width) - 0.5F;
  const float y = place.y * static_cast<float>(height) - 0.5F;
  const int column = floor_of(x);
  const int row = floor_of(y);
  const float fx = x - static_cast<float>(column);
  const float fy = y - static_cast<float>(row);
  const int x0 = wrapped(column, width, wrap_u);
  const int x1 = wrapped(column + 1, width, wrap_u);
  const int y0 = wrapped(row, height, wrap_v);
  const int y1 = wrapped(row + 1, height, wrap_v);
  const Vec4 top =
      texel_at(texture, level, x0, y0) * (1.0F - fx) + texel_at(texture, level, x1, y0) * fx;
  const Vec4 bottom =
      texel_at(texture, level, x0, y1) * (1.0F - fx) + texel_at(texture, level, x1, y1) * fx;
  return top * (1.0F - fy) + bottom * fy;
}

SOVREN_TRACE Vec4 bilinear(const TextureView& texture, int level, Vec2 place) {
  return bilinear(texture, level, place, texture.wrap_u, texture.wrap_v);
}

/// Linear r, g, b and a at uv; (0, 0) is the top left corner of the image. Texels are decoded
/// before they are mixed. footprint: width of what is seen, in units of uv: of the smaller copies
/// (mips.h) the two are mixed whose texels are about that wide.
SOVREN_TRACE Vec4 look_up(const TextureView& texture, Vec2 uv, float footprint) {
  const Vec2 place{wrapped(uv.x, texture.wrap_u), wrapped(uv.y, texture.wrap_v)};
  if (texture.filter == Texture::Filter::nearest) {
    const int x = static_cast<int>(place.x * static_cast<float>(texture.width));
    const int y = static_cast<int>(place.y * static_cast<float>(texture.height));
    return texel_at(texture, 0, x < texture.width ? x : texture.width - 1,
                    y < texture.height ? y : texture.height - 1);
  }
  const int larger = texture.width > texture.height ? texture.width : texture.height;
  const float texels = footprint * static_cast<float>(larger);
  if (!(texels > 1) || texture.level_count < 2) return bilinear(texture, 0, place);
  // 2^level <= texels < 2^(level + 1); straight between the two, not along the logarithm.
  const std::uint32_t bits = bits_of(texels);
  const int level = static_cast<int>(bits >> 23) - 127;
  if (level >= texture.level_count - 1) return bilinear(texture, texture.level_count - 1, place);
  const float share = float_of_bits((bits & 0x007FFFFF) | 0x3F800000) - 1.0F;
  return bilinear(texture, level, place) * (1.0F - share) +
         bilinear(texture, level + 1, place) * share;
}

/// What a material's parameter finds there; white without a texture. uv: of both sets.
SOVREN_TRACE Vec4 look_up(const SceneView& view, const TextureRef& ref, const Vec2 (&uv)[2],
                          float footprint) {
  if (ref.texture < 0) return {1, 1, 1, 1};
  const Vec2 p = uv[ref.uv_set];
  const float* m = ref.m;
  const float area = magnitude(m[0] * m[4] - m[1] * m[3]);
  return look_up(view.textures[ref.texture],
                 {m[0] * p.x + m[1] * p.y + m[2], m[3] * p.x + m[4] * p.y + m[5]},
                 footprint * root(area));
}

}  // namespace sovren::trace
