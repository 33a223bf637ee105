// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "jobs/rendering/gltf_document.h"
#include "jobs/rendering/gltf_place.h"
#include "kernels/trace/vec.h"

namespace sovren::jobs::gltf {

/// What the numbers of an accessor are stored as; a set of them is an "or".
enum Stored : unsigned {
  f32 = 1,
  i8 = 2,
  u8 = 4,
  i16 = 8,
  u16 = 16,
  u32 = 32,
  // Fractions: the type's largest value is 1.
  norm_i8 = 64,
  norm_u8 = 128,
  norm_i16 = 256,
  norm_u16 = 512
};

/// What a user of an accessor can take: element types such as {"VEC3", "VEC4"}, of these numbers.
struct Wanted {
  std::vector<std::string> types;
  unsigned stored = f32;
};

/// Typed elements in a buffer, all of which are known to be there.
class Accessor {
 public:
  /// user, key   the member that names the accessor, for messages.
  /// Errors   data_invalid: no such accessor, another type, outside of its buffer.
  static Result<Accessor> open(Document& document, const Place& user, const char* key,
                               const Wanted& wanted);

  std::int64_t count() const { return count_; }
  int components() const { return components_; }

  /// One number.
  float at(std::int64_t element, int component) const;

  /// All elements, as (count, components) of out's size. Errors: data_invalid: a number is not
  /// finite, sparse indices are out of order.
  Result<void> copy_floats(std::span<float> out) const;
  Result<void> copy_wholes(std::span<std::uint32_t> out) const;

 private:
  explicit Accessor(Place place) : place_(std::move(place)) {}
  Result<void> open_sparse(Document& document);
  Result<std::span<const std::byte>> range(Document& document, const Place& place,
                                           std::int64_t count, std::int64_t size,
                                           std::int64_t& stride) const;
  std::uint32_t sparse_element(std::int64_t i) const;
  template <class Value>
  void copy_all(Value* out) const;
  template <class Value>
  Result<void> copy_sparse(Value* out) const;
  std::int64_t element_size() const;

  Place place_;
  std::string user_;
  Stored stored_ = f32;
  int components_ = 1;
  std::int64_t count_ = 0;
  std::int64_t stride_ = 0;
  std::span<const std::byte> bytes_;  // none: all zero
  std::int64_t sparse_count_ = 0;
  Stored sparse_stored_ = u32;
  std::span<const std::byte> sparse_indices_, sparse_values_;
};

/// All elements as values made of floats: Vec2, Vec3, Vec4. Counted by document.charge().
template <class Vec>
Result<std::vector<Vec>> read_vectors(Document& document, const Place& user, const char* key,
                                      const Wanted& wanted);

}  // namespace sovren::jobs::gltf
