// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include "jobs/rendering/ply_reader.h"
#include "jobs/rendering/scene_file.h"
#include "tests/unit/rendering/gltf_files.h"

namespace sovren::jobs {
namespace {

using trace::Mesh;
using trace::Vec3;

constexpr std::int64_t plenty = std::int64_t{1} << 30;

Result<Mesh> read_bytes(const std::string& bytes) {
  return read_ply_mesh(write_file("mesh.ply", bytes), plenty);
}
std::string error_of_ply(const std::string& bytes) {
  const auto mesh = read_bytes(bytes);
  return mesh ? "" : mesh.error().what + " at " + mesh.error().where;
}

std::string header(const std::string& format, const std::string& elements) {
  return "ply\nformat " + format + " 1.0\ncomment a test\n" + elements + "end_header\n";
}
const std::string square_elements =
    "element vertex 4\nproperty float x\nproperty float y\nproperty float z\n"
    "property uchar red\nproperty uchar green\nproperty uchar blue\n"
    "element face 1\nproperty list uchar int vertex_indices\n";

template <class T>
void put(std::string& bytes, T value, bool is_big) {
  std::string raw(sizeof(T), '\0');
  std::memcpy(raw.data(), &value, sizeof(T));
  if (is_big) std::reverse(raw.begin(), raw.end());
  bytes += raw;
}

std::string square(bool is_big) {
  std::string bytes =
      header(is_big ? "binary_big_endian" : "binary_little_endian", square_elements);
  const float places[4][3] = {{0, 0, 0}, {1, 0, 0}, {1, 2, 0}, {0, 2, 0}};
  for (const auto& place : places) {
    for (const float c : place) put(bytes, c, is_big);
    bytes += "\xFF\x80";
    bytes += '\0';
  }
  bytes += '\4';
  for (const std::int32_t corner : {0, 1, 2, 3}) put(bytes, corner, is_big);
  return bytes;
}

void expect_square(const Result<Mesh>& mesh) {
  ASSERT_TRUE(mesh.has_value()) << to_text(mesh.error());
  ASSERT_EQ(mesh->positions.size(), 4U);
  EXPECT_EQ(mesh->positions[2], (Vec3{1, 2, 0}));
  EXPECT_EQ(mesh->triangles.size(), 2U);
  ASSERT_EQ(mesh->colors.size(), 4U);
  EXPECT_FLOAT_EQ(mesh->colors[0].x, 1);
  EXPECT_NEAR(mesh->colors[0].y, 0.2158605, 1e-6);  // 128 of sRGB
  EXPECT_EQ(mesh->colors[0].z, 0);
}

TEST(Ply, TextAndBytesOfBothOrdersAreRead) {
  expect_square(read_bytes(square(false)));
  expect_square(read_bytes(square(true)));
  expect_square(read_bytes(header("ascii", square_elements) +
                           "0 0 0 255 128 0\n1 0 0 255 128 0\r\n1 2 0 255 128 0\n"
                           "0 2 0 255 128 0\n4 0 1 2 3"));
}

TEST(Ply, OtherPropertiesAndElementsArePassedOver) {
  const auto mesh = read_bytes(
      header("ascii",
             "element camera 1\nproperty float view\nproperty list int float lens\n"
             "element vertex 3\nproperty double x\nproperty float weight\nproperty double y\n"
             "property double z\nproperty float s\nproperty float t\nproperty float nx\n"
             "property float ny\nproperty float nz\n"
             "element face 1\nproperty int flags\nproperty list uchar uint vertex_index\n") +
      "9 2 1 1\n0 7 0 0 0.25 0.5 0 0 1\n1 7 0 0 0 0 0 0 1\n0 7 1 0 0 0 0 0 1\n5 3 0 1 2\n");
  ASSERT_TRUE(mesh.has_value()) << to_text(mesh.error());
  EXPECT_EQ(mesh->positions[1], (Vec3{1, 0, 0}));
  EXPECT_EQ(mesh->uv[0][0], (trace::Vec2{0.25F, 0.5F}));
  EXPECT_EQ(mesh->normals[2], (Vec3{0, 0, 1}));
  EXPECT_EQ(mesh->triangles[0], (std::array<std::uint32_t, 3>{0, 1, 2}));
}

TEST(Ply, FacesMayStandBeforeVertices) {
  const auto mesh = read_bytes(header("ascii",
                                      "element face 1\nproperty list uchar int vertex_indices\n"
                                      "element vertex 3\nproperty float x\nproperty float y\n"
                                      "property float z\n") +
                               "3 0 1 2\n0 0 0\n1 0 0\n0 1 0\n");
  ASSERT_TRUE(mesh.has_value()) << to_text(mesh.error());
  EXPECT_EQ(mesh->triangles.size(), 1U);
}

TEST(Ply, ASceneIsOneObject) {
  const auto scene = read_ply(write_file("thing.ply", square(false)), {});
  ASSERT_TRUE(scene.has_value());
  ASSERT_EQ(scene->instances.size(), 1U);
  EXPECT_EQ(scene->instances[0].name, "thing");
  EXPECT_EQ(scene->instances[0].object_id, 1);
}

TEST(Ply, BadFilesAreRefusedWithTheirPlace) {
  const auto has = [](const std::string& error, const std::string& part) {
    return error.find(part) != std::string::npos;
  };
  EXPECT_TRUE(has(error_of_ply("solid"), "does not begin"));
  EXPECT_TRUE(has(error_of_ply("ply\nformat ascii 1.0\n"), "no end"));
  EXPECT_TRUE(has(error_of_ply("ply\nend_header\n"), "no format"));
  EXPECT_TRUE(has(error_of_ply("ply\nformat utf7 1.0\n"), "mesh.ply:2"));
  EXPECT_TRUE(has(error_of_ply(header("ascii", "element vertex -3\n")), ":4"));
  EXPECT_TRUE(has(error_of_ply(header("ascii", "element vertex 3\nproperty half x\n")), ":5"));
  EXPECT_TRUE(has(error_of_ply(header("ascii", "property float x\n")), "nothing that a header"));
  EXPECT_TRUE(has(error_of_ply(header("ascii", "element face 1\nproperty list float int i\n")),
                  "whole number"));
  const std::string vertices =
      "element vertex 3\nproperty float x\nproperty float y\nproperty float z\n"
      "element face 1\nproperty list uchar int vertex_indices\n";
  EXPECT_TRUE(has(error_of_ply(header("ascii", vertices) + "0 0 0\n1 0 0\n0 1 x\n3 0 1 2\n"),
                  "mesh.ply:13"));
  EXPECT_TRUE(has(error_of_ply(header("ascii", vertices) + "0 0 0\n1 0 0\n0 1 nan\n3 0 1 2\n"),
                  "no finite number"));
  EXPECT_TRUE(has(error_of_ply(header("ascii", vertices) + "0 0 0\n1 0 0\n0 1 0\n3 0 1 3\n"),
                  "not there (there are 3)"));
  EXPECT_TRUE(
      has(error_of_ply(header("ascii", vertices) + "0 0 0\n1 0 0\n0 1 0\n3 0 1"), "ends before"));
  EXPECT_TRUE(has(error_of_ply(header("ascii", vertices) + "0 0 0\n1 0 0\n0 1 0\n900 0 1"),
                  "longer than the file"));
  EXPECT_TRUE(has(error_of_ply(header("ascii", vertices) + "0 0 0\n1 0 0\n0 1 0\nnan 0 1"),
                  "longer than the file"));
  // Counts that no file could hold must not be believed before there is memory for them.
  EXPECT_TRUE(has(error_of_ply(header("binary_little_endian",
                                      "element vertex 4000000000000000000\nproperty double x\n")),
                  "too short"));
  EXPECT_TRUE(has(error_of_ply(square(false).substr(0, 260)), "byte"));
  EXPECT_TRUE(has(error_of_ply(header("ascii",
                                      "element vertex 1\nproperty float x\n"
                                      "property float y\nproperty float z\n") +
                               "1 2 3\n"),
                  "no faces"));
}

}  // namespace
}  // namespace sovren::jobs
