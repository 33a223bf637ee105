// SPDX-License-Identifier: Apache-2.0
// The triangles of glTF files, from all that they can be stored as.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/trace/scene.h"
#include "tests/unit/rendering/gltf_files.h"

namespace sovren::jobs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using trace::Vec2;
using trace::Vec3;
using trace::Vec4;
using Corners = std::array<std::uint32_t, 3>;

std::string is(const std::string& key, int accessor) {
  return "\"" + key + "\":" + std::to_string(accessor);
}

/// The only mesh of a file with one node.
trace::Mesh mesh_of(GltfFile file, const SceneMoment& moment = {}) {
  file.add("nodes", R"({"mesh":0})");
  const trace::Scene scene = scene_of(file, moment);
  if (scene.meshes.size() != 1) {
    ADD_FAILURE() << scene.meshes.size() << " meshes";
    return {};
  }
  return scene.meshes[0];
}

TEST(GltfMesh, HasAllAttributes) {
  GltfFile file;
  const int positions = file.triangle();
  const int normals = file.floats("VEC3", 3, {0, 0, 1, 0, 0, 2, 0, 3, 4});
  const int tangents = file.floats("VEC4", 3, {1, 0, 0, 1, 1, 0, 0, -1, 1, 0, 0, 1});
  const int uv0 = file.floats("VEC2", 3, {0, 0.5, 1, 0.25, 2, -1});
  const int uv1 = file.accessor("VEC2", 5123, 3, bytes_from<std::uint16_t>({0, 65535, 0, 0, 0, 0}),
                                R"("normalized":true)");
  const int colors =
      file.accessor("VEC3", 5121, 3, bytes_from<std::uint8_t>({255, 0, 51, 0, 0, 0, 0, 0, 0}),
                    R"("normalized":true)");
  file.mesh(is("POSITION", positions) + "," + is("NORMAL", normals) + "," +
            is("TANGENT", tangents) + "," + is("TEXCOORD_0", uv0) + "," + is("TEXCOORD_1", uv1) +
            "," + is("COLOR_0", colors));
  const trace::Mesh mesh = mesh_of(file);
  EXPECT_THAT(mesh.positions, ElementsAre(Vec3{0, 0, 0}, Vec3{1, 0, 0}, Vec3{0, 1, 0}));
  EXPECT_THAT(mesh.normals, ElementsAre(Vec3{0, 0, 1}, Vec3{0, 0, 1}, Vec3{0, 0.6F, 0.8F}));
  EXPECT_THAT(mesh.tangents, ElementsAre(Vec4{1, 0, 0, 1}, Vec4{1, 0, 0, -1}, Vec4{1, 0, 0, 1}));
  EXPECT_THAT(mesh.uv[0], ElementsAre(Vec2{0, 0.5}, Vec2{1, 0.25}, Vec2{2, -1}));
  EXPECT_THAT(mesh.uv[1], ElementsAre(Vec2{0, 1}, Vec2{0, 0}, Vec2{0, 0}));
  EXPECT_EQ(mesh.colors[0], (Vec4{1, 0, 0.2F, 1}));
  EXPECT_THAT(mesh.triangles, ElementsAre(Corners{0, 1, 2}));
  EXPECT_THAT(mesh.positions_end, ElementsAre());
}

TEST(GltfMesh, ColorsOfFourNumbers) {
  for (const bool is_float : {true, false}) {
    GltfFile file;
    const std::string attributes = is("POSITION", file.triangle()) + ",";
    const int colors =
        is_float ? file.floats("VEC4", 3, {0.5, 1, 0, 0.25, 0, 0, 0, 0, 0, 0, 0, 0})
                 : file.accessor(
                       "VEC4", 5123, 3,
                       bytes_from<std::uint16_t>({32768, 65535, 0, 16384, 0, 0, 0, 0, 0, 0, 0, 0}),
                       R"("normalized":true)");
    file.mesh(attributes + is("COLOR_0", colors));
    const trace::Mesh mesh = mesh_of(file);
    EXPECT_NEAR(mesh.colors[0].x, 0.5, 1e-5);
    EXPECT_EQ(mesh.colors[0].y, 1);
    EXPECT_NEAR(mesh.colors[0].w, 0.25, 1e-5);
  }
}

TEST(GltfMesh, ReadsEveryTypeOfIndex) {
  const std::vector<std::pair<int, std::string>> types = {
      {5121, bytes_from<std::uint8_t>({2, 0, 1})},
      {5123, bytes_from<std::uint16_t>({2, 0, 1})},
      {5125, bytes_from<std::uint32_t>({2, 0, 1})}};
  for (const auto& [type, bytes] : types) {
    GltfFile file;
    const std::string attributes = is("POSITION", file.triangle());
    file.mesh(attributes, is("indices", file.accessor("SCALAR", type, 3, bytes)));
    EXPECT_THAT(mesh_of(file).triangles, ElementsAre(Corners{2, 0, 1})) << type;
  }
}

