// SPDX-License-Identifier: Apache-2.0
// Where glTF files put things: nodes, instances, skins, cameras, lights, and their animation.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/trace/scene.h"
#include "tests/unit/rendering/gltf_files.h"

namespace sovren::jobs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using trace::Affine;
using trace::Vec3;
using trace::Vec4;

constexpr float half_root = 0.70710678F;

void expect_near(Vec3 got, Vec3 wanted, const std::string& of = "") {
  EXPECT_NEAR(got.x, wanted.x, 2e-6) << of;
  EXPECT_NEAR(got.y, wanted.y, 2e-6) << of;
  EXPECT_NEAR(got.z, wanted.z, 2e-6) << of;
}

/// A file with a mesh of one triangle.
GltfFile triangle_file() {
  GltfFile file;
  file.triangle();
  file.mesh(R"("POSITION":0)");
  return file;
}

TEST(GltfNodes, ComposeScaleRotationAndTranslationDownTheTree) {
  GltfFile file = triangle_file();
  file.add("nodes", R"({"name":"top","children":[1],"translation":[10,0,0],
      "rotation":[0,0,0.70710678,0.70710678]})");
  file.add("nodes", R"({"name":"part","mesh":0,"scale":[2,3,4],"translation":[1,0,0]})");
  const trace::Scene scene = scene_of(file);
  ASSERT_EQ(scene.instances.size(), 1U);
  const trace::Instance& instance = scene.instances[0];
  EXPECT_EQ(instance.name, "part");
  EXPECT_EQ(instance.object_id, 1);
  EXPECT_EQ(instance.world_from_object, instance.world_from_object_end);
  // (1, 1, 1): scaled (2, 3, 4), moved (3, 3, 4), turned about z by 90 degrees (-3, 3, 4), moved.
  expect_near(trace::transform_point(instance.world_from_object, {1, 1, 1}), {7, 3, 4});
}

TEST(GltfNodes, TakeAMatrixByColumns) {
  GltfFile file = triangle_file();
  file.add("nodes", R"({"mesh":0,"matrix":[1,2,3,0, 4,5,7,0, 7,8,10,0, 11,12,13,1]})");
  const Affine m = scene_of(file).instances.at(0).world_from_object;
  EXPECT_EQ(m.columns[0], (Vec3{1, 2, 3}));
  EXPECT_EQ(m.columns[1], (Vec3{4, 5, 7}));
  EXPECT_EQ(m.origin, (Vec3{11, 12, 13}));
}

TEST(GltfNodes, AQuaternionIsMadeUnit) {
  GltfFile file = triangle_file();
  file.add("nodes", R"({"mesh":0,"rotation":[0,0,3,3]})");
  const trace::Scene scene = scene_of(file);
  expect_near(trace::transform_point(scene.instances.at(0).world_from_object, {1, 0, 0}),
              {0, 1, 0});
}

TEST(GltfNodes, OnlyThoseOfTheSceneAreShown) {
  GltfFile file = triangle_file();
  for (const char* name : {"a", "b", "c"})
    file.add("nodes", std::string(R"({"mesh":0,"name":")") + name + "\"}");
  file.add("scenes", R"({"nodes":[0]})");
  file.add("scenes", R"({"nodes":[2,1]})");
  file.set("scene", "1");
  const trace::Scene scene = scene_of(file);
  ASSERT_EQ(scene.instances.size(), 2U);
  EXPECT_EQ(scene.instances[0].name, "c");
  EXPECT_EQ(scene.instances[1].name, "b");
  EXPECT_EQ(scene.instances[1].object_id, 2);
}

TEST(GltfNodes, ShareAMesh) {
  GltfFile file = triangle_file();
  file.add("meshes", R"({"name":"pair","primitives":[{"attributes":{"POSITION":0}},
      {"attributes":{"POSITION":0}}]})");
  file.add("nodes", R"({"mesh":1,"translation":[1,0,0]})");
  file.add("nodes", R"({"mesh":1,"translation":[2,0,0]})");
  const trace::Scene scene = scene_of(file);
  EXPECT_EQ(scene.meshes.size(), 2U);
  ASSERT_EQ(scene.instances.size(), 4U);
  EXPECT_EQ(scene.meshes[1].name, "pair");
  EXPECT_EQ(scene.instances[0].mesh, 0);
  EXPECT_EQ(scene.instances[1].mesh, 1);
  EXPECT_EQ(scene.instances[1].object_id, 1);
  EXPECT_EQ(scene.instances[2].mesh, 0);
  EXPECT_EQ(scene.instances[3].object_id, 2);
}

