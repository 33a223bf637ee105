// SPDX-License-Identifier: Apache-2.0
// glTF files that are broken or mean harm: each is refused by a message that says where and why.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "tests/unit/rendering/gltf_files.h"

namespace sovren::jobs {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::string three = R"("type":"VEC3","componentType":5126,"count":3)";

/// A document that is right but for what a case makes of it. View 0: 36 bytes of a triangle; view
/// 1: 60 zeros, as values; view 2: the bytes 0, 1, 2, 0, ...
std::string document(const std::string& members) {
  std::string counting;
  for (int i = 0; i < 60; ++i) counting += static_cast<char>(i % 3);
  const std::string buffer =
      bytes_from<float>({0, 0, 0, 1, 0, 0, 0, 1, 0}) + std::string(60, '\0') + counting;
  return R"({"asset":{"version":"2.0"},"buffers":[{"byteLength":156,"uri":"data:;base64,)" +
         base64(buffer) + R"("}],"bufferViews":[{"buffer":0,"byteLength":36},
      {"buffer":0,"byteOffset":36,"byteLength":60},
      {"buffer":0,"byteOffset":96,"byteLength":60}],)" +
         members + "}";
}

/// A node with a mesh of the attributes, over such accessors.
std::string drawn(const std::string& accessors, const std::string& attributes,
                  const std::string& more = "") {
  return document(R"("accessors":[)" + accessors + R"(],"meshes":[{"primitives":[{"attributes":{)" +
                  attributes + "}" + more + R"(}]}],"nodes":[{"mesh":0}])");
}
std::string positions(const std::string& accessor) {
  return drawn(accessor, R"("POSITION":0)");
}
const std::string good = R"({"bufferView":0,)" + three + "}";
const std::string position = R"("POSITION":0)";

std::string with_indices(const std::string& accessor) {
  return drawn(good + "," + accessor, position, R"(,"indices":1)");
}
std::string nodes(const std::string& items) {
  return document(R"("nodes":[)" + items + "]");
}
std::string cameras(const std::string& item) {
  return document(R"("cameras":[)" + item + R"(],"nodes":[{"camera":0}])");
}
std::string light(const std::string& item) {
  return document(R"("extensions":{"KHR_lights_punctual":{"lights":[)" + item +
                  R"(]}},"nodes":[{"extensions":{"KHR_lights_punctual":{"light":0}}}])");
}
std::string material(const std::string& item, const std::string& more = "") {
  return document(R"("accessors":[)" + good +
                  R"(],"meshes":[{"primitives":[{"attributes":{"POSITION":0},"material":0}]}],
      "nodes":[{"mesh":0}],"materials":[)" +
                  item + "]" + more);
}
std::string image(const std::string& item) {
  return material(R"({"normalTexture":{"index":0}})",
                  R"(,"textures":[{"source":0}],"images":[)" + item + "]");
}
std::string animation(const std::string& sampler, const std::string& target) {
  const std::string times =
      R"({"bufferView":0,"byteOffset":8,"type":"SCALAR","componentType":5126,"count":2})";
  const std::string zeros = R"({"bufferView":1,"type":"VEC3","componentType":5126,"count":2})";
  const std::string turns = R"({"bufferView":1,"type":"VEC4","componentType":5126,"count":2})";
  return document(R"("accessors":[)" + times + "," + zeros + "," + turns +
                  R"(],"nodes":[{}],"animations":[{"samplers":[{)" + sampler +
                  R"(}],"channels":[{"sampler":0,"target":{)" + target + "}}]}]");
}
std::string skin(const std::string& item) {
  const std::string joints = R"({"bufferView":2,"type":"VEC4","componentType":5121,"count":3})";
  const std::string weights =
      R"({"bufferView":0,"type":"VEC4","componentType":5121,"normalized":true,"count":3})";
  return document(R"("accessors":[)" + good + "," + joints + "," + weights +
                  R"(],"meshes":[{"primitives":[{"attributes":{"POSITION":0,"JOINTS_0":1,
      "WEIGHTS_0":2}}]}],"nodes":[{"mesh":0,"skin":0}],"skins":[)" +
                  item + "]");
}

struct Case {
  std::string text;
  std::string message;  ///< that it begins with
};

void expect_refused(const std::vector<Case>& cases) {
  for (const Case& each : cases)
    EXPECT_THAT(error_of(each.text), StartsWith(each.message)) << each.text;
}

