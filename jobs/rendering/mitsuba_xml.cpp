// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/mitsuba_xml.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <pugixml.hpp>
#include <utility>

#include "kernels/trace/math.h"

namespace sovren::jobs::mitsuba {
namespace {

using trace::Affine;
using trace::Vec3;

constexpr int depth_max = 100;  ///< elements within elements

bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}

/// toWorld: to_world; intIOR: int_ior.
std::string snake_case(std::string_view name) {
  std::string made;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (is_upper(name[i]) && i > 0 && !is_upper(name[i - 1])) made += '_';
    made += is_upper(name[i]) ? static_cast<char>(name[i] + 32) : name[i];
  }
  return made;
}

std::optional<std::vector<float>> parse_numbers(std::string_view text) {
  std::vector<float> numbers;
  while (true) {
    const std::size_t begin = text.find_first_not_of(", \t\r\n");
    if (begin == text.npos) return numbers;
    text.remove_prefix(text[begin] == '+' ? begin + 1 : begin);
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc::invalid_argument ||
        !(std::abs(value) <= std::numeric_limits<float>::max()))
      return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (!text.empty() && std::string_view(", \t\r\n").find(text[0]) == std::string_view::npos)
      return std::nullopt;
    numbers.push_back(static_cast<float>(value));
  }
}

Affine rotation(Vec3 axis, float degrees) {
  float s = 0, c = 1;
  trace::sin_cos(degrees * (trace::pi / 180), s, c);
  const auto column = [&](Vec3 e) {
    return e * c + trace::cross(axis, e) * s + axis * (trace::dot(axis, e) * (1 - c));
  };
  return {{column({1, 0, 0}), column({0, 1, 0}), column({0, 0, 1})}, {}};
}

/// Wavelengths and values, as red, green and blue: the means of 600 to 700, 500 to 600 and 400 to
/// 500 nanometres.
Vec3 mean_of_bands(const std::vector<float>& pairs) {
  std::array<float, 3> sums{}, counts{};
  for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) {
    const std::size_t band = pairs[i] >= 600 ? 0 : pairs[i] >= 500 ? 1 : 2;
    sums[band] += pairs[i + 1];
    counts[band] += 1;
  }
  const auto mean = [&](std::size_t i) { return counts[i] > 0 ? sums[i] / counts[i] : 0; };
  return {mean(0), mean(1), mean(2)};
}

/// Numbers of lines by where they begin.
class Lines {
 public:
  explicit Lines(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i)
      if (text[i] == '\n') ends_.push_back(static_cast<std::ptrdiff_t>(i));
  }
  std::int64_t of(std::ptrdiff_t offset) const {
    return 1 + (std::ranges::lower_bound(ends_, offset) - ends_.begin());
  }

 private:
  std::vector<std::ptrdiff_t> ends_;
};

int depth_of(pugi::xml_node node) {
  int deepest = 0, depth = 0;
  // Without recursion: the file may be hostile.
  pugi::xml_node at = node;
  while (at) {
    deepest = std::max(deepest, depth);
    if (at.first_child()) {
      at = at.first_child();
      ++depth;
      continue;
    }
    while (at && at != node && !at.next_sibling()) {
      at = at.parent();
      --depth;
    }
    if (!at || at == node) break;
    at = at.next_sibling();
  }
  return deepest;
}

Element element_of(pugi::xml_node node, const Lines& lines) {
  Element element;
  element.tag = node.name();
  element.line = lines.of(node.offset_debug());
  for (const pugi::xml_attribute attribute : node.attributes())
    element.attributes.emplace_back(attribute.name(), attribute.value());
  for (const pugi::xml_node child : node.children())
    if (child.type() == pugi::node_element) element.children.push_back(element_of(child, lines));
  return element;
}

}  // namespace

const std::string* Node::find(std::string_view key) const {
  for (const auto& [name, value] : element_->attributes)
    if (name == key) return &value;
  return nullptr;
}

std::string Node::attribute(std::string_view key) const {
  const std::string* value = find(key);
  return value == nullptr ? "" : document_->with_defaults(*value);
}

std::string Node::name() const {
  const std::string* value = find("name");
  return value == nullptr ? "" : snake_case(*value);
}

std::vector<Node> Node::children() const {
  std::vector<Node> found;
  for (const Element& child : element_->children) found.emplace_back(*document_, child);
  return found;
}

std::optional<Node> Node::property(std::string_view name) const {
  for (const Node& child : children())
    if (child.has_attribute("name") && child.name() == name) return child;
  return std::nullopt;
}