TEST(GltfNodes, ScaledToNothingAreLeftOut) {
  GltfFile file = triangle_file();
  file.add("nodes", R"({"mesh":0,"scale":[1,0,1]})");
  const trace::Scene scene = scene_of(file);
  EXPECT_TRUE(scene.instances.empty());
  ASSERT_EQ(scene.warnings.size(), 1U);
  EXPECT_THAT(scene.warnings[0], HasSubstr("/nodes/0: is scaled to nothing"));
}

TEST(GltfNodes, AreInstancedByAttributes) {
  GltfFile file = triangle_file();
  file.set("extensionsUsed", R"(["EXT_mesh_gpu_instancing"])");
  const int t = file.floats("VEC3", 2, {1, 2, 3, 4, 5, 6});
  const int r =
      file.accessor("VEC4", 5122, 2, bytes_from<std::int16_t>({0, 0, 0, 32767, 0, 0, 32767, 0}),
                    R"("normalized":true)");
  const int s = file.floats("VEC3", 2, {1, 1, 1, 2, 2, 2});
  file.add("nodes", R"({"mesh":0,"translation":[10,0,0],"extensions":{"EXT_mesh_gpu_instancing":
      {"attributes":{"TRANSLATION":)" +
                        std::to_string(t) + R"(,"ROTATION":)" + std::to_string(r) + R"(,"SCALE":)" +
                        std::to_string(s) + "}}}}");
  const trace::Scene scene = scene_of(file);
  EXPECT_EQ(scene.meshes.size(), 1U);
  ASSERT_EQ(scene.instances.size(), 2U);
  expect_near(trace::transform_point(scene.instances[0].world_from_object, {1, 0, 0}), {12, 2, 3});
  expect_near(trace::transform_point(scene.instances[1].world_from_object, {1, 0, 0}), {12, 5, 6});
  EXPECT_EQ(scene.instances[1].object_id, 2);
}

/// The triangle, moved by an animation of its node.
trace::Instance animated(const std::string& path, const std::string& type,
                         const std::string& interpolation, const std::vector<float>& times,
                         const std::vector<float>& values, const SceneMoment& moment) {
  GltfFile file = triangle_file();
  file.add("nodes", R"({"mesh":0})");
  const std::size_t width = type == "VEC4" ? 4 : 3;
  const int input = file.floats("SCALAR", times.size(), times);
  const int output = file.floats(type, values.size() / width, values);
  file.add("animations", R"({"samplers":[{"input":)" + std::to_string(input) + R"(,"output":)" +
                             std::to_string(output) + R"(,"interpolation":")" + interpolation +
                             R"("}],"channels":[{"sampler":0,"target":{"node":0,"path":")" + path +
                             R"("}}]})");
  return scene_of(file, moment).instances.at(0);
}

Vec3 origin_at(const std::string& interpolation, const std::vector<float>& values, double time_s) {
  return animated("translation", "VEC3", interpolation, {1, 3}, values, {time_s, time_s})
      .world_from_object.origin;
}

TEST(GltfAnimation, MovesInSteps) {
  const std::vector<float> values = {1, 0, 0, 5, 0, 0};
  EXPECT_EQ(origin_at("STEP", values, 0), (Vec3{1, 0, 0}));
  EXPECT_EQ(origin_at("STEP", values, 2.9), (Vec3{1, 0, 0}));
  EXPECT_EQ(origin_at("STEP", values, 3), (Vec3{5, 0, 0}));
  EXPECT_EQ(origin_at("STEP", values, 99), (Vec3{5, 0, 0}));
}

TEST(GltfAnimation, MovesLinearly) {
  const std::vector<float> values = {1, 0, 0, 5, 2, 0};
  EXPECT_EQ(origin_at("LINEAR", values, -1), (Vec3{1, 0, 0}));
  EXPECT_EQ(origin_at("LINEAR", values, 1.5), (Vec3{2, 0.5, 0}));
  EXPECT_EQ(origin_at("LINEAR", values, 4), (Vec3{5, 2, 0}));
}

