// SPDX-License-Identifier: Apache-2.0
// The scenes of `sovren generate scene`: well-formed bodies, and what each scene promises.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "jobs/kind/input_file.h"
#include "jobs/rendering/generate/scene_parts.h"
#include "jobs/rendering/generate/scenes.h"
#include "jobs/rendering/generate/shapes.h"
#include "jobs/rendering/gltf_writer.h"
#include "jobs/rendering/scene_file.h"
#include "tests/unit/rendering/gltf_files.h"

namespace sovren::jobs {
namespace {

using trace::Mesh;
using trace::Vec2;
using trace::Vec3;

/// Six times the volume that the triangles enclose: positive when corners go counter-clockwise
/// seen from outside.
double volume_of(const Mesh& mesh) {
  double sum = 0;
  for (const auto& t : mesh.triangles)
    sum +=
        trace::dot(mesh.positions[t[0]], trace::cross(mesh.positions[t[1]], mesh.positions[t[2]]));
  return sum / 6;
}

/// Do triangles and normals look to the same side everywhere?
bool agrees(const Mesh& mesh) {
  return std::ranges::all_of(mesh.triangles, [&](const auto& t) {
    const Vec3 face = trace::cross(mesh.positions[t[1]] - mesh.positions[t[0]],
                                   mesh.positions[t[2]] - mesh.positions[t[0]]);
    return std::ranges::all_of(t, [&](auto c) { return trace::dot(face, mesh.normals[c]) > 0; });
  });
}

TEST(Shapes, EncloseTheirVolumes) {
  EXPECT_NEAR(volume_of(ball(0.5F, 96)), 4.0 / 3 * 3.14159265 * 0.125, 0.002);
  EXPECT_NEAR(volume_of(rounded_box({1, 2, 3}, 0, 1)), 6, 1e-5);
  // A box and half-balls and -tubes at its edges: between the drawn-in box and the whole one.
  const double rounded = volume_of(rounded_box({1, 2, 3}, 0.25F, 6));
  EXPECT_GT(rounded, 0.5 * 1.5 * 2.5);
  EXPECT_LT(rounded, 6);
  const std::array<Vec2, 6> can{{{0, 0}, {1, 0}, {1, 0}, {1, 2}, {1, 2}, {0, 2}}};
  EXPECT_NEAR(volume_of(lathe(can, 128)), 2 * 3.14159265, 0.01);
}

TEST(Shapes, NormalsPointOutwards) {
  EXPECT_TRUE(agrees(ball(0.5F, 24)));
  EXPECT_TRUE(agrees(rounded_box({1, 2, 3}, 0.25F, 3)));
  EXPECT_TRUE(agrees(rounded_box({1, 1, 1}, 0, 1)));
  EXPECT_TRUE(agrees(tube(std::array<Vec3, 3>{{{0, 0, 0}, {0, 1, 0}, {1, 1, 0}}},
                          std::array<float, 3>{0.1F, 0.1F, 0.1F}, 6)));
  EXPECT_TRUE(agrees(sheet(4, 4, [](float u, float v) { return Vec3{u, v, 0.1F * u * v}; })));
}

TEST(Shapes, AMirroredBodyStaysRightSideOut) {
  Mesh mesh = ball(1, 16);
  transform(mesh, scaled({-1, 2, 1}));
  EXPECT_GT(volume_of(mesh), 0);
  EXPECT_TRUE(agrees(mesh));
}

TEST(Shapes, ACameraLooksWhereItIsTold) {
  const Vec3 from{1, 2, 3}, at{-2, 0.5F, 7};
  const trace::Vec4 q = looking(from, at);
  const Vec3 axis{q.x, q.y, q.z}, ahead{0, 0, -1};
  const Vec3 turned_ahead = ahead + trace::cross(axis, trace::cross(axis, ahead) + ahead * q.w) * 2;
  const Vec3 way = trace::normalized(at - from);
  EXPECT_NEAR(trace::length(turned_ahead - way), 0, 1e-6);
}

TEST(Shapes, NoiseIsSmoothAndAboutNothingOnAverage) {
  double sum = 0, steepest = 0;
  constexpr int points = 4000;
  for (int i = 0; i < points; ++i) {
    const float at = static_cast<float>(i) * 0.01F;
    const float here = noise({at, 0.3F, 0.7F});
    EXPECT_LE(std::abs(here), 1.5F);
    sum += here;
    steepest = std::max<double>(steepest, std::abs(noise({at + 0.001F, 0.3F, 0.7F}) - here));
  }
  EXPECT_NEAR(sum / points, 0, 0.15);
  EXPECT_LT(steepest, 0.02);
}

/// Triangles of all nodes.
std::int64_t triangles_of(const GltfModel& model) {
  std::int64_t count = 0;
  for (const GltfNode& node : model.nodes)
    if (node.mesh >= 0)
      for (const auto& part : model.meshes[static_cast<std::size_t>(node.mesh)].parts)
        count += std::ssize(part.triangles.triangles);
  return count;
}

TEST(Scenes, EveryOneIsWellFormedAndAlwaysTheSame) {
  for (const std::string_view name : scene_names()) {
    SCOPED_TRACE(name);
    const auto model = generate_scene(name, 0.05);
    ASSERT_TRUE(model.has_value());
    ASSERT_FALSE(model->cameras.empty());
    EXPECT_EQ(model->cameras[0].name, "camera");
    EXPECT_GT(triangles_of(*model), 0);
    for (const GltfMesh& mesh : model->meshes)
      for (const GltfPart& part : mesh.parts) {
        const Mesh& t = part.triangles;
        ASSERT_LT(static_cast<std::size_t>(t.material), model->materials.size()) << mesh.name;
        for (const Vec3 p : t.positions) ASSERT_TRUE(std::isfinite(p.x + p.y + p.z)) << mesh.name;
        for (const Vec3 n : t.normals) ASSERT_NEAR(trace::length(n), 1, 1e-3) << mesh.name;
        for (const auto& corners : t.triangles)
          for (const std::uint32_t corner : corners) ASSERT_LT(corner, t.positions.size());
      }
    const auto again = generate_scene(name, 0.05);
    EXPECT_EQ(*write_glb(*model), *write_glb(*again));
  }
}

TEST(Scenes, EveryOneReadsBackAsItWasMade) {
  for (const std::string_view name : scene_names()) {
    SCOPED_TRACE(name);
    const auto model = generate_scene(name, 0.05);
    ASSERT_TRUE(model.has_value());
    const std::string path = write_file(std::string(name) + ".glb", *write_glb(*model));
    const auto scene = read_gltf(path, {});
    ASSERT_TRUE(scene.has_value()) << to_text(scene.error());
    EXPECT_TRUE(scene->warnings.empty()) << scene->warnings[0];
    ASSERT_EQ(scene->materials.size(), model->materials.size());
    for (std::size_t i = 0; i < scene->materials.size(); ++i) {
      trace::Material read = scene->materials[i];
      const Vec3 made = model->materials[i].emission;  // was a colour times a strength meanwhile
      EXPECT_LE(trace::length(read.emission - made), 1e-6F * trace::length(made));
      read.emission = made;
      EXPECT_TRUE(read == model->materials[i]) << model->material_names[i];
    }
    ASSERT_EQ(scene->cameras.size(), model->cameras.size());
    for (std::size_t i = 0; i < scene->cameras.size(); ++i) {
      EXPECT_EQ(scene->cameras[i].name, model->cameras[i].name);
      EXPECT_EQ(scene->cameras[i].y_fov, model->cameras[i].y_fov);
      EXPECT_EQ(scene->cameras[i].lens_radius, model->cameras[i].lens_radius);
    }
    std::int64_t triangles = 0;
    for (const trace::Instance& instance : scene->instances)
      triangles += std::ssize(scene->meshes[static_cast<std::size_t>(instance.mesh)].triangles);
    EXPECT_EQ(triangles, triangles_of(*model));
    ASSERT_EQ(scene->textures.size(), model->textures.size());
    for (std::size_t i = 0; i < scene->textures.size(); ++i)
      EXPECT_EQ(scene->textures[i].texels, model->textures[i].texels);
  }
}

TEST(Scenes, TheAnimationMoves) {
  const auto model = generate_scene("animation", 0.05);
  ASSERT_TRUE(model.has_value());
  const std::string path = write_file("moving.glb", *write_glb(*model));
  const auto first = read_gltf(path, {.time_s = 0, .end_time_s = 0});
  const auto middle = read_gltf(path, {.time_s = 0.5, .end_time_s = 0.5});
  ASSERT_TRUE(first.has_value() && middle.has_value());
  EXPECT_NE(first->cameras[0].world_from_camera, middle->cameras[0].world_from_camera);
  const auto place = [](const trace::Scene& scene, std::string_view name) {
    for (const trace::Instance& instance : scene.instances)
      if (instance.name == name) return instance.world_from_object.origin;
    return Vec3{};
  };
  EXPECT_NEAR(place(*first, "bouncing ball").y, 1.38, 1e-5);
  EXPECT_NEAR(place(*middle, "bouncing ball").y, 0.28, 1e-5);  // it touches the ground
  EXPECT_NEAR(place(*middle, "rolling ball").x, 0.4, 1e-5);
}

TEST(Scenes, TheExamplesAreWhatTheGeneratorMakes) {
  const std::string folder = std::string(std::getenv("SOVREN_SOURCE")) + "/examples/rendering/";
  for (const char* name : {"cornell", "spheres", "animation"}) {
    SCOPED_TRACE(name);
    const auto file = MappedFile::open(folder + name + ".glb");
    ASSERT_TRUE(file.has_value());
    const auto made = write_glb(*generate_scene(name, 1));
    ASSERT_TRUE(made.has_value());
    EXPECT_TRUE(file->text() == *made);
  }
}

TEST(Scenes, UnknownNamesAndDetailsAreRefused) {
  const auto unknown = generate_scene("cornel", 1);
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().code, Code::usage);
  EXPECT_NE(unknown.error().hint.find("cornell"), std::string::npos);
  EXPECT_FALSE(generate_scene("cornell", 0).has_value());
  EXPECT_FALSE(generate_scene("cornell", 11).has_value());
}

TEST(Scenes, TheCornellBoxHasItsPublishedMeasures) {
  const auto model = generate_scene("cornell", 1);
  ASSERT_TRUE(model.has_value());
  std::map<std::string, const Mesh*> named;
  for (const GltfMesh& mesh : model->meshes) named[mesh.name] = &mesh.parts[0].triangles;
  const auto area = [&](const std::string& name) {
    double sum = 0;
    const Mesh& mesh = *named.at(name);
    for (const auto& t : mesh.triangles)
      sum += trace::length(trace::cross(mesh.positions[t[1]] - mesh.positions[t[0]],
                                        mesh.positions[t[2]] - mesh.positions[t[0]])) /
             2;
    return sum;
  };
  EXPECT_NEAR(area("light"), 0.130 * 0.105, 1e-6);
  EXPECT_NEAR(area("ceiling"), 0.556 * 0.5592 - 0.130 * 0.105, 1e-6);  // with its hole
  EXPECT_NEAR(area("right wall"), 0.5588 * 0.5488, 3e-4);
  EXPECT_EQ(triangles_of(*model), 38);
  for (const Vec3 p : named.at("tall block")->positions)
    EXPECT_TRUE(p.y == 0 || std::abs(p.y - 0.33F) < 1e-6F);
  // The camera sees red on the left: x grows to the left when one looks along +z.
  EXPECT_GT(named.at("left wall")->positions[0].x, 0.5F);
  EXPECT_GT(
      model->materials[static_cast<std::size_t>(named.at("left wall")->material)].base_color.x,
      0.4F);
}

}  // namespace
}  // namespace sovren::jobs
