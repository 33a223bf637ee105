// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "kernels/trace/vec.h"

namespace sovren::jobs::mitsuba {

class Document;

/// What the file has, as it has it.
struct Element {
  std::string tag;
  std::vector<std::pair<std::string, std::string>> attributes;
  std::vector<Element> children;
  std::int64_t line = 0;
};

/// An element of the file, with the defaults ($name) put into its attributes. Names of properties
/// are as Mitsuba 3 writes them; toWorld of older files is to_world.
class Node {
 public:
  Node(Document& document, const Element& element) : document_(&document), element_(&element) {}

  const std::string& tag() const { return element_->tag; }
  std::string type() const { return attribute("type"); }
  std::string id() const { return attribute("id"); }
  std::string name() const;                           ///< of a property, as snake_case
  std::string attribute(std::string_view key) const;  ///< "" when it is not there
  bool has_attribute(std::string_view key) const { return find(key) != nullptr; }
  std::vector<Node> children() const;
  /// The child that sets a property, whatever its tag.
  std::optional<Node> property(std::string_view name) const;

  // Values of properties, or `otherwise` where they are not set. Errors: data_invalid with file
  // and line.
  Result<float> number(std::string_view name, float otherwise) const;
  Result<std::string> text(std::string_view name, const std::string& otherwise) const;
  Result<bool> flag(std::string_view name, bool otherwise) const;
  Result<trace::Vec3> color(std::string_view name, trace::Vec3 otherwise) const;
  Result<trace::Affine> transform(std::string_view name) const;
  Result<trace::Vec3> vector(std::string_view name, trace::Vec3 otherwise) const;

  /// The colour that this very element is: rgb, float, spectrum.
  Result<trace::Vec3> as_color() const;
  /// Numbers of an attribute, apart by commas or spaces.
  Result<std::vector<float>> numbers(const char* key) const;
  /// x, y and z of this very element, or all in `value`.
  Result<trace::Vec3> as_vector(float otherwise) const;

  std::string where() const;  ///< "scene.xml:12"
  Error wrong(std::string what) const;
  void warn(std::string what) const;
  Document& document() const { return *document_; }
  const void* identity() const { return element_; }

 private:
  const std::string* find(std::string_view key) const;
  Result<trace::Affine> as_transform() const;
  Result<trace::Affine> as_step() const;

  Document* document_;
  const Element* element_;
};

/// The file, its defaults, what has an id, and the warnings.
class Document {
 public:
  /// Errors: data_invalid: no XML, not a scene, elements too deep within
  /// each other.
  static Result<void> parse(const std::string& path, std::string_view text, Document& document);

  Node root() { return {*this, root_}; }
  const std::string& path() const { return path_; }
  std::optional<Node> by_id(const std::string& id);
  std::string with_defaults(const std::string& text) const;
  std::vector<std::string> warnings;

 private:
  void collect(const Element& element);

  std::string path_;
  Element root_;
  std::map<std::string, std::string, std::less<>> defaults_;
  std::map<std::string, const Element*> by_id_;
};

}  // namespace sovren::jobs::mitsuba