TEST(GltfAnimation, MovesAlongCubicSplines) {
  // In-tangent, value, out-tangent of two keys. At the middle of 2 s: (v0 + v1) / 2 +
  // 2 (b0 - a1) / 8.
  const std::vector<float> values = {9, 9, 9, 1, 0, 0, 2, 0, 0, 0, 4, 0, 5, 0, 0, 9, 9, 9};
  expect_near(origin_at("CUBICSPLINE", values, 2), {3.5F, -1, 0});
  EXPECT_EQ(origin_at("CUBICSPLINE", values, 0), (Vec3{1, 0, 0}));
  EXPECT_EQ(origin_at("CUBICSPLINE", values, 5), (Vec3{5, 0, 0}));
}

Vec3 turned_at(const std::string& interpolation, const std::vector<float>& values, double time_s) {
  const trace::Instance instance =
      animated("rotation", "VEC4", interpolation, {0, 1}, values, {time_s, time_s});
  return trace::transform_vector(instance.world_from_object, {1, 0, 0});
}

TEST(GltfAnimation, TurnsAtEvenSpeedTheShorterWay) {
  // From 0 to 120 degrees about z.
  const std::vector<float> values = {0, 0, 0, 1, 0, 0, 0.8660254F, 0.5F};
  const auto at = [](double degrees) {
    const double a = degrees * std::acos(-1.0) / 180;
    return Vec3{static_cast<float>(std::cos(a)), static_cast<float>(std::sin(a)), 0};
  };
  expect_near(turned_at("LINEAR", values, 0.25), at(30));
  expect_near(turned_at("LINEAR", values, 0.75), at(90));
  // The negated quaternion is the same rotation.
  expect_near(turned_at("LINEAR", {0, 0, 0, 1, 0, 0, -0.8660254F, -0.5F}, 0.25), at(30));
  // Nearly the same: the angle is too small to be divided by.
  expect_near(turned_at("LINEAR", {0, 0, 0, 1, 0, 0, 1e-4F, 1}, 0.5), {1, 1e-4F, 0});
}

TEST(GltfAnimation, ASplineOfRotationsIsMadeUnit) {
  const std::vector<float> values = {0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0,
                                     0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0};
  expect_near(turned_at("CUBICSPLINE", values, 0.5), {0, 1, 0});
}

TEST(GltfAnimation, MovesInstancesWhileTheShutterIsOpen) {
  const trace::Instance instance = animated("scale", "VEC3", "LINEAR", {0, 1}, {1, 1, 1, 3, 1, 1},
                                            {.time_s = 0, .end_time_s = 0.5});
  EXPECT_EQ(instance.world_from_object.columns[0], (Vec3{1, 0, 0}));
  EXPECT_EQ(instance.world_from_object_end.columns[0], (Vec3{2, 0, 0}));
}

TEST(GltfAnimation, OfTwoClipsTheFirstIsShown) {
  GltfFile file = triangle_file();
  file.add("nodes", R"({"mesh":0})");
  const int input = file.floats("SCALAR", 1, {0});
  for (const float x : {1.0F, 2.0F}) {
    const int output = file.floats("VEC3", 1, {x, 0, 0});
    file.add("animations",
             R"({"samplers":[{"input":)" + std::to_string(input) + R"(,"output":)" +
                 std::to_string(output) +
                 R"(}],"channels":[{"sampler":0,"target":{"node":0,"path":"translation"}}]})");
  }
  const trace::Scene scene = scene_of(file);
  EXPECT_EQ(scene.instances.at(0).world_from_object.origin, (Vec3{1, 0, 0}));
  ASSERT_EQ(scene.warnings.size(), 1U);
  EXPECT_THAT(scene.warnings[0], HasSubstr("/animations/1: moves what an earlier"));
}

