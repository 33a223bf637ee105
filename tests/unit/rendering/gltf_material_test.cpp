// SPDX-License-Identifier: Apache-2.0
// The surfaces of glTF files: materials, their extensions, and the images that they look up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "kernels/trace/scene.h"
#include "tests/unit/rendering/gltf_files.h"
#include "tests/unit/rendering/picture_files.h"

namespace sovren::jobs {
namespace {

using testing::HasSubstr;
using trace::Material;
using trace::Texture;
using trace::TextureRef;
using trace::Vec3;

/// A triangle of each material.
GltfFile file_of(const std::vector<std::string>& materials) {
  GltfFile file;
  file.triangle();
  for (std::size_t i = 0; i < materials.size(); ++i) {
    file.add("materials", materials[i]);
    file.mesh(R"("POSITION":0)", R"("material":)" + std::to_string(i));
    file.add("nodes", R"({"mesh":)" + std::to_string(i) + "}");
  }
  return file;
}
Material material_of(const std::string& json) {
  const trace::Scene scene = scene_of(file_of({json}));
  return scene.materials.empty() ? Material{} : scene.materials[0];
}
Material with(const std::string& extension, const std::string& json) {
  return material_of(R"({"extensions":{")" + extension + "\":" + json + "}}");
}

TEST(GltfMaterial, UsualValuesAreThoseOfTheSpecification) {
  GltfFile file;
  file.triangle();
  file.mesh(R"("POSITION":0)");
  file.add("nodes", R"({"mesh":0})");
  Material usual;
  usual.metallic = 1;
  usual.roughness = 1;
  EXPECT_EQ(scene_of(file).materials.at(0), usual);
  EXPECT_EQ(material_of("{}"), usual);
}

TEST(GltfMaterial, IsMetallicAndRough) {
  const Material m = material_of(R"({"name":"m","doubleSided":true,"pbrMetallicRoughness":{
      "baseColorFactor":[0.1,0.2,0.3,0.4],"metallicFactor":0.5,"roughnessFactor":0.25},
      "emissiveFactor":[1,0.5,0],"alphaMode":"MASK","alphaCutoff":0.75})");
  EXPECT_EQ(m.base_color, (Vec3{0.1F, 0.2F, 0.3F}));
  EXPECT_EQ(m.alpha, 0.4F);
  EXPECT_EQ(m.metallic, 0.5F);
  EXPECT_EQ(m.roughness, 0.25F);
  EXPECT_EQ(m.emission, (Vec3{1, 0.5, 0}));
  EXPECT_EQ(m.alpha_mode, Material::Alpha::mask);
  EXPECT_EQ(m.alpha_cutoff, 0.75F);
  EXPECT_EQ(material_of(R"({"alphaMode":"BLEND"})").alpha_mode, Material::Alpha::blend);
}

TEST(GltfMaterial, ShinesBeyondOne) {
  const Material m = material_of(R"({"emissiveFactor":[1,0.5,0],
      "extensions":{"KHR_materials_emissive_strength":{"emissiveStrength":10}}})");
  EXPECT_EQ(m.emission, (Vec3{10, 5, 0}));
}

TEST(GltfMaterial, ReflectsByIorAndSpecular) {
  EXPECT_EQ(with("KHR_materials_ior", R"({"ior":1.33})").ior, 1.33F);
  // 0: everything is reflected.
  const float ior = with("KHR_materials_ior", R"({"ior":0})").ior;
  EXPECT_NEAR(std::pow((ior - 1) / (ior + 1), 2), 1, 1e-3);
  const Material m =
      with("KHR_materials_specular", R"({"specularFactor":0.5,"specularColorFactor":[0.1,2,0.3]})");
  EXPECT_EQ(m.specular, 0.5F);
  EXPECT_EQ(m.specular_color, (Vec3{0.1F, 2, 0.3F}));
}

TEST(GltfMaterial, LetsLightThrough) {
  const Material sheet = with("KHR_materials_transmission", R"({"transmissionFactor":0.75})");
  EXPECT_EQ(sheet.transmission, 0.75F);
  EXPECT_FALSE(sheet.is_solid);
  const Material body = with("KHR_materials_volume", R"({"thicknessFactor":0.1,
      "attenuationColor":[0.5,0.6,0.7],"attenuationDistance":2})");
  EXPECT_TRUE(body.is_solid);
  EXPECT_EQ(body.attenuation_color, (Vec3{0.5, 0.6F, 0.7F}));
  EXPECT_EQ(body.attenuation_distance, 2);
  const Material thin = with("KHR_materials_volume", R"({"attenuationColor":[0.5,0.6,0.7]})");
  EXPECT_FALSE(thin.is_solid);
  EXPECT_EQ(thin.attenuation_distance, std::numeric_limits<float>::infinity());
}

