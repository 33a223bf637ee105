// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/obj_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <deque>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "jobs/kind/input_file.h"
#include "jobs/rendering/file_beside.h"
#include "jobs/rendering/mtl_reader.h"
#include "jobs/rendering/polygon.h"
#include "jobs/rendering/scene_file.h"
#include "jobs/rendering/srgb.h"
#include "jobs/rendering/text_lines.h"

namespace sovren::jobs {
namespace {

using trace::Mesh;
using trace::Vec2;
using trace::Vec3;
using trace::Vec4;

/// Numbers of a place, a uv and a normal; -1: none.
struct Corner {
  std::int64_t place = -1, uv = -1, normal = -1;
  bool operator==(const Corner&) const = default;
};
struct CornerHash {
  std::size_t operator()(const Corner& c) const {
    std::uint64_t h = static_cast<std::uint64_t>(c.place) * 0x9E3779B97F4A7C15U;
    h ^= (static_cast<std::uint64_t>(c.uv) + 1) * 0xC2B2AE3D27D4EB4FU;
    h ^= (static_cast<std::uint64_t>(c.normal) + 1) * 0x165667B19E3779F9U;
    return static_cast<std::size_t>(h ^ (h >> 29));
  }
};

/// A part while it is built. Only looked up by corner, so the table's order does not matter.
struct Building {
  ObjFile::Part part;
  bool has_uv = true, has_normals = true;  ///< do all corners?
  std::unordered_map<Corner, std::uint32_t, CornerHash> vertices;
};

class ObjReader {
 public:
  ObjReader(const std::string& path, std::string_view text) : lines_(path, text) {}

  Result<ObjFile> read() {
    while (lines_.next()) SOVREN_DO(read_line());
    for (Building& building : buildings_) {
      Mesh& mesh = building.part.mesh;
      if (mesh.triangles.empty()) continue;
      if (!building.has_uv) mesh.uv[0].clear();
      if (!building.has_normals) mesh.normals.clear();
      if (colors_.empty()) mesh.colors.clear();
      file_.parts.push_back(std::move(building.part));
    }
    return std::move(file_);
  }

 private:
  Result<void> read_line() {
    const auto& words = lines_.words();
    const std::string_view key = words[0];
    if (key == "v") return read_place();
    if (key == "vt") return read_uv();
    if (key == "vn") {
      SOVREN_TRY(normal, read_three(1));
      normals_.push_back(normal);
      return {};
    }
    if (key == "f") return read_face();
    if (key == "o" || key == "g") {
      // A group within a named object does not make another object.
      if (key == "o") is_named_ = true;
      if (key == "o" || !is_named_) object_ = lines_.rest(1);
      current_ = nullptr;
    } else if (key == "usemtl") {
      material_ = lines_.rest(1);
      current_ = nullptr;
    } else if (key == "mtllib") {
      file_.libraries.push_back(lines_.rest(1));
    } else if (key != "s" && told_.emplace(key).second) {
      file_.warnings.push_back(lines_.where() + ": '" + std::string(key.substr(0, 20)) +
                               "' is not read");
    }
    return {};
  }

  Result<Vec3> read_three(std::size_t first) {
    SOVREN_TRY(x, lines_.number(first));
    SOVREN_TRY(y, lines_.number(first + 1));
    SOVREN_TRY(z, lines_.number(first + 2));
    return Vec3{x, y, z};
  }

  Result<void> read_place() {
    SOVREN_TRY(place, read_three(1));
    places_.push_back(place);
    if (lines_.words().size() < 7) return {};
    SOVREN_TRY(color, read_three(4));
    const auto linear = [](float share) {
      return static_cast<float>(linear_of_srgb(std::clamp(share, 0.0F, 1.0F)));
    };
    colors_.resize(places_.size(), Vec4{1, 1, 1, 1});
    colors_.back() = {linear(color.x), linear(color.y), linear(color.z), 1};
    return {};
  }

