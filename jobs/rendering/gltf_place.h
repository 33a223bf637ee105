// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/text/json.h"

namespace sovren::jobs::gltf {

/// A value of a glTF document, and where it stands. What is taken out of it is checked; what is
/// wrong is told as `scene.gltf: /nodes/3/scale: must be 3 finite numbers`.
///
/// Owner    the document: its JSON must outlive the place.
/// Errors   data_invalid, all of them.
class Place {
 public:
  static constexpr std::int64_t whole_max = std::int64_t{1} << 53;

  Place(const text::Json& json, std::shared_ptr<const std::string> file, std::string pointer)
      : json_(&json), file_(std::move(file)), pointer_(std::move(pointer)) {}

  const std::string& pointer() const { return pointer_; }
  bool has(const char* key) const { return find(key) != nullptr; }

  tl::unexpected<Error> wrong(const std::string& what, Code code = Code::data_invalid) const;
  tl::unexpected<Error> wrong_at(const std::string& key, const std::string& what) const;

  // Members of an object. `usual` is what an absent one means.
  Result<float> number(const char* key, float usual,
                       float low = std::numeric_limits<float>::lowest(),
                       float high = std::numeric_limits<float>::max()) const;
  Result<std::int64_t> whole(const char* key, std::int64_t usual, std::int64_t low = 0,
                             std::int64_t high = whole_max) const;
  /// The same; absent is an error.
  Result<std::int64_t> needed_whole(const char* key, std::int64_t low = 0,
                                    std::int64_t high = whole_max) const;
  /// A number of the document's array `of`, which has `count` items; -1 when absent.
  Result<int> index(const char* key, const char* of, std::int64_t count) const;
  Result<int> needed_index(const char* key, const char* of, std::int64_t count) const;
  Result<std::vector<int>> indices(const char* key, const char* of, std::int64_t count) const;
  Result<bool> flag(const char* key, bool usual) const;
  Result<std::string> text(const char* key, const std::string& usual) const;
  /// Bare and in place: for URIs, which may be large. Null when absent.
  Result<const std::string*> text_in_place(const char* key) const;
  Result<std::vector<float>> numbers(const char* key) const;
  template <std::size_t n>
  Result<std::array<float, n>> numbers(const char* key, const std::array<float, n>& usual) const {
    if (!has(key)) return usual;
    SOVREN_TRY(list, numbers(key));
    if (list.size() != n) return wrong_at(key, "must have " + std::to_string(n) + " numbers");
    std::array<float, n> values;
    for (std::size_t i = 0; i < n; ++i) values[i] = list[i];
    return values;
  }
  Result<std::optional<Place>> object(const char* key) const;
  Result<Place> needed_object(const char* key) const;
  /// The objects of an array; none when absent.
  Result<std::vector<Place>> objects(const char* key) const;
  Result<std::vector<std::string>> texts(const char* key) const;
  /// An extension's object of this one.
  Result<std::optional<Place>> extension(const char* name) const;
  /// Keys of an object, in the file's order.
  std::vector<std::string> keys() const;

  Place child(const std::string& key, const text::Json& json) const {
    return Place(json, file_, pointer_ + "/" + key);
  }

 private:
  const text::Json* find(const char* key) const;

  const text::Json* json_;
  std::shared_ptr<const std::string> file_;
  std::string pointer_;
};

}  // namespace sovren::jobs::gltf
