// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/rendering/picture.h"
#include "jobs/rendering/scene_file.h"
#include "tests/unit/rendering/gltf_files.h"

namespace sovren::jobs {
namespace {

using trace::Material;
using trace::Scene;
using trace::Vec3;

const std::string sphere = "<shape type=\"sphere\"/>";

Result<Scene> read_inner(const std::string& inner) {
  return read_mitsuba(
      write_file("scene.xml", "<scene version=\"3.0.0\">\n" + inner + "\n</scene>\n"), {});
}
Scene scene_from(const std::string& inner) {
  const auto scene = read_inner(inner);
  EXPECT_TRUE(scene.has_value()) << to_text(scene.error());
  return scene.value_or(Scene{});
}
std::string error_in(const std::string& inner) {
  const auto scene = read_inner(inner);
  return scene ? "" : std::string(name(scene.error().code)) + ": " + to_text(scene.error());
}
bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}
/// The material of a sphere with this BSDF.
Material material_of(const std::string& bsdf) {
  return scene_from("<shape type=\"sphere\">" + bsdf + "</shape>").materials.at(0);
}
void expect_near(Vec3 a, Vec3 b, float within = 1e-5F) {
  EXPECT_LE(trace::length(a - b), within) << a.x << " " << a.y << " " << a.z;
}

TEST(Mitsuba, StepsOfTransformsFollowEachOther) {
  const Scene scene = scene_from(
      "<shape type=\"cube\"><transform name=\"to_world\"><scale value=\"2\"/>"
      "<rotate y=\"1\" angle=\"90\"/><translate x=\"5\" z=\"1\"/></transform></shape>"
      "<shape type=\"cube\"><transform name=\"to_world\"><matrix value=\"1 0 0 4  0 2 0 5  0 0 3 6 "
      " 0 0 0 1\"/></transform></shape>");
  expect_near(trace::transform_point(scene.instances[0].world_from_object, {1, 0, 0}), {5, 0, -1});
  expect_near(trace::transform_point(scene.instances[1].world_from_object, {1, 1, 1}), {5, 7, 9});
  EXPECT_EQ(scene.instances[0].object_id + 1, scene.instances[1].object_id);
}

TEST(Mitsuba, TheCameraLooksWhereItIsTold) {
  const Scene scene = scene_from(
      "<sensor type=\"thinlens\"><float name=\"fov\" value=\"90\"/>"
      "<float name=\"aperture_radius\" value=\"0.1\"/><float name=\"focus_distance\" value=\"3\"/>"
      "<transform name=\"to_world\"><lookat origin=\"0,1,5\" target=\"0,1,0\" up=\"0,1,0\"/>"
      "</transform><film type=\"hdrfilm\"><integer name=\"width\" value=\"200\"/>"
      "<integer name=\"height\" value=\"100\"/></film></sensor>" +
      sphere);
  const trace::Camera& camera = scene.cameras.at(0);
  expect_near(trace::transform_vector(camera.world_from_camera, {0, 0, -1}), {0, 0, -1});
  expect_near(trace::transform_vector(camera.world_from_camera, {1, 0, 0}), {1, 0, 0});
  expect_near(camera.world_from_camera.origin, {0, 1, 5});
  EXPECT_NEAR(camera.y_fov, 2 * std::atan(0.5), 1e-5);  // 90 degrees are along x
  EXPECT_EQ(camera.lens_radius, 0.1F);
  EXPECT_EQ(camera.focus_distance, 3);
  ASSERT_EQ(scene.warnings.size(), 1U);
  EXPECT_TRUE(has(scene.warnings[0], "size is the job's"));
}

TEST(Mitsuba, DefaultsAndOldNamesAreUnderstood) {
  const Scene scene = scene_from(
      "<default name=\"size\" value=\"4\"/><shape type=\"sphere\"><float name=\"radius\" "
      "value=\"$size\"/><transform name=\"toWorld\"><translate x=\"$size\"/></transform></shape>");
  expect_near(trace::transform_point(scene.instances[0].world_from_object, {1, 0, 0}), {8, 0, 0});
}

TEST(Mitsuba, ShapesLookOutwardsAndRectanglesAlongZ) {
  const Scene scene = scene_from(
      "<shape type=\"rectangle\"/><shape type=\"disk\"/><shape type=\"sphere\"/>"
      "<shape type=\"cube\"/><shape type=\"cylinder\"/>"
      "<shape type=\"rectangle\"><boolean name=\"flip_normals\" value=\"true\"/></shape>");
  ASSERT_EQ(scene.meshes.size(), 6U);
  const auto face = [&](std::size_t mesh) {
    const trace::Mesh& m = scene.meshes[mesh];
    const auto& t = m.triangles[0];
    return trace::normalized(
        trace::cross(m.positions[t[1]] - m.positions[t[0]], m.positions[t[2]] - m.positions[t[0]]));
  };
  expect_near(face(0), {0, 0, 1});
  expect_near(face(1), {0, 0, 1});
  expect_near(face(5), {0, 0, -1});
  for (const std::size_t round : {2U, 3U}) {
    const trace::Mesh& m = scene.meshes[round];
    EXPECT_GT(trace::dot(face(round), m.positions[m.triangles[0][0]]), 0);
  }
}

TEST(Mitsuba, FilesOfShapesAreRead) {
  write_file("flat.obj", "v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0.25\nf 1/1 2/1 3/1\n");
  write_file("flat.ply",
             "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\n"
             "property float z\nproperty float u\nproperty float v\nelement face 1\n"
             "property list uchar int vertex_indices\nend_header\n"
             "0 0 0 0 0.25\n1 0 0 0 0.25\n0 1 0 0 0.25\n3 0 1 2\n");
  const Scene scene = scene_from(
      "<shape type=\"obj\"><string name=\"filename\" value=\"flat.obj\"/></shape>"
      "<shape type=\"ply\" id=\"scan\"><string name=\"filename\" value=\"flat.ply\"/>"
      "<boolean name=\"face_normals\" value=\"true\"/></shape>");
  EXPECT_EQ(scene.meshes[0].uv[0][0].y, 0.75F);
  EXPECT_EQ(scene.meshes[0].normals.size(), 3U);
  EXPECT_EQ(scene.meshes[1].uv[0][0].y, 0.25F);
  EXPECT_TRUE(scene.meshes[1].normals.empty());
  EXPECT_EQ(scene.instances[1].name, "scan");
}

TEST(Mitsuba, BsdfsBecomeMaterials) {
  const Material grey = scene_from(sphere).materials.at(0);
  EXPECT_EQ(grey.base_color, (Vec3{0.5F, 0.5F, 0.5F}));
  EXPECT_EQ(grey.specular, 0);
  const Material red = material_of(
      "<bsdf type=\"twosided\"><bsdf type=\"diffuse\"><rgb name=\"reflectance\" "
      "value=\"0.8, 0.1, 0.2\"/></bsdf></bsdf>");
  EXPECT_EQ(red.base_color, (Vec3{0.8F, 0.1F, 0.2F}));
  const Material gold = material_of(
      "<bsdf type=\"roughconductor\"><string name=\"material\" value=\"Au\"/><float name=\"alpha\" "
      "value=\"0.25\"/><string name=\"distribution\" value=\"ggx\"/></bsdf>");
  EXPECT_EQ(gold.metallic, 1);
  EXPECT_EQ(gold.roughness, 0.5F);
  EXPECT_GT(gold.base_color.x, gold.base_color.z * 2);
  const Material of_numbers = material_of(
      "<bsdf type=\"conductor\"><rgb name=\"eta\" value=\"1\"/><rgb name=\"k\" "
      "value=\"2\"/></bsdf>");
  EXPECT_FLOAT_EQ(of_numbers.base_color.x, 0.5F);  // (0 + 4) / (4 + 4)
  const Material water = material_of(
      "<bsdf type=\"dielectric\"><string name=\"int_ior\" value=\"water\"/><float name=\"ext_ior\" "
      "value=\"1\"/></bsdf>");
  EXPECT_FLOAT_EQ(water.ior, 1.333F);
  EXPECT_EQ(water.transmission, 1);
  EXPECT_TRUE(water.is_solid);
  EXPECT_FALSE(material_of("<bsdf type=\"thindielectric\"/>").is_solid);
  const Material plastic = material_of("<bsdf type=\"plastic\"/>");
  EXPECT_NEAR(plastic.ior, 1.49, 1e-3);
  EXPECT_EQ(plastic.roughness, 0);
  const Material mixed = material_of(
      "<bsdf type=\"principled\"><rgb name=\"base_color\" value=\"#ff8000\"/><float "
      "name=\"metallic\" value=\"0.5\"/><float name=\"roughness\" value=\"0.2\"/></bsdf>");
  EXPECT_EQ(mixed.base_color.x, 1);
  EXPECT_NEAR(mixed.base_color.y, 0.2158605, 1e-5);
  EXPECT_EQ(mixed.metallic, 0.5F);
  EXPECT_NEAR(mixed.ior, 1.5, 1e-5);  // specular 0.5 is 4 %
}

TEST(Mitsuba, ReferencesAreFollowedAndMaterialsShared) {
  const Scene scene = scene_from(
      "<bsdf type=\"diffuse\" id=\"blue\"><rgb name=\"reflectance\" value=\"0 0 1\"/></bsdf>"
      "<shape type=\"cube\"><ref id=\"blue\"/></shape>"
      "<shape type=\"sphere\"><ref id=\"blue\"/></shape>");
  ASSERT_EQ(scene.materials.size(), 1U);
  EXPECT_EQ(scene.materials[0].base_color, (Vec3{0, 0, 1}));
}

TEST(Mitsuba, TexturesAreTurnedAndRepeated) {
  const Scene scene = scene_from(
      "<shape type=\"rectangle\"><bsdf type=\"diffuse\"><texture name=\"reflectance\" "
      "type=\"checkerboard\"><rgb name=\"color0\" value=\"1\"/><transform name=\"to_uv\"><scale "
      "x=\"10\" y=\"20\"/></transform></texture></bsdf></shape>");
  const Material& m = scene.materials.at(0);
  ASSERT_EQ(m.base_color_texture.texture, 0);
  EXPECT_EQ(m.base_color, (Vec3{1, 1, 1}));
  EXPECT_EQ(m.base_color_texture.m[0], 10);
  EXPECT_EQ(m.base_color_texture.m[4], 20);
  float first = 0;
  std::memcpy(&first, scene.textures[0].texels.data(), sizeof(first));
  EXPECT_EQ(first, 1);
}

TEST(Mitsuba, AreaLightsShineForwardOnly) {
  const Scene scene = scene_from(
      "<shape type=\"rectangle\"><emitter type=\"area\"><rgb name=\"radiance\" value=\"3 2 1\"/>"
      "</emitter></shape>" +
      sphere);
  const Material& m = scene.materials[static_cast<std::size_t>(scene.meshes[0].material)];
  EXPECT_EQ(m.emission, (Vec3{3, 2, 1}));
  EXPECT_FALSE(m.emits_backwards);
  EXPECT_EQ(scene.materials[static_cast<std::size_t>(scene.meshes[1].material)].emission, Vec3{});
}

TEST(Mitsuba, LightsWithoutExtent) {
  const Scene scene = scene_from(
      "<emitter type=\"point\"><point name=\"position\" x=\"1\" y=\"2\" z=\"3\"/><rgb "
      "name=\"intensity\" value=\"5\"/></emitter>"
      "<emitter type=\"spot\"><transform name=\"to_world\"><lookat origin=\"0 4 0\" target=\"0 0 "
      "0\" up=\"0 0 1\"/></transform><float name=\"cutoff_angle\" value=\"60\"/></emitter>"
      "<emitter type=\"directional\"><vector name=\"direction\" x=\"0\" y=\"-2\" z=\"0\"/>"
      "</emitter><emitter type=\"constant\"><rgb name=\"radiance\" value=\"0.5\"/></emitter>" +
      sphere);
  ASSERT_EQ(scene.lights.size(), 3U);
  EXPECT_EQ(scene.lights[0].position, (Vec3{1, 2, 3}));
  EXPECT_EQ(scene.lights[0].intensity, (Vec3{5, 5, 5}));
  expect_near(scene.lights[1].direction, {0, -1, 0});
  EXPECT_NEAR(scene.lights[1].cos_outer, 0.5, 1e-6);
  expect_near(scene.lights[2].direction, {0, -1, 0});
  EXPECT_EQ(scene.environment.tint, (Vec3{0.5F, 0.5F, 0.5F}));
}

TEST(Mitsuba, EnvironmentsAreTurnedToOurMapping) {
  // One bright pixel at Mitsuba's u = 5/16, v = 1/2: x > 0, and z > 0 a little.
  Picture map{.width = 8, .height = 4, .channels = 3, .values = std::vector<float>(96, 0.0F)};
  for (const std::size_t row : {1U, 2U})
    for (std::size_t c = 0; c < 3; ++c) map.values[(row * 8 + 2) * 3 + c] = 9;
  const Layer layers[] = {{"", {"R", "G", "B"}, &map}};
  write_file("map.exr", *encode_exr(layers, false, {}));
  const auto brightest = [](const Scene& scene) {
    // Our mapping, as kernels/trace/scene.h states it.
    const auto& texture = scene.textures[static_cast<std::size_t>(scene.environment.texture)];
    float most = -1, angle = 0;
    for (int x = 0; x < texture.width; ++x) {
      float value = 0;
      std::memcpy(&value, texture.texels.data() + (1 * texture.width + x) * 16, sizeof(value));
      if (value <= most) continue;
      most = value;
      angle = ((static_cast<float>(x) + 0.5F) / static_cast<float>(texture.width) - 0.5F) * 2 *
              3.14159265F;
    }
    return Vec3{std::cos(angle), 0, std::sin(angle)};
  };
  const std::string emitter =
      "<emitter type=\"envmap\"><string name=\"filename\" value=\"map.exr\"/>";
  const float u = 2 * 3.14159265F * 2.5F / 8;
  const Vec3 there{std::sin(u), 0, -std::cos(u)};
  expect_near(brightest(scene_from(emitter + "</emitter>" + sphere)), there, 1e-4F);
  const Vec3 turned{there.z, 0, -there.x};  // by 90 degrees about y
  expect_near(brightest(scene_from(emitter +
                                   "<transform name=\"to_world\"><rotate y=\"1\" angle=\"90\"/>"
                                   "</transform></emitter>" +
                                   sphere)),
              turned, 1e-4F);
}

TEST(Mitsuba, WhatIsNotKnownIsAWarning) {
  const Scene scene = scene_from(
      "<integrator type=\"path\"><integer name=\"max_depth\" value=\"8\"/></integrator>"
      "<shape type=\"hair\"/><emitter type=\"sunsky\"/><medium type=\"homogeneous\"/>"
      "<shape type=\"sphere\"><bsdf type=\"hair\"/></shape>");
  ASSERT_EQ(scene.warnings.size(), 5U);
  EXPECT_TRUE(has(scene.warnings[0], "scene.xml:2: max_depth is the job's"));
  EXPECT_TRUE(has(scene.warnings[0], "max_depth = 6"));
}

TEST(Mitsuba, BadFilesAreRefusedWithTheirLine) {
  EXPECT_TRUE(has(error_in("<shape type=\"sphere\">"), "no XML"));
  EXPECT_TRUE(
      has(error_in("\n\n<shape type=\"sphere\"><float name=\"radius\" value=\"x\"/></shape>"),
          "scene.xml:4"));
  EXPECT_TRUE(has(error_in("<shape type=\"sphere\"><float name=\"radius\" value=\"nan\"/></shape>"),
                  "must be numbers"));
  EXPECT_TRUE(has(error_in("<shape type=\"sphere\"><float name=\"radius\" value=\"$r\"/></shape>"),
                  "'$r'"));
  EXPECT_TRUE(has(error_in("<shape type=\"sphere\"><float name=\"radius\" value=\"0\"/></shape>"),
                  "more than 0"));
  EXPECT_TRUE(has(error_in("<shape type=\"sphere\"><ref id=\"gone\"/></shape>"), "id 'gone'"));
  EXPECT_TRUE(has(error_in("<bsdf type=\"twosided\" id=\"a\"><ref id=\"a\"/></bsdf>"
                           "<shape type=\"sphere\"><ref id=\"a\"/></shape>"),
                  "without an end"));
  EXPECT_TRUE(
      has(error_in("<shape type=\"ply\"><string name=\"filename\" value=\"no.ply\"/></shape>"),
          "input_missing: "));
  EXPECT_TRUE(
      has(error_in("<shape type=\"ply\"><string name=\"filename\" value=\"/a.ply\"/></shape>"),
          "refused: "));
  EXPECT_TRUE(has(error_in("<sensor type=\"perspective\"><float name=\"fov\" value=\"180\"/>"
                           "</sensor>"),
                  "between 0 and 180"));
  EXPECT_TRUE(has(error_in("<sensor type=\"perspective\"><float name=\"fov\" value=\"40\"/>"
                           "<transform name=\"to_world\"><lookat origin=\"0 0 0\" target=\"0 1 0\" "
                           "up=\"0 1 0\"/></transform></sensor>"),
                  "in one line"));
  EXPECT_TRUE(
      has(error_in("<shape type=\"cube\"><transform name=\"to_world\"><matrix value=\"1 2\"/>"
                   "</transform></shape>"),
          "16 numbers"));
  std::string deep;
  for (int i = 0; i < 200; ++i) deep += "<bsdf type=\"twosided\">";
  for (int i = 0; i < 200; ++i) deep += "</bsdf>";
  EXPECT_TRUE(has(error_in(deep), "100 deep"));
  const auto other = read_mitsuba(write_file("other.xml", "<svg/>"), {});
  ASSERT_FALSE(other.has_value());
  EXPECT_TRUE(has(other.error().what, "not a scene"));
}

}  // namespace
}  // namespace sovren::jobs