TEST(GltfHostile, TheDocumentItselfIsWrong) {
  EXPECT_EQ(error_of(document(R"("nodes":[])")), "");
  expect_refused({
      {"", "scene.gltf:1:1: no valid JSON"},
      {"{\"asset\":\n{]", "scene.gltf:2:2: no valid JSON"},
      {"[]", "scene.gltf: is no glTF: no JSON object"},
      {"{}", "scene.gltf: /asset: is missing"},
      {R"({"asset":{}})", "scene.gltf: /asset/version: must be 2.0, not ''"},
      {R"({"asset":{"version":"1.0"}})", "scene.gltf: /asset/version: must be 2.0, not '1.0'"},
      {R"({"asset":{"version":"2.1","minVersion":"2.1"}})",
       "scene.gltf: /asset: needs version 2.1 of glTF; 2.0 is known"},
      {R"({"asset":{"version":2}})", "scene.gltf: /asset/version: must be a text, not 2"},
      {R"({"asset":{"version":"2.0"},"nodes":{}})", "scene.gltf: /nodes: must be an array, not {}"},
      {R"({"asset":{"version":"2.0"},"nodes":[3]})",
       "scene.gltf: /nodes/0: must be an object, not 3"},
      {R"({"asset":{"version":"2.0"},"nodes":[],"nodes":[]})",
       "scene.gltf: no valid JSON: the key 'nodes' stands twice"},
      {R"({"asset":{"version":"2.0"},"extras":)" + std::string(100, '[') + std::string(100, ']') +
           "}",
       "scene.gltf: no valid JSON: values nest more than 64 deep"},
      {document(R"("extensionsRequired":["KHR_draco_mesh_compression"])"),
       "scene.gltf: /extensionsRequired: KHR_draco_mesh_compression is not known\n"
       "  hint: known are EXT_mesh_gpu_instancing KHR_lights_punctual"},
      {document(R"("scene":1,"scenes":[{}])"),
       "scene.gltf: /scene: must name one of the 1 scenes, not 1"},
      {document(R"("scenes":[{"nodes":[0]}])"),
       "scene.gltf: /scenes/0/nodes/0: must name one of the 0 nodes, not 0"},
  });
}

TEST(GltfHostile, AnUnknownEndingOrNoFile) {
  const auto ending = read_scene("scene.fbx", {});
  ASSERT_FALSE(ending);
  EXPECT_THAT(to_text(ending.error()), HasSubstr("no scene's name ends in '.fbx'"));
  const auto missing = read_scene("no such scene.gltf", {});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::input_missing);
}

TEST(GltfHostile, AGlbIsCutOffAnywhere) {
  GltfFile file;
  file.triangle();
  file.mesh(position);
  file.add("nodes", R"({"mesh":0})");
  const std::string whole = file.glb();
  EXPECT_EQ(error_of(whole), "");
  for (std::size_t size = 4; size < whole.size(); size += 3)
    EXPECT_THAT(error_of(whole.substr(0, size)),
                StartsWith("scene.gltf: broken glb: it is cut off"))
        << size;
  std::string other = whole;
  other[4] = 1;
  EXPECT_THAT(error_of(other), StartsWith("scene.gltf: broken glb: its version is 1, not 2"));
  other = whole;
  other[15] = '\x7F';
  EXPECT_THAT(error_of(other), StartsWith("scene.gltf: broken glb: the chunk at byte 12 has 21"));
  other = whole;
  other[16] = 'X';
  EXPECT_THAT(error_of(other), StartsWith("scene.gltf: broken glb: its first chunk is not JSON"));
}

