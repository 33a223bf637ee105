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
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/text/json_fields.h"
#include "core/text/utf8.h"

// The same lists of fields as for Writer and Reader (core/text/json_fields.h), without a document
// in between: for what is written and read a hundred thousand times a second.

namespace sovren::text {

/// Appends a JSON string, with quotes. Bytes that are not UTF-8 become U+FFFD.
void append_json_text(std::string& out, std::string_view text);

/// Appends the members of an object to text that ends in '{' or in a member.
class TextWriter {
 public:
  explicit TextWriter(std::string& out) : out_(out) {}

  template <class T>
  void all(const T& value) {
    fields(*this, const_cast<T&>(value));  // a TextWriter only reads
  }
  template <class T>
  void required(std::string_view key, const T& value) {
    put_key(key);
    put(value);
  }
  template <class T>
  void optional(std::string_view key, const T& value) {
    required(key, value);
  }
  template <class T>
  void optional(std::string_view key, const std::optional<T>& value) {
    if (value) required(key, *value);
  }
  template <class T>
  void unless(std::string_view key, const T& value, const T& usual) {
    if (!(value == usual)) required(key, value);
  }
  void hex(std::string_view key, std::uint64_t value) {
    char text[17];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
    required(key, std::string_view(text));
  }

 private:
  void put_key(std::string_view key) {
    if (out_.back() != '{') out_ += ',';
    out_ += '"';
    out_ += key;
    out_ += "\":";
  }
  template <class T>
  void put_number(T value) {
    char buffer[32];
    out_.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
  }

  void put(bool value) { out_ += value ? "true" : "false"; }
  void put(double value) {
    if (std::isfinite(value))
      put_number(value);
    else
      out_ += "null";
  }
  void put(std::string_view text) { append_json_text(out_, text); }
  void put(const std::string& text) { append_json_text(out_, text); }
  void put(const Error& error) { out_ += dump_json(error_to_json(error)); }
  template <class T>
  void put(const T& value) {
    if constexpr (std::is_integral_v<T>) {
      put_number(value);
    } else if constexpr (std::is_enum_v<T>) {
      put(StoredNames<T>::name(value));
    } else if constexpr (requires { value.ms; }) {
      put(value.ms);
    } else if constexpr (requires { typename T::mapped_type; }) {
      out_ += '{';
      for (const auto& [key, each] : value) {
        if (out_.back() != '{') out_ += ',';
        put(key);
        out_ += ':';
        put(each);
      }
      out_ += '}';
    } else if constexpr (requires { value.begin(); }) {
      out_ += '[';
      for (const auto& each : value) {
        if (out_.back() != '[') out_ += ',';
        put(each);
      }
      out_ += ']';
    } else if constexpr (requires { value.value; }) {
      put(value.value);
    } else {
      out_ += '{';
      all(value);
      out_ += '}';
    }
  }

  std::string& out_;
};

/// Takes an object's members off the front of JSON text, as a TextWriter puts them there: in order,
/// without spaces, unusual values or unknown keys. Anything else, right or wrong, is is_odd(): read
/// it with a Reader then.
class TextReader {
 public:
  /// `rest`: the object's text, from the '{' on.
  explicit TextReader(std::string_view rest) : rest_(rest) { expect("{"); }

  template <class T>
  void required(std::string_view key, T& value) {
    if (is_odd_) return;
    if (take_key(key))
      take(value);
    else
      is_odd_ = true;
  }
  template <class T>
  void optional(std::string_view key, T& value) {
    if (!is_odd_ && take_key(key)) take(value);
  }
  template <class T>
  void optional(std::string_view key, std::optional<T>& value) {
    if (!is_odd_ && take_key(key)) take(value.emplace());
  }
  template <class T>
  void unless(std::string_view key, T& value, const T& usual) {
    if (is_odd_) return;
    if (take_key(key))
      take(value);
    else
      value = usual;
  }
  void hex(std::string_view key, std::uint64_t& value) {
    std::string text;
    required(key, text);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (error != std::errc() || end != text.data() + text.size()) is_odd_ = true;
  }
  /// The object must end here, and the text with it.
  bool is_whole() {
    expect("}");
    return !is_odd_ && rest_.empty();
  }

 private:
  void expect(std::string_view text) {
    if (!rest_.starts_with(text)) is_odd_ = true;
    rest_.remove_prefix(std::min(text.size(), rest_.size()));
  }
  bool take_key(std::string_view key) {
    const std::size_t comma = is_first_ ? 0 : 1;
    const std::size_t size = comma + key.size() + 3;
    if (rest_.size() < size || (comma == 1 && rest_[0] != ',') || rest_[comma] != '"' ||
        rest_.substr(comma + 1, key.size()) != key || rest_[size - 2] != '"' ||
        rest_[size - 1] != ':')
      return false;
    rest_.remove_prefix(size);
    is_first_ = false;
    return true;
  }
  void take_text(std::string& text);

  void take(bool& value) {
    value = rest_.starts_with("true");
    expect(value ? "true" : "false");
  }
  void take(std::string& value) { take_text(value); }
  void take(double& value) {
    if (rest_.starts_with("null")) {
      value = std::numeric_limits<double>::quiet_NaN();
      return expect("null");
    }
    take_number(value);
  }
  template <class T>
  void take_number(T& value) {
    const bool is_digit =
        !rest_.empty() && (rest_[0] == '-' || (rest_[0] >= '0' && rest_[0] <= '9'));
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc() || !is_digit) {
      is_odd_ = true;
      return;
    }
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
  }
  void take(Error&) { is_odd_ = true; }  // rare
  template <class T>
  void take(std::map<std::string, T>& map) {
    expect("{");
    map.clear();
    while (!is_odd_ && !rest_.starts_with('}')) {
      if (!map.empty()) expect(",");
      std::string key;
      take_text(key);
      expect(":");
      T value{};
      take(value);
      const std::size_t before = map.size();
      map.emplace_hint(map.end(), std::move(key), std::move(value));
      if (map.size() == before) is_odd_ = true;  // a key that stands twice
    }
    expect("}");
  }
  template <class T>
  void take(std::vector<T>& list) {
    expect("[");
    list.clear();
    while (!is_odd_ && !rest_.starts_with(']')) {
      if (!list.empty()) expect(",");
      take(list.emplace_back());
    }
    expect("]");
  }
  template <class T>
  void take(T& value) {
    if constexpr (std::is_integral_v<T>) {
      take_number(value);
    } else if constexpr (std::is_enum_v<T>) {
      std::string name;
      take_text(name);
      const auto found = StoredNames<T>::value(name);
      if (found)
        value = *found;
      else
        is_odd_ = true;
    } else if constexpr (requires { value.ms; }) {
      take_number(value.ms);
    } else if constexpr (requires { value.value; }) {
      take_number(value.value);
    } else {
      expect("{");
      is_first_ = true;
      if (!is_odd_) fields(*this, value);
      expect("}");
      is_first_ = false;
    }
  }

  std::string_view rest_;
  bool is_first_ = true;
  bool is_odd_ = false;
};

/// Reads what a TextWriter wrote into `value`, or any other JSON object with these members.
template <class T>
std::optional<Error> read_fields(std::string_view text, std::string_view name, T& value) {
  TextReader quick(text);
  fields(quick, value);
  if (quick.is_whole()) return std::nullopt;
  value = T{};
  const auto json = parse_json(text, name);
  if (!json) return json.error();
  Reader reader(*json);
  fields(reader, value);
  return reader.error();
}

}  // namespace sovren::text
