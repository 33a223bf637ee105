// SPDX-License-Identifier: Apache-2.0
#include "kernels/trace/mips.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "kernels/trace/math.h"
#include "kernels/trace/texture.h"

namespace sovren::trace {
namespace {

/// A level in linear light.
struct Level {
  int width = 0, height = 0;
  std::vector<Vec4> texels;
};

/// What output i of `out` covers of `in` inputs, in units of an input: weights of first to
/// first + count - 1, whose sum is 1.
struct Span {
  int first = 0, count = 0;
  float weights[3] = {};
};

Span span_of(int i, int in, int out) {
  // In units of 1 / out of an input, so that ends are whole numbers. in < 2 out + 2.
  const std::int64_t begin = static_cast<std::int64_t>(i) * in;
  const std::int64_t end = begin + in;
  Span span;
  span.first = static_cast<int>(begin / out);
  for (std::int64_t k = span.first; k * out < end; ++k) {
    const std::int64_t low = std::max(begin, k * out);
    const std::int64_t high = std::min(end, (k + 1) * out);
    span.weights[span.count++] = static_cast<float>(high - low) / static_cast<float>(in);
  }
  return span;
}

/// Half as large. texel(x, y): of the level above.
template <class Texel>
Level smaller(int width, int height, const Texel& texel) {
  Level level{mip_size(width, 1), mip_size(height, 1), {}};
  level.texels.reserve(static_cast<std::size_t>(level.width) *
                       static_cast<std::size_t>(level.height));
  for (int y = 0; y < level.height; ++y) {
    const Span rows = span_of(y, height, level.height);
    for (int x = 0; x < level.width; ++x) {
      const Span columns = span_of(x, width, level.width);
      Vec4 sum;
      for (int r = 0; r < rows.count; ++r) {
        for (int c = 0; c < columns.count; ++c) {
          sum = sum +
                texel(columns.first + c, rows.first + r) * (rows.weights[r] * columns.weights[c]);
        }
      }
      level.texels.push_back(sum);
    }
  }
  return level;
}

std::byte byte_of(float x) {
  return static_cast<std::byte>(nearest(255.0F * clamped(x, 0, 1)));
}

float srgb_of_linear(float x) {
  return x <= 0.0031308F ? 12.92F * x : 1.055F * power(x, 1.0F / 2.4F) - 0.055F;
}

void append(const Level& level, Texture::Format format, std::vector<std::byte>& out) {
  const std::size_t begin = out.size();
  if (format == Texture::Format::float32) {
    const std::size_t bytes = level.texels.size() * sizeof(Vec4);
    out.resize(begin + bytes);
    std::memcpy(out.data() + begin, level.texels.data(), bytes);
    return;
  }
  const bool is_srgb = format == Texture::Format::srgb8;
  out.reserve(begin + level.texels.size() * 4);
  for (const Vec4& t : level.texels) {
    for (const float c : {t.x, t.y, t.z}) out.push_back(byte_of(is_srgb ? srgb_of_linear(c) : c));
    out.push_back(byte_of(t.w));
  }
}

TextureView view_of(const Texture& texture) {
  TextureView view;
  view.levels[0] = texture.texels.data();
  view.level_count = 1;
  view.width = texture.width;
  view.height = texture.height;
  view.format = texture.format;
  view.wrap_u = texture.wrap_u;
  view.wrap_v = texture.wrap_v;
  view.filter = texture.filter;
  return view;
}

}  // namespace

int mip_level_count(int width, int height) {
  int count = 1;
  while (count < mip_levels_max && std::max(width, height) >> count > 0) ++count;
  return count;
}

void build_mips(const Texture& texture, std::vector<std::byte>& out) {
  const TextureView view = view_of(texture);
  Level level;
  for (int i = 1; i < mip_level_count(texture.width, texture.height); ++i) {
    if (i == 1) {
      level = smaller(texture.width, texture.height,
                      [&](int x, int y) { return texel_at(view, 0, x, y); });
    } else {
      level = smaller(level.width, level.height, [&](int x, int y) {
        return level.texels[static_cast<std::size_t>(y) * static_cast<std::size_t>(level.width) +
                            static_cast<std::size_t>(x)];
      });
    }
    append(level, texture.format, out);
  }
}

void build_texture_views(CompiledScene& scene) {
  scene.mip_texels.assign(scene.textures.size(), {});
  scene.texture_views.clear();
  for (std::size_t i = 0; i < scene.textures.size(); ++i) {
    const Texture& texture = scene.textures[i];
    TextureView view = view_of(texture);
    // Texels that are not mixed are not looked up in smaller copies.
    if (texture.filter == Texture::Filter::linear) {
      build_mips(texture, scene.mip_texels[i]);
      view.level_count = mip_level_count(texture.width, texture.height);
    }
    const std::size_t texel_bytes = texture.format == Texture::Format::float32 ? sizeof(Vec4) : 4;
    const std::byte* next = scene.mip_texels[i].data();
    for (int level = 1; level < view.level_count; ++level) {
      view.levels[level] = next;
      next += static_cast<std::size_t>(mip_size(texture.width, level)) *
              static_cast<std::size_t>(mip_size(texture.height, level)) * texel_bytes;
    }
    scene.texture_views.push_back(view);
  }
}

}  // namespace sovren::trace
