// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/ply_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jobs/kind/input_file.h"
#include "jobs/rendering/polygon.h"
#include "jobs/rendering/scene_file.h"
#include "jobs/rendering/srgb.h"

namespace sovren::jobs {
namespace {

using trace::Mesh;
using trace::Vec3;

enum class Format { ascii, little, big };
enum class Type { i8, u8, i16, u16, i32, u32, f32, f64 };

constexpr std::size_t size_of(Type type) {
  constexpr std::size_t sizes[] = {1, 1, 2, 2, 4, 4, 4, 8};
  return sizes[static_cast<std::size_t>(type)];
}

std::optional<Type> type_of(std::string_view name) {
  constexpr std::pair<std::string_view, Type> names[] = {
      {"char", Type::i8},   {"int8", Type::i8},     {"uchar", Type::u8},   {"uint8", Type::u8},
      {"short", Type::i16}, {"int16", Type::i16},   {"ushort", Type::u16}, {"uint16", Type::u16},
      {"int", Type::i32},   {"int32", Type::i32},   {"uint", Type::u32},   {"uint32", Type::u32},
      {"float", Type::f32}, {"float32", Type::f32}, {"double", Type::f64}, {"float64", Type::f64}};
  for (const auto& [known, type] : names)
    if (name == known) return type;
  return std::nullopt;
}

struct Property {
  std::string name;
  Type type = Type::f32;
  std::optional<Type> length;  ///< of the list that it is
};

struct Element {
  std::string name;
  std::int64_t count = 0;
  std::vector<Property> properties;
};

/// Takes words and numbers off the file, one after another.
class Source {
 public:
  Source(const std::string& path, std::string_view text) : path_(path), text_(text) {}

  Error wrong(std::string what) const {
    const bool is_binary = format_ != Format::ascii;
    return {
        .code = Code::data_invalid,
        .what = std::move(what),
        .where = path_ + ":" + (is_binary ? "byte " + std::to_string(at_) : std::to_string(line_))};
  }

  /// One line of the header, without its end. None after the last.
  std::optional<std::string_view> line() {
    if (at_ >= text_.size()) return std::nullopt;
    const std::size_t end = std::min(text_.find('\n', at_), text_.size());
    std::string_view line = text_.substr(at_, end - at_);
    at_ = std::min(end + 1, text_.size());
    ++line_;
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }

  Result<double> number(Type type) {
    return format_ == Format::ascii ? written_number() : binary_number(type);
  }

  std::size_t left() const { return text_.size() - at_; }
  void set_format(Format format) {
    format_ = format;
    ++line_;
  }
  Format format() const { return format_; }

 private:
  Result<double> written_number() {
    while (at_ < text_.size() && is_space(text_[at_])) line_ += text_[at_++] == '\n' ? 1 : 0;
    std::size_t end = at_;
    while (end < text_.size() && !is_space(text_[end])) ++end;
    std::string_view word = text_.substr(at_, end - at_);
    if (word.empty()) return fail(wrong("the file ends before all that it announces"));
    if (word.starts_with('+')) word.remove_prefix(1);
    double value = 0;
    const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (stop != word.data() + word.size() || error == std::errc::invalid_argument)
      return fail(wrong("'" + std::string(word.substr(0, 20)) + "' is no number"));
    at_ = end;
    return value;
  }

  Result<double> binary_number(Type type) {
    const std::size_t size = size_of(type);
    if (left() < size) return fail(wrong("the file ends before all that it announces"));
    std::array<char, 8> bytes{};
    std::memcpy(bytes.data(), text_.data() + at_, size);
    if (format_ == Format::big) std::reverse(bytes.begin(), bytes.begin() + size);
    at_ += size;
    switch (type) {
      case Type::i8:
        return as<std::int8_t>(bytes);
      case Type::u8:
        return as<std::uint8_t>(bytes);
      case Type::i16:
        return as<std::int16_t>(bytes);
      case Type::u16:
        return as<std::uint16_t>(bytes);
      case Type::i32:
        return as<std::int32_t>(bytes);
      case Type::u32:
        return as<std::uint32_t>(bytes);
      case Type::f32:
        return as<float>(bytes);
      case Type::f64:
        return as<double>(bytes);
    }
    return 0.0;
  }