std::string Node::where() const {
  return document_->path() + ":" + std::to_string(element_->line);
}

Error Node::wrong(std::string what) const {
  return {.code = Code::data_invalid,
          .what = "<" + tag() + (type().empty() ? "" : " type=\"" + type() + "\"") + ">: " + what,
          .where = where()};
}

void Node::warn(std::string what) const {
  document_->warnings.push_back(where() + ": " + what);
}

Result<std::vector<float>> Node::numbers(const char* key) const {
  const std::string value = attribute(key);
  auto read = parse_numbers(value);
  if (!read || read->empty())
    return fail(wrong(std::string(key) + " must be numbers, not '" + value.substr(0, 40) + "'"));
  return *std::move(read);
}

Result<float> Node::number(std::string_view name, float otherwise) const {
  const auto found = property(name);
  if (!found) return otherwise;
  SOVREN_TRY(values, found->numbers("value"));
  if (values.size() != 1) return fail(found->wrong("must be one number"));
  return values[0];
}

Result<std::string> Node::text(std::string_view name, const std::string& otherwise) const {
  const auto found = property(name);
  return found ? found->attribute("value") : otherwise;
}

Result<bool> Node::flag(std::string_view name, bool otherwise) const {
  const auto found = property(name);
  if (!found) return otherwise;
  const std::string value = found->attribute("value");
  if (value == "true") return true;
  if (value == "false") return false;
  return fail(found->wrong("must be true or false, not '" + value.substr(0, 40) + "'"));
}

Result<Vec3> Node::as_color() const {
  const std::string value = attribute("value");
  if (tag() == "spectrum" && value.find(':') != value.npos) {
    std::string pairs = value;
    std::ranges::replace(pairs, ':', ' ');
    const auto read = parse_numbers(pairs);
    if (!read || read->size() % 2 != 0)
      return fail(wrong("must be pairs of a wavelength and a value"));
    warn("a spectrum is taken as three bands of 100 nm");
    return mean_of_bands(*read);
  }
  if (value.starts_with('#') && value.size() == 7) {
    std::uint32_t bytes = 0;
    const auto [end, error] =
        std::from_chars(value.data() + 1, value.data() + value.size(), bytes, 16);
    if (error != std::errc() || end != value.data() + value.size())
      return fail(wrong("'" + value + "' is no colour"));
    const auto linear = [&](int shift) {
      const float encoded = static_cast<float>(bytes >> shift & 255U) / 255;
      return encoded <= 0.04045F ? encoded / 12.92F
                                 : trace::power((encoded + 0.055F) / 1.055F, 2.4F);
    };
    return Vec3{linear(16), linear(8), linear(0)};
  }
  SOVREN_TRY(values, numbers("value"));
  if (values.size() == 1) return Vec3{values[0], values[0], values[0]};
  if (values.size() != 3) return fail(wrong("must be one number or three"));
  return Vec3{values[0], values[1], values[2]};
}

Result<Vec3> Node::color(std::string_view name, Vec3 otherwise) const {
  const auto found = property(name);
  if (!found) return otherwise;
  if (found->tag() == "rgb" || found->tag() == "float" || found->tag() == "spectrum")
    return found->as_color();
  return fail(found->wrong("must be a colour: rgb, float or spectrum"));
}

Result<Vec3> Node::as_vector(float otherwise) const {
  if (has_attribute("value")) {
    SOVREN_TRY(values, numbers("value"));
    if (values.size() == 1) return Vec3{values[0], values[0], values[0]};
    if (values.size() != 3) return fail(wrong("must be one number or three"));
    return Vec3{values[0], values[1], values[2]};
  }
  std::array<float, 3> made{otherwise, otherwise, otherwise};
  constexpr const char* keys[] = {"x", "y", "z"};
  for (std::size_t i = 0; i < 3; ++i) {
    if (!has_attribute(keys[i])) continue;
    SOVREN_TRY(values, numbers(keys[i]));
    made[i] = values[0];
  }
  return Vec3{made[0], made[1], made[2]};
}

Result<Vec3> Node::vector(std::string_view name, Vec3 otherwise) const {
  const auto found = property(name);
  if (!found) return otherwise;
  return found->as_vector(0);
}