/// A triangle that hangs on two joints: corner 0 on the first, corner 2 on the second, corner 1
/// half on each; over two sets of joints when asked.
GltfFile skinned(int sets) {
  GltfFile file;
  const int p = file.triangle();
  const int n = file.floats("VEC3", 3, {0, 0, 1, 0, 0, 1, 0, 0, 1});
  std::string attributes =
      R"("POSITION":)" + std::to_string(p) + R"(,"NORMAL":)" + std::to_string(n);
  const auto weights = [&](const std::vector<float>& numbers) {
    return std::to_string(file.floats("VEC4", 3, numbers));
  };
  const auto joints = [&](const std::vector<std::uint8_t>& numbers) {
    return std::to_string(file.accessor("VEC4", 5121, 3, bytes_from(numbers)));
  };
  if (sets == 1) {
    attributes += R"(,"JOINTS_0":)" + joints({0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0});
    attributes += R"(,"WEIGHTS_0":)" + weights({1, 0, 0, 0, 0.5, 0.5, 0, 0, 0, 1, 0, 0});
  } else {
    attributes += R"(,"JOINTS_0":)" + joints({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    attributes += R"(,"WEIGHTS_0":)" + weights({1, 0, 0, 0, 0.5, 0, 0, 0, 0, 0, 0, 0});
    attributes += R"(,"JOINTS_1":)" + joints({1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
    attributes += R"(,"WEIGHTS_1":)" + weights({0, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 0.5, 0.5});
  }
  file.mesh(attributes);
  const int binds = file.floats("MAT4", 2, {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0,  0, 1,
                                            1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, -1, 0, 1});
  file.add("skins", R"({"joints":[1,2],"inverseBindMatrices":)" + std::to_string(binds) + "}");
  file.add("nodes", R"({"mesh":0,"skin":0,"translation":[100,0,0]})");
  file.add("nodes", R"({"translation":[0,0,5]})");
  file.add("nodes", R"({"translation":[0,1,0],"rotation":[0.70710678,0,0,0.70710678]})");
  return file;
}

TEST(GltfSkin, BendsAMeshInTheWorld) {
  for (const int sets : {1, 2}) {
    const trace::Scene scene = scene_of(skinned(sets));
    ASSERT_EQ(scene.instances.size(), 1U);
    EXPECT_EQ(scene.instances[0].world_from_object, Affine{});
    const auto& p = scene.meshes.at(0).positions;
    expect_near(p[0], {0, 0, 5}, "the first joint's");
    // The second joint turns (0, 0, 0) about its place (0, 1, 0): y - 1 = -1 becomes z = -1.
    expect_near(p[2], {0, 1, 0}, "the second joint's own place");
    expect_near(p[1], Vec3{1, 0.5, 2}, "half of (1, 0, 5), half of (1, 1, -1)");
    const auto& n = scene.meshes[0].normals;
    expect_near(n[0], {0, 0, 1});
    expect_near(n[2], {0, -1, 0});
    EXPECT_NEAR(trace::length(n[1]), 1, 1e-6);
    EXPECT_TRUE(scene.meshes[0].positions_end.empty());
  }
}

/// A triangle on one joint, the node 1, whose weights add up to 2, 2 and 0.25.
GltfFile on_one_joint(const std::string& node) {
  GltfFile file;
  const int p = file.triangle();
  const int n = file.floats("VEC3", 3, {0, 0, 1, 0, 0, 1, 0, 0, 1});
  const int j = file.accessor("VEC4", 5123, 3, bytes_from(std::vector<std::uint16_t>(12, 0)));
  const int w = file.floats("VEC4", 3, {2, 0, 0, 0, 1, 1, 0, 0, 0.25, 0, 0, 0});
  file.mesh(R"("POSITION":)" + std::to_string(p) + R"(,"NORMAL":)" + std::to_string(n) +
            R"(,"JOINTS_0":)" + std::to_string(j) + R"(,"WEIGHTS_0":)" + std::to_string(w));
  file.add("skins", R"({"joints":[1]})");
  file.add("nodes", R"({"mesh":0,"skin":0})");
  file.add("nodes", node);
  return file;
}

TEST(GltfSkin, WeightsAreMadeToAddUpToOne) {
  EXPECT_THAT(scene_of(on_one_joint(R"({"translation":[0,0,1]})")).meshes.at(0).positions,
              ElementsAre(Vec3{0, 0, 1}, Vec3{1, 0, 1}, Vec3{0, 1, 1}));
}

TEST(GltfSkin, InAMirrorTheFrontStaysTheFront) {
  const trace::Mesh mesh = scene_of(on_one_joint(R"({"scale":[-2,1,1]})")).meshes.at(0);
  EXPECT_EQ(mesh.positions[1], (Vec3{-2, 0, 0}));
  const auto& corners = mesh.triangles.at(0);
  const Vec3 a = mesh.positions[corners[0]];
  const Vec3 up = trace::cross(mesh.positions[corners[1]] - a, mesh.positions[corners[2]] - a);
  EXPECT_EQ(up, (Vec3{0, 0, 2}));
  EXPECT_EQ(mesh.normals[0], (Vec3{0, 0, 1}));
}

TEST(GltfSkin, IsMovedByItsJointsWhileTheShutterIsOpen) {
  GltfFile file = skinned(1);
  const int input = file.floats("SCALAR", 2, {0, 1});
  const int output = file.floats("VEC3", 2, {0, 0, 5, 0, 0, 7});
  file.add("animations",
           R"({"samplers":[{"input":)" + std::to_string(input) + R"(,"output":)" +
               std::to_string(output) +
               R"(}],"channels":[{"sampler":0,"target":{"node":1,"path":"translation"}}]})");
  const trace::Scene scene = scene_of(file, {.time_s = 0, .end_time_s = 1});
  const trace::Mesh& mesh = scene.meshes.at(0);
  ASSERT_EQ(mesh.positions_end.size(), 3U);
  expect_near(mesh.positions[0], {0, 0, 5});
  expect_near(mesh.positions_end[0], {0, 0, 7});
  expect_near(mesh.positions_end[2], {0, 1, 0});
}

TEST(GltfCameras, ArePerspectiveOrOrthographic) {
  GltfFile file;
  file.add("cameras", R"({"name":"main","type":"perspective",
      "perspective":{"yfov":0.5,"znear":0.1,"aspectRatio":2},
      "extras":{"sovren_lens":{"radius":0.02,"focus_distance":3}}})");
  file.add("cameras", R"({"type":"orthographic",
      "orthographic":{"xmag":3,"ymag":2,"znear":0,"zfar":9}})");
  file.add("nodes", R"({"name":"tripod","camera":0,"translation":[1,2,3],"scale":[2,2,2],
      "rotation":[0,0.70710678,0,0.70710678]})");
  file.add("nodes", R"({"name":"flat","camera":1})");
  const trace::Scene scene = scene_of(file);
  ASSERT_EQ(scene.cameras.size(), 2U);
  const trace::Camera& main = scene.cameras[0];
  EXPECT_EQ(main.name, "main");
  EXPECT_EQ(main.node_name, "tripod");
  EXPECT_EQ(main.kind, trace::Camera::Kind::perspective);
  EXPECT_EQ(main.y_fov, 0.5F);
  EXPECT_EQ(main.lens_radius, 0.02F);
  EXPECT_EQ(main.focus_distance, 3.0F);
  EXPECT_EQ(main.world_from_camera.origin, (Vec3{1, 2, 3}));
  expect_near(main.world_from_camera.columns[2], {1, 0, 0}, "its back, without the node's scale");
  EXPECT_EQ(main.world_from_camera, main.world_from_camera_end);
  EXPECT_EQ(scene.cameras[1].name, "flat");
  EXPECT_EQ(scene.cameras[1].kind, trace::Camera::Kind::orthographic);
  EXPECT_EQ(scene.cameras[1].y_extent, 2);
  EXPECT_EQ(scene.cameras[1].lens_radius, 0);
}

TEST(GltfCameras, MoveWhileTheShutterIsOpen) {
  GltfFile file;
  file.add("cameras", R"({"type":"perspective","perspective":{"yfov":0.5,"znear":1}})");
  file.add("nodes", R"({"camera":0})");
  const int input = file.floats("SCALAR", 2, {0, 1});
  const int output = file.floats("VEC3", 2, {0, 0, 0, 8, 0, 0});
  file.add("animations",
           R"({"samplers":[{"input":)" + std::to_string(input) + R"(,"output":)" +
               std::to_string(output) +
               R"(}],"channels":[{"sampler":0,"target":{"node":0,"path":"translation"}}]})");
  const trace::Camera camera = scene_of(file, {.time_s = 0.25, .end_time_s = 0.5}).cameras.at(0);
  EXPECT_EQ(camera.world_from_camera.origin, (Vec3{2, 0, 0}));
  EXPECT_EQ(camera.world_from_camera_end.origin, (Vec3{4, 0, 0}));
}

TEST(GltfLights, ArePointsSpotsAndSuns) {
  GltfFile file;
  file.set("extensionsUsed", R"(["KHR_lights_punctual"])");
  file.set("extensions", R"({"KHR_lights_punctual":{"lights":[
      {"type":"point","color":[1,0.5,0.25],"intensity":8},
      {"type":"spot","name":"lamp","spot":{"innerConeAngle":0.5,"outerConeAngle":1}},
      {"type":"directional","intensity":3}]}})");
  for (int i = 0; i < 3; ++i)
    file.add("nodes", R"({"translation":[0,)" + std::to_string(i) +
                          R"(,0],"scale":[2,2,2],"rotation":[-0.70710678,0,0,0.70710678],
      "extensions":{"KHR_lights_punctual":{"light":)" +
                          std::to_string(i) + "}}}");
  const trace::Scene scene = scene_of(file);
  ASSERT_EQ(scene.lights.size(), 3U);
  EXPECT_EQ(scene.lights[0].kind, trace::PunctualLight::Kind::point);
  EXPECT_EQ(scene.lights[0].intensity, (Vec3{8, 4, 2}));
  EXPECT_EQ(scene.lights[1].kind, trace::PunctualLight::Kind::spot);
  EXPECT_EQ(scene.lights[1].name, "lamp");
  EXPECT_EQ(scene.lights[1].position, (Vec3{0, 1, 0}));
  expect_near(scene.lights[1].direction, {0, -1, 0}, "-z, turned down");
  EXPECT_NEAR(scene.lights[1].cos_inner, std::cos(0.5), 1e-6);
  EXPECT_NEAR(scene.lights[1].cos_outer, std::cos(1.0), 1e-6);
  EXPECT_EQ(scene.lights[2].kind, trace::PunctualLight::Kind::directional);
  EXPECT_EQ(scene.lights[2].intensity, (Vec3{3, 3, 3}));
}

