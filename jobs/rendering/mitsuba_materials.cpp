// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/mitsuba_materials.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "kernels/trace/math.h"

namespace sovren::jobs::mitsuba {
namespace {

using trace::Material;
using trace::Texture;
using trace::TextureRef;
using trace::Vec3;

constexpr int wraps_max = 16;  ///< BSDFs about each other

/// What a reference stands for; the element itself when it is none.
Result<Node> resolved(const Node& node) {
  if (node.tag() != "ref") return node;
  const auto found = node.document().by_id(node.id());
  if (!found) return fail(node.wrong("nothing has the id '" + node.id().substr(0, 60) + "'"));
  return *found;
}

/// The first child that is a BSDF, or refers to one.
Result<std::optional<Node>> bsdf_within(const Node& node) {
  for (const Node& child : node.children()) {
    if (child.tag() != "bsdf" && child.tag() != "ref") continue;
    SOVREN_TRY(found, resolved(child));
    if (found.tag() == "bsdf") return found;
  }
  return std::nullopt;
}

/// A number, or the name of what has it.
Result<float> index_of(const Node& bsdf, const char* name, float otherwise) {
  const auto found = bsdf.property(name);
  if (!found) return otherwise;
  constexpr std::pair<std::string_view, float> known[] = {
      {"vacuum", 1.0F},         {"air", 1.000277F},       {"water", 1.333F},
      {"water ice", 1.31F},     {"bk7", 1.5046F},         {"pyrex", 1.47F},
      {"acrylic glass", 1.49F}, {"fused quartz", 1.458F}, {"polypropylene", 1.49F},
      {"diamond", 2.419F},      {"amber", 1.55F},         {"pet", 1.575F},
      {"ethanol", 1.361F},      {"glycerol", 1.4729F}};
  for (const auto& [what, index] : known)
    if (found->attribute("value") == what) return index;
  SOVREN_TRY(value, bsdf.number(name, otherwise));
  if (!(value > 0)) return fail(found->wrong("an index of refraction must be more than 0"));
  return value;
}

/// Reflection of a metal head on, for red, green and blue: of n and k by P. Johnson and R. Christy
/// (1972) and others, as linear sRGB.
std::optional<Vec3> metal_color(std::string_view name) {
  constexpr std::pair<std::string_view, Vec3> known[] = {{"Ag", {0.96F, 0.95F, 0.92F}},
                                                         {"Al", {0.91F, 0.92F, 0.92F}},
                                                         {"Au", {1.0F, 0.77F, 0.34F}},
                                                         {"Cu", {0.95F, 0.64F, 0.54F}},
                                                         {"Cr", {0.55F, 0.56F, 0.55F}},
                                                         {"W", {0.5F, 0.49F, 0.48F}},
                                                         {"none", {1, 1, 1}}};
  for (const auto& [what, color] : known)
    if (what == name) return color;
  return std::nullopt;
}

Vec3 reflection(Vec3 n, Vec3 k) {
  const auto of = [](float eta, float extinction) {
    const float square = extinction * extinction;
    return (trace::square(eta - 1) + square) / (trace::square(eta + 1) + square);
  };
  return {of(n.x, k.x), of(n.y, k.y), of(n.z, k.z)};
}

bool begins_rough(const std::string& type) {
  return type.starts_with("rough");
}

}  // namespace

Result<int> Materials::of_shape(const Node& shape) {
  SOVREN_TRY(bsdf, bsdf_within(shape));
  const void* key = bsdf ? bsdf->identity() : nullptr;
  if (const auto found = number_of_.find(key); found != number_of_.end()) return found->second;
  Material material;
  material.base_color = {0.5F, 0.5F, 0.5F};
  material.specular = 0;
  if (bsdf) {
    SOVREN_TRY(read_one, read(*bsdf, 0));
    material = read_one;
  }
  made_.push_back(material);
  return number_of_[key] = static_cast<int>(made_.size()) - 1;
}

int Materials::shining(int base, Vec3 radiance) {
  Material material = made_[static_cast<std::size_t>(base)];
  material.emission = radiance;
  material.emits_backwards = false;
  made_.push_back(material);
  return static_cast<int>(made_.size()) - 1;
}

Result<Material> Materials::read(const Node& bsdf, int depth) {
  if (depth > wraps_max) return fail(bsdf.wrong("BSDFs stand about each other without an end"));
  const std::string type = bsdf.type();
  if (type == "twosided" || type == "mask" || type == "bumpmap" || type == "normalmap") {
    SOVREN_TRY(inner, bsdf_within(bsdf));
    if (!inner) return fail(bsdf.wrong("there is no BSDF within"));
    SOVREN_TRY(material, read(*inner, depth + 1));
    if (type == "bumpmap") bsdf.warn("the bumps are left out: give a normalmap");
    if (type == "mask") {
      Vec3 opacity{1, 1, 1};
      TextureRef map;
      SOVREN_DO(color_or_texture(bsdf, "opacity", {0.5F, 0.5F, 0.5F}, opacity, map));
      material.alpha = trace::luminance(opacity);
      material.alpha_mode = Material::Alpha::blend;
      if (map.texture >= 0) {
        SOVREN_TRY(made,
                   textures_.with_channel(material.base_color_texture.texture, 3, map.texture));
        if (material.base_color_texture.texture < 0) material.base_color_texture = map;
        material.base_color_texture.texture = made;
      }
    }
    if (type == "normalmap") {
      const auto map = bsdf.property("normalmap");
      if (!map) return fail(bsdf.wrong("there is no texture named normalmap"));
      SOVREN_TRY(found, texture(*map, false));
      material.normal_texture = found;
    }
    return material;
  }
  Material material;
  SOVREN_DO(read_plain(bsdf, type, material));
  return material;
}

Result<void> Materials::read_plain(const Node& bsdf, const std::string& type, Material& material) {
  if (type == "conductor" || type == "roughconductor") return read_conductor(bsdf, material);
  if (type == "dielectric" || type == "roughdielectric" || type == "thindielectric")
    return read_dielectric(bsdf, material);
  if (type == "plastic" || type == "roughplastic") return read_plastic(bsdf, material);
  if (type == "principled") return read_principled(bsdf, material);
  if (type != "diffuse") bsdf.warn("bsdf '" + type.substr(0, 40) + "' is taken as diffuse");
  material.specular = 0;
  return color_or_texture(bsdf, "reflectance", {0.5F, 0.5F, 0.5F}, material.base_color,
                          material.base_color_texture);
}

Result<float> Materials::roughness(const Node& bsdf, bool is_rough) {
  if (!is_rough) return 0.0F;
  SOVREN_TRY(alpha, bsdf.number("alpha", 0.1F));
  SOVREN_TRY(alpha_u, bsdf.number("alpha_u", alpha));
  SOVREN_TRY(alpha_v, bsdf.number("alpha_v", alpha));
  SOVREN_TRY(distribution, bsdf.text("distribution", "beckmann"));
  if (alpha_u != alpha_v) bsdf.warn("alpha_u and alpha_v are taken as their mean");
  if (distribution != "ggx") bsdf.warn("the distribution is taken as ggx");
  return trace::root(std::clamp((alpha_u + alpha_v) / 2, 0.0F, 1.0F));
}

Result<void> Materials::read_conductor(const Node& bsdf, Material& material) {
  material.metallic = 1;
  SOVREN_TRY(rough, roughness(bsdf, begins_rough(bsdf.type())));
  material.roughness = rough;
  Vec3 color{1, 1, 1};
  if (bsdf.property("eta") || bsdf.property("k")) {
    SOVREN_TRY(n, bsdf.color("eta", {0, 0, 0}));
    SOVREN_TRY(k, bsdf.color("k", {1, 1, 1}));
    color = reflection(n, k);
  } else {
    SOVREN_TRY(name, bsdf.text("material", "Cu"));
    const auto known = metal_color(name);
    if (!known) bsdf.warn("the metal '" + name.substr(0, 40) + "' is taken as aluminium");
    color = known.value_or(*metal_color("Al"));
  }
  SOVREN_DO(color_or_texture(bsdf, "specular_reflectance", {1, 1, 1}, material.base_color,
                             material.base_color_texture));
  material.base_color *= color;
  return {};
}

Result<void> Materials::read_dielectric(const Node& bsdf, Material& material) {
  SOVREN_TRY(inside, index_of(bsdf, "int_ior", 1.5046F));
  SOVREN_TRY(outside, index_of(bsdf, "ext_ior", 1.000277F));
  SOVREN_TRY(rough, roughness(bsdf, begins_rough(bsdf.type())));
  material.ior = inside / outside;
  if (material.ior < 1) {
    bsdf.warn("an index of refraction below 1 is taken as 1");
    material.ior = 1;
  }
  material.roughness = rough;
  material.transmission = 1;
  material.is_solid = bsdf.type() != "thindielectric";
  return color_or_texture(bsdf, "specular_transmittance", {1, 1, 1}, material.base_color,
                          material.base_color_texture);
}

Result<void> Materials::read_plastic(const Node& bsdf, Material& material) {
  SOVREN_TRY(inside, index_of(bsdf, "int_ior", 1.49F));
  SOVREN_TRY(outside, index_of(bsdf, "ext_ior", 1.000277F));
  SOVREN_TRY(rough, roughness(bsdf, begins_rough(bsdf.type())));
  material.ior = std::max(inside / outside, 1.0F);
  material.roughness = rough;
  return color_or_texture(bsdf, "diffuse_reflectance", {0.5F, 0.5F, 0.5F}, material.base_color,
                          material.base_color_texture);
}

Result<void> Materials::read_principled(const Node& bsdf, Material& material) {
  const auto share = [&](const char* name, float otherwise) {
    return bsdf.number(name, otherwise);
  };
  SOVREN_DO(color_or_texture(bsdf, "base_color", {0.5F, 0.5F, 0.5F}, material.base_color,
                             material.base_color_texture));
  SOVREN_TRY(rough, share("roughness", 0.5F));
  SOVREN_TRY(metallic, share("metallic", 0));
  SOVREN_TRY(specular, share("specular", 0.5F));
  SOVREN_TRY(sheen, share("sheen", 0));
  SOVREN_TRY(coat, share("clearcoat", 0));
  SOVREN_TRY(gloss, share("clearcoat_gloss", 0));
  SOVREN_TRY(transmission, share("spec_trans", 0));
  material.roughness = std::clamp(rough, 0.0F, 1.0F);
  material.metallic = std::clamp(metallic, 0.0F, 1.0F);
  // Reflection head on is 0.08 specular; eta, where it is given, says it instead.
  const float root = trace::root(0.08F * std::clamp(specular, 0.0F, 1.0F));
  SOVREN_TRY(ior, share("eta", (1 + root) / (1 - root)));
  material.ior = std::max(ior, 1.0F);
  material.sheen_color = Vec3{1, 1, 1} * std::clamp(sheen, 0.0F, 1.0F);
  material.sheen_roughness = 0.3F;
  // A quarter of the strength, as Disney's; its alpha runs from 0.1 to 0.001.
  material.clearcoat = std::clamp(coat, 0.0F, 1.0F) * 0.25F;
  material.clearcoat_roughness =
      trace::root(trace::mix(0.1F, 0.001F, std::clamp(gloss, 0.0F, 1.0F)));
  material.transmission = std::clamp(transmission, 0.0F, 1.0F);
  material.is_solid = transmission > 0;
  for (const char* name : {"anisotropic", "spec_tint", "sheen_tint", "flatness"})
    if (bsdf.property(name)) bsdf.warn(std::string("'") + name + "' is not read");
  return {};
}

Result<void> Materials::color_or_texture(const Node& bsdf, std::string_view name, Vec3 otherwise,
                                         Vec3& color, TextureRef& map) {
  color = otherwise;
  const auto found = bsdf.property(name);
  if (!found) return {};
  if (found->tag() != "texture" && found->tag() != "ref") {
    SOVREN_TRY(read_color, bsdf.color(name, otherwise));
    color = read_color;
    return {};
  }
  SOVREN_TRY(read_map, texture(*found, true));
  map = read_map;
  color = {1, 1, 1};
  return {};
}

Result<TextureRef> Materials::texture(const Node& node, bool is_color) {
  SOVREN_TRY(found, resolved(node));
  if (found.tag() != "texture") return fail(found.wrong("must be a texture"));
  TextureRef ref;
  if (found.type() == "bitmap") {
    SOVREN_TRY(made, bitmap(found, is_color));
    ref = made;
  } else if (found.type() == "checkerboard") {
    SOVREN_TRY(made, checkerboard(found));
    ref = made;
  } else {
    return fail(found.wrong("only bitmap and checkerboard are read"));
  }
  SOVREN_TRY(move, found.transform("to_uv"));
  const float moves[6] = {move.columns[0].x, move.columns[1].x, move.origin.x,
                          move.columns[0].y, move.columns[1].y, move.origin.y};
  std::copy_n(moves, 6, ref.m);
  return ref;
}

Result<TextureRef> Materials::bitmap(const Node& node, bool is_color) {
  SOVREN_TRY(name, node.text("filename", ""));
  SOVREN_TRY(is_raw, node.flag("raw", !is_color));
  SOVREN_TRY(filter, node.text("filter_type", "bilinear"));
  SOVREN_TRY(wrap, node.text("wrap_mode", "repeat"));
  auto loaded = textures_.load(node.document().path(), name, !is_raw);
  if (!loaded) {
    Error error = std::move(loaded).error();
    error.context.push_back(node.where() + ": a bitmap");
    return fail(std::move(error));
  }
  TextureRef ref;
  ref.texture = *loaded;
  if (filter == "bilinear" && wrap == "repeat") return ref;
  Texture other = textures_.at(*loaded);
  if (filter == "nearest") other.filter = Texture::Filter::nearest;
  const auto mode = wrap == "clamp"    ? Texture::Wrap::clamp
                    : wrap == "mirror" ? Texture::Wrap::mirror
                                       : Texture::Wrap::repeat;
  other.wrap_u = other.wrap_v = mode;
  ref.texture = textures_.add(std::move(other));
  return ref;
}

Result<TextureRef> Materials::checkerboard(const Node& node) {
  SOVREN_TRY(first, node.color("color0", {0.4F, 0.4F, 0.4F}));
  SOVREN_TRY(second, node.color("color1", {0.2F, 0.2F, 0.2F}));
  Texture board;
  board.name = "checkerboard";
  board.width = board.height = 2;
  board.format = Texture::Format::float32;
  board.filter = Texture::Filter::nearest;
  std::vector<float> texels;
  for (const Vec3 color : {first, second, second, first})
    texels.insert(texels.end(), {color.x, color.y, color.z, 1.0F});
  board.texels.resize(texels.size() * sizeof(float));
  std::memcpy(board.texels.data(), texels.data(), board.texels.size());
  TextureRef ref;
  ref.texture = textures_.add(std::move(board));
  return ref;
}

}  // namespace sovren::jobs::mitsuba