TEST(GltfHostile, BuffersAndViewsAreOutOfRange) {
  const auto buffer = [](const std::string& json) {
    return R"({"asset":{"version":"2.0"},"buffers":[)" + json +
           R"(],"bufferViews":[{"buffer":0,"byteLength":36}],"accessors":[)" + good +
           R"(],"meshes":[{"primitives":[{"attributes":{"POSITION":0}}]}],"nodes":[{"mesh":0}]})";
  };
  const auto view = [](const std::string& json) {
    return R"({"asset":{"version":"2.0"},"buffers":[{"byteLength":3,"uri":"data:;base64,AAAA"}],
        "bufferViews":[)" +
           json + R"(],"accessors":[)" + good +
           R"(],"meshes":[{"primitives":[{"attributes":{"POSITION":0}}]}],"nodes":[{"mesh":0}]})";
  };
  expect_refused({
      {buffer(R"({"uri":"data:;base64,AAAA"})"), "scene.gltf: /buffers/0/byteLength: is missing"},
      {buffer(R"({"byteLength":-1})"),
       "scene.gltf: /buffers/0/byteLength: must be a whole number from 0 to"},
      {buffer(R"({"byteLength":1e300})"), "scene.gltf: /buffers/0/byteLength: must be a whole"},
      {buffer(R"({"byteLength":36})"), "scene.gltf: /buffers/0: has neither a uri nor"},
      {buffer(R"({"byteLength":36,"uri":"data:;base64,AAAA"})"),
       "scene.gltf: /buffers/0: byteLength is 36, but only 3 bytes are there"},
      {buffer(R"({"byteLength":36,"uri":"data:;base64,A*AA"})"),
       "scene.gltf: /buffers/0/uri: the data URI's text is no base64"},
      {buffer(R"({"byteLength":36,"uri":"data:text/plain,AAAA"})"),
       "scene.gltf: /buffers/0/uri: a data URI must be data:<type>;base64,<text>"},
      {buffer(R"({"byteLength":36,"uri":"not there.bin"})"),
       "not there.bin: there is no such file (while reading scene.gltf: /buffers/0/uri)"},
      {buffer(R"({"byteLength":36,"uri":7})"), "scene.gltf: /buffers/0/uri: must be a text"},
      {view(R"({"byteLength":1})"), "scene.gltf: /bufferViews/0/buffer: is missing"},
      {view(R"({"buffer":1,"byteLength":1})"),
       "scene.gltf: /bufferViews/0/buffer: must name one of the 1 buffers, not 1"},
      {view(R"({"buffer":0,"byteLength":4})"),
       "scene.gltf: /bufferViews/0: bytes 0 to 4 of buffer 0, which has 3"},
      {view(R"({"buffer":0,"byteOffset":9007199254740992,"byteLength":9007199254740992})"),
       "scene.gltf: /bufferViews/0: bytes 9007199254740992 to 18014398509481984 of buffer 0"},
      {view(R"({"buffer":0,"byteLength":3,"byteStride":1000})"),
       "scene.gltf: /bufferViews/0/byteStride: must be a whole number from 1 to 252"},
  });
}

TEST(GltfHostile, FilesOutsideOfTheScenesFolderAreNotRead) {
  for (const char* uri : {"/etc/passwd", "../secret.bin", "a/../../secret.bin", "%2e%2e/secret.bin",
                          "https://example.org/a.bin", "file:///etc/passwd", "C:\\\\secret.bin",
                          "\\\\\\\\host\\\\secret.bin", ""}) {
    const std::string text = R"({"asset":{"version":"2.0"},"buffers":[{"byteLength":36,"uri":")" +
                             std::string(uri) + R"("}],"bufferViews":[{"buffer":0,
        "byteLength":36}],"accessors":[)" +
                             good +
                             R"(],"meshes":[{"primitives":[{"attributes":{"POSITION":0}}]}],
        "nodes":[{"mesh":0}]})";
    const auto scene = read_text(text);
    ASSERT_FALSE(scene) << uri;
    EXPECT_EQ(scene.error().code, Code::refused) << uri;
    EXPECT_THAT(error_of(text), StartsWith("scene.gltf: /buffers/0/uri: '")) << uri;
  }
}

