// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <vector>

#include "jobs/rendering/mitsuba_xml.h"
#include "jobs/rendering/scene_textures.h"
#include "kernels/trace/material.h"

namespace sovren::jobs::mitsuba {

/// Makes materials of Mitsuba's BSDFs, each once: diffuse, conductor, roughconductor, dielectric,
/// thindielectric, roughdielectric, plastic, roughplastic, principled; twosided, mask, bumpmap (not
/// its bumps: a warning) and normalmap about them. Another one is grey, with a warning.
///
/// Roughness is the root of alpha. Metals reflect as n and k of their kind do, head on.
class Materials {
 public:
  explicit Materials(SceneTextures& textures) : textures_(textures) {}

  /// The number of what a shape's bsdf, or its reference, is; without one, diffuse of 0.5.
  Result<int> of_shape(const Node& shape);
  /// The same, but shining towards its front only.
  int shining(int base, trace::Vec3 radiance);
  std::vector<trace::Material> take() { return std::move(made_); }

 private:
  Result<trace::Material> read(const Node& bsdf, int depth);
  Result<void> read_plain(const Node& bsdf, const std::string& type, trace::Material& material);
  Result<void> read_conductor(const Node& bsdf, trace::Material& material);
  Result<void> read_dielectric(const Node& bsdf, trace::Material& material);
  Result<void> read_plastic(const Node& bsdf, trace::Material& material);
  Result<void> read_principled(const Node& bsdf, trace::Material& material);
  Result<float> roughness(const Node& bsdf, bool is_rough);
  Result<void> color_or_texture(const Node& bsdf, std::string_view name, trace::Vec3 otherwise,
                                trace::Vec3& color, trace::TextureRef& texture);
  Result<trace::TextureRef> texture(const Node& node, bool is_color);
  Result<trace::TextureRef> bitmap(const Node& node, bool is_color);
  Result<trace::TextureRef> checkerboard(const Node& node);

  SceneTextures& textures_;
  std::vector<trace::Material> made_;
  std::map<const void*, int> number_of_;
};

}  // namespace sovren::jobs::mitsuba