  Result<void> read_uv() {
    SOVREN_TRY(u, lines_.number(1));
    float v = 0;
    if (lines_.words().size() > 2) {
      SOVREN_TRY(read, lines_.number(2));
      v = read;
    }
    uv_.push_back({u, 1 - v});
    return {};
  }

  /// Counted from 1, or backwards from the last that stands above: -1.
  Result<std::int64_t> index(std::string_view text, std::size_t count, const char* what) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (end != text.data() + text.size() || error != std::errc())
      return fail(
          lines_.wrong("'" + std::string(text.substr(0, 20)) + "' is no number of a " + what));
    const auto size = static_cast<std::int64_t>(count);
    if (number == 0 || number > size || number < -size)
      return fail(lines_.wrong("there is no " + std::string(what) + " " + std::to_string(number) +
                               " (there are " + std::to_string(size) + " above)"));
    return number > 0 ? number - 1 : size + number;
  }

  /// "7", "7/2", "7//3" or "7/2/3".
  Result<Corner> read_corner(std::string_view word) {
    std::array<std::string_view, 3> parts;
    for (std::size_t i = 0; i < 3 && !word.empty(); ++i) {
      const std::size_t end = i == 2 ? word.size() : std::min(word.find('/'), word.size());
      parts[i] = word.substr(0, end);
      word.remove_prefix(std::min(end + 1, word.size()));
    }
    Corner corner;
    SOVREN_TRY(place, index(parts[0], places_.size(), "vertex"));
    corner.place = place;
    if (!parts[1].empty()) {
      SOVREN_TRY(uv, index(parts[1], uv_.size(), "texture coordinate"));
      corner.uv = uv;
    }
    if (!parts[2].empty()) {
      SOVREN_TRY(normal, index(parts[2], normals_.size(), "normal"));
      corner.normal = normal;
    }
    return corner;
  }

  Building& current() {
    if (current_ == nullptr) {
      const auto [found, is_new] = number_of_.try_emplace({object_, material_}, buildings_.size());
      if (is_new) {
        buildings_.emplace_back();
        buildings_.back().part.object = object_;
        buildings_.back().part.material = material_;
        buildings_.back().part.mesh.name =
            object_.empty() ? material_ : object_ + (material_.empty() ? "" : " / " + material_);
      }
      current_ = &buildings_[found->second];
    }
    return *current_;
  }

  std::uint32_t vertex(Building& building, const Corner& corner) {
    Mesh& mesh = building.part.mesh;
    const auto [found, is_new] =
        building.vertices.try_emplace(corner, static_cast<std::uint32_t>(mesh.positions.size()));
    if (!is_new) return found->second;
    const auto place = static_cast<std::size_t>(corner.place);
    mesh.positions.push_back(places_[place]);
    mesh.uv[0].push_back(corner.uv < 0 ? Vec2{} : uv_[static_cast<std::size_t>(corner.uv)]);
    mesh.normals.push_back(corner.normal < 0 ? Vec3{0, 0, 0}
                                             : normals_[static_cast<std::size_t>(corner.normal)]);
    mesh.colors.push_back(place < colors_.size() ? colors_[place] : Vec4{1, 1, 1, 1});
    building.has_uv = building.has_uv && corner.uv >= 0;
    building.has_normals = building.has_normals && corner.normal >= 0;
    return found->second;
  }

  Result<void> read_face() {
    const auto& words = lines_.words();
    if (words.size() < 4) return fail(lines_.wrong("a face of fewer than three corners"));
    Building& building = current();
    corners_.clear();
    corner_places_.clear();
    split_.clear();
    for (std::size_t i = 1; i < words.size(); ++i) {
      SOVREN_TRY(corner, read_corner(words[i]));
      corners_.push_back(vertex(building, corner));
      corner_places_.push_back(places_[static_cast<std::size_t>(corner.place)]);
    }
    split_polygon(corner_places_, split_);
    for (const auto& t : split_)
      building.part.mesh.triangles.push_back({corners_[t[0]], corners_[t[1]], corners_[t[2]]});
    return {};
  }

