// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/units.h"
#include "core/text/problems.h"
#include "core/text/toml_tree.h"

namespace sovren::text {

/// Takes the keys of one TOML table, each by name and type. A key that is not there leaves its
/// target as it is; a faulty one is reported, as is, by finish(), each that nobody asked for.
class TableReader {
 public:
  /// name: for messages, "partitions.general"; empty for the file's top.
  TableReader(Problems& problems, std::string name, const TomlValue& table)
      : problems_(problems), name_(std::move(name)), table_(table) {}

  /// The entry of a key, to read in a way of its own; null: not there.
  const TomlEntry* take(std::string_view key);
  /// The tables of a table, each with its name: [partitions.general].
  void each_table(std::string_view key,
                  const std::function<void(const TomlEntry&, TableReader&)>& read);
  /// A table within: [policy.weights].
  void inner_table(std::string_view key, const std::function<void(TableReader&)>& read);

  template <class T>
  void whole(std::string_view key, T& target, std::int64_t min, std::int64_t max) {
    if (const auto value = whole_of(key, min, max))
      target = static_cast<typename Plain<T>::type>(*value);
  }
  template <class T>
  void number(std::string_view key, T& target, double min) {
    if (const auto value = number_of(key, min)) target = *value;
  }
  template <class T>
  void duration(std::string_view key, T& target, double min_s) {
    if (const auto value = duration_of(key, min_s)) target = *value;
  }
  template <class T>
  void size(std::string_view key, T& target) {
    if (const auto value = size_of(key)) target = *value;
  }
  void flag(std::string_view key, bool& target);
  void text(std::string_view key, std::string& target);
  void path(std::string_view key, std::string& target, std::string_view base_dir);
  void time(std::string_view key, Instant& target);
  void choice(std::string_view key, std::string& target, std::span<const std::string_view> names);
  /// A list of names without spaces.
  void words(std::string_view key, std::vector<std::string>& target);
  /// A table of texts.
  void texts(std::string_view key, std::map<std::string, std::string>& target);
  /// A table of numbers above 0.
  void numbers(std::string_view key, std::map<std::string, double>& target);

  /// "partitions.general.priority".
  std::string qualified(std::string_view key) const;
  /// Reports at the key's value, or at the table where the key is not there.
  void report(std::string_view key, std::string what, std::string hint = {});
  void finish();

 private:
  template <class T>
  struct Plain {
    using type = T;
  };
  template <class T>
  struct Plain<std::optional<T>> {
    using type = T;
  };
  void wrong(std::string_view key, const TomlValue& value, std::string_view must_be,
             std::string hint = {});
  std::optional<std::int64_t> whole_of(std::string_view key, std::int64_t min, std::int64_t max);
  std::optional<double> number_of(std::string_view key, double min);
  std::optional<double> duration_of(std::string_view key, double min_s);
  std::optional<std::int64_t> size_of(std::string_view key);

  Problems& problems_;
  std::string name_;
  const TomlValue& table_;
  std::vector<std::string_view> known_;  ///< keys that were asked for
};

/// Letters, digits and . _ - + @, at most 100: what names of users, QOS and the like are made of.
bool is_word(std::string_view text);

}  // namespace sovren::text
