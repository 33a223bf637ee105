// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "kernels/trace/scene.h"

namespace sovren::jobs::gltf {

class Document;
class Place;

/// Decodes the images that materials look up, each once for colours and once for data, and makes
/// one texture of each with each of its samplers' wrapping and filter.
class Textures {
 public:
  enum class Holds { color, data };

  explicit Textures(Document& document) : document_(document) {}

  /// What a textureInfo says, the member `key` of owner; KHR_texture_transform is applied. No
  /// texture when it is absent, or when it wants a third set of texture coordinates (a warning).
  /// Errors   input_missing, data_invalid, refused: of the image.
  Result<trace::TextureRef> ref(const Place& owner, const char* key, Holds holds);

  std::vector<trace::Texture> take() { return std::move(textures_); }

 private:
  using Wrap = trace::Texture::Wrap;
  using Filter = trace::Texture::Filter;
  using Key = std::tuple<int, Holds, Wrap, Wrap, Filter>;

  Result<int> texture(int index, Holds holds);
  Result<trace::Texture> image(int index, Holds holds);

  Document& document_;
  std::vector<trace::Texture> textures_;
  std::map<Key, int> made_;                        // image and sampler: texture
  std::map<std::pair<int, Holds>, int> of_image_;  // image: a texture that has its texels
};

}  // namespace sovren::jobs::gltf