  template <class T>
  static double as(const std::array<char, 8>& bytes) {
    T value{};
    std::memcpy(&value, bytes.data(), sizeof(value));
    return static_cast<double>(value);
  }
  static bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

  const std::string& path_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::int64_t line_ = 0;
  Format format_ = Format::ascii;
};

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin == line.npos) return words;
    line.remove_prefix(begin);
    const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

Result<Property> read_property(const Source& source, const std::vector<std::string_view>& words) {
  const bool is_list = words.size() == 5 && words[1] == "list";
  if (!is_list && words.size() != 3)
    return fail(source.wrong("a property is a type and a name, or a list of a type"));
  const auto type = type_of(words[is_list ? 3 : 1]);
  const auto length = is_list ? type_of(words[2]) : std::nullopt;
  if (!type || (is_list && !length)) return fail(source.wrong("a type that PLY does not have"));
  if (length == Type::f32 || length == Type::f64)
    return fail(source.wrong("the length of a list must be a whole number"));
  return Property{std::string(words.back()), *type, length};
}

/// At least so many bytes of the file are needed for one of it.
std::size_t bytes_min(const Element& element, Format format) {
  std::size_t bytes = 0;
  for (const Property& property : element.properties)
    bytes += format == Format::ascii ? 2 : size_of(property.length.value_or(property.type));
  return bytes;
}

Result<void> check_counts(const Source& source, const std::vector<Element>& elements) {
  std::size_t left = source.left() + 1;  // the last number needs no space after it
  for (const Element& element : elements) {
    const std::size_t one = std::max<std::size_t>(bytes_min(element, source.format()), 1);
    if (static_cast<std::uint64_t>(element.count) > left / one)
      return fail(source.wrong("the file is too short for " + std::to_string(element.count) +
                               " of its element '" + element.name.substr(0, 40) + "'"));
    left -= static_cast<std::size_t>(element.count) * one;
  }
  return {};
}

Result<Format> read_format(const Source& source, const std::vector<std::string_view>& words) {
  if (words.size() == 3 && words[2] == "1.0") {
    if (words[1] == "ascii") return Format::ascii;
    if (words[1] == "binary_little_endian") return Format::little;
    if (words[1] == "binary_big_endian") return Format::big;
  }
  return fail(
      source.wrong("the format must be ascii, binary_little_endian or binary_big_endian 1.0"));
}

Result<Element> read_element(const Source& source, const std::vector<std::string_view>& words) {
  Element element;
  if (words.size() == 3) {
    element.name = words[1];
    const char* end = words[2].data() + words[2].size();
    const auto [stop, error] = std::from_chars(words[2].data(), end, element.count);
    if (stop == end && error == std::errc() && element.count >= 0) return element;
  }
  return fail(source.wrong("an element is a name and how many there are"));
}

Result<std::vector<Element>> read_header(Source& source) {
  const auto first = source.line();
  if (!first || *first != "ply") return fail(source.wrong("the file does not begin with 'ply'"));
  std::vector<Element> elements;
  std::optional<Format> format;
  while (const auto line = source.line()) {
    const auto words = words_of(*line);
    if (words.empty() || words[0] == "comment" || words[0] == "obj_info") continue;
    if (words[0] == "end_header") {
      if (!format) return fail(source.wrong("the header names no format"));
      source.set_format(*format);
      SOVREN_DO(check_counts(source, elements));
      return elements;
    }
    if (words[0] == "format") {
      SOVREN_TRY(found, read_format(source, words));
      format = found;
    } else if (words[0] == "element") {
      SOVREN_TRY(element, read_element(source, words));
      elements.push_back(std::move(element));
    } else if (words[0] == "property" && !elements.empty()) {
      SOVREN_TRY(property, read_property(source, words));
      elements.back().properties.push_back(std::move(property));
    } else {
      return fail(source.wrong("'" + std::string(words[0].substr(0, 20)) +
                               "' is nothing that a header has here"));
    }
  }
  return fail(source.wrong("the header has no end"));
}

// Places of what a vertex may have.
enum Slot { x, y, z, nx, ny, nz, u, v, red, green, blue, slots };

std::optional<Slot> slot_of(std::string_view name) {
  constexpr std::pair<std::string_view, Slot> names[] = {{"x", x},
                                                         {"y", y},
                                                         {"z", z},
                                                         {"nx", nx},
                                                         {"ny", ny},
                                                         {"nz", nz},
                                                         {"u", u},
                                                         {"v", v},
                                                         {"s", u},
                                                         {"t", v},
                                                         {"texture_u", u},
                                                         {"texture_v", v},
                                                         {"red", red},
                                                         {"green", green},
                                                         {"blue", blue},
                                                         {"diffuse_red", red},
                                                         {"diffuse_green", green},
                                                         {"diffuse_blue", blue}};
  for (const auto& [known, slot] : names)
    if (name == known) return slot;
  return std::nullopt;
}

/// Colours as bytes are sRGB's; as floats they are linear.
float linear_color(double value, Type type) {
  if (type == Type::f32 || type == Type::f64) return static_cast<float>(value);
  const double most = type == Type::u16 ? 65535 : 255;
  return static_cast<float>(linear_of_srgb(std::clamp(value / most, 0.0, 1.0)));
}

Result<std::int64_t> read_length(Source& source, const Property& property) {
  SOVREN_TRY(length, source.number(*property.length));
  if (!(length >= 0 && length <= static_cast<double>(source.left()) + 1))
    return fail(source.wrong("a list '" + property.name.substr(0, 40) + "' longer than the file"));
  return static_cast<std::int64_t>(length);
}

/// What nobody asks for.
Result<void> pass_over(Source& source, const Property& property) {
  std::int64_t count = 1;
  if (property.length) {
    SOVREN_TRY(length, read_length(source, property));
    count = length;
  }
  for (std::int64_t i = 0; i < count; ++i) SOVREN_DO(source.number(property.type));
  return {};
}

Result<void> read_vertices(Source& source, const Element& element, Mesh& mesh) {
  std::array<bool, slots> has{};
  std::vector<std::optional<Slot>> found;
  for (const Property& property : element.properties) {
    found.push_back(property.length ? std::nullopt : slot_of(property.name));
    if (found.back()) has[*found.back()] = true;
  }
  if (!has[x] || !has[y] || !has[z]) return fail(source.wrong("a vertex must have x, y and z"));
  for (std::int64_t i = 0; i < element.count; ++i) {
    std::array<float, slots> values{};
    for (std::size_t p = 0; p < found.size(); ++p) {
      const Property& property = element.properties[p];
      const auto slot = found[p];
      if (!slot) {
        SOVREN_DO(pass_over(source, property));
        continue;
      }
      SOVREN_TRY(value, source.number(property.type));
      values[*slot] = *slot >= red ? linear_color(value, property.type) : static_cast<float>(value);
      if (!std::isfinite(values[*slot]))
        return fail(source.wrong("vertex " + std::to_string(i) + ": " + property.name +
                                 " is no finite number"));
    }
    mesh.positions.push_back({values[x], values[y], values[z]});
    if (has[nx] && has[ny] && has[nz]) mesh.normals.push_back({values[nx], values[ny], values[nz]});
    if (has[u] && has[v]) mesh.uv[0].push_back({values[u], values[v]});
    if (has[red] && has[green] && has[blue])
      mesh.colors.push_back({values[red], values[green], values[blue], 1});
  }
  return {};
}

/// Corners of all faces, one face after another.
struct Faces {
  std::vector<std::uint32_t> corners;
  std::vector<std::uint32_t> sizes;
};

Result<void> read_face(Source& source, const Property& property, std::int64_t vertices,
                       Faces& faces) {
  SOVREN_TRY(length, read_length(source, property));
  for (std::int64_t i = 0; i < length; ++i) {
    SOVREN_TRY(corner, source.number(property.type));
    if (!(corner >= 0 && corner < static_cast<double>(vertices)))
      return fail(source.wrong("a face names a vertex that is not there (there are " +
                               std::to_string(vertices) + ")"));
    faces.corners.push_back(static_cast<std::uint32_t>(corner));
  }
  faces.sizes.push_back(static_cast<std::uint32_t>(length));
  return {};
}

Result<void> read_faces(Source& source, const Element& element, std::int64_t vertices,
                        Faces& faces) {
  for (std::int64_t i = 0; i < element.count; ++i)
    for (const Property& property : element.properties) {
      const bool is_corners =
          property.length && (property.name == "vertex_indices" || property.name == "vertex_index");
      if (is_corners)
        SOVREN_DO(read_face(source, property, vertices, faces));
      else
        SOVREN_DO(pass_over(source, property));
    }
  return {};
}

void add_triangles(const Faces& faces, Mesh& mesh) {
  std::size_t first = 0;
  std::vector<Vec3> places;
  std::vector<std::array<std::uint32_t, 3>> split;
  for (const std::uint32_t size : faces.sizes) {
    places.clear();
    split.clear();
    for (std::size_t i = 0; i < size; ++i)
      places.push_back(mesh.positions[faces.corners[first + i]]);
    split_polygon(places, split);
    for (const auto& t : split)
      mesh.triangles.push_back(
          {faces.corners[first + t[0]], faces.corners[first + t[1]], faces.corners[first + t[2]]});
    first += size;
  }
}

}  // namespace

