// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/gltf_buffer.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

namespace sovren::jobs {
namespace {

using text::Json;
using trace::Vec2;
using trace::Vec3;
using trace::Vec4;

// componentType and target, as the specification numbers them.
constexpr int unsigned_byte = 5121, unsigned_short = 5123, unsigned_int = 5125, float_32 = 5126;
constexpr int vertex_target = 34962, index_target = 34963;

static_assert(std::endian::native == std::endian::little, "glTF's numbers are little-endian");
static_assert(sizeof(Vec2) == 8 && sizeof(Vec3) == 12 && sizeof(Vec4) == 16);

template <class T>
std::string_view bytes_of(std::span<const T> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

template <class T>
std::span<const float> floats_of(std::span<const T> values) {
  return {reinterpret_cast<const float*>(values.data()), values.size_bytes() / sizeof(float)};
}

/// -0 and 0 are alike: files are told apart by their numbers only.
std::vector<float> with_one_zero(std::span<const float> values) {
  std::vector<float> same(values.begin(), values.end());
  for (float& value : same) value += 0.0F;
  return same;
}

}  // namespace

Json shortest(float value) {
  std::array<char, 32> buffer{};
  char* end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  double number = 0;
  std::from_chars(buffer.data(), end, number);
  return number == std::floor(number) && std::abs(number) < 1e9
             ? Json(static_cast<std::int64_t>(number))
             : Json(number);
}

Json shortest(Vec3 value) {
  return {shortest(value.x), shortest(value.y), shortest(value.z)};
}

int GltfBuffer::add_view(std::string_view bytes, Use use) {
  const std::string key = std::to_string(static_cast<int>(use)) + std::string(bytes);
  const auto [at, is_new] = view_of_.try_emplace(key, static_cast<int>(views_.size()));
  if (!is_new) return at->second;
  bytes_.resize((bytes_.size() + 3) / 4 * 4);
  Json view{{"buffer", 0}, {"byteOffset", bytes_.size()}, {"byteLength", bytes.size()}};
  if (use != Use::other) view["target"] = use == Use::vertices ? vertex_target : index_target;
  views_.push_back(std::move(view));
  bytes_ += bytes;
  return at->second;
}

int GltfBuffer::add_accessor(int view, Json accessor) {
  Json whole{{"bufferView", view}};
  whole.update(accessor);
  const auto [at, is_new] =
      accessor_of_.try_emplace(whole.dump(), static_cast<int>(accessors_.size()));
  if (is_new) accessors_.push_back(std::move(whole));
  return at->second;
}

int GltfBuffer::add_floats(std::span<const float> values, int width, const char* type, Use use) {
  const std::vector<float> kept = with_one_zero(values);
  const std::size_t count = kept.size() / static_cast<std::size_t>(width);
  // The least and the most are asked of positions and of times; they do no harm elsewhere.
  Json least = Json::array(), most = Json::array();
  for (int c = 0; c < width; ++c) {
    float low = kept[static_cast<std::size_t>(c)], high = low;
    for (std::size_t i = 0; i < count; ++i) {
      const float value = kept[i * static_cast<std::size_t>(width) + static_cast<std::size_t>(c)];
      low = std::min(low, value);
      high = std::max(high, value);
    }
    least.push_back(shortest(low));
    most.push_back(shortest(high));
  }
  return add_accessor(add_view(bytes_of(std::span<const float>(kept)), use),
                      {{"componentType", float_32},
                       {"count", count},
                       {"type", type},
                       {"min", least},
                       {"max", most}});
}

int GltfBuffer::add(std::span<const Vec2> values, Use use) {
  return add_floats(floats_of(values), 2, "VEC2", use);
}
int GltfBuffer::add(std::span<const Vec3> values, Use use) {
  return add_floats(floats_of(values), 3, "VEC3", use);
}
int GltfBuffer::add(std::span<const Vec4> values, Use use) {
  return add_floats(floats_of(values), 4, "VEC4", use);
}
int GltfBuffer::add(std::span<const float> values, Use use) {
  return add_floats(values, 1, "SCALAR", use);
}

int GltfBuffer::add(std::span<const trace::Affine> values) {
  std::vector<float> matrices;
  for (const trace::Affine& m : values) {
    for (const Vec3 column : m.columns)
      matrices.insert(matrices.end(), {column.x, column.y, column.z, 0});
    matrices.insert(matrices.end(), {m.origin.x, m.origin.y, m.origin.z, 1});
  }
  return add_floats(matrices, 16, "MAT4", Use::other);
}

int GltfBuffer::add(std::span<const std::array<std::uint8_t, 4>> joints) {
  return add_accessor(
      add_view(bytes_of(joints), Use::vertices),
      {{"componentType", unsigned_byte}, {"count", joints.size()}, {"type", "VEC4"}});
}

int GltfBuffer::add_triangles(std::span<const std::array<std::uint32_t, 3>> triangles,
                              std::size_t vertex_count) {
  const Json scalars{{"count", triangles.size() * 3}, {"type", "SCALAR"}};
  Json accessor{{"componentType", unsigned_int}};
  accessor.update(scalars);
  // 65535 itself is kept for restarts of strips.
  if (vertex_count > 65535)
    return add_accessor(add_view(bytes_of(triangles), Use::indices), std::move(accessor));
  std::vector<std::uint16_t> narrow;
  for (const auto& triangle : triangles)
    for (const std::uint32_t corner : triangle)
      narrow.push_back(static_cast<std::uint16_t>(corner));
  accessor["componentType"] = unsigned_short;
  return add_accessor(add_view(bytes_of(std::span<const std::uint16_t>(narrow)), Use::indices),
                      std::move(accessor));
}

int GltfBuffer::add_colors(std::span<const Vec4> colors) {
  std::vector<std::uint16_t> narrow;
  for (const float channel : floats_of(colors))
    narrow.push_back(
        static_cast<std::uint16_t>(std::lround(std::clamp(channel, 0.0F, 1.0F) * 65535)));
  return add_accessor(add_view(bytes_of(std::span<const std::uint16_t>(narrow)), Use::vertices),
                      {{"componentType", unsigned_short},
                       {"normalized", true},
                       {"count", colors.size()},
                       {"type", "VEC4"}});
}

int GltfBuffer::add_file(std::string_view bytes) {
  return add_view(bytes, Use::other);
}

}  // namespace sovren::jobs