  TextLines lines_;
  ObjFile file_;
  std::vector<Vec3> places_, normals_;
  std::vector<Vec2> uv_;
  std::vector<Vec4> colors_;
  std::string object_, material_;
  bool is_named_ = false;
  std::deque<Building> buildings_;
  std::map<std::pair<std::string, std::string>, std::size_t> number_of_;
  Building* current_ = nullptr;
  std::vector<std::uint32_t> corners_;
  std::vector<Vec3> corner_places_;
  std::vector<std::array<std::uint32_t, 3>> split_;
  std::set<std::string, std::less<>> told_;
};

/// Materials of all libraries by name; a library that is missing is a warning.
Result<std::map<std::string, trace::Material>> read_libraries(const std::string& path,
                                                              const ObjFile& file,
                                                              SceneTextures& textures,
                                                              std::vector<std::string>& warnings) {
  std::map<std::string, trace::Material> materials;
  for (const std::string& library : file.libraries) {
    SOVREN_TRY(beside, path_beside(path, library));
    std::error_code failed;
    if (!std::filesystem::exists(beside, failed)) {
      warnings.push_back(path + ": the material library '" + library.substr(0, 100) +
                         "' is not there: its materials are grey");
      continue;
    }
    SOVREN_TRY(read, read_mtl(beside, textures, warnings));
    for (const NamedMaterial& named : read) materials.emplace(named.name, named.material);
  }
  return materials;
}

}  // namespace

Result<ObjFile> read_obj_file(const std::string& path, std::int64_t bytes_max) {
  SOVREN_TRY(file, MappedFile::open(path));
  // A corner of three bytes ("1 ") may become a vertex of 48.
  if (static_cast<std::int64_t>(file.text().size()) > bytes_max / 16)
    return fail({.code = Code::refused,
                 .what = "the file is too large: " + std::to_string(file.text().size()) + " bytes",
                 .where = path});
  SOVREN_TRY(read, ObjReader(path, file.text()).read());
  if (read.parts.empty())
    return fail({.code = Code::data_invalid, .what = "the file has no faces", .where = path});
  return read;
}

Result<trace::Scene> read_obj(const std::string& path, const SceneMoment& moment) {
  SOVREN_TRY(file, read_obj_file(path, moment.bytes_max));
  trace::Scene scene;
  scene.warnings = std::move(file.warnings);
  SceneTextures textures(moment.bytes_max);
  SOVREN_TRY(library, read_libraries(path, file, textures, scene.warnings));
  std::map<std::string, int> number_of;  // of materials
  std::map<std::string, int> object_ids;
  for (ObjFile::Part& part : file.parts) {
    const auto [found, is_new] =
        number_of.try_emplace(part.material, static_cast<int>(scene.materials.size()));
    if (is_new) {
      const auto known = library.find(part.material);
      trace::Material grey;
      grey.base_color = {0.8F, 0.8F, 0.8F};
      if (known == library.end() && !part.material.empty())
        scene.warnings.push_back(path + ": no library has the material '" +
                                 part.material.substr(0, 100) + "': it is grey");
      scene.materials.push_back(known == library.end() ? grey : known->second);
    }
    part.mesh.material = found->second;
    trace::Instance instance;
    instance.name = part.mesh.name;
    instance.mesh = static_cast<int>(scene.meshes.size());
    instance.object_id =
        object_ids.try_emplace(part.object, static_cast<int>(object_ids.size()) + 1).first->second;
    scene.instances.push_back(std::move(instance));
    scene.meshes.push_back(std::move(part.mesh));
  }
  scene.textures = textures.take();
  return scene;
}

}  // namespace sovren::jobs
