// SPDX-License-Identifier: Apache-2.0
#include "kernels/trace/texture.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

#include "kernels/trace/mips.h"

namespace sovren::trace {
namespace {

using Format = Texture::Format;
using Wrap = Texture::Wrap;

Texture float_texture(int width, int height, const std::vector<Vec4>& texels) {
  Texture t;
  t.width = width;
  t.height = height;
  t.format = Format::float32;
  t.texels.resize(texels.size() * sizeof(Vec4));
  std::memcpy(t.texels.data(), texels.data(), t.texels.size());
  return t;
}

/// r of texel (x, y) is red(x, y), a byte.
template <class Red>
Texture byte_texture(int width, int height, Format format, const Red& red) {
  Texture t;
  t.width = width;
  t.height = height;
  t.format = format;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (const int c : {red(x, y), 0, 255, 51}) t.texels.push_back(static_cast<std::byte>(c));
    }
  }
  return t;
}

/// A scene of one texture, compiled: keeps what the view points at.
struct Looked {
  CompiledScene scene;
  explicit Looked(const Texture& texture) {
    scene.textures.push_back(texture);
    build_texture_views(scene);
  }
  const TextureView& view() const { return scene.texture_views[0]; }
  float red(float u, float v, float footprint = 0) const {
    return look_up(view(), {u, v}, footprint).x;
  }
};

/// r counts the texels of 4 x 2: 0 1 2 3, 4 5 6 7.
Texture counted(Wrap wrap) {
  std::vector<Vec4> texels;
  for (int i = 0; i < 8; ++i) texels.push_back({static_cast<float>(i), 0, 0, 1});
  Texture t = float_texture(4, 2, texels);
  t.wrap_u = t.wrap_v = wrap;
  return t;
}

TEST(TraceTexture, TexelsAreFoundAtTheirMiddlesAndMixedBetween) {
  const Looked t(counted(Wrap::clamp));
  for (int y = 0; y < 2; ++y) {
    for (int x = 0; x < 4; ++x) {
      EXPECT_EQ(t.red((static_cast<float>(x) + 0.5F) / 4, (static_cast<float>(y) + 0.5F) / 2),
                static_cast<float>(4 * y + x));
    }
  }
  EXPECT_FLOAT_EQ(t.red(0.25F, 0.25F), 0.5F);              // half of 0, half of 1
  EXPECT_FLOAT_EQ(t.red(0.125F + 0.0625F, 0.25F), 0.25F);  // a quarter of 1
  EXPECT_FLOAT_EQ(t.red(0.125F, 0.5F), 2);                 // half of 0, half of 4
  EXPECT_FLOAT_EQ(t.red(0.75F, 0.5F), 4.5F);               // of 2, 3, 6 and 7
}

TEST(TraceTexture, EdgesGoOnAsTheWrapSays) {
  const Looked clamp(counted(Wrap::clamp));
  const Looked repeat(counted(Wrap::repeat));
  const Looked mirror(counted(Wrap::mirror));
  EXPECT_EQ(clamp.red(0, 0.25F), 0);
  EXPECT_EQ(clamp.red(-5.3F, 0.25F), 0);
  EXPECT_EQ(clamp.red(7, 9), 7);
  EXPECT_FLOAT_EQ(repeat.red(0, 0.25F), 1.5F);  // of 3 and 0
  EXPECT_FLOAT_EQ(repeat.red(1, 0.25F), 1.5F);
  EXPECT_FLOAT_EQ(repeat.red(-0.125F, 0.25F), 3);
  EXPECT_FLOAT_EQ(repeat.red(3.375F, -1.75F), 1);
  EXPECT_FLOAT_EQ(repeat.red(0.125F, 0), 2);  // of rows 1 and 0
  EXPECT_FLOAT_EQ(mirror.red(0, 0.25F), 0);
  EXPECT_FLOAT_EQ(mirror.red(-0.375F, 0.25F), 1);
  EXPECT_FLOAT_EQ(mirror.red(1.125F, 0.25F), 3);
  EXPECT_FLOAT_EQ(mirror.red(1.875F, 0.25F), 0);
  EXPECT_FLOAT_EQ(mirror.red(2.125F, 0.25F), 0);
  EXPECT_FLOAT_EQ(mirror.red(0.125F, 1.25F), 4);
}