TEST(GltfMesh, CutsStripsAndFans) {
  const std::vector<float> square = {0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 1, 0};
  GltfFile strip;
  strip.mesh(is("POSITION", strip.floats("VEC3", 4, square)), R"("mode":5)");
  EXPECT_THAT(mesh_of(strip).triangles, ElementsAre(Corners{0, 1, 2}, Corners{1, 3, 2}));
  GltfFile fan;
  fan.mesh(is("POSITION", fan.floats("VEC3", 4, square)), R"("mode":6)");
  EXPECT_THAT(mesh_of(fan).triangles, ElementsAre(Corners{1, 2, 0}, Corners{2, 3, 0}));
}

TEST(GltfMesh, LeavesOutTrianglesThatJoinStrips) {
  GltfFile file;
  const std::string attributes =
      is("POSITION", file.floats("VEC3", 4, {0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 1, 0}));
  const int indices =
      file.accessor("SCALAR", 5121, 6, bytes_from<std::uint8_t>({0, 1, 2, 2, 3, 1}));
  file.mesh(attributes, is("indices", indices) + R"(,"mode":5)");
  EXPECT_THAT(mesh_of(file).triangles, ElementsAre(Corners{0, 1, 2}, Corners{2, 1, 3}));
}

TEST(GltfMesh, LeavesOutLinesWithAWarning) {
  GltfFile file;
  file.mesh(is("POSITION", file.triangle()), R"("mode":1)");
  file.add("nodes", R"({"mesh":0})");
  const trace::Scene scene = scene_of(file);
  EXPECT_TRUE(scene.meshes.empty());
  EXPECT_TRUE(scene.instances.empty());
  ASSERT_EQ(scene.warnings.size(), 1U);
  EXPECT_THAT(scene.warnings[0],
              HasSubstr("/meshes/0/primitives/0: points and lines are left out"));
}

TEST(GltfMesh, FollowsByteStride) {
  GltfFile file;  // position and uv of each vertex side by side
  const int view =
      file.view(bytes_from<float>({0, 0, 0, 0.1F, 0.2F, 1, 0, 0, 0.3F, 0.4F, 0, 1, 0, 0.5F, 0.6F}),
                R"("byteStride":20)");
  const std::string from = R"("componentType":5126,"count":3,"bufferView":)" + std::to_string(view);
  file.add("accessors", R"({"type":"VEC3",)" + from + "}");
  file.add("accessors", R"({"type":"VEC2","byteOffset":12,)" + from + "}");
  file.mesh(is("POSITION", 0) + "," + is("TEXCOORD_0", 1));
  const trace::Mesh mesh = mesh_of(file);
  EXPECT_THAT(mesh.positions, ElementsAre(Vec3{0, 0, 0}, Vec3{1, 0, 0}, Vec3{0, 1, 0}));
  EXPECT_THAT(mesh.uv[0], ElementsAre(Vec2{0.1F, 0.2F}, Vec2{0.3F, 0.4F}, Vec2{0.5F, 0.6F}));
}

std::string sparse(GltfFile& file, const std::vector<std::uint16_t>& indices,
                   const std::vector<float>& values) {
  const int i = file.view(bytes_from(indices)), v = file.view(bytes_from(values));
  return R"("sparse":{"count":)" + std::to_string(indices.size()) + R"(,"indices":{"bufferView":)" +
         std::to_string(i) + R"(,"componentType":5123},"values":{"bufferView":)" +
         std::to_string(v) + "}}";
}

TEST(GltfMesh, AppliesSparseValues) {
  GltfFile file;
  const std::string changes = sparse(file, {0, 2}, {7, 8, 9, 4, 5, 6});
  file.accessor("VEC3", 5126, 3, bytes_from<float>({0, 0, 0, 1, 0, 0, 0, 1, 0}), changes);
  file.mesh(is("POSITION", 0));
  EXPECT_THAT(mesh_of(file).positions, ElementsAre(Vec3{7, 8, 9}, Vec3{1, 0, 0}, Vec3{4, 5, 6}));
}

TEST(GltfMesh, SparseValuesMayStandOnZeros) {
  GltfFile file;
  const std::string changes = sparse(file, {1, 2}, {1, 0, 0, 0, 1, 0});
  file.accessor("VEC3", 5126, 3, "", changes);
  file.mesh(is("POSITION", 0));
  EXPECT_THAT(mesh_of(file).positions, ElementsAre(Vec3{0, 0, 0}, Vec3{1, 0, 0}, Vec3{0, 1, 0}));
}