TEST(GltfHostile, AccessorsAreOutOfRangeOrOfAnotherType) {
  const std::string at = "scene.gltf: /meshes/0/primitives/0/attributes/POSITION: ";
  EXPECT_EQ(error_of(positions(good)), "");
  expect_refused({
      {drawn("", position), at + "must name one of the 0 accessors, not 0"},
      {drawn(good, R"("POSITION":-1)"), at + "must name one of the 1 accessors, not -1"},
      {drawn(good, R"("POSITION":0.5)"), at + "must name one of the 1 accessors, not 0.5"},
      {drawn(good, R"("POSITION":"0")"), at + "must name one of the 1 accessors, not \"0\""},
      {positions(R"({"bufferView":0,"type":"VEC2","componentType":5126,"count":3})"),
       at + "accessor 0 must have VEC3 of float; it has VEC2 of float"},
      {positions(R"({"bufferView":0,"type":"VEC3","componentType":5123,"count":3})"),
       at + "accessor 0 must have VEC3 of float; it has VEC3 of unsigned short"},
      {positions(R"({"bufferView":0,"type":"VEC3","componentType":5124,"count":3})"),
       at + "accessor 0 must have VEC3 of float; it has VEC3 of a componentType that is not known: "
            "5124"},
      {positions(R"({"bufferView":0,"type":"VEC3","componentType":5126})"),
       "scene.gltf: /accessors/0/count: is missing"},
      {positions(R"({"bufferView":0,"type":"VEC3","componentType":5126,"count":0})"),
       "scene.gltf: /accessors/0/count: must be a whole number from 1 to 4294967295, not 0"},
      {positions(R"({"bufferView":0,"type":"VEC3","componentType":5126,"count":4})"),
       "scene.gltf: /accessors/0: 4 elements from byte 0 end at byte 48 of bufferView 0, which has "
       "36 bytes"},
      {positions(R"({"bufferView":0,"type":"VEC3","componentType":5126,"count":4294967295})"),
       "scene.gltf: /accessors/0: 4294967295 elements from byte 0 end at byte 51539607540"},
      {positions(R"({"bufferView":0,"byteOffset":9007199254740992,)" + three + "}"),
       "scene.gltf: /accessors/0: 3 elements from byte 9007199254740992 end"},
      {positions(R"({"bufferView":9,)" + three + "}"),
       "scene.gltf: /accessors/0/bufferView: must name one of the 3 bufferViews, not 9"},
      {positions(R"({"bufferView":0,"sparse":{"count":4},)" + three + "}"),
       "scene.gltf: /accessors/0/sparse/count: must be a whole number from 1 to 3, not 4"},
      {positions(R"({"sparse":{"count":1,"indices":{"bufferView":2,"componentType":5126},
          "values":{"bufferView":1}},)" +
                 three + "}"),
       "scene.gltf: /accessors/0/sparse/indices/componentType: must be 5121, 5123 or 5125"},
      {positions(R"({"sparse":{"count":1,"indices":{"bufferView":2,"byteOffset":60,
          "componentType":5121},"values":{"bufferView":1}},)" +
                 three + "}"),
       "scene.gltf: /accessors/0/sparse/indices: 1 elements from byte 60 end at byte 61"},
      {positions(R"({"sparse":{"count":2,"indices":{"bufferView":2,"byteOffset":2,
          "componentType":5121},"values":{"bufferView":1}},)" +
                 three + "}"),
       "scene.gltf: /accessors/0/sparse/indices: number 1 is 0; they must increase"},
  });
}

TEST(GltfHostile, NumbersAreNotFinite) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    GltfFile file;
    file.floats("VEC3", 3, {0, 0, 0, 1, 0, bad, 0, 1, 0});
    file.mesh(position);
    file.add("nodes", R"({"mesh":0})");
    EXPECT_EQ(error_of(file.json()),
              "scene.gltf: /accessors/0: element 1 is not finite (read as "
              "/meshes/0/primitives/0/attributes/POSITION)");
  }
}

TEST(GltfHostile, PrimitivesAreWrong) {
  const std::string at = "scene.gltf: /meshes/0/primitives/0";
  const auto index = [](const std::string& more) {
    return R"({"bufferView":2,"componentType":5121,"type":"SCALAR",)" + more + "}";
  };
  EXPECT_EQ(error_of(with_indices(index(R"("count":3)"))), "");
  expect_refused({
      {with_indices(R"({"bufferView":0,"type":"SCALAR","componentType":5125,"count":9})"),
       at + "/indices: index 3 is 1065353216, but there are 3 vertices"},
      {with_indices(index(R"("count":4)")), at + ": has 4 corners, which make no triangles"},
      {with_indices(R"({"bufferView":0,"type":"SCALAR","componentType":5126,"count":3})"),
       at + "/indices: accessor 1 must have SCALAR of unsigned byte, unsigned short, unsigned int"},
      {drawn(good, position, R"(,"mode":7)"), at + "/mode: must be a whole number from 0 to 6"},
      {drawn(good + R"(,{"bufferView":1,"type":"VEC3","componentType":5126,"count":2})",
             position + R"(,"NORMAL":1)"),
       at + "/attributes/NORMAL: has 2 elements, POSITION 3"},
      {drawn(good, position, R"(,"material":0)"),
       at + "/material: must name one of the 0 materials, not 0"},
      {document(R"("meshes":[{"primitives":[{}]}],"nodes":[{"mesh":0}])"),
       at + "/attributes: is missing"},
      {document(R"("meshes":[{}],"nodes":[{"mesh":0}])"),
       "scene.gltf: /meshes/0: has no primitives"},
      {document(R"("accessors":[)" + good + R"(,{"bufferView":1,"type":"VEC3","componentType":5126,
          "count":2}],"meshes":[{"weights":[1],"primitives":[{"attributes":{"POSITION":0},
          "targets":[{"POSITION":1}]}]}],"nodes":[{"mesh":0}])"),
       at + "/targets/0/POSITION: has 2 elements, POSITION 3"},
  });
}

