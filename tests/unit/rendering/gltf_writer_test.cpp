// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/gltf_writer.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <set>
#include <string>

#include "core/text/json.h"
#include "jobs/rendering/generate/scene_parts.h"
#include "jobs/rendering/generate/scenes.h"
#include "jobs/rendering/generate/shapes.h"

namespace sovren::jobs {
namespace {

using text::Json;

/// A .glb file taken apart.
struct Binary {
  Json document;
  std::string data;
};

std::uint32_t word(const std::string& file, std::size_t at) {
  std::uint32_t value = 0;
  std::memcpy(&value, file.data() + at, sizeof(value));
  return value;
}

Binary take_apart(const std::string& file) {
  EXPECT_EQ(file.substr(0, 4), "glTF");
  EXPECT_EQ(word(file, 4), 2U);
  EXPECT_EQ(word(file, 8), file.size());
  EXPECT_EQ(file.substr(16, 4), "JSON");
  const std::size_t json_size = word(file, 12);
  EXPECT_EQ(json_size % 4, 0U);
  EXPECT_EQ(file.substr(24 + json_size, 4), std::string("BIN\0", 4));
  EXPECT_EQ(word(file, 20 + json_size), file.size() - 28 - json_size);
  const auto document = text::parse_json(std::string_view(file).substr(20, json_size), "glb");
  EXPECT_TRUE(document.has_value());
  return {*document, file.substr(28 + json_size)};
}

Binary written(const GltfModel& model) {
  const auto file = write_glb(model);
  EXPECT_TRUE(file.has_value());
  return take_apart(*file);
}

GltfModel ball_of(const trace::Material& material) {
  GltfModel model;
  add_object(model, "ball", ball(1, 8), add_material(model, "stuff", material));
  return model;
}

TEST(GltfWriter, ViewsLieWithinTheDataAndAccessorsWithinViews) {
  const Binary glb = written(*generate_scene("cornell", 1));
  for (const Json& view : glb.document["bufferViews"]) {
    EXPECT_EQ(view["byteOffset"].get<std::size_t>() % 4, 0U);
    EXPECT_LE(view["byteOffset"].get<std::size_t>() + view["byteLength"].get<std::size_t>(),
              glb.data.size());
  }
  const std::set<std::string> types{"SCALAR", "VEC2", "VEC3", "VEC4"};
  for (const Json& accessor : glb.document["accessors"]) {
    EXPECT_TRUE(types.contains(accessor["type"].get<std::string>()));
    EXPECT_LT(accessor["bufferView"].get<std::size_t>(), glb.document["bufferViews"].size());
  }
}

TEST(GltfWriter, ArraysThatAreAlikeAreWrittenOnce) {
  GltfModel model;
  const int red = add_material(model, "red", matte({1, 0, 0}));
  const int green = add_material(model, "green", matte({0, 1, 0}));
  add_object(model, "one", ball(1, 8), red);
  add_object(model, "two", ball(1, 8), green);
  const Binary glb = written(model);
  EXPECT_EQ(glb.document["meshes"].size(), 2U);
  EXPECT_EQ(glb.document["bufferViews"].size(), 4U);  // places, normals, uv, triangles
}

TEST(GltfWriter, CornersAreTheBytesOfTheFile) {
  GltfModel model;
  add_object(model, "sheet", quad({0, 0, 0}, {1, 0, 0}, {1, 2, 0}, {0, 2, 0}),
             add_material(model, "paper", matte({1, 1, 1})));
  const Binary glb = written(model);
  const Json& part = glb.document["meshes"][0]["primitives"][0];
  const Json& places = glb.document["accessors"][part["attributes"]["POSITION"].get<int>()];
  EXPECT_EQ(places["max"], Json({1, 2, 0}));
  const Json& view = glb.document["bufferViews"][places["bufferView"].get<int>()];
  float third[3] = {};
  std::memcpy(third, glb.data.data() + view["byteOffset"].get<std::size_t>() + 24, sizeof(third));
  EXPECT_EQ(third[0], 1);
  EXPECT_EQ(third[1], 2);
}

TEST(GltfWriter, MaterialsNameTheExtensionsThatTheyNeed) {
  trace::Material tinted = glass(1.4F);
  tinted.attenuation_color = {0.5F, 1, 1};
  tinted.attenuation_distance = 0.25F;
  const Binary glb = written(ball_of(tinted));
  const Json& material = glb.document["materials"][0];
  EXPECT_EQ(material["extensions"]["KHR_materials_ior"], Json({{"ior", 1.4}}));
  EXPECT_EQ(material["extensions"]["KHR_materials_transmission"],
            Json({{"transmissionFactor", 1}}));
  EXPECT_EQ(material["extensions"]["KHR_materials_volume"]["attenuationDistance"], 0.25);
  EXPECT_EQ(glb.document["extensionsUsed"],
            Json({"KHR_materials_ior", "KHR_materials_transmission", "KHR_materials_volume"}));
}

TEST(GltfWriter, RadianceAboveOneIsAStrength) {
  const Binary glb = written(ball_of(shining({8, 4, 2})));
  const Json& material = glb.document["materials"][0];
  EXPECT_EQ(material["emissiveFactor"], Json({1, 0.5, 0.25}));
  EXPECT_EQ(material["extensions"]["KHR_materials_emissive_strength"]["emissiveStrength"], 8);
}

TEST(GltfWriter, WhatGltfHasNoWordsForIsInExtras) {
  trace::Material skin = plastic({1, 1, 1}, 0.5F);
  skin.subsurface = 0.75F;
  skin.subsurface_radius = {0.5F, 0.25F, 0.125F};
  GltfModel model = ball_of(skin);
  add_camera(model, {.name = "camera", .lens_radius = 0.5F, .focus_distance = 2}, {0, 0, 2}, {});
  const Binary glb = written(model);
  EXPECT_EQ(glb.document["materials"][0]["extras"]["sovren_subsurface"]["weight"], 0.75);
  EXPECT_EQ(glb.document["cameras"][0]["extras"]["sovren_lens"],
            Json({{"radius", 0.5}, {"focus_distance", 2}}));
}

}  // namespace
}  // namespace sovren::jobs
