// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/mtl_reader.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "jobs/kind/input_file.h"
#include "jobs/rendering/text_lines.h"
#include "kernels/trace/math.h"

namespace sovren::jobs {
namespace {

using trace::Material;
using trace::TextureRef;
using trace::Vec3;

/// What a material's lines say, before it is known which model they follow.
struct Raw {
  std::string name;
  Vec3 diffuse{0.8F, 0.8F, 0.8F}, specular{0, 0, 0}, emission{0, 0, 0}, filter{1, 1, 1};
  float shininess = 0, ior = 1.5F, opacity = 1;
  int illum = 2;
  std::optional<float> roughness, metallic, sheen, coat, coat_roughness;
  TextureRef diffuse_map, specular_map, emission_map, opacity_map, normal_map;
  TextureRef roughness_map, metallic_map;
  float normal_scale = 1;
};

class MtlReader {
 public:
  MtlReader(const std::string& path, std::string_view text, SceneTextures& textures,
            std::vector<std::string>& warnings)
      : path_(path), lines_(path, text), textures_(textures), warnings_(warnings) {}

  Result<std::vector<NamedMaterial>> read() {
    while (lines_.next()) {
      const std::string_view key = lines_.words()[0];
      if (key == "newmtl") {
        SOVREN_DO(finish());
        raw_ = Raw{.name = lines_.rest(1)};
        continue;
      }
      if (!raw_)
        return fail(
            lines_.wrong("'" + std::string(key.substr(0, 20)) + "' stands before any newmtl"));
      SOVREN_DO(read_line(key));
    }
    SOVREN_DO(finish());
    return std::move(made_);
  }

 private:
  Result<void> read_line(std::string_view key) {
    SOVREN_TRY(is_color, read_color(key));
    if (is_color) return {};
    SOVREN_TRY(is_number, read_number(key));
    if (is_number) return {};
    SOVREN_TRY(is_map, read_map(key));
    if (is_map) return {};
    constexpr std::string_view harmless[] = {"Ka", "map_Ka", "sharpness"};
    if (std::ranges::find(harmless, key) == std::end(harmless) && told_.emplace(key).second)
      warnings_.push_back(lines_.where() + ": '" + std::string(key.substr(0, 20)) +
                          "' is not read");
    return {};
  }

  Result<bool> read_color(std::string_view key) {
    Vec3* to = key == "Kd"   ? &raw_->diffuse
               : key == "Ks" ? &raw_->specular
               : key == "Ke" ? &raw_->emission
               : key == "Tf" ? &raw_->filter
                             : nullptr;
    if (to == nullptr) return false;
    SOVREN_TRY(red, lines_.number(1));
    *to = {red, red, red};
    if (lines_.words().size() > 2) {
      SOVREN_TRY(green, lines_.number(2));
      SOVREN_TRY(blue, lines_.number(3));
      *to = {red, green, blue};
    }
    if (std::min({to->x, to->y, to->z}) < 0) return fail(lines_.wrong("a colour below 0"));
    return true;
  }

  Result<bool> read_number(std::string_view key) {
    constexpr std::string_view keys[] = {"Ns", "Ni", "d",  "Tr", "illum",
                                         "Pr", "Pm", "Ps", "Pc", "Pcr"};
    if (std::ranges::find(keys, key) == std::end(keys)) return false;
    // "d -halo 0.5": fading at edges is not known.
    const bool is_halo = lines_.words().size() > 2 && lines_.words()[1] == "-halo";
    SOVREN_TRY(value, lines_.number(is_halo ? 2 : 1));
    const float share = std::clamp(value, 0.0F, 1.0F);
    if (key == "Ns") raw_->shininess = std::max(value, 0.0F);
    if (key == "Ni") raw_->ior = std::clamp(value, 1.0F, 4.0F);
    if (key == "d") raw_->opacity = share;
    if (key == "Tr") raw_->opacity = 1 - share;
    if (key == "illum") raw_->illum = static_cast<int>(std::clamp(value, 0.0F, 10.0F));
    if (key == "Pr") raw_->roughness = share;
    if (key == "Pm") raw_->metallic = share;
    if (key == "Ps") raw_->sheen = share;
    if (key == "Pc") raw_->coat = share;
    if (key == "Pcr") raw_->coat_roughness = share;
    return true;
  }

  Result<bool> read_map(std::string_view key) {
    TextureRef* to = nullptr;
    bool is_color = false;
    if (key == "map_Kd") to = &raw_->diffuse_map, is_color = true;
    if (key == "map_Ks") to = &raw_->specular_map, is_color = true;
    if (key == "map_Ke") to = &raw_->emission_map, is_color = true;
    if (key == "map_d") to = &raw_->opacity_map;
    if (key == "map_Pr") to = &raw_->roughness_map;
    if (key == "map_Pm") to = &raw_->metallic_map;
    if (key == "norm" || key == "map_Kn" || key == "map_norm") to = &raw_->normal_map;
    if (to == nullptr) return false;
    SOVREN_TRY(ref, read_texture(is_color, to == &raw_->normal_map));
    *to = ref;
    return true;
  }

