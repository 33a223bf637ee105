// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/rendering/obj_reader.h"
#include "jobs/rendering/picture.h"
#include "jobs/rendering/polygon.h"
#include "jobs/rendering/scene_file.h"
#include "tests/unit/rendering/gltf_files.h"

namespace sovren::jobs {
namespace {

using trace::Material;
using trace::Scene;
using trace::Vec2;
using trace::Vec3;

const std::string square = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n";

Scene scene_of_obj(const std::string& text) {
  const auto scene = read_obj(write_file("scene.obj", text), {});
  EXPECT_TRUE(scene.has_value()) << to_text(scene.error());
  return scene.value_or(Scene{});
}
std::string error_of_obj(const std::string& text) {
  const auto scene = read_obj(write_file("scene.obj", text), {});
  return scene ? "" : std::string(name(scene.error().code)) + ": " + to_text(scene.error());
}
bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

/// The material that an MTL file's lines describe.
Material material_of(const std::string& lines) {
  write_file("library.mtl", "newmtl stuff\n" + lines);
  return scene_of_obj("mtllib library.mtl\n" + square + "usemtl stuff\nf 1 2 3 4\n")
      .materials.at(0);
}

/// A picture of one colour, 2 x 2.
void write_png(const std::string& name, Vec3 color) {
  Picture picture{.width = 2, .height = 2, .channels = 3, .values = {}};
  for (int i = 0; i < 4; ++i)
    picture.values.insert(picture.values.end(), {color.x, color.y, color.z});
  write_file(name, *encode_png(picture));
}

TEST(Polygons, AreSplitWithoutChangeOfAreaOrDirection) {
  // An L, whose fan from the first corner would reach outside of it.
  const std::vector<Vec3> bent{{0, 2, 0}, {0, 0, 0}, {3, 0, 0}, {3, 1, 0}, {1, 1, 0}, {1, 2, 0}};
  std::vector<std::array<std::uint32_t, 3>> triangles;
  split_polygon(bent, triangles);
  ASSERT_EQ(triangles.size(), 4U);
  double area = 0;
  for (const auto& t : triangles) {
    const Vec3 twice = trace::cross(bent[t[1]] - bent[t[0]], bent[t[2]] - bent[t[0]]);
    EXPECT_GT(twice.z, 0);
    area += twice.z / 2;
  }
  EXPECT_NEAR(area, 4, 1e-6);
}

TEST(Polygons, WhatIsNoneIsAFanOrNothing) {
  std::vector<std::array<std::uint32_t, 3>> triangles;
  split_polygon(std::vector<Vec3>{{0, 0, 0}, {1, 0, 0}}, triangles);
  EXPECT_TRUE(triangles.empty());
  split_polygon(std::vector<Vec3>(5, Vec3{1, 1, 1}), triangles);
  EXPECT_EQ(triangles.size(), 3U);
}

TEST(Obj, PolygonsAreSplitAndCornersAreShared) {
  const Scene scene = scene_of_obj(square +
                                   "vt 0 0\nvt 1 0\nvt 1 0.75\nvn 0 0 1\n"
                                   "f 1/1/1 2/2/1 3/3/1 4/1/1\nf 1/1/1 2/2/1 4/1/1\n");
  ASSERT_EQ(scene.meshes.size(), 1U);
  EXPECT_EQ(scene.meshes[0].triangles.size(), 3U);
  EXPECT_EQ(scene.meshes[0].positions.size(), 4U);
  EXPECT_EQ(scene.meshes[0].uv[0][2], (Vec2{1, 0.25F}));  // v runs down
  EXPECT_EQ(scene.meshes[0].normals[0], (Vec3{0, 0, 1}));
}

TEST(Obj, CornersMayBeCountedBackwards) {
  const Scene scene = scene_of_obj(square + "f -4 -3 -2\nv 0 0 5\nf -1 1 2\n");
  ASSERT_EQ(scene.meshes[0].triangles.size(), 2U);
  const auto& mesh = scene.meshes[0];
  EXPECT_EQ(mesh.positions[mesh.triangles[0][2]], (Vec3{1, 1, 0}));
  EXPECT_EQ(mesh.positions[mesh.triangles[1][0]], (Vec3{0, 0, 5}));
}

TEST(Obj, PartsAreOfOneObjectAndOneMaterial) {
  write_file("two.mtl", "newmtl red\nKd 1 0 0\nnewmtl blue\nKd 0 0 1\n");
  const Scene scene =
      scene_of_obj("mtllib two.mtl\n" + square +
                   "o table\nusemtl red\nf 1 2 3\nusemtl blue\nf 1 3 4\ng leg\nusemtl red\n"
                   "f 1 2 4\no chair\nusemtl red\nf 2 3 4\n");
  ASSERT_EQ(scene.meshes.size(), 3U);
  EXPECT_EQ(scene.meshes[0].triangles.size(), 2U);  // with the table's leg
  EXPECT_EQ(scene.instances[0].object_id, scene.instances[1].object_id);
  EXPECT_NE(scene.instances[0].object_id, scene.instances[2].object_id);
  EXPECT_EQ(scene.meshes[0].material, scene.meshes[2].material);
  EXPECT_EQ(scene.materials[static_cast<std::size_t>(scene.meshes[1].material)].base_color,
            (Vec3{0, 0, 1}));
}

TEST(Obj, LinesAreJoinedAndCommentsLeftOut) {
  const Scene scene = scene_of_obj(square + "# a comment\nf 1 2 \\\n 3 # another\n\n");
  EXPECT_EQ(scene.meshes[0].triangles.size(), 1U);
}

TEST(Obj, ColoursOfVerticesAreDecoded) {
  const Scene scene = scene_of_obj("v 0 0 0 1 0.5 0\nv 1 0 0\nv 0 1 0 0 0 1\nf 1 2 3\n");
  ASSERT_EQ(scene.meshes[0].colors.size(), 3U);
  EXPECT_NEAR(scene.meshes[0].colors[0].y, 0.2140411, 1e-6);
  EXPECT_EQ(scene.meshes[0].colors[1], (trace::Vec4{1, 1, 1, 1}));
}

TEST(Obj, WhatIsMissingIsAWarning) {
  const Scene scene =
      scene_of_obj("mtllib nowhere.mtl\n" + square + "usemtl paint\nf 1 2 3\nl 1 2\nl 2 3\n");
  ASSERT_EQ(scene.warnings.size(), 3U);
  EXPECT_TRUE(has(scene.warnings[0], "scene.obj:8: 'l' is not read"));
  EXPECT_TRUE(has(scene.warnings[1], "'nowhere.mtl' is not there"));
  EXPECT_TRUE(has(scene.warnings[2], "'paint'"));
}

TEST(Obj, BadFilesAreRefusedWithTheirLine) {
  EXPECT_TRUE(has(error_of_obj("v 0 0\n"), "scene.obj:1"));
  EXPECT_TRUE(has(error_of_obj("v 0 0 nan\n"), "no finite number"));
  EXPECT_TRUE(has(error_of_obj("v 0 0 1e39\n"), "no finite number"));
  EXPECT_TRUE(has(error_of_obj(square + "f 1 2 5\n"), "there is no vertex 5 (there are 4 above)"));
  EXPECT_TRUE(has(error_of_obj(square + "f 1 2 0\n"), "scene.obj:5"));
  EXPECT_TRUE(has(error_of_obj(square + "f 1 2 -5\n"), "there is no vertex -5"));
  EXPECT_TRUE(has(error_of_obj(square + "f 1/1 2/1 3/1\n"), "texture coordinate 1"));
  EXPECT_TRUE(has(error_of_obj(square + "f 1 2\n"), "fewer than three"));
  EXPECT_TRUE(has(error_of_obj(square + "f 1 2 99999999999999999999\n"), "no number of a vertex"));
  EXPECT_TRUE(has(error_of_obj(square), "no faces"));
  EXPECT_TRUE(has(error_of_obj("mtllib ../other.mtl\n" + square + "f 1 2 3\n"), "refused: "));
}

TEST(Mtl, PhysicalKeysAreTaken) {
  const Material m = material_of("Kd 0.5 0.25 0.125\nPr 0.3\nPm 0.75\nPs 0.5\nPc 1\nPcr 0.1\n");
  EXPECT_EQ(m.base_color, (Vec3{0.5F, 0.25F, 0.125F}));
  EXPECT_EQ(m.roughness, 0.3F);
  EXPECT_EQ(m.metallic, 0.75F);
  EXPECT_EQ(m.sheen_color, (Vec3{0.5F, 0.5F, 0.5F}));
  EXPECT_EQ(m.clearcoat, 1);
  EXPECT_EQ(m.clearcoat_roughness, 0.1F);
}

TEST(Mtl, WithoutThemShininessIsRoughness) {
  const Material shiny = material_of("Kd 1 1 1\nKs 0.5 0.5 0.5\nNs 198\nillum 2\n");
  EXPECT_NEAR(shiny.roughness, 0.3162278, 1e-6);  // alpha 0.1
  EXPECT_EQ(shiny.specular_color, (Vec3{1, 1, 1}));
  EXPECT_EQ(material_of("Kd 1 1 1\nKs 0 0 0\nNs 10\n").specular, 0);
  EXPECT_EQ(material_of("Ks 1 1 1\nillum 1\n").specular, 0);
}

TEST(Mtl, GlassLightAndWhatIsNotThere) {
  const Material glass = material_of("Ni 1.4\nTf 1 0.5 0.5\nillum 7\n");
  EXPECT_EQ(glass.transmission, 1);
  EXPECT_TRUE(glass.is_solid);
  EXPECT_EQ(glass.ior, 1.4F);
  EXPECT_EQ(glass.base_color, (Vec3{1, 0.5F, 0.5F}));
  EXPECT_EQ(material_of("Ke 3 2 1\n").emission, (Vec3{3, 2, 1}));
  const Material leaf = material_of("Tr 0.25\n");
  EXPECT_EQ(leaf.alpha, 0.75F);
  EXPECT_EQ(leaf.alpha_mode, Material::Alpha::blend);
}

TEST(Mtl, TexturesWithTheirOptions) {
  write_png("red.png", {1, 0, 0});
  write_png("half.png", {0.2140411F, 0, 0});  // the byte 127 or 128
  write_file("library.mtl",
             "newmtl stuff\nmap_Kd -clamp on -s 2 4 1 -o 0.5 0.25 red.png\nmap_d half.png\n"
             "map_Pr half.png\nmap_Pm red.png\nbump red.png\n");
  const Scene scene = scene_of_obj("mtllib library.mtl\n" + square + "usemtl stuff\nf 1 2 3 4\n");
  const Material& m = scene.materials.at(0);
  ASSERT_GE(m.base_color_texture.texture, 0);
  // (u, v up) -> (2 u + 0.5, 4 v + 0.25), in our v: 1 - (4 (1 - v) + 0.25).
  const float moves[6] = {2, 0, 0.5F, 0, 4, -3.25F};
  EXPECT_TRUE(std::equal(moves, moves + 6, m.base_color_texture.m));
  const auto texel = [&](int texture, std::size_t channel) {
    return std::to_integer<int>(
        scene.textures[static_cast<std::size_t>(texture)].texels.at(channel));
  };
  EXPECT_EQ(texel(m.base_color_texture.texture, 0), 255);
  EXPECT_NEAR(texel(m.base_color_texture.texture, 3), 128, 1);
  EXPECT_NEAR(texel(m.metallic_roughness_texture.texture, 1), 128, 1);
  EXPECT_EQ(texel(m.metallic_roughness_texture.texture, 2), 255);
  ASSERT_EQ(scene.warnings.size(), 1U);
  EXPECT_TRUE(has(scene.warnings[0], "library.mtl:6: 'bump' is not read"));
}

TEST(Mtl, BadLibrariesAreRefusedWithTheirLine) {
  const auto error = [](const std::string& lines) {
    write_file("library.mtl", lines);
    return error_of_obj("mtllib library.mtl\n" + square + "f 1 2 3\n");
  };
  EXPECT_TRUE(has(error("Kd 1 1 1\n"), "library.mtl:1"));
  EXPECT_TRUE(has(error("newmtl a\nKd 1 x 1\n"), "library.mtl:2"));
  EXPECT_TRUE(has(error("newmtl a\nKd -1 0 0\n"), "below 0"));
  EXPECT_TRUE(has(error("newmtl a\nmap_Kd\n"), "without a file"));
  EXPECT_TRUE(has(error("newmtl a\nmap_Kd gone.png\n"), "material 'a'"));
  EXPECT_TRUE(has(error("newmtl a\nmap_Kd /etc/passwd\n"), "refused: "));
}

}  // namespace
}  // namespace sovren::jobs