TEST(TraceTexture, EachAxisHasItsOwnWrap) {
  Texture t = counted(Wrap::repeat);
  t.wrap_v = Wrap::clamp;
  const Looked looked(t);
  EXPECT_FLOAT_EQ(looked.red(1.125F, 1.25F), 4);
}

TEST(TraceTexture, CoordinatesThatMeanNothingStayInside) {
  for (const Wrap wrap : {Wrap::clamp, Wrap::repeat, Wrap::mirror}) {
    const Looked t(counted(wrap));
    for (const float u : {std::nanf(""), infinity, -infinity, 1e30F, -1e9F, 8388607.5F, -1e-30F,
                          std::nextafter(1.0F, 0.0F)}) {
      const float red = t.red(u, u, u);
      EXPECT_GE(red, 0);
      EXPECT_LE(red, 7);
    }
  }
}

TEST(TraceTexture, NearestMixesNothing) {
  Texture t = counted(Wrap::repeat);
  t.filter = Texture::Filter::nearest;
  const Looked looked(t);
  EXPECT_EQ(looked.red(0.24F, 0.49F, 1), 0);
  EXPECT_EQ(looked.red(0.26F, 0.51F, 1), 5);
  EXPECT_EQ(looked.red(-0.01F, 0, 1), 3);
  EXPECT_EQ(looked.red(std::nextafter(1.0F, 0.0F), 0, 1), 3);
  EXPECT_TRUE(looked.scene.mip_texels[0].empty());
}

double srgb_decoded(int byte) {
  const double x = byte / 255.0;
  return x <= 0.04045 ? x / 12.92 : std::pow((x + 0.055) / 1.055, 2.4);
}

TEST(TraceTexture, SrgbBytesAreDecoded) {
  for (int i = 0; i < 256; ++i) {
    const auto expected = static_cast<float>(srgb_decoded(i));
    EXPECT_FLOAT_EQ(linear_of_srgb(static_cast<std::uint8_t>(i)), expected) << i;
  }
}

TEST(TraceTexture, SrgbIsDecodedBeforeItIsMixed) {
  const auto red = [](int x, int) { return x == 0 ? 0 : 255; };
  const Looked srgb(byte_texture(2, 1, Format::srgb8, red));
  EXPECT_FLOAT_EQ(srgb.red(0.5F, 0.5F), 0.5F);
  const Vec4 all = look_up(srgb.view(), {0.75F, 0.5F}, 0);
  EXPECT_EQ((Vec3{all.x, all.y, all.z}), (Vec3{1, 0, 1}));
  EXPECT_FLOAT_EQ(all.w, 0.2F);  // alpha is linear
  // Its smaller copy, too: half the light is byte 188, not 128.
  EXPECT_EQ(static_cast<int>(srgb.scene.mip_texels[0][0]), 188);
  const Looked data(byte_texture(2, 1, Format::linear8, [](int, int) { return 102; }));
  EXPECT_FLOAT_EQ(data.red(0.5F, 0.5F), 0.4F);
  EXPECT_EQ(look_up(data.view(), {0.5F, 0.5F}, 0).z, 1);  // byte 255 is 1, exactly
}

TEST(TraceTexture, FootprintChoosesTheCopy) {
  // Columns 0 and 1 alternate: seen from far, they are a half everywhere.
  std::vector<Vec4> texels;
  for (int i = 0; i < 64; ++i) texels.push_back({static_cast<float>(i % 2), 0, 0, 1});
  const Looked t(float_texture(8, 8, texels));
  const float u = 1.5F / 8;
  EXPECT_EQ(t.red(u, 0.5F, 0), 1);
  EXPECT_EQ(t.red(u, 0.5F, 1.0F / 8), 1);
  EXPECT_FLOAT_EQ(t.red(u, 0.5F, 1.5F / 8), 0.75F);  // half of each
  for (const float footprint : {2.0F / 8, 0.6F, 1.0F, 50.0F, infinity}) {
    EXPECT_FLOAT_EQ(t.red(u, 0.5F, footprint), 0.5F);
  }
}

