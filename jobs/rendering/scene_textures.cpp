// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/scene_textures.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <utility>

#include "jobs/kind/input_file.h"
#include "jobs/rendering/file_beside.h"
#include "jobs/rendering/picture.h"

namespace sovren::jobs {
namespace {

using trace::Texture;

constexpr std::size_t channels = 4;

std::size_t texel_bytes(const Texture& texture) {
  return texture.format == Texture::Format::float32 ? channels * sizeof(float) : channels;
}

/// Red of a texel, from 0 to 1 where the texture is of bytes. As the file has it: not decoded.
float red_of(const Texture& texture, std::size_t texel) {
  const std::byte* at = texture.texels.data() + texel * texel_bytes(texture);
  if (texture.format != Texture::Format::float32)
    return static_cast<float>(std::to_integer<unsigned>(*at)) / 255;
  float value = 0;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

void set(Texture& texture, std::size_t texel, std::size_t channel, float value) {
  std::byte* at = texture.texels.data() + texel * texel_bytes(texture);
  if (texture.format == Texture::Format::float32)
    std::memcpy(at + channel * sizeof(float), &value, sizeof(value));
  else
    at[channel] = static_cast<std::byte>(std::lround(std::clamp(value, 0.0F, 1.0F) * 255));
}

}  // namespace

Result<int> SceneTextures::load(const std::string& named_in, const std::string& name,
                                bool is_color) {
  std::string plain = name;
  std::ranges::replace(plain, '\\', '/');
  SOVREN_TRY(path, path_beside(named_in, plain));
  const std::pair key(path, is_color);
  if (const auto found = loaded_.find(key); found != loaded_.end()) return found->second;
  SOVREN_TRY(file, MappedFile::open(path));
  SOVREN_TRY(texture, decode_texture(file.bytes(), path, is_color, bytes_left_));
  bytes_left_ -= std::ssize(texture.texels);
  texture.name = plain;
  return loaded_[key] = add(std::move(texture));
}

int SceneTextures::add(Texture texture) {
  textures_.push_back(std::move(texture));
  return static_cast<int>(textures_.size()) - 1;
}

Result<int> SceneTextures::with_channel(int base, int to, int source) {
  Texture made;
  if (base >= 0) {
    made = at(base);
  } else {
    made = at(source);
    made.format = Texture::Format::linear8;
    made.texels.assign(
        static_cast<std::size_t>(made.width) * static_cast<std::size_t>(made.height) * channels,
        std::byte{255});
  }
  if (std::ssize(made.texels) > bytes_left_)
    return fail({.code = Code::refused, .what = "the textures need more memory than is allowed"});
  bytes_left_ -= std::ssize(made.texels);
  const Texture& from = at(source);
  for (int y = 0; y < made.height; ++y)
    for (int x = 0; x < made.width; ++x) {
      const auto nearest = [](int i, int size, int other) {
        return static_cast<std::size_t>(std::int64_t{i} * other / size);
      };
      const std::size_t texel =
          nearest(y, made.height, from.height) * static_cast<std::size_t>(from.width) +
          nearest(x, made.width, from.width);
      set(made,
          static_cast<std::size_t>(y) * static_cast<std::size_t>(made.width) +
              static_cast<std::size_t>(x),
          static_cast<std::size_t>(to), red_of(from, texel));
    }
  return add(std::move(made));
}

}  // namespace sovren::jobs