  /// Options, then the file's name. v runs up in MTL: (u, v) -> (su u + ou, 1 - (sv (1 - v) + ov)).
  Result<TextureRef> read_texture(bool is_color, bool is_normal) {
    const auto& words = lines_.words();
    float scale[2] = {1, 1}, offset[2] = {0, 0};
    bool is_clamped = false;
    std::size_t at = 1;
    while (at < words.size() && words[at].size() > 1 && words[at][0] == '-') {
      const std::string_view option = words[at++];
      if (option == "-clamp") {
        is_clamped = at < words.size() && words[at] == "on";
      } else if (option == "-bm") {
        SOVREN_TRY(value, lines_.number(at));
        if (is_normal) raw_->normal_scale = value;
      } else if (option == "-s" || option == "-o") {
        // One to three numbers.
        for (std::size_t i = 0; i < 3 && at < words.size(); ++i, ++at) {
          const auto value = lines_.number(at);
          if (!value) break;
          if (i < 2) (option == "-s" ? scale : offset)[i] = *value;
        }
        continue;
      } else {
        const std::size_t count = option == "-mm" ? 2 : option == "-t" ? 3 : 1;
        at += count;
        continue;
      }
      ++at;
    }
    const std::string name = lines_.rest(at);
    if (name.empty()) return fail(lines_.wrong("a texture without a file"));
    auto loaded = textures_.load(path_, name, is_color);
    if (!loaded) {
      Error error = std::move(loaded).error();
      error.context.push_back(lines_.where() + ": material '" + raw_->name + "'");
      return fail(std::move(error));
    }
    TextureRef ref;
    ref.texture = *loaded;
    if (is_clamped) {
      trace::Texture copy = textures_.at(*loaded);
      copy.wrap_u = copy.wrap_v = trace::Texture::Wrap::clamp;
      ref.texture = textures_.add(std::move(copy));
    }
    const float moves[6] = {scale[0], 0, offset[0], 0, scale[1], 1 - scale[1] - offset[1]};
    std::copy_n(moves, 6, ref.m);
    return ref;
  }

  Result<void> finish() {
    if (!raw_) return {};
    SOVREN_TRY(material, material_of(*raw_));
    made_.push_back({raw_->name, material});
    return {};
  }

  Result<Material> material_of(const Raw& raw) {
    Material m;
    m.base_color = raw.diffuse;
    m.base_color_texture = raw.diffuse_map;
    m.ior = raw.ior;
    m.alpha = raw.opacity;
    m.emission = raw.emission;
    m.emission_texture = raw.emission_map;
    if (raw.emission_map.texture >= 0 && trace::is_black(m.emission)) m.emission = {1, 1, 1};
    m.normal_texture = raw.normal_map;
    m.normal_scale = raw.normal_scale;
    const bool is_physical = raw.roughness || raw.metallic || raw.sheen || raw.coat ||
                             raw.roughness_map.texture >= 0 || raw.metallic_map.texture >= 0;
    if (is_physical)
      SOVREN_DO(add_physical(raw, m));
    else
      add_shininess(raw, m);
    if (raw.illum == 4 || raw.illum == 6 || raw.illum == 7 || raw.illum == 9) {
      m.transmission = 1;
      m.is_solid = true;
      m.specular = 1;
      m.base_color = raw.filter;
      m.base_color_texture = {};
      m.alpha = 1;
      if (!is_physical) m.roughness = 0;
    }
    if (raw.opacity_map.texture >= 0) {
      SOVREN_TRY(combined,
                 textures_.with_channel(m.base_color_texture.texture, 3, raw.opacity_map.texture));
      if (m.base_color_texture.texture < 0) m.base_color_texture = raw.opacity_map;
      m.base_color_texture.texture = combined;
    }
    if (m.alpha < 1 || raw.opacity_map.texture >= 0) m.alpha_mode = Material::Alpha::blend;
    return m;
  }

  static void add_shininess(const Raw& raw, Material& m) {
    m.roughness = trace::root(trace::root(2 / (raw.shininess + 2)));
    m.specular_texture = {};
    if (raw.illum < 2 || trace::is_black(raw.specular)) {
      m.specular = 0;
    } else {
      m.specular_color = raw.specular * 2;
      m.specular_color_texture = raw.specular_map;
    }
  }

  Result<void> add_physical(const Raw& raw, Material& m) {
    m.roughness = raw.roughness.value_or(raw.roughness_map.texture >= 0 ? 1.0F : 0.5F);
    m.metallic = raw.metallic.value_or(raw.metallic_map.texture >= 0 ? 1.0F : 0.0F);
    if (raw.sheen) {
      const float sheen = *raw.sheen;
      m.sheen_color = {sheen, sheen, sheen};
      m.sheen_roughness = 0.5F;
    }
    m.clearcoat = raw.coat.value_or(0);
    m.clearcoat_roughness = raw.coat_roughness.value_or(0);
    // One texture holds both: roughness in green, metal in blue.
    int combined = -1;
    if (raw.roughness_map.texture >= 0) {
      SOVREN_TRY(made, textures_.with_channel(combined, 1, raw.roughness_map.texture));
      combined = made;
      m.metallic_roughness_texture = raw.roughness_map;
    }
    if (raw.metallic_map.texture >= 0) {
      SOVREN_TRY(made, textures_.with_channel(combined, 2, raw.metallic_map.texture));
      if (combined < 0) m.metallic_roughness_texture = raw.metallic_map;
      combined = made;
    }
    m.metallic_roughness_texture.texture = combined;
    return {};
  }

  const std::string& path_;
  TextLines lines_;
  SceneTextures& textures_;
  std::vector<std::string>& warnings_;
  std::optional<Raw> raw_;
  std::vector<NamedMaterial> made_;
  std::set<std::string, std::less<>> told_;
};

}  // namespace

Result<std::vector<NamedMaterial>> read_mtl(const std::string& path, SceneTextures& textures,
                                            std::vector<std::string>& warnings) {
  SOVREN_TRY(file, MappedFile::open(path));
  return MtlReader(path, file.text(), textures, warnings).read();
}

}  // namespace sovren::jobs
