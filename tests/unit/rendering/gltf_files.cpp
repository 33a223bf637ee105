// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/rendering/gltf_files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace sovren::jobs {

std::string base64(std::string_view bytes) {
  const char* digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k)
      bits = bits << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0);
    for (std::size_t k = 0; k < 4; ++k)
      text += i + k <= bytes.size() ? digits[bits >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

int GltfFile::view(const std::string& bytes, const std::string& more) {
  const std::string item = R"({"buffer":0,"byteOffset":)" + std::to_string(buffer_.size()) +
                           R"(,"byteLength":)" + std::to_string(bytes.size()) +
                           (more.empty() ? "" : "," + more) + "}";
  buffer_ += bytes;
  buffer_.resize((buffer_.size() + 3) / 4 * 4);
  return add("bufferViews", item);
}

int GltfFile::accessor(const std::string& type, int component_type, std::size_t count,
                       const std::string& bytes, const std::string& more) {
  std::string item = R"({"type":")" + type + R"(","componentType":)" +
                     std::to_string(component_type) + R"(,"count":)" + std::to_string(count);
  if (!bytes.empty()) item += R"(,"bufferView":)" + std::to_string(view(bytes));
  return add("accessors", item + (more.empty() ? "" : "," + more) + "}");
}

int GltfFile::add(const std::string& array, const std::string& item) {
  arrays_[array].push_back(item);
  return static_cast<int>(arrays_[array].size()) - 1;
}

int GltfFile::mesh(const std::string& attributes, const std::string& more) {
  return add("meshes", R"({"primitives":[{"attributes":{)" + attributes + "}" +
                           (more.empty() ? "" : "," + more) + "}]}");
}

std::string GltfFile::document(bool is_data_uri) const {
  std::string text;
  for (const auto& [key, json] : members_)
    text += (text.empty() ? "{\"" : ",\"") + key + "\":" + json;
  for (const auto& [array, items] : arrays_) {
    text += ",\"" + array + "\":[";
    for (std::size_t i = 0; i < items.size(); ++i) text += (i == 0 ? "" : ",") + items[i];
    text += "]";
  }
  if (!buffer_.empty()) {
    text += R"(,"buffers":[{"byteLength":)" + std::to_string(buffer_.size());
    if (is_data_uri)
      text += R"(,"uri":"data:application/octet-stream;base64,)" + base64(buffer_) + "\"";
    text += "}]";
  }
  return text + "}";
}

std::string GltfFile::glb() const {
  std::string json = document(false);
  json.resize((json.size() + 3) / 4 * 4, ' ');
  const auto size = [](const std::string& bytes) {
    return static_cast<std::uint32_t>(bytes.size());
  };
  const std::string chunks = bytes_from({size(json), 0x4E4F534AU}) + json +
                             bytes_from({size(buffer_), 0x004E4942U}) + buffer_;
  return "glTF" + bytes_from({2U, size(chunks) + 12}) + chunks;
}

namespace {

// Of this process, as programs run side by side; gone when it ends.
class Folder {
 public:
  Folder() : path_(testing::TempDir() + "gltf_test_" + std::to_string(::getpid()) + "/") {
    std::filesystem::create_directory(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

const std::string& folder() {
  static const Folder folder;
  return folder.path();
}

}  // namespace

std::string write_file(const std::string& name, std::string_view bytes) {
  std::string path = folder() + name;
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

Result<trace::Scene> read_text(const std::string& text, const SceneMoment& moment) {
  return read_scene(write_file("scene.gltf", text), moment);
}

trace::Scene scene_of(const GltfFile& file, const SceneMoment& moment) {
  auto scene = read_text(file.json(), moment);
  if (!scene) {
    ADD_FAILURE() << to_text(scene.error()) << "\n" << file.json();
    return {};
  }
  return *std::move(scene);
}

std::string error_of(const std::string& text, const SceneMoment& moment) {
  const auto scene = read_text(text, moment);
  if (scene) return "";
  std::string shown = to_text(scene.error());
  const std::string& own = folder();
  for (std::size_t at = 0; (at = shown.find(own)) != shown.npos;) shown.erase(at, own.size());
  return shown;
}

}  // namespace sovren::jobs