Result<Mesh> read_ply_mesh(const std::string& path, std::int64_t bytes_max) {
  SOVREN_TRY(file, MappedFile::open(path));
  // The largest that comes of a byte: a vertex of ten numbers, of two bytes each as text.
  if (static_cast<std::int64_t>(file.text().size()) > bytes_max / 4)
    return fail({.code = Code::refused,
                 .what = "the file is too large: " + std::to_string(file.text().size()) + " bytes",
                 .where = path});
  Source source(path, file.text());
  SOVREN_TRY(elements, read_header(source));
  Mesh mesh;
  mesh.name = std::filesystem::path(path).stem().string();
  Faces faces;
  std::int64_t vertices = 0;
  for (const Element& element : elements)
    if (element.name == "vertex") vertices = element.count;
  for (const Element& element : elements) {
    if (element.name == "vertex") {
      if (!mesh.positions.empty()) return fail(source.wrong("a second list of vertices"));
      SOVREN_DO(read_vertices(source, element, mesh));
    } else if (element.name == "face") {
      SOVREN_DO(read_faces(source, element, vertices, faces));
    } else {
      for (std::int64_t i = 0; i < element.count; ++i)
        for (const Property& property : element.properties) SOVREN_DO(pass_over(source, property));
    }
  }
  add_triangles(faces, mesh);
  if (mesh.triangles.empty())
    return fail({.code = Code::data_invalid,
                 .what = "the file has no faces",
                 .hint = "clouds of points cannot be rendered",
                 .where = path});
  return mesh;
}

Result<trace::Scene> read_ply(const std::string& path, const SceneMoment& moment) {
  SOVREN_TRY(mesh, read_ply_mesh(path, moment.bytes_max));
  trace::Scene scene;
  trace::Material grey;
  grey.base_color = mesh.colors.empty() ? Vec3{0.8F, 0.8F, 0.8F} : Vec3{1, 1, 1};
  grey.roughness = 0.6F;
  scene.materials.push_back(grey);
  trace::Instance instance;
  instance.name = mesh.name;
  instance.object_id = 1;
  scene.instances.push_back(std::move(instance));
  scene.meshes.push_back(std::move(mesh));
  return scene;
}

}  // namespace sovren::jobs
