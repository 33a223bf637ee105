// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/gltf_material_json.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/base/check.h"
#include "jobs/rendering/gltf_buffer.h"

namespace sovren::jobs {
namespace {

using text::Json;
using trace::Material;
using trace::TextureRef;
using trace::Vec3;

constexpr Vec3 white{1, 1, 1};

/// A material's object while it is filled: what is as the specification's default is left out.
class Writer {
 public:
  explicit Writer(std::set<std::string>& used) : used_(used) {}

  Json texture(const TextureRef& ref) {
    Json info{{"index", ref.texture}};
    if (ref.uv_set != 0) info["texCoord"] = ref.uv_set;
    const float* m = ref.m;
    const TextureRef plain;
    if (!std::equal(m, m + 6, plain.m)) {
      SOVREN_CHECK(m[1] == 0 && m[3] == 0, "no scene of ours turns a texture");
      const Json move{{"offset", {shortest(m[2]), shortest(m[5])}},
                      {"scale", {shortest(m[0]), shortest(m[4])}}};
      used_.insert("KHR_texture_transform");
      info["extensions"]["KHR_texture_transform"] = move;
    }
    return info;
  }

  void set(Json& to, const char* key, const TextureRef& ref) {
    if (ref.texture >= 0) to[key] = texture(ref);
  }
  static void set(Json& to, const char* key, float value, float usual) {
    if (value != usual) to[key] = shortest(value);
  }
  static void set(Json& to, const char* key, Vec3 value, Vec3 usual) {
    if (value != usual) to[key] = shortest(value);
  }
  void extend(Json& material, const char* name, Json extension) {
    if (extension.empty()) return;
    used_.insert(name);
    material["extensions"][name] = std::move(extension);
  }

 private:
  std::set<std::string>& used_;
};

Json metallic_roughness(const Material& material, Writer& writer) {
  Json pbr = Json::object();
  const Vec3 color = material.base_color;
  if (color != white || material.alpha != 1)
    pbr["baseColorFactor"] = {shortest(color.x), shortest(color.y), shortest(color.z),
                              shortest(material.alpha)};
  writer.set(pbr, "baseColorTexture", material.base_color_texture);
  Writer::set(pbr, "metallicFactor", material.metallic, 1);
  Writer::set(pbr, "roughnessFactor", material.roughness, 1);
  writer.set(pbr, "metallicRoughnessTexture", material.metallic_roughness_texture);
  return pbr;
}

void write_emission(Json& json, const Material& material, Writer& writer) {
  const float strength = std::max(1.0F, trace::largest(material.emission));
  Writer::set(json, "emissiveFactor", material.emission * (1 / strength), Vec3{0, 0, 0});
  writer.set(json, "emissiveTexture", material.emission_texture);
  Json extension = Json::object();
  Writer::set(extension, "emissiveStrength", strength, 1);
  writer.extend(json, "KHR_materials_emissive_strength", std::move(extension));
}

void write_dielectric(Json& json, const Material& material, Writer& writer) {
  Json ior = Json::object();
  Writer::set(ior, "ior", material.ior, 1.5F);
  writer.extend(json, "KHR_materials_ior", std::move(ior));

  Json specular = Json::object();
  Writer::set(specular, "specularFactor", material.specular, 1);
  writer.set(specular, "specularTexture", material.specular_texture);
  Writer::set(specular, "specularColorFactor", material.specular_color, white);
  writer.set(specular, "specularColorTexture", material.specular_color_texture);
  writer.extend(json, "KHR_materials_specular", std::move(specular));

  Json transmission = Json::object();
  Writer::set(transmission, "transmissionFactor", material.transmission, 0);
  writer.set(transmission, "transmissionTexture", material.transmission_texture);
  writer.extend(json, "KHR_materials_transmission", std::move(transmission));

  if (!material.is_solid) return;
  Json volume{{"thicknessFactor", 1}};  // any but 0: there is a body, of the mesh's own thickness
  Writer::set(volume, "attenuationColor", material.attenuation_color, white);
  if (std::isfinite(material.attenuation_distance))
    volume["attenuationDistance"] = shortest(material.attenuation_distance);
  writer.extend(json, "KHR_materials_volume", std::move(volume));
}

void write_coats(Json& json, const Material& material, Writer& writer) {
  Json coat = Json::object();
  Writer::set(coat, "clearcoatFactor", material.clearcoat, 0);
  writer.set(coat, "clearcoatTexture", material.clearcoat_texture);
  Writer::set(coat, "clearcoatRoughnessFactor", material.clearcoat_roughness, 0);
  writer.set(coat, "clearcoatRoughnessTexture", material.clearcoat_roughness_texture);
  writer.set(coat, "clearcoatNormalTexture", material.clearcoat_normal_texture);
  if (coat.contains("clearcoatNormalTexture"))
    Writer::set(coat["clearcoatNormalTexture"], "scale", material.clearcoat_normal_scale, 1);
  writer.extend(json, "KHR_materials_clearcoat", std::move(coat));

  Json sheen = Json::object();
  Writer::set(sheen, "sheenColorFactor", material.sheen_color, Vec3{0, 0, 0});
  writer.set(sheen, "sheenColorTexture", material.sheen_color_texture);
  Writer::set(sheen, "sheenRoughnessFactor", material.sheen_roughness, 0);
  writer.set(sheen, "sheenRoughnessTexture", material.sheen_roughness_texture);
  writer.extend(json, "KHR_materials_sheen", std::move(sheen));
}

}  // namespace

Json gltf_material(const Material& material, const std::string& name, std::set<std::string>& used) {
  Writer writer(used);
  Json json{{"name", name}, {"pbrMetallicRoughness", metallic_roughness(material, writer)}};
  writer.set(json, "normalTexture", material.normal_texture);
  if (json.contains("normalTexture"))
    Writer::set(json["normalTexture"], "scale", material.normal_scale, 1);
  if (material.alpha_mode != Material::Alpha::opaque)
    json["alphaMode"] = material.alpha_mode == Material::Alpha::mask ? "MASK" : "BLEND";
  if (material.alpha_mode == Material::Alpha::mask)
    Writer::set(json, "alphaCutoff", material.alpha_cutoff, 0.5F);
  json["doubleSided"] = true;
  write_emission(json, material, writer);
  write_dielectric(json, material, writer);
  write_coats(json, material, writer);
  if (material.is_unlit) {
    used.insert("KHR_materials_unlit");
    json["extensions"]["KHR_materials_unlit"] = Json::object();
  }
  if (material.subsurface != 0)
    json["extras"]["sovren_subsurface"] = {
        {"weight", shortest(material.subsurface)},
        {"radius", shortest(material.subsurface_radius)},
        {"anisotropy", shortest(material.subsurface_anisotropy)}};
  return json;
}

}  // namespace sovren::jobs
