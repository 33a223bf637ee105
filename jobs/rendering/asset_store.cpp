// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/asset_store.h"

#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/text/digest.h"
#include "jobs/rendering/picture.h"

namespace sovren::jobs {

namespace {

using Bytes = std::span<const std::byte>;

template <class T>
Bytes bytes_of(const std::vector<T>& values) {
  static_assert(std::is_trivially_copyable_v<T>);
  return std::as_bytes(std::span(values));
}

/// Takes values from the front of what a cache gave back.
class Taker {
 public:
  explicit Taker(Bytes rest) : rest_(rest) {}

  template <class T>
  bool take(T& value) {
    return take_bytes(std::as_writable_bytes(std::span(&value, 1)));
  }
  template <class T>
  bool take(std::vector<T>& values, std::uint64_t count) {
    if (count > rest_.size() / sizeof(T)) return false;
    values.resize(count);
    return take_bytes(std::as_writable_bytes(std::span(values)));
  }
  bool is_empty() const { return rest_.empty(); }

 private:
  bool take_bytes(std::span<std::byte> to) {
    if (to.size() > rest_.size()) return false;
    if (!to.empty()) std::memcpy(to.data(), rest_.data(), to.size());
    rest_ = rest_.subspan(to.size());
    return true;
  }
  Bytes rest_;
};

struct TextureHead {
  std::int32_t width, height, format;
};

std::string texture_key(Bytes file, bool is_color) {
  text::Sha256 hash;
  hash.update(is_color ? "texture 1 color" : "texture 1 data");
  hash.update(file);
  return hash.hex();
}

std::optional<trace::Texture> texture_from(Bytes bytes) {
  Taker taker(bytes);
  TextureHead head{};
  if (!taker.take(head) || head.width < 1 || head.height < 1) return std::nullopt;
  trace::Texture texture;
  texture.width = head.width;
  texture.height = head.height;
  texture.format = static_cast<trace::Texture::Format>(head.format);
  const std::uint64_t texel = texture.format == trace::Texture::Format::float32 ? 16 : 4;
  const std::uint64_t count =
      static_cast<std::uint64_t>(head.width) * static_cast<std::uint64_t>(head.height) * texel;
  if (!taker.take(texture.texels, count) || !taker.is_empty()) return std::nullopt;
  return texture;
}

/// Sizes of a tree's arrays, and its bounds.
struct TreeHead {
  std::uint64_t nodes, triangles, moving, instances;
  trace::Vec3 low, high;
};

std::string bvh_key(const trace::CompiledScene& scene) {
  text::Sha256 hash;
  hash.update("bvh 1");
  hash.update(bytes_of(scene.positions));
  hash.update(bytes_of(scene.positions_end));
  hash.update(bytes_of(scene.triangles));
  for (const trace::MeshView& mesh : scene.meshes) {
    const std::int64_t numbers[] = {mesh.first_vertex, mesh.first_position_end, mesh.first_triangle,
                                    mesh.vertex_count, mesh.triangle_count};
    hash.update(std::as_bytes(std::span(numbers)));
  }
  for (const trace::InstanceView& instance : scene.instances) {
    const trace::Affine transforms[] = {instance.world_from_object, instance.world_from_object_end};
    hash.update(std::as_bytes(std::span(transforms)));
    const std::int32_t mesh[] = {instance.mesh};
    hash.update(std::as_bytes(std::span(mesh)));
  }
  return hash.hex();
}

bool take_tree(Taker& taker, trace::BvhTree& tree) {
  TreeHead head{};
  if (!taker.take(head)) return false;
  tree.low = head.low;
  tree.high = head.high;
  return taker.take(tree.nodes, head.nodes) && taker.take(tree.triangles, head.triangles) &&
         taker.take(tree.moving, head.moving) && taker.take(tree.instances, head.instances);
}

std::optional<trace::Bvh> bvh_from(Bytes bytes, std::size_t meshes) {
  Taker taker(bytes);
  trace::Bvh bvh;
  bvh.meshes.resize(meshes);
  bool is_whole = take_tree(taker, bvh.world);
  for (trace::BvhTree& tree : bvh.meshes) is_whole = is_whole && take_tree(taker, tree);
  if (!is_whole || !taker.is_empty()) return std::nullopt;
  return bvh;
}

void put_bvh(AssetCache& cache, const std::string& key, const trace::Bvh& bvh) {
  std::vector<const trace::BvhTree*> trees{&bvh.world};
  for (const trace::BvhTree& tree : bvh.meshes) trees.push_back(&tree);
  std::vector<TreeHead> heads;
  for (const trace::BvhTree* tree : trees)
    heads.push_back({tree->nodes.size(), tree->triangles.size(), tree->moving.size(),
                     tree->instances.size(), tree->low, tree->high});
  std::vector<Bytes> parts;
  for (std::size_t i = 0; i < trees.size(); ++i) {
    parts.push_back(std::as_bytes(std::span(&heads[i], 1)));
    for (const Bytes part : {bytes_of(trees[i]->nodes), bytes_of(trees[i]->triangles),
                             bytes_of(trees[i]->moving), bytes_of(trees[i]->instances)})
      parts.push_back(part);
  }
  cache.put(key, parts);
}

}  // namespace

Result<trace::Texture> cached_texture(AssetCache* cache, Bytes file, std::string_view name,
                                      bool is_color, std::int64_t bytes_max) {
  if (cache == nullptr) return decode_texture(file, name, is_color, bytes_max);
  const std::string key = texture_key(file, is_color);
  if (const auto found = cache->get(key)) {
    auto texture = texture_from(found->bytes);
    if (texture && std::ssize(texture->texels) <= bytes_max) {
      texture->name = name;
      return std::move(*texture);
    }
  }
  SOVREN_TRY(texture, decode_texture(file, name, is_color, bytes_max));
  const TextureHead head{texture.width, texture.height, static_cast<std::int32_t>(texture.format)};
  const std::array<Bytes, 2> parts{std::as_bytes(std::span(&head, 1)), bytes_of(texture.texels)};
  cache->put(key, parts);
  return texture;
}

Result<trace::Bvh> cached_bvh(AssetCache* cache, const trace::CompiledScene& scene, int threads) {
  if (cache == nullptr) return trace::build_bvh(scene, threads);
  const std::string key = bvh_key(scene);
  if (const auto found = cache->get(key))
    if (auto bvh = bvh_from(found->bytes, scene.meshes.size())) return std::move(*bvh);
  SOVREN_TRY(bvh, trace::build_bvh(scene, threads));
  if (bvh.meshes.size() == scene.meshes.size()) put_bvh(*cache, key, bvh);
  return bvh;
}

}  // namespace sovren::jobs
