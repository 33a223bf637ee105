// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "jobs/rendering/scene_file.h"

namespace sovren::jobs {

std::string base64(std::string_view bytes);

/// Bytes of numbers, little-endian.
template <class T>
std::string bytes_from(const std::vector<T>& numbers) {
  std::string bytes;
  for (const T number : numbers)
    bytes += std::string_view(reinterpret_cast<const char*>(&number), sizeof number);
  return bytes;
}
template <class T>
std::string bytes_from(std::initializer_list<T> numbers) {
  return bytes_from(std::vector<T>(numbers));
}

/// A glTF file written by hand: members of the document are texts of JSON.
class GltfFile {
 public:
  /// A view with these bytes; `more` are further members of it. Its number.
  int view(const std::string& bytes, const std::string& more = "");
  /// An accessor of a new view, or without one where bytes are empty. Its number.
  int accessor(const std::string& type, int component_type, std::size_t count,
               const std::string& bytes, const std::string& more = "");
  int floats(const std::string& type, std::size_t count, const std::vector<float>& numbers) {
    return accessor(type, 5126, count, bytes_from(numbers));
  }
  /// Positions of the triangle (0, 0, 0), (1, 0, 0), (0, 1, 0).
  int triangle() { return floats("VEC3", 3, {0, 0, 0, 1, 0, 0, 0, 1, 0}); }

  /// A member of the document, instead of what it was.
  void set(const std::string& key, const std::string& json) { members_[key] = json; }
  /// One item more of an array of the document. Its number.
  int add(const std::string& array, const std::string& item);
  /// A mesh of one primitive with these attributes (`"POSITION":0`) and further members.
  int mesh(const std::string& attributes, const std::string& more = "");

  std::string json() const { return document(true); }
  std::string glb() const;

 private:
  std::string document(bool is_data_uri) const;

  std::map<std::string, std::vector<std::string>> arrays_;
  std::map<std::string, std::string> members_{{"asset", R"({"version":"2.0"})"}};
  std::string buffer_;
};

/// Writes a file under the test's folder, and returns its path.
std::string write_file(const std::string& name, std::string_view bytes);

/// Of the text as a file named scene.gltf.
Result<trace::Scene> read_text(const std::string& text, const SceneMoment& moment = {});
/// What reading must succeed with; else the test fails with the error's text.
trace::Scene scene_of(const GltfFile& file, const SceneMoment& moment = {});
/// The error's text, without the folder of the file; "" when there is none.
std::string error_of(const std::string& text, const SceneMoment& moment = {});

}  // namespace sovren::jobs