TEST(GltfMaterial, HasACoatAndSheen) {
  const Material coat =
      with("KHR_materials_clearcoat", R"({"clearcoatFactor":0.5,"clearcoatRoughnessFactor":0.25})");
  EXPECT_EQ(coat.clearcoat, 0.5F);
  EXPECT_EQ(coat.clearcoat_roughness, 0.25F);
  const Material sheen = with("KHR_materials_sheen",
                              R"({"sheenColorFactor":[0.1,0.2,0.3],"sheenRoughnessFactor":0.5})");
  EXPECT_EQ(sheen.sheen_color, (Vec3{0.1F, 0.2F, 0.3F}));
  EXPECT_EQ(sheen.sheen_roughness, 0.5F);
}

TEST(GltfMaterial, MayBeUnlit) {
  EXPECT_TRUE(with("KHR_materials_unlit", "{}").is_unlit);
  EXPECT_FALSE(material_of("{}").is_unlit);
}

TEST(GltfMaterial, ScattersBelowTheSurface) {
  const Material m = material_of(R"({"extras":{"sovren_subsurface":
      {"weight":0.75,"radius":[3,2,1],"anisotropy":0.5}}})");
  EXPECT_EQ(m.subsurface, 0.75F);
  EXPECT_EQ(m.subsurface_radius, (Vec3{3, 2, 1}));
  EXPECT_EQ(m.subsurface_anisotropy, 0.5F);
}

/// Adds the two-pixel image red, half grey (188 of sRGB), as texture 0, 1, ...
void add_texture(GltfFile& file, const std::string& sampler = "") {
  PngFile png;
  png.width = 2;
  png.rows = std::string("\xFF\0\0\xBC\xBC\xBC", 6);
  const int view = file.view(png_file(png));
  const int image =
      file.add("images", R"({"mimeType":"image/png","bufferView":)" + std::to_string(view) + "}");
  std::string more;
  if (!sampler.empty()) more = R"(,"sampler":)" + std::to_string(file.add("samplers", sampler));
  file.add("textures", R"({"source":)" + std::to_string(image) + more + "}");
}

TEST(GltfTexture, OfEveryParameterIsRead) {
  const std::string at = R"({"index":0})";
  GltfFile file = file_of({R"({"pbrMetallicRoughness":{"baseColorTexture":)" + at +
                           R"(,"metallicRoughnessTexture":)" + at + R"(},"normalTexture":
      {"index":0,"scale":0.5},"occlusionTexture":)" +
                           at + R"(,"emissiveTexture":)" + at +
                           R"(,"extensions":{"KHR_materials_specular":{"specularTexture":)" + at +
                           R"(,"specularColorTexture":)" + at +
                           R"(},"KHR_materials_transmission":{"transmissionTexture":)" + at +
                           R"(},"KHR_materials_clearcoat":{"clearcoatTexture":)" + at +
                           R"(,"clearcoatRoughnessTexture":)" + at +
                           R"(,"clearcoatNormalTexture":{"index":0,"scale":2}},
      "KHR_materials_sheen":{"sheenColorTexture":)" +
                           at + R"(,"sheenRoughnessTexture":)" + at + "}}}"});
  add_texture(file);
  const trace::Scene scene = scene_of(file);
  ASSERT_EQ(scene.textures.size(), 2U) << "one of colours, one of data";
  ASSERT_EQ(scene.materials.size(), 1U);
  const Material& m = scene.materials[0];
  EXPECT_EQ(m.base_color_texture.texture, 0);
  EXPECT_EQ(scene.textures[0].format, Texture::Format::srgb8);
  EXPECT_EQ(scene.textures[1].format, Texture::Format::linear8);
  for (const TextureRef& ref :
       {m.emission_texture, m.specular_color_texture, m.sheen_color_texture})
    EXPECT_EQ(ref.texture, 0);
  for (const TextureRef& ref :
       {m.metallic_roughness_texture, m.normal_texture, m.specular_texture, m.transmission_texture,
        m.clearcoat_texture, m.clearcoat_roughness_texture, m.clearcoat_normal_texture,
        m.sheen_roughness_texture})
    EXPECT_EQ(ref.texture, 1);
  EXPECT_EQ(m.normal_scale, 0.5F);
  EXPECT_EQ(m.clearcoat_normal_scale, 2);
  EXPECT_EQ(scene.textures[0].width, 2);
  ASSERT_EQ(scene.textures[0].texels.size(), 8U);
  EXPECT_EQ(scene.textures[0].texels[0], std::byte{255});
  EXPECT_EQ(scene.textures[0].texels[4], std::byte{188});
}

