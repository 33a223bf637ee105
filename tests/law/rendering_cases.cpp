// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "jobs/rendering/rendering_kind.h"
#include "tests/law/cases.h"
#include "tests/unit/denoise/network.h"

namespace sovren::jobs {
namespace {

/// A floor, a slanted sheet above it that is half transparent, and a small lamp: corners as data.
std::string scene_file() {
  const std::string path = testing::TempDir() + "rendering_law_" + std::to_string(getpid());
  const std::vector<float> corners{-1, 0, -1, 1, 0, -1, 1, 0, 1, -1, 0, 1};
  const std::vector<std::uint16_t> triangles{0, 2, 1, 0, 3, 2};
  std::ofstream data(path + ".bin", std::ios::binary);
  data.write(reinterpret_cast<const char*>(corners.data()), 48);
  data.write(reinterpret_cast<const char*>(triangles.data()), 12);
  const std::string file = path.substr(path.rfind('/') + 1);
  std::ofstream(path + ".gltf") << R"({"asset":{"version":"2.0"},
"buffers":[{"uri":")" << file << R"(.bin","byteLength":60}],
"bufferViews":[{"buffer":0,"byteLength":48},{"buffer":0,"byteOffset":48,"byteLength":12}],
"accessors":[
 {"bufferView":0,"componentType":5126,"count":4,"type":"VEC3","min":[-1,0,-1],"max":[1,0,1]},
 {"bufferView":1,"componentType":5123,"count":6,"type":"SCALAR"}],
"materials":[
 {"pbrMetallicRoughness":{"baseColorFactor":[0.8,0.5,0.3,1],"metallicFactor":0}},
 {"pbrMetallicRoughness":{"baseColorFactor":[0.2,0.6,0.9,0.5],"metallicFactor":0.5,
  "roughnessFactor":0.3},"alphaMode":"BLEND"},
 {"emissiveFactor":[1,0.9,0.8]}],
"meshes":[
 {"primitives":[{"attributes":{"POSITION":0},"indices":1,"material":0}]},
 {"primitives":[{"attributes":{"POSITION":0},"indices":1,"material":1}]},
 {"primitives":[{"attributes":{"POSITION":0},"indices":1,"material":2}]}],
"cameras":[{"type":"perspective","perspective":{"yfov":0.9,"znear":0.01}}],
"nodes":[
 {"mesh":0},
 {"mesh":1,"translation":[0,0.5,0],"rotation":[0.2588,0,0,0.9659],"scale":[0.5,0.5,0.5]},
 {"mesh":2,"translation":[0,1.5,0],"scale":[0.4,0.4,0.4]},
 {"camera":0,"translation":[0,1,3],"rotation":[-0.13,0,0,0.9915]}],
"scenes":[{"nodes":[0,1,2,3]}],"scene":0})";
  return path + ".gltf";
}

/// Weights of a small network, by chance.
std::string weights_file() {
  const std::string path =
      testing::TempDir() + "rendering_law_" + std::to_string(getpid()) + ".tza";
  std::ofstream(path, std::ios::binary) << denoise::to_tza(denoise::random_network({.in = 9}));
  return path;
}

LawSubject with(const std::string& name, const std::function<void(RenderingSpec&)>& change) {
  RenderingSpec spec;
  spec.scene = scene_file();
  spec.width = 34;  // no multiple of the tiles
  spec.height = 21;
  spec.tile = 8;
  spec.samples = 20;  // no multiple of the blocks
  spec.max_depth = 3;
  change(spec);
  LawSubject subject{name, {}};
  subject.spec.name = name;
  subject.spec.kind = spec;
  subject.make = [](const JobSpec& job, const Setting& setting) {
    constexpr std::int64_t step_samples = 11 * 8 * 8 * 16;  // no divisor of the tiles
    return make_rendering_kind(job, std::get<RenderingSpec>(job.kind), setting, step_samples);
  };
  return subject;
}

LawCase law_case(const std::string& name, const std::function<void(RenderingSpec&)>& change) {
  return {"Rendering" + name, [=] { return with(name, change); }};
}

}  // namespace

std::vector<LawCase> rendering_cases() {
  return {
      law_case("Plain", [](RenderingSpec&) {}),
      law_case("Adaptive",
               [](RenderingSpec& spec) {
                 spec.samples = 40;
                 spec.noise_threshold = 0.003;
               }),
      law_case("WithLayersAndFiltered",
               [](RenderingSpec& spec) {
                 using Aov = RenderingSpec::Aov;
                 spec.aovs = {Aov::normal, Aov::depth, Aov::object_id, Aov::variance};
                 spec.denoise = "filter";
                 spec.filter = RenderingSpec::PixelFilter::gaussian;
                 spec.lens_radius = 0.05;
                 spec.focus_distance = 3;
               }),
      law_case("DenoisedByANetwork",
               [](RenderingSpec& spec) {
                 spec.denoise = weights_file();
                 spec.transparent = true;
               }),
      law_case("ByEmbree",
               [](RenderingSpec& spec) { spec.tracer = RenderingSpec::Tracer::embree; }),
      // Fewer rows of tiles than ranks.
      law_case("OneRowOfTiles",
               [](RenderingSpec& spec) {
                 spec.height = 7;
                 spec.samples = 90;
                 spec.precision = RenderingSpec::Precision::half;
               }),
  };
}

}  // namespace sovren::jobs