Result<Affine> Node::as_step() const {
  const std::string kind = tag();
  if (kind == "translate") {
    SOVREN_TRY(by, as_vector(0));
    Affine m;
    m.origin = by;
    return m;
  }
  if (kind == "scale") {
    SOVREN_TRY(by, as_vector(1));
    return Affine{{{by.x, 0, 0}, {0, by.y, 0}, {0, 0, by.z}}, {}};
  }
  if (kind == "rotate") {
    SOVREN_TRY(axis, as_vector(0));
    SOVREN_TRY(angle, numbers("angle"));
    if (!(trace::length(axis) > 0)) return fail(wrong("an axis of no length"));
    return rotation(trace::normalized(axis), angle[0]);
  }
  if (kind == "lookat" || kind == "look_at" || kind == "lookAt") {
    std::array<Vec3, 3> at;
    constexpr const char* keys[] = {"origin", "target", "up"};
    for (std::size_t i = 0; i < 3; ++i) {
      if (i == 2 && !has_attribute("up")) {
        at[2] = {0, 1, 0};
        continue;
      }
      SOVREN_TRY(values, numbers(keys[i]));
      if (values.size() != 3) return fail(wrong(std::string(keys[i]) + " must be three numbers"));
      at[i] = {values[0], values[1], values[2]};
    }
    const Vec3 way = at[1] - at[0], left = trace::cross(at[2], way);
    if (!(trace::length(way) > 0) || !(trace::length(left) > 0))
      return fail(wrong("origin, target and up are in one line"));
    const Vec3 z = trace::normalized(way), x = trace::normalized(left);
    return Affine{{x, trace::cross(z, x), z}, at[0]};
  }
  if (kind == "matrix") {
    SOVREN_TRY(m, numbers("value"));
    if (m.size() == 9)
      return Affine{{{m[0], m[3], m[6]}, {m[1], m[4], m[7]}, {m[2], m[5], m[8]}}, {}};
    if (m.size() == 16)
      return Affine{{{m[0], m[4], m[8]}, {m[1], m[5], m[9]}, {m[2], m[6], m[10]}},
                    {m[3], m[7], m[11]}};
    return fail(wrong("a matrix has 16 numbers, or 9"));
  }
  return fail(wrong("is no step of a transform"));
}

Result<Affine> Node::as_transform() const {
  Affine all;
  for (const Node& child : children()) {
    SOVREN_TRY(step, child.as_step());
    all = step * all;
  }
  return all;
}

Result<Affine> Node::transform(std::string_view name) const {
  const auto found = property(name);
  if (!found) return Affine{};
  if (found->tag() != "transform") return fail(found->wrong("must be a transform"));
  return found->as_transform();
}

Result<void> Document::parse(const std::string& path, std::string_view text, Document& document) {
  document.path_ = path;
  const Lines lines(text);
  const auto wrong = [&](std::string what, std::ptrdiff_t offset) {
    return fail({.code = Code::data_invalid,
                 .what = std::move(what),
                 .where = path + ":" + std::to_string(lines.of(offset))});
  };
  pugi::xml_document xml;
  const auto parsed = xml.load_buffer(text.data(), text.size());
  if (!parsed) return wrong(std::string("no XML: ") + parsed.description(), parsed.offset);
  const pugi::xml_node root = xml.document_element();
  if (std::string_view(root.name()) != "scene")
    return wrong("the file's element is not a scene of Mitsuba", root.offset_debug());
  if (depth_of(root) > depth_max)
    return wrong(
        "elements stand within each other more than " + std::to_string(depth_max) + " deep",
        root.offset_debug());
  document.root_ = element_of(root, lines);
  document.collect(document.root_);
  return {};
}

void Document::collect(const Element& element) {
  for (const Element& child : element.children) {
    const Node node(*this, child);
    if (child.tag == "default") defaults_.emplace(node.attribute("name"), node.attribute("value"));
    if (child.tag != "ref" && !node.id().empty()) by_id_.emplace(node.id(), &child);
    collect(child);
  }
}

std::optional<Node> Document::by_id(const std::string& id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return std::nullopt;
  return Node(*this, *found->second);
}

std::string Document::with_defaults(const std::string& text) const {
  if (text.find('$') == text.npos) return text;
  std::string made;
  std::size_t at = 0;
  while (at < text.size()) {
    if (text[at] != '$') {
      made += text[at++];
      continue;
    }
    std::size_t end = at + 1;
    const auto is_part = [](char c) {
      return (c >= 'a' && c <= 'z') || is_upper(c) || (c >= '0' && c <= '9') || c == '_';
    };
    while (end < text.size() && is_part(text[end])) ++end;
    const auto found = defaults_.find(std::string_view(text).substr(at + 1, end - at - 1));
    made += found == defaults_.end() ? text.substr(at, end - at) : found->second;
    at = end;
  }
  return made;
}

}  // namespace sovren::jobs::mitsuba
