// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits>

#include "kernels/trace/vec.h"

namespace sovren::trace {

/// Where a parameter looks an image up.
struct TextureRef {
  int texture = -1;  ///< of Scene::textures; -1: none
  int uv_set = 0;
  /// KHR_texture_transform: (u', v') = (m[0] u + m[1] v + m[2], m[3] u + m[4] v + m[5]).
  float m[6] = {1, 0, 0, 0, 1, 0};
  bool operator==(const TextureRef&) const = default;
};

/// A surface, as glTF's metallic-roughness model and its extensions describe it, and a little more.
/// Colours are linear sRGB. A texture multiplies the number beside it.
struct Material {
  enum class Alpha { opaque, mask, blend };

  Vec3 base_color{1, 1, 1};
  float alpha = 1;
  TextureRef base_color_texture;  ///< rgb and alpha
  Alpha alpha_mode = Alpha::opaque;
  float alpha_cutoff = 0.5F;  ///< mask: below it there is nothing

  float metallic = 0;
  float roughness = 1;                    ///< perceptual; GGX's alpha is its square
  TextureRef metallic_roughness_texture;  ///< g: roughness, b: metallic
  TextureRef normal_texture;
  float normal_scale = 1;

  /// KHR_materials_ior and _specular: the dielectric's reflection at normal incidence is
  /// min(((ior - 1) / (ior + 1))^2 specular_color, 1) specular. specular 0: plain Lambert.
  float ior = 1.5F;
  float specular = 1;
  TextureRef specular_texture;  ///< a
  Vec3 specular_color{1, 1, 1};
  TextureRef specular_color_texture;

  Vec3 emission{0, 0, 0};  ///< radiance, KHR_materials_emissive_strength multiplied in
  TextureRef emission_texture;
  bool emits_backwards = true;  ///< does the back shine too? (The front is where normals point.)

  float transmission = 0;           ///< share of the dielectric base that lets light through
  TextureRef transmission_texture;  ///< r
  /// KHR_materials_volume: is there a body behind the surface? Else it is a thin sheet, which
  /// light passes without being bent.
  bool is_solid = false;
  Vec3 attenuation_color{1, 1, 1};  ///< what is left of white light after attenuation_distance
  float attenuation_distance = std::numeric_limits<float>::infinity();

  float clearcoat = 0;
  TextureRef clearcoat_texture;  ///< r
  float clearcoat_roughness = 0;
  TextureRef clearcoat_roughness_texture;  ///< g
  TextureRef clearcoat_normal_texture;
  float clearcoat_normal_scale = 1;

  Vec3 sheen_color{0, 0, 0};
  TextureRef sheen_color_texture;
  float sheen_roughness = 0;
  TextureRef sheen_roughness_texture;  ///< a

  /// Subsurface scattering by random walk replaces this share of the diffuse part.
  float subsurface = 0;
  Vec3 subsurface_radius{1, 0.4F, 0.2F};  ///< mean free path of each channel, in scene units
  float subsurface_anisotropy = 0;        ///< g of Henyey and Greenstein

  bool is_unlit = false;  ///< KHR_materials_unlit: base_color is what is seen, it lights nothing

  bool operator==(const Material&) const = default;
};

}  // namespace sovren::trace
