// SPDX-License-Identifier: Apache-2.0
#include "core/text/json.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <set>
#include <vector>

namespace sovren::text {
namespace {

// Builds a document from parse events. The library's own builder neither refuses a key that stands
// twice nor bounds the depth, and its ordered objects look up keys one by one.
class Builder {
 public:
  explicit Builder(std::size_t depth_max) : depth_max_(depth_max) {}

  bool null() { return put(nullptr); }
  bool boolean(bool value) { return put(value); }
  bool number_integer(std::int64_t value) { return put(value); }
  bool number_unsigned(std::uint64_t value) { return put(value); }
  bool number_float(double value, const std::string&) { return put(value); }
  bool string(std::string& value) { return put(std::move(value)); }
  bool binary(Json::binary_t&) { return false; }
  bool start_object(std::size_t) { return open(Json::object()); }
  bool start_array(std::size_t) { return open(Json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }

  bool key(std::string& value) {
    Level& level = levels_.back();
    level.key = value;
    if (level.keys.insert(value).second) return true;
    fault_ = "the key '" + value + "' stands twice at " + pointer();
    return false;
  }
  bool parse_error(std::size_t position, const std::string&, const Json::exception& error) {
    fault_offset_ = position;
    fault_ = error.what();
    // "[json.exception.parse_error.101] parse error at line 1, column 3: syntax error ..."
    if (const auto colon = fault_.find(": "); colon != fault_.npos) fault_.erase(0, colon + 2);
    return false;
  }

  Json take() { return std::move(root_); }
  const std::string& fault() const { return fault_; }
  std::optional<std::size_t> fault_offset() const { return fault_offset_; }

 private:
  struct Level {
    Json value;
    std::string key;             // of the member that comes
    std::set<std::string> keys;  // so far
  };

  std::string pointer() const {
    std::string text;
    for (const Level& level : levels_)
      text += "/" + (level.value.is_object() ? level.key : std::to_string(level.value.size()));
    return text;
  }
  bool put(Json value) {
    if (levels_.empty()) {
      root_ = std::move(value);
      return true;
    }
    Level& level = levels_.back();
    if (level.value.is_array())
      level.value.get_ref<Json::array_t&>().push_back(std::move(value));
    else
      level.value.get_ref<Json::object_t&>().push_back({std::move(level.key), std::move(value)});
    return true;
  }
  bool open(Json value) {
    if (levels_.size() >= depth_max_) {
      fault_ = "values nest more than " + std::to_string(depth_max_) + " deep";
      return false;
    }
    levels_.push_back({std::move(value), {}, {}});
    return true;
  }
  bool close() {
    Json value = std::move(levels_.back().value);
    levels_.pop_back();
    return put(std::move(value));
  }

  std::size_t depth_max_;
  Json root_;
  std::vector<Level> levels_;
  std::string fault_;
  std::optional<std::size_t> fault_offset_;
};

std::string location(std::string_view name, std::string_view text, std::size_t offset) {
  // The parser counts the character that it could not take.
  const std::string_view before = text.substr(0, offset == 0 ? 0 : offset - 1);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::size_t line_begin = before.rfind('\n') == before.npos ? 0 : before.rfind('\n') + 1;
  return std::string(name) + ":" + std::to_string(line) + ":" +
         std::to_string(before.size() - line_begin + 1);
}

std::string shown_pointer(std::string_view key) {
  return key.starts_with('/') ? std::string(key) : "/" + std::string(key);
}

tl::unexpected<Error> wrong(std::string_view key, std::string_view must_be, const Json& got) {
  std::string shown = dump_json(got);
  if (shown.size() > 60) shown = got.type_name();
  return fail({.code = Code::data_invalid,
               .what = shown_pointer(key) + " must be " + std::string(must_be) + ", got " + shown});
}

// One step of a JSON pointer (RFC 6901).
const Json* child(const Json& json, std::string token) {
  for (std::size_t at = 0; (at = token.find('~', at)) != token.npos; ++at) {
    if (token.compare(at, 2, "~1") == 0) token.replace(at, 2, "/");
    if (token.compare(at, 2, "~0") == 0) token.replace(at, 2, "~");
  }
  if (json.is_object()) {
    const auto found = json.find(token);
    return found == json.end() ? nullptr : &*found;
  }
  if (!json.is_array() || token.empty() || token.size() > 9) return nullptr;
  std::size_t index = 0;
  for (const char c : token) {
    if (c < '0' || c > '9') return nullptr;
    index = index * 10 + static_cast<std::size_t>(c - '0');
  }
  return index < json.size() ? &json[index] : nullptr;
}

}  // namespace

Result<Json> parse_json(std::string_view text, std::string_view name, std::size_t depth_max) {
  Builder builder(depth_max);
  if (Json::sax_parse(text.begin(), text.end(), &builder)) return builder.take();
  const auto offset = builder.fault_offset();
  return fail({.code = Code::data_invalid,
               .what = "no valid JSON: " + builder.fault(),
               .where = offset ? location(name, text, *offset) : std::string(name)});
}

std::string dump_json(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

Result<const Json*> get_member(const Json& json, std::string_view key) {
  const Json* at = &json;
  if (!key.starts_with('/')) {
    at = child(json, std::string(key));
  } else {
    std::string_view rest = key;
    while (at != nullptr && !rest.empty()) {
      rest.remove_prefix(1);
      const std::string_view token = rest.substr(0, rest.find('/'));
      at = child(*at, std::string(token));
      rest.remove_prefix(token.size());
    }
  }
  if (at == nullptr)
    return fail({.code = Code::data_invalid, .what = shown_pointer(key) + " is missing"});
  return at;
}

Result<std::string> get_string(const Json& json, std::string_view key) {
  SOVREN_TRY(member, get_member(json, key));
  if (!member->is_string()) return wrong(key, "a string", *member);
  return member->get<std::string>();
}

Result<std::int64_t> get_int(const Json& json, std::string_view key) {
  SOVREN_TRY(member, get_member(json, key));
  const bool is_too_large =
      member->is_number_unsigned() &&
      member->get<std::uint64_t>() >
          static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (!member->is_number_integer() || is_too_large)
    return wrong(key, "a whole number of 64 bits", *member);
  return member->get<std::int64_t>();
}

Result<double> get_double(const Json& json, std::string_view key) {
  SOVREN_TRY(member, get_member(json, key));
  if (!member->is_number()) return wrong(key, "a number", *member);
  return member->get<double>();
}

Result<bool> get_bool(const Json& json, std::string_view key) {
  SOVREN_TRY(member, get_member(json, key));
  if (!member->is_boolean()) return wrong(key, "true or false", *member);
  return member->get<bool>();
}

}  // namespace sovren::text