TEST(GltfHostile, NodesAreWrong) {
  expect_refused({
      {nodes(R"({"children":[1]},{"children":[0]})"),
       "scene.gltf: /nodes/0: is, or hangs on, its own descendant"},
      {nodes(R"({},{"children":[1]})"), "scene.gltf: /nodes/1: is, or hangs on, its own"},
      {nodes(R"({"children":[2]},{"children":[2]},{})"),
       "scene.gltf: /nodes/1/children/0: node 2 has a parent already: node 0"},
      {nodes(R"({"children":[1,1]},{})"),
       "scene.gltf: /nodes/0/children/1: node 1 has a parent already: node 0"},
      {nodes(R"({"children":[5]})"),
       "scene.gltf: /nodes/0/children/0: must name one of the 1 nodes, not 5"},
      {nodes(R"({"mesh":0})"), "scene.gltf: /nodes/0/mesh: must name one of the 0 meshes, not 0"},
      {nodes(R"({"scale":[1,2]})"), "scene.gltf: /nodes/0/scale: must have 3 numbers"},
      {nodes(R"({"scale":[1,2,1e39]})"),
       "scene.gltf: /nodes/0/scale/2: must be a finite number, not 1e+39"},
      {nodes(R"({"scale":[1,2,null]})"),
       "scene.gltf: /nodes/0/scale/2: must be a finite number, not null"},
      {nodes(R"({"rotation":[0,0,0,0]})"),
       "scene.gltf: /nodes/0/rotation: must be a quaternion of length 1"},
      {nodes(R"({"matrix":[1,0,0,1, 0,1,0,0, 0,0,1,0, 0,0,0,1]})"),
       "scene.gltf: /nodes/0/matrix: its last row must be 0, 0, 0, 1"},
      {nodes(R"({"scale":[1e30,1,1],"children":[1]},{"scale":[1e30,1,1]})"),
       "scene.gltf: /nodes/1: its transform into the world is not finite"},
      {nodes(R"({"extensions":{"KHR_lights_punctual":{"light":0}}})"),
       "scene.gltf: /nodes/0/extensions/KHR_lights_punctual/light: must name one of the 0 lights"},
  });
}

TEST(GltfHostile, ATreeOfAHundredThousandLevelsIsNoStackOfCalls) {
  std::string items;
  for (int i = 1; i <= 100000; ++i) items += "{\"children\":[" + std::to_string(i) + "]},";
  EXPECT_EQ(error_of(nodes(items + "{}")), "");
}

TEST(GltfHostile, CamerasAndLightsAreWrong) {
  const std::string at = "scene.gltf: /extensions/KHR_lights_punctual/lights/0";
  expect_refused({
      {cameras("{}"), "scene.gltf: /cameras/0/type: must be perspective or orthographic, not ''"},
      {cameras(R"({"type":"perspective"})"), "scene.gltf: /cameras/0/perspective: is missing"},
      {cameras(R"({"type":"perspective","perspective":{}})"),
       "scene.gltf: /cameras/0/perspective/yfov: must be there and more than 0"},
      {cameras(R"({"type":"perspective","perspective":{"yfov":4}})"),
       "scene.gltf: /cameras/0/perspective/yfov: must be from 0.0 to 3.14"},
      {cameras(R"({"type":"orthographic","orthographic":{"ymag":-1}})"),
       "scene.gltf: /cameras/0/orthographic/ymag: must be at least 0.0, not -1"},
      {cameras(R"({"type":"perspective","perspective":{"yfov":1},"extras":{"sovren_lens":
          {"radius":-1}}})"),
       "scene.gltf: /cameras/0/extras/sovren_lens/radius: must be at least 0.0, not -1"},
      {document(R"("cameras":[{"type":"perspective","perspective":{"yfov":1}}],
          "nodes":[{"camera":0,"scale":[0,0,0],"name":"dot"}])"),
       "scene.gltf: /cameras/0: the node 'dot' scales it to nothing"},
      {light(R"({"type":"area"})"), at + "/type: must be point, spot or directional, not 'area'"},
      {light(R"({"type":"point","intensity":-1})"), at + "/intensity: must be at least 0.0"},
      {light(R"({"type":"point","color":[-1,0,0]})"), at + "/color: its numbers must not be"},
      {light(R"({"type":"spot"})"), at + "/spot: is missing"},
      {light(R"({"type":"spot","spot":{"innerConeAngle":1,"outerConeAngle":0.5}})"),
       at + "/spot/innerConeAngle: must be less than outerConeAngle"},
  });
}