TEST(GltfMesh, ReadsQuantizedAttributes) {
  GltfFile file;
  file.set("extensionsUsed", R"(["KHR_mesh_quantization"])");
  file.set("extensionsRequired", R"(["KHR_mesh_quantization"])");
  const int positions = file.view(
      bytes_from<std::int16_t>({0, 0, 0, 0, 100, 0, 0, 0, 0, -200, 0, 0}), R"("byteStride":8)");
  file.add("accessors", R"({"type":"VEC3","componentType":5122,"count":3,"bufferView":)" +
                            std::to_string(positions) + "}");
  const int normals = file.view(
      bytes_from<std::int8_t>({0, 0, 127, 0, 0, -128, 0, 0, 127, 0, 0, 0}), R"("byteStride":4)");
  file.add("accessors",
           R"({"type":"VEC3","componentType":5120,"normalized":true,"count":3,"bufferView":)" +
               std::to_string(normals) + "}");
  file.mesh(is("POSITION", 0) + "," + is("NORMAL", 1));
  const trace::Mesh mesh = mesh_of(file);
  EXPECT_THAT(mesh.positions, ElementsAre(Vec3{0, 0, 0}, Vec3{100, 0, 0}, Vec3{0, -200, 0}));
  EXPECT_EQ(mesh.normals[0], (Vec3{0, 0, 1}));
  EXPECT_EQ(mesh.normals[1], (Vec3{0, -1, 0}));
}

TEST(GltfMesh, NormalsOfNoLengthBecomeThoseOfTheFaces) {
  GltfFile file;
  const std::string attributes = is("POSITION", file.triangle()) + ",";
  file.mesh(attributes + is("NORMAL", file.floats("VEC3", 3, {0, 0, 0, 0, 1, 0, 1, 0, 0})));
  EXPECT_THAT(mesh_of(file).normals, ElementsAre(Vec3{0, 0, 1}, Vec3{0, 1, 0}, Vec3{1, 0, 0}));
}

TEST(GltfMesh, TangentsWithoutNormalsSayNothing) {
  GltfFile file;
  const std::string attributes = is("POSITION", file.triangle()) + ",";
  file.mesh(attributes +
            is("TANGENT", file.floats("VEC4", 3, {1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1})));
  EXPECT_TRUE(mesh_of(file).tangents.empty());
}

/// A triangle with two morph targets: x of corner 0, and y of corner 0.
GltfFile morphed(const std::string& weights) {
  GltfFile file;
  const std::string attributes = is("POSITION", file.triangle()) + "," +
                                 is("NORMAL", file.floats("VEC3", 3, {0, 0, 1, 0, 0, 1, 0, 0, 1}));
  const int first = file.floats("VEC3", 3, {1, 0, 0, 0, 0, 0, 0, 0, 0});
  const int second = file.floats("VEC3", 3, {0, 1, 0, 0, 0, 0, 0, 0, 0});
  const int normal = file.floats("VEC3", 3, {0, 3, 3, 0, 0, 0, 0, 0, 0});
  file.add("meshes", R"({"primitives":[{"attributes":{)" + attributes + R"(},"targets":[{)" +
                         is("POSITION", first) + "},{" + is("POSITION", second) + "," +
                         is("NORMAL", normal) + "}]}]" + weights + "}");
  return file;
}

TEST(GltfMesh, IsMorphedByItsWeights) {
  EXPECT_EQ(mesh_of(morphed(R"(,"weights":[0.5,0.25])")).positions[0], (Vec3{0.5, 0.25, 0}));
  EXPECT_EQ(mesh_of(morphed("")).positions[0], (Vec3{0, 0, 0}));
  const Vec3 normal = mesh_of(morphed(R"(,"weights":[0,1])")).normals[0];
  EXPECT_FLOAT_EQ(normal.y, 0.6F);
  EXPECT_FLOAT_EQ(normal.z, 0.8F);
}

TEST(GltfMesh, ANodesWeightsReplaceTheMeshs) {
  GltfFile file = morphed(R"(,"weights":[1,1])");
  file.add("nodes", R"({"mesh":0,"weights":[2,0]})");
  file.add("nodes", R"({"mesh":0})");
  const trace::Scene scene = scene_of(file);
  ASSERT_EQ(scene.meshes.size(), 2U);
  EXPECT_EQ(scene.meshes[0].positions[0], (Vec3{2, 0, 0}));
  EXPECT_EQ(scene.meshes[1].positions[0], (Vec3{1, 1, 0}));
}

TEST(GltfMesh, AnimatedWeightsMoveItWhileTheShutterIsOpen) {
  GltfFile file = morphed("");
  const int times = file.floats("SCALAR", 2, {0, 1});
  const int values = file.floats("SCALAR", 4, {0, 0, 4, 2});
  file.add("animations",
           R"({"samplers":[{"input":)" + std::to_string(times) + R"(,"output":)" +
               std::to_string(values) +
               R"(}],"channels":[{"sampler":0,"target":{"node":0,"path":"weights"}}]})");
  const trace::Mesh mesh = mesh_of(file, {.time_s = 0.25, .end_time_s = 0.5});
  EXPECT_EQ(mesh.positions[0], (Vec3{1, 0.5, 0}));
  ASSERT_EQ(mesh.positions_end.size(), 3U);
  EXPECT_EQ(mesh.positions_end[0], (Vec3{2, 1, 0}));
  EXPECT_EQ(mesh.positions_end[1], (Vec3{1, 0, 0}));
}

}  // namespace
}  // namespace sovren::jobs
