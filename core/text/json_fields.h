// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <cmath>
#include <concepts>
#include <cstdio>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/text/json.h"

// One list of fields for both directions, so that writing and reading cannot drift apart:
//
//   void fields(auto& io, NodeLeft& e) { io.required("node", e.node); io.optional("why", e.why); }
//
// A Writer puts the fields into a JSON object; a Reader takes them out, ignores what it does not
// know, keeps the value of an optional field that is missing, and remembers the first error.

namespace sovren::text {

/// Pairs of an enumerator and its stored name; specialised for each stored enum.
template <class Enum>
struct StoredNames;

class Writer {
 public:
  explicit Writer(Json& json) : json_(json) {}

  template <class T>
  void all(const T& value) {
    fields(*this, const_cast<T&>(value));  // a Writer only reads
  }
  template <class T>
  void required(const char* key, const T& value) {
    json_[key] = json_of(value);
  }
  template <class T>
  void optional(const char* key, const T& value) {
    json_[key] = json_of(value);
  }
  template <class T>
  void optional(const char* key, const std::optional<T>& value) {
    if (value) json_[key] = json_of(*value);
  }
  /// Left out while it has its usual value.
  template <class T>
  void unless(const char* key, const T& value, const T& usual) {
    if (!(value == usual)) json_[key] = json_of(value);
  }
  /// 64 bits, more than a JSON number holds everywhere.
  void hex(const char* key, std::uint64_t value) {
    char text[17];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
    json_[key] = text;
  }

 private:
  template <class T>
  static Json json_of(const T& value) {
    if constexpr (std::is_same_v<T, bool> || std::is_arithmetic_v<T> ||
                  std::is_same_v<T, std::string>) {
      return Json(value);
    } else if constexpr (std::is_enum_v<T>) {
      return Json(std::string(StoredNames<T>::name(value)));
    } else if constexpr (requires { value.ms; }) {
      return Json(value.ms);
    } else if constexpr (std::is_same_v<decltype(value), const Error&>) {
      return error_to_json(value);
    } else if constexpr (requires { typename T::mapped_type; }) {
      Json object = Json::object();
      for (const auto& [key, each] : value) object[key] = json_of(each);
      return object;
    } else if constexpr (requires { value.begin(); }) {
      Json array = Json::array();
      for (const auto& each : value) array.push_back(json_of(each));
      return array;
    } else if constexpr (requires { value.value; }) {
      return Json(value.value);
    } else {
      Json object = Json::object();
      Writer writer(object);
      writer.all(value);
      return object;
    }
  }

  Json& json_;
};

class Reader {
 public:
  explicit Reader(const Json& json, std::string pointer = {})
      : json_(json), pointer_(std::move(pointer)) {
    if (!json.is_object()) wrong("", "an object");
  }

  template <class T>
  void required(const char* key, T& value) {
    if (error_) return;
    const auto found = json_.find(key);
    if (found == json_.end())
      error_ = Error{.code = Code::data_invalid, .what = pointer_ + "/" + key + " is missing"};
    else
      take(key, *found, value);
  }
  template <class T>
  void optional(const char* key, T& value) {
    if (error_) return;
    if (const auto found = json_.find(key); found != json_.end()) take(key, *found, value);
  }
  template <class T>
  void optional(const char* key, std::optional<T>& value) {
    if (error_) return;
    const auto found = json_.find(key);
    if (found == json_.end() || found->is_null()) return;
    take(key, *found, value.emplace());
  }
  template <class T>
  void unless(const char* key, T& value, const T& usual) {
    value = usual;
    optional(key, value);
  }
  void hex(const char* key, std::uint64_t& value) {
    std::string text;
    required(key, text);
    if (error_) return;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (error != std::errc() || end != text.data() + text.size()) wrong(key, "a hex number");
  }
  const std::optional<Error>& error() const { return error_; }

 private:
  void wrong(const std::string& key, const std::string& must_be) {
    const std::string at = key.empty() ? pointer_ : pointer_ + "/" + key;
    error_ = Error{.code = Code::data_invalid,
                   .what = (at.empty() ? "the document" : at) + " must be " + must_be};
  }

  void take(const std::string& key, const Json& json, bool& value) {
    if (!json.is_boolean()) return wrong(key, "true or false");
    value = json.get<bool>();
  }
  void take(const std::string& key, const Json& json, std::string& value) {
    if (!json.is_string()) return wrong(key, "a string");
    value = json.get<std::string>();
  }
  // NaN and infinities were written as null.
  void take(const std::string& key, const Json& json, double& value) {
    if (!json.is_number() && !json.is_null()) return wrong(key, "a number");
    value = json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
  }
  template <std::integral T>
  void take(const std::string& key, const Json& json, T& value) {
    const auto whole = json.is_number_integer() && !too_large(json)
                           ? std::optional(json.get<std::int64_t>())
                           : std::nullopt;
    if (!whole || !std::in_range<T>(*whole)) return wrong(key, "a whole number in range");
    value = static_cast<T>(*whole);
  }
  static bool too_large(const Json& json) {
    return json.is_number_unsigned() && !std::in_range<std::int64_t>(json.get<std::uint64_t>());
  }
  template <class T>
  requires std::is_enum_v<T>
  void take(const std::string& key, const Json& json, T& value) {
    const auto found =
        json.is_string() ? StoredNames<T>::value(json.get<std::string>()) : std::nullopt;
    if (!found) return wrong(key, std::string("a name of ") + StoredNames<T>::what);
    value = *found;
  }
  void take(const std::string& key, const Json& json, Error& value) {
    auto error = error_from_json(json);
    if (!error) return wrong(key, "an error");
    value = *std::move(error);
  }
  template <class T>
  void take(const std::string& key, const Json& json, std::map<std::string, T>& value) {
    if (!json.is_object()) return wrong(key, "an object");
    value.clear();
    for (const auto& [name, each] : json.items()) {
      take(key + "/" + name, each, value[name]);
      if (error_) return;
    }
  }
  template <class T>
  void take(const std::string& key, const Json& json, std::vector<T>& value) {
    if (!json.is_array()) return wrong(key, "an array");
    value.clear();
    for (const Json& each : json) {
      take(key + "/" + std::to_string(value.size()), each, value.emplace_back());
      if (error_) return;
    }
  }
  template <class T>
  requires(std::is_class_v<T> && !requires(T list) {
    list.begin();
  }) void take(const std::string& key, const Json& json, T& value) {
    if constexpr (requires { value.ms; }) {
      take(key, json, value.ms);
    } else if constexpr (requires { value.value; }) {
      take(key, json, value.value);
    } else {
      Reader reader(json, pointer_ + "/" + key);
      if (!reader.error_) fields(reader, value);
      error_ = reader.error_;
    }
  }

  const Json& json_;
  std::string pointer_;
  std::optional<Error> error_;
};

}  // namespace sovren::text
