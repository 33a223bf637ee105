// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/gltf_materials.h"

#include <array>
#include <limits>
#include <utility>

#include "jobs/rendering/gltf_document.h"
#include "jobs/rendering/gltf_place.h"

namespace sovren::jobs::gltf {

using trace::Material;
using trace::TextureRef;
using trace::Vec3;
using Holds = Textures::Holds;

namespace {

constexpr float any = std::numeric_limits<float>::max();

/// Numbers from 0 to `high`.
Result<Vec3> read_color(const Place& place, const char* key, Vec3 usual, float high = 1) {
  SOVREN_TRY(c, place.numbers(key, std::array<float, 3>{usual.x, usual.y, usual.z}));
  for (const float value : c)
    if (value < 0 || value > high)
      return place.wrong_at(
          key, high == 1 ? "its numbers must be from 0 to 1" : "its numbers must not be negative");
  return Vec3{c[0], c[1], c[2]};
}

Material default_material() {
  Material material;
  material.metallic = 1;
  return material;
}

Result<void> read_alpha(const Place& place, Material& material) {
  SOVREN_TRY(mode, place.text("alphaMode", "OPAQUE"));
  SOVREN_TRY(cutoff, place.number("alphaCutoff", 0.5F, 0, any));
  material.alpha_cutoff = cutoff;
  if (mode == "MASK")
    material.alpha_mode = Material::Alpha::mask;
  else if (mode == "BLEND")
    material.alpha_mode = Material::Alpha::blend;
  else if (mode != "OPAQUE")
    return place.wrong_at("alphaMode",
                          "must be OPAQUE, MASK or BLEND, not '" + mode.substr(0, 20) + "'");
  return {};
}

Result<void> read_volume(const Place& place, Material& material) {
  SOVREN_TRY(volume, place.extension("KHR_materials_volume"));
  if (!volume) return {};
  SOVREN_TRY(thickness, volume->number("thicknessFactor", 0, 0, any));
  SOVREN_TRY(color, read_color(*volume, "attenuationColor", {1, 1, 1}));
  SOVREN_TRY(distance,
             volume->number("attenuationDistance", material.attenuation_distance, 0, any));
  if (distance == 0) return volume->wrong_at("attenuationDistance", "must be more than 0");
  // How thick it is, rays find out.
  material.is_solid = thickness > 0;
  material.attenuation_color = color;
  material.attenuation_distance = distance;
  return {};
}

// Our own: glTF has no extension for it that is ratified.
Result<void> read_subsurface(const Place& place, Material& material) {
  SOVREN_TRY(extras, place.object("extras"));
  if (!extras) return {};
  SOVREN_TRY(subsurface, extras->object("sovren_subsurface"));
  if (!subsurface) return {};
  const Vec3 usual = material.subsurface_radius;
  SOVREN_TRY(weight, subsurface->number("weight", 1, 0, 1));
  SOVREN_TRY(radius, read_color(*subsurface, "radius", usual, any));
  SOVREN_TRY(anisotropy, subsurface->number("anisotropy", 0, -0.99F, 0.99F));
  material.subsurface = weight;
  material.subsurface_radius = radius;
  material.subsurface_anisotropy = anisotropy;
  return {};
}

}  // namespace

Result<int> Materials::number_of(int index) {
  if (const auto found = made_.find(index); found != made_.end()) return found->second;
  Material material = default_material();
  if (index >= 0) {
    SOVREN_TRY(read_one, read(document_.item(Part::materials, index)));
    material = read_one;
  }
  const int to = static_cast<int>(materials_.size());
  materials_.push_back(material);
  made_[index] = to;
  return to;
}

Result<Material> Materials::read(const Place& place) {
  Material material = default_material();
  SOVREN_DO(read_metallic_roughness(place, material));
  SOVREN_TRY(normal, normal_texture(place, "normalTexture", material.normal_scale));
  material.normal_texture = normal;
  SOVREN_TRY(occlusion, place.object("occlusionTexture"));
  if (occlusion)
    SOVREN_DO(occlusion->needed_index("index", "textures", document_.count(Part::textures)));
  SOVREN_DO(read_emission(place, material));
  SOVREN_DO(read_alpha(place, material));
  SOVREN_DO(read_dielectric(place, material));
  SOVREN_DO(read_volume(place, material));
  SOVREN_DO(read_layers(place, material));
  SOVREN_DO(read_subsurface(place, material));
  SOVREN_TRY(unlit, place.extension("KHR_materials_unlit"));
  material.is_unlit = unlit.has_value();
  return material;
}

Result<void> Materials::read_metallic_roughness(const Place& place, Material& material) {
  SOVREN_TRY(pbr, place.object("pbrMetallicRoughness"));
  if (!pbr) return {};
  SOVREN_TRY(color, pbr->numbers("baseColorFactor", std::array<float, 4>{1, 1, 1, 1}));
  for (const float value : color)
    if (value < 0 || value > 1)
      return pbr->wrong_at("baseColorFactor", "its numbers must be from 0 to 1");
  SOVREN_TRY(metallic, pbr->number("metallicFactor", 1, 0, 1));
  SOVREN_TRY(roughness, pbr->number("roughnessFactor", 1, 0, 1));
  SOVREN_TRY(color_texture, textures_.ref(*pbr, "baseColorTexture", Holds::color));
  SOVREN_TRY(texture, textures_.ref(*pbr, "metallicRoughnessTexture", Holds::data));
  material.base_color = {color[0], color[1], color[2]};
  material.alpha = color[3];
  material.metallic = metallic;
  material.roughness = roughness;
  material.base_color_texture = color_texture;
  material.metallic_roughness_texture = texture;
  return {};
}

Result<TextureRef> Materials::normal_texture(const Place& owner, const char* key, float& scale) {
  SOVREN_TRY(info, owner.object(key));
  if (!info) return TextureRef{};
  SOVREN_TRY(factor, info->number("scale", 1));
  scale = factor;
  return textures_.ref(owner, key, Holds::data);
}

Result<void> Materials::read_emission(const Place& place, Material& material) {
  SOVREN_TRY(color, read_color(place, "emissiveFactor", {0, 0, 0}));
  SOVREN_TRY(texture, textures_.ref(place, "emissiveTexture", Holds::color));
  SOVREN_TRY(extension, place.extension("KHR_materials_emissive_strength"));
  float strength = 1;
  if (extension) {
    SOVREN_TRY(factor, extension->number("emissiveStrength", 1, 0, any));
    strength = factor;
  }
  material.emission = color * strength;
  material.emission_texture = texture;
  return {};
}

Result<void> Materials::read_dielectric(const Place& place, Material& material) {
  SOVREN_TRY(ior, place.extension("KHR_materials_ior"));
  if (ior) {
    SOVREN_TRY(value, ior->number("ior", 1.5F, 0, any));
    if (value > 0 && value < 1) return ior->wrong_at("ior", "must be 0 or at least 1");
    // 0 asks for reflection of everything, as metals of older files need it; so does this.
    material.ior = value == 0 ? 1e4F : value;
  }
  SOVREN_TRY(specular, place.extension("KHR_materials_specular"));
  if (specular) {
    SOVREN_TRY(factor, specular->number("specularFactor", 1, 0, 1));
    SOVREN_TRY(texture, textures_.ref(*specular, "specularTexture", Holds::data));
    SOVREN_TRY(color, read_color(*specular, "specularColorFactor", {1, 1, 1}, any));
    SOVREN_TRY(color_texture, textures_.ref(*specular, "specularColorTexture", Holds::color));
    material.specular = factor;
    material.specular_texture = texture;
    material.specular_color = color;
    material.specular_color_texture = color_texture;
  }
  SOVREN_TRY(transmission, place.extension("KHR_materials_transmission"));
  if (transmission) {
    SOVREN_TRY(factor, transmission->number("transmissionFactor", 0, 0, 1));
    SOVREN_TRY(texture, textures_.ref(*transmission, "transmissionTexture", Holds::data));
    material.transmission = factor;
    material.transmission_texture = texture;
  }
  return {};
}

Result<void> Materials::read_layers(const Place& place, Material& material) {
  SOVREN_TRY(coat, place.extension("KHR_materials_clearcoat"));
  if (coat) {
    SOVREN_TRY(factor, coat->number("clearcoatFactor", 0, 0, 1));
    SOVREN_TRY(texture, textures_.ref(*coat, "clearcoatTexture", Holds::data));
    SOVREN_TRY(roughness, coat->number("clearcoatRoughnessFactor", 0, 0, 1));
    SOVREN_TRY(rough_texture, textures_.ref(*coat, "clearcoatRoughnessTexture", Holds::data));
    SOVREN_TRY(normal,
               normal_texture(*coat, "clearcoatNormalTexture", material.clearcoat_normal_scale));
    material.clearcoat = factor;
    material.clearcoat_texture = texture;
    material.clearcoat_roughness = roughness;
    material.clearcoat_roughness_texture = rough_texture;
    material.clearcoat_normal_texture = normal;
  }
  SOVREN_TRY(sheen, place.extension("KHR_materials_sheen"));
  if (sheen) {
    SOVREN_TRY(color, read_color(*sheen, "sheenColorFactor", {0, 0, 0}));
    SOVREN_TRY(texture, textures_.ref(*sheen, "sheenColorTexture", Holds::color));
    SOVREN_TRY(roughness, sheen->number("sheenRoughnessFactor", 0, 0, 1));
    SOVREN_TRY(rough_texture, textures_.ref(*sheen, "sheenRoughnessTexture", Holds::data));
    material.sheen_color = color;
    material.sheen_color_texture = texture;
    material.sheen_roughness = roughness;
    material.sheen_roughness_texture = rough_texture;
  }
  return {};
}

}  // namespace sovren::jobs::gltf
