// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/asset_store.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "jobs/rendering/picture.h"
#include "kernels/trace/tracer.h"

namespace sovren::jobs {
namespace {

/// Keeps all that it gets, and counts what it gives.
class MemoryCache : public AssetCache {
 public:
  std::optional<CachedAsset> get(const std::string& key) override {
    const auto found = kept.find(key);
    if (found == kept.end()) return std::nullopt;
    ++given;
    return CachedAsset{found->second, std::span<const std::byte>(*found->second)};
  }
  void put(const std::string& key, std::span<const std::span<const std::byte>> parts) override {
    auto bytes = std::make_shared<std::vector<std::byte>>();
    for (const auto part : parts) bytes->insert(bytes->end(), part.begin(), part.end());
    kept[key] = bytes;
  }
  std::map<std::string, std::shared_ptr<std::vector<std::byte>>> kept;
  int given = 0;
};

std::string png() {
  Picture picture{.width = 3, .height = 2, .channels = 3};
  for (int i = 0; i < 18; ++i) picture.values.push_back(static_cast<float>(i) / 20);
  return *encode_png(picture);
}

TEST(AssetStore, DecodesATextureOnce) {
  MemoryCache cache;
  const std::string file = png();
  const auto bytes = std::as_bytes(std::span(file));
  const auto first = cached_texture(&cache, bytes, "a", true, 1 << 20);
  const auto second = cached_texture(&cache, bytes, "b", true, 1 << 20);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(cache.given, 1);
  EXPECT_EQ(second->texels, first->texels);
  EXPECT_EQ(second->width, 3);
  EXPECT_EQ(second->format, first->format);
  EXPECT_EQ(second->name, "b");
  // As data it is something else.
  const auto data = cached_texture(&cache, bytes, "a", false, 1 << 20);
  ASSERT_TRUE(data);
  EXPECT_EQ(data->format, trace::Texture::Format::linear8);
  EXPECT_EQ(cache.kept.size(), 2u);
  // What is too large is refused, whether it is kept or not.
  EXPECT_FALSE(cached_texture(&cache, bytes, "a", true, 8));
}

TEST(AssetStore, MakesAgainWhatDoesNotLookAsItShould) {
  MemoryCache cache;
  const std::string file = png();
  const auto bytes = std::as_bytes(std::span(file));
  const auto first = cached_texture(&cache, bytes, "a", true, 1 << 20);
  ASSERT_TRUE(first);
  for (const std::size_t size : {0, 5, 12, 20}) {
    cache.kept.begin()->second->resize(size);
    const auto again = cached_texture(&cache, bytes, "a", true, 1 << 20);
    ASSERT_TRUE(again) << size;
    EXPECT_EQ(again->texels, first->texels);
  }
}

/// Two triangles, one mesh of which stands twice.
trace::Scene scene_with(float shift) {
  trace::Scene scene;
  scene.materials.resize(1);
  scene.meshes.resize(2);
  for (trace::Mesh& mesh : scene.meshes) {
    mesh.positions = {{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {1, 1, 0.5F}};
    mesh.triangles = {{0, 1, 2}, {1, 3, 2}};
  }
  scene.instances.resize(3);
  scene.instances[1].mesh = scene.instances[2].mesh = 1;
  scene.instances[2].world_from_object.origin = {shift, 0, 2};
  scene.instances[2].world_from_object_end = scene.instances[2].world_from_object;
  return scene;
}

std::vector<trace::Hit> hits_of(const std::shared_ptr<const trace::CompiledScene>& scene,
                                trace::Bvh bvh) {
  const auto tracer = trace::make_tracer_of(scene, std::move(bvh), 1);
  std::vector<trace::Ray> rays;
  for (int i = 0; i < 200; ++i)
    rays.push_back({.origin = {static_cast<float>(i % 20) / 8 - 0.5F,
                               static_cast<float>(i / 20) / 8 - 0.1F, 5},
                    .direction = {0, 0, -1},
                    .t_max = 100});
  std::vector<trace::Hit> hits(rays.size());
  tracer->closest(rays, hits);
  return hits;
}

TEST(AssetStore, BuildsATreeOnceAsLongAsNothingMoves) {
  MemoryCache cache;
  const auto scene = *trace::compile(scene_with(0.25F));
  auto first = cached_bvh(&cache, *scene, 1);
  auto second = cached_bvh(&cache, *scene, 1);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(cache.given, 1);
  const auto want = hits_of(scene, std::move(*first));
  const auto got = hits_of(scene, std::move(*second));
  int met = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    EXPECT_EQ(got[i].instance, want[i].instance) << i;
    EXPECT_EQ(got[i].primitive, want[i].primitive) << i;
    EXPECT_EQ(got[i].t, want[i].t) << i;
    met += want[i].instance != trace::no_hit ? 1 : 0;
  }
  EXPECT_GT(met, 50);
  const auto moved = *trace::compile(scene_with(0.5F));
  ASSERT_TRUE(cached_bvh(&cache, *moved, 1));
  EXPECT_EQ(cache.given, 1);
  cache.kept.begin()->second->resize(40);
  cache.kept.rbegin()->second->resize(40);
  ASSERT_TRUE(cached_bvh(&cache, *moved, 1));  // made again
}

}  // namespace
}  // namespace sovren::jobs