TEST(GltfHostile, MaterialsAreWrong) {
  const std::string at = "scene.gltf: /materials/0";
  expect_refused({
      {material(R"({"pbrMetallicRoughness":{"metallicFactor":2}})"),
       at + "/pbrMetallicRoughness/metallicFactor: must be from 0.0 to 1.0, not 2"},
      {material(R"({"pbrMetallicRoughness":{"baseColorFactor":[1,1,1,-1]}})"),
       at + "/pbrMetallicRoughness/baseColorFactor: its numbers must be from 0 to 1"},
      {material(R"({"pbrMetallicRoughness":3})"), at + "/pbrMetallicRoughness: must be an object"},
      {material(R"({"emissiveFactor":[1,1]})"), at + "/emissiveFactor: must have 3 numbers"},
      {material(R"({"alphaMode":"GLOW"})"),
       at + "/alphaMode: must be OPAQUE, MASK or BLEND, not 'GLOW'"},
      {material(R"({"extensions":{"KHR_materials_ior":{"ior":0.5}}})"),
       at + "/extensions/KHR_materials_ior/ior: must be 0 or at least 1"},
      {material(R"({"extensions":{"KHR_materials_volume":{"attenuationDistance":0}}})"),
       at + "/extensions/KHR_materials_volume/attenuationDistance: must be more than 0"},
      {material(R"({"extras":{"sovren_subsurface":{"radius":[-1,1,1]}}})"),
       at + "/extras/sovren_subsurface/radius: its numbers must not be negative"},
      {material(R"({"normalTexture":{"index":0}})"),
       at + "/normalTexture/index: must name one of the 0 textures, not 0"},
      {material(R"({"occlusionTexture":{"index":3}})"),
       at + "/occlusionTexture/index: must name one of the 0 textures, not 3"},
      {material(R"({"normalTexture":{"index":0}})",
                R"(,"textures":[{"extensions":{"KHR_texture_basisu":{"source":0}}}])"),
       "scene.gltf: /textures/0: names no image but by KHR_texture_basisu, which is not known"},
      {material(R"({"normalTexture":{"index":0}})",
                R"(,"textures":[{"source":0,"sampler":0}],"images":[{}],"samplers":[{"wrapS":1}])"),
       "scene.gltf: /samplers/0/wrapS: must be 10497, 33071 or 33648, not 1"},
  });
}

TEST(GltfHostile, ImagesAreMissingOrBroken) {
  expect_refused({
      {image(R"({"uri":"gone.png"})"),
       "gone.png: there is no such file (while reading scene.gltf: /images/0/uri)"},
      {image(R"({"uri":"../gone.png"})"),
       "scene.gltf: /images/0/uri: '../gone.png' leaves the folder of the scene"},
      {image(R"({"uri":"data:image/png;base64,AAAA"})"), "scene.gltf: /images/0: "},
      {image(R"({"bufferView":7})"),
       "scene.gltf: /images/0/bufferView: must name one of the 3 bufferViews, not 7"},
      {image(R"({"bufferView":0})"), "scene.gltf: /images/0: "},
      {image("{}"), "scene.gltf: /images/0/bufferView: is missing"},
  });
}

