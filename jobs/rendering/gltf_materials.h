// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <vector>

#include "core/base/result.h"
#include "jobs/rendering/gltf_textures.h"
#include "kernels/trace/material.h"

namespace sovren::jobs::gltf {

class Document;
class Place;

/// The materials that meshes name, read when they are first asked for.
///
/// An occlusion texture is checked, but not applied: a path tracer finds out by itself what light
/// a crevice does not get. A surface shows both sides whether or not it is doubleSided, as in
/// Blender.
class Materials {
 public:
  explicit Materials(Document& document) : document_(document), textures_(document) {}

  /// The number in take() of a document's material; -1: of glTF's default material.
  Result<int> number_of(int index);

  std::vector<trace::Material> take() { return std::move(materials_); }
  std::vector<trace::Texture> take_textures() { return textures_.take(); }

 private:
  Result<trace::Material> read(const Place& place);
  Result<void> read_metallic_roughness(const Place& place, trace::Material& material);
  Result<void> read_emission(const Place& place, trace::Material& material);
  Result<void> read_dielectric(const Place& place, trace::Material& material);
  Result<void> read_layers(const Place& place, trace::Material& material);
  Result<trace::TextureRef> normal_texture(const Place& owner, const char* key, float& scale);

  Document& document_;
  Textures textures_;
  std::vector<trace::Material> materials_;
  std::map<int, int> made_;
};

}  // namespace sovren::jobs::gltf