TEST(TraceTexture, TransformAndSetOfCoordinatesAreThoseOfTheParameter) {
  const Looked t(counted(Wrap::repeat));
  SceneView view;
  view.textures = t.scene.texture_views.data();
  const Vec2 uv[2] = {{0.9F, 0.9F}, {0.125F, 0.25F}};
  TextureRef ref;
  EXPECT_EQ(look_up(view, ref, uv, 0), (Vec4{1, 1, 1, 1}));
  ref.texture = 0;
  ref.uv_set = 1;
  EXPECT_FLOAT_EQ(look_up(view, ref, uv, 0).x, 0);
  // u' = 3 u, v' = 2 u + v + 1/4: (0.375, 0.75).
  const float m[6] = {3, 0, 0, 2, 1, 0.25F};
  std::memcpy(ref.m, m, sizeof m);
  EXPECT_FLOAT_EQ(look_up(view, ref, uv, 0).x, 5);
  // Twice as many texels are seen at once.
  const float twice[6] = {2, 0, 0, 0, 2, 0};
  std::memcpy(ref.m, twice, sizeof twice);
  EXPECT_FLOAT_EQ(look_up(view, ref, uv, 0.5F).x, 3.5F);
}

/// Mean of r over a level in linear light.
double mean_of(const TextureView& view, int level) {
  double sum = 0;
  const int width = mip_size(view.width, level);
  const int height = mip_size(view.height, level);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) sum += static_cast<double>(texel_at(view, level, x, y).x);
  }
  return sum / (width * height);
}

TEST(TraceTexture, AllLevelsHaveTheMeanOfTheFirst) {
  for (const auto& [width, height] : {std::pair{16, 8}, {17, 9}, {7, 1}, {1, 13}, {31, 64}}) {
    std::vector<Vec4> texels;
    for (int i = 0; i < width * height; ++i)
      texels.push_back({std::exp(2 * std::sin(static_cast<float>(i * i))), 0, 0, 1});
    const Looked exact(float_texture(width, height, texels));
    const Looked bytes(byte_texture(width, height, Format::srgb8,
                                    [](int x, int y) { return (x * 37 + y * 101) % 256; }));
    const int levels = mip_level_count(width, height);
    EXPECT_EQ(exact.view().level_count, levels);
    EXPECT_EQ(mip_size(width, levels - 1) * mip_size(height, levels - 1), 1);
    for (int level = 1; level < levels; ++level) {
      EXPECT_NEAR(mean_of(exact.view(), level) / mean_of(exact.view(), 0), 1, 1e-6);
      EXPECT_NEAR(mean_of(bytes.view(), level), mean_of(bytes.view(), 0), 0.004);
    }
  }
}

TEST(TraceTexture, OddSizesCoverEveryTexel) {
  // 3 texels in one: a third each.
  const Looked t(float_texture(3, 1, {{3, 0, 0, 1}, {6, 0, 0, 1}, {12, 0, 0, 1}}));
  EXPECT_FLOAT_EQ(texel_at(t.view(), 1, 0, 0).x, 7);
  // 5 in two: the middle one is shared.
  const Looked five(float_texture(
      5, 1, {{5, 0, 0, 1}, {10, 0, 0, 1}, {20, 0, 0, 1}, {0, 0, 0, 1}, {50, 0, 0, 1}}));
  EXPECT_FLOAT_EQ(texel_at(five.view(), 1, 0, 0).x, (5 + 10 + 10) / 2.5F);
  EXPECT_FLOAT_EQ(texel_at(five.view(), 1, 1, 0).x, (10 + 0 + 50) / 2.5F);
}

TEST(TraceTexture, LevelsAreNoMoreThanAViewHolds) {
  EXPECT_EQ(mip_level_count(1, 1), 1);
  EXPECT_EQ(mip_level_count(256, 3), 9);
  EXPECT_EQ(mip_level_count(1 << 20, 1), mip_levels_max);
}

}  // namespace
}  // namespace sovren::trace
