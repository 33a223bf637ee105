// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/text/json.h"
#include "kernels/trace/vec.h"

namespace sovren::jobs {

/// The arrays of a glTF file while it is written: bytes, views of them, accessors. Arrays that are
/// alike, and used alike, are held once.
class GltfBuffer {
 public:
  enum class Use { vertices, indices, other };

  // Each returns the number of an accessor. The arrays must not be empty.
  int add(std::span<const trace::Vec2> values, Use use);
  int add(std::span<const trace::Vec3> values, Use use);
  int add(std::span<const trace::Vec4> values, Use use);
  int add(std::span<const float> values, Use use);
  int add(std::span<const trace::Affine> values);
  int add(std::span<const std::array<std::uint8_t, 4>> joints);
  int add_triangles(std::span<const std::array<std::uint32_t, 3>> triangles,
                    std::size_t vertex_count);
  int add_colors(std::span<const trace::Vec4> colors);  ///< 16 bits each, 0 to 1
  /// An image file. Returns the number of a view.
  int add_file(std::string_view bytes);

  text::Json take_accessors() { return std::move(accessors_); }
  text::Json take_views() { return std::move(views_); }
  const std::string& bytes() const { return bytes_; }

 private:
  int add_floats(std::span<const float> values, int width, const char* type, Use use);
  int add_view(std::string_view bytes, Use use);
  int add_accessor(int view, text::Json accessor);

  std::string bytes_;
  text::Json accessors_ = text::Json::array();
  text::Json views_ = text::Json::array();
  std::map<std::string, int> view_of_;      ///< by use and bytes
  std::map<std::string, int> accessor_of_;  ///< by view and description
};

/// A float as the shortest decimal number that reads back as the same.
text::Json shortest(float value);
text::Json shortest(trace::Vec3 value);

}  // namespace sovren::jobs