TEST(GltfHostile, AnimationsAreWrong) {
  const std::string move = R"("node":0,"path":"translation")";
  const std::string at = "scene.gltf: /animations/0/samplers/0";
  expect_refused({
      {animation(R"("input":9,"output":1)", move), at + "/input: must name one of the 3 accessors"},
      {animation(R"("input":0,"output":2)", move),
       at + "/output: accessor 2 must have VEC3 of float; it has VEC4 of float"},
      {animation(R"("input":0,"output":1,"interpolation":"JUMP")", move),
       at + "/interpolation: must be STEP, LINEAR or CUBICSPLINE, not 'JUMP'"},
      {animation(R"("input":0,"output":1,"interpolation":"CUBICSPLINE")", move),
       at + "/output: must have 6 elements for 2 keys, not 2"},
      {animation(R"("input":0,"output":2)", R"("node":0,"path":"rotation")"),
       at + "/output: a rotation is no quaternion of length 1"},
      {animation(R"("input":0,"output":1)", R"("node":0,"path":"colour")"),
       "scene.gltf: /animations/0/channels/0/target/path: must be translation, rotation, scale or"},
      {animation(R"("input":0,"output":1)", R"("node":0,"path":"weights")"),
       "scene.gltf: /animations/0/channels/0/target: animates the weights of a node without"},
      {animation(R"("input":0,"output":1)", R"("node":4,"path":"scale")"),
       "scene.gltf: /animations/0/channels/0/target/node: must name one of the 1 nodes, not 4"},
  });
}

TEST(GltfHostile, KeysDoNotIncrease) {
  GltfFile file;
  const int input = file.floats("SCALAR", 3, {0, 2, 1});
  const int output = file.floats("VEC3", 3, std::vector<float>(9, 0));
  file.add("nodes", "{}");
  file.add("animations",
           R"({"samplers":[{"input":)" + std::to_string(input) + R"(,"output":)" +
               std::to_string(output) +
               R"(}],"channels":[{"sampler":0,"target":{"node":0,"path":"scale"}}]})");
  EXPECT_THAT(error_of(file.json()),
              StartsWith("scene.gltf: /animations/0/samplers/0/input: its times must be finite and "
                         "increase; number 2 does not"));
}

TEST(GltfHostile, SkinsAreWrong) {
  const std::string at = "scene.gltf: /skins/0";
  expect_refused({
      {skin("{}"), at + ": has no joints"},
      {skin(R"({"joints":[3]})"), at + "/joints/0: must name one of the 1 nodes, not 3"},
      {skin(R"({"joints":[0],"inverseBindMatrices":0})"),
       at + "/inverseBindMatrices: accessor 0 must have MAT4 of float; it has VEC3 of float"},
      {skin(R"({"joints":[0,0,0]})"),
       "scene.gltf: /meshes/0/primitives/0/attributes: the weights of vertex 0 add up to 0"},
  });
  GltfFile file;
  const int p = file.triangle();
  const int j = file.accessor("VEC4", 5121, 3, std::string("\0\0\0\0\0\0\0\0\0\2\0\0", 12));
  const int w = file.floats("VEC4", 3, {1, 0, 0, 0, 1, 0, 0, 0, 0.5, 0.5, 0, 0});
  file.mesh(R"("POSITION":)" + std::to_string(p) + R"(,"JOINTS_0":)" + std::to_string(j) +
            R"(,"WEIGHTS_0":)" + std::to_string(w));
  file.add("skins", R"({"joints":[0]})");
  file.add("nodes", R"({"mesh":0,"skin":0})");
  EXPECT_THAT(error_of(file.json()),
              StartsWith("scene.gltf: /meshes/0/primitives/0/attributes: vertex 2 names joint 2, "
                         "but the skin has 1"));
}

TEST(GltfHostile, NeverHoldsMoreThanItMay) {
  // 4 billion zeros from a few bytes.
  const std::string zeros = positions(R"({"type":"VEC3","componentType":5126,"count":4294967295})");
  EXPECT_THAT(error_of(zeros),
              StartsWith("scene.gltf: /meshes/0/primitives/0/attributes: the scene "
                         "needs more than the 8589934592 bytes"));
  // A mesh once for each of many nodes that bend it.
  std::string many = R"("accessors":[{"type":"VEC3","componentType":5126,"count":3000}],
      "meshes":[{"weights":[1],"primitives":[{"attributes":{"POSITION":0},
      "targets":[{"POSITION":0}]}]}],"nodes":[{"mesh":0})";
  for (int i = 0; i < 2000; ++i) many += R"(,{"mesh":0})";
  EXPECT_THAT(error_of(document(many + "]"), {.bytes_max = 10000000}),
              HasSubstr("needs more than the 10000000 bytes"));
  EXPECT_THAT(error_of(document(""), {.bytes_max = 10}),
              StartsWith("scene.gltf: the scene needs more than the 10 bytes"));
}

}  // namespace
}  // namespace sovren::jobs