std::string colored(int texture, const std::string& more = "") {
  return R"({"pbrMetallicRoughness":{"baseColorTexture":{"index":)" + std::to_string(texture) +
         more + "}}}";
}

TEST(GltfTexture, WrapsAndFiltersAsItsSamplerSays) {
  GltfFile file = file_of({colored(0), colored(1)});
  add_texture(file);
  add_texture(file, R"({"wrapS":33071,"wrapT":33648,"magFilter":9728,"minFilter":9987})");
  const trace::Scene scene = scene_of(file);
  ASSERT_EQ(scene.textures.size(), 2U);
  EXPECT_EQ(scene.textures[0].wrap_u, Texture::Wrap::repeat);
  EXPECT_EQ(scene.textures[0].filter, Texture::Filter::linear);
  EXPECT_EQ(scene.textures[1].wrap_u, Texture::Wrap::clamp);
  EXPECT_EQ(scene.textures[1].wrap_v, Texture::Wrap::mirror);
  EXPECT_EQ(scene.textures[1].filter, Texture::Filter::nearest);
}

TEST(GltfTexture, OfOneImageAndSamplerIsOne) {
  GltfFile file = file_of({colored(0), colored(1), colored(2)});
  add_texture(file);
  file.add("textures", R"({"source":0})");
  file.add("samplers", R"({"wrapS":33071})");
  file.add("textures", R"({"source":0,"sampler":0})");
  const trace::Scene scene = scene_of(file);
  ASSERT_EQ(scene.textures.size(), 2U);
  EXPECT_EQ(scene.materials.at(1).base_color_texture.texture, 0);
  EXPECT_EQ(scene.materials.at(2).base_color_texture.texture, 1);
  EXPECT_EQ(scene.textures[1].texels, scene.textures[0].texels);
  EXPECT_EQ(scene.textures[1].wrap_u, Texture::Wrap::clamp);
}

TEST(GltfTexture, IsTransformed) {
  GltfFile file = file_of({colored(0, R"(,"texCoord":0,"extensions":{"KHR_texture_transform":
      {"offset":[0.5,0.25],"rotation":1.5707963,"scale":[2,4],"texCoord":1}})")});
  add_texture(file);
  const trace::Scene scene = scene_of(file);
  const TextureRef& ref = scene.materials.at(0).base_color_texture;
  EXPECT_EQ(ref.uv_set, 1);
  const auto mapped = [&](float u, float v) {
    return std::pair(ref.m[0] * u + ref.m[1] * v + ref.m[2],
                     ref.m[3] * u + ref.m[4] * v + ref.m[5]);
  };
  // (1, 0) is scaled to (2, 0), and turned, up on the image: (0, -2).
  EXPECT_NEAR(mapped(1, 0).first, 0.5, 1e-6);
  EXPECT_NEAR(mapped(1, 0).second, -1.75, 1e-6);
  EXPECT_NEAR(mapped(0, 1).first, 4.5, 1e-6);
  EXPECT_NEAR(mapped(0, 1).second, 0.25, 1e-6);
}

TEST(GltfTexture, ByAThirdSetOfCoordinatesIsLeftOut) {
  GltfFile file = file_of({colored(0, R"(,"texCoord":2)")});
  add_texture(file);
  const trace::Scene scene = scene_of(file);
  EXPECT_EQ(scene.materials.at(0).base_color_texture, TextureRef{});
  ASSERT_EQ(scene.warnings.size(), 1U);
  EXPECT_THAT(scene.warnings[0], HasSubstr("TEXCOORD_2 is not read"));
}

TEST(GltfTexture, MayBeAFileOrADataUri) {
  PngFile png;
  png.rows = std::string("\1\2\3", 3);
  write_file("one pixel.png", png_file(png));
  GltfFile file = file_of({colored(0), colored(1)});
  file.add("images", R"({"uri":"one%20pixel.png"})");
  file.add("images", R"({"uri":"data:image/png;base64,)" + base64(png_file(png)) + "\"}");
  file.add("textures", R"({"source":0})");
  file.add("textures", R"({"source":1})");
  const trace::Scene scene = scene_of(file);
  ASSERT_EQ(scene.textures.size(), 2U);
  for (const Texture& texture : scene.textures) {
    ASSERT_EQ(texture.texels.size(), 4U);
    EXPECT_EQ(texture.texels[2], std::byte{3});
  }
}

TEST(GltfTexture, ThatNoMaterialUsesIsNotRead) {
  GltfFile file = file_of({"{}"});
  file.add("images", R"({"uri":"nowhere.png"})");
  file.add("textures", R"({"source":0})");
  EXPECT_TRUE(scene_of(file).textures.empty());
}

}  // namespace
}  // namespace sovren::jobs