TEST(GltfLights, ASpotsUsualConeIsHalfARightAngleWide) {
  GltfFile file;
  file.set("extensions", R"({"KHR_lights_punctual":{"lights":[{"type":"spot","spot":{}}]}})");
  file.add("nodes", R"({"extensions":{"KHR_lights_punctual":{"light":0}}})");
  const trace::PunctualLight light = scene_of(file).lights.at(0);
  EXPECT_EQ(light.cos_inner, 1);
  EXPECT_NEAR(light.cos_outer, half_root, 1e-6);
  EXPECT_EQ(light.direction, (Vec3{0, 0, -1}));
}

TEST(GltfFileFormat, AGlbHoldsTheSame) {
  GltfFile file = triangle_file();
  file.add("nodes", R"({"mesh":0,"name":"it"})");
  const auto scene = read_scene(write_file("scene.GLB", file.glb()), {});
  ASSERT_TRUE(scene) << to_text(scene.error());
  EXPECT_THAT(scene->meshes.at(0).positions,
              ElementsAre(Vec3{0, 0, 0}, Vec3{1, 0, 0}, Vec3{0, 1, 0}));
  EXPECT_EQ(scene->instances.at(0).name, "it");
}

TEST(GltfFileFormat, BuffersMayLieBesideTheScene) {
  write_file("the corners.bin", bytes_from<float>({0, 0, 0, 1, 0, 0, 0, 1, 0}));
  const auto scene = read_text(R"({"asset":{"version":"2.0"},
      "buffers":[{"byteLength":36,"uri":"the%20corners.bin"}],
      "bufferViews":[{"buffer":0,"byteLength":36}],
      "accessors":[{"bufferView":0,"componentType":5126,"type":"VEC3","count":3}],
      "meshes":[{"primitives":[{"attributes":{"POSITION":0}}]}],"nodes":[{"mesh":0}]})");
  ASSERT_TRUE(scene) << to_text(scene.error());
  EXPECT_EQ(scene->meshes.at(0).positions.at(1), (Vec3{1, 0, 0}));
}

TEST(GltfFileFormat, WarnsOfExtensionsThatItDoesNotKnow) {
  GltfFile file = triangle_file();
  file.set("extensionsUsed", R"(["KHR_materials_ior","KHR_materials_iridescence"])");
  const trace::Scene scene = scene_of(file);
  ASSERT_EQ(scene.warnings.size(), 1U);
  EXPECT_THAT(scene.warnings[0], HasSubstr("extension KHR_materials_iridescence is not known"));
}

}  // namespace
}  // namespace sovren::jobs
