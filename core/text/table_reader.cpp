// SPDX-License-Identifier: Apache-2.0
#include "core/text/table_reader.h"

#include <algorithm>
#include <cmath>

#include "core/text/nearest.h"
#include "core/text/schema.h"

namespace sovren::text {
namespace {

using Type = TomlValue::Type;

std::string listed(std::span<const std::string_view> names) {
  std::string text;
  for (const std::string_view name : names) text += (text.empty() ? "" : ", ") + std::string(name);
  return text;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> names) {
  const std::string near = nearest(word, names);
  return near.empty() ? "" : "did you mean '" + near + "'?";
}

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("._-+@").find(c) != std::string_view::npos;
}

}  // namespace

bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= 100 &&
         std::all_of(text.begin(), text.end(), is_word_character);
}

const TomlEntry* TableReader::take(std::string_view key) {
  known_.push_back(key);
  return table_.find(key);
}

void TableReader::each_table(std::string_view key,
                             const std::function<void(const TomlEntry&, TableReader&)>& read) {
  const TomlEntry* tables = take(key);
  if (tables == nullptr) return;
  if (tables->value.type != Type::table)
    return wrong(key, tables->value, "tables, as [" + qualified(key) + ".name]");
  for (const TomlEntry& each : tables->value.entries) {
    const std::string name = qualified(key) + "." + toml_key(each.key);
    if (!is_word(each.key)) {
      problems_.add(each.place, name + ": a name must be letters, digits and . _ - + @");
    } else if (each.value.type != Type::table) {
      problems_.add(each.value.place, name + " must be a table, got " + describe(each.value),
                    "write the line [" + name + "] and its keys below it");
    } else {
      TableReader inner(problems_, name, each.value);
      read(each, inner);
      inner.finish();
    }
  }
}

void TableReader::inner_table(std::string_view key, const std::function<void(TableReader&)>& read) {
  static const TomlValue none;
  const TomlEntry* entry = take(key);
  if (entry != nullptr && entry->value.type != Type::table)
    return wrong(key, entry->value, "a table");
  TableReader inner(problems_, qualified(key), entry != nullptr ? entry->value : none);
  read(inner);
  inner.finish();
}

void TableReader::flag(std::string_view key, bool& target) {
  const TomlEntry* entry = take(key);
  if (entry == nullptr) return;
  if (entry->value.type != Type::boolean) return wrong(key, entry->value, "true or false");
  target = entry->value.boolean;
}

void TableReader::text(std::string_view key, std::string& target) {
  const TomlEntry* entry = take(key);
  if (entry == nullptr) return;
  if (entry->value.type != Type::text || entry->value.text.empty())
    return wrong(key, entry->value, "text");
  if (const std::string fault = text_fault(entry->value.text); !fault.empty())
    return wrong(key, entry->value, fault);
  target = entry->value.text;
}

void TableReader::path(std::string_view key, std::string& target, std::string_view base_dir) {
  std::string path;
  text(key, path);
  if (!path.empty()) target = absolute_path(base_dir, path);
}

void TableReader::time(std::string_view key, Instant& target) {
  const TomlEntry* entry = take(key);
  if (entry == nullptr) return;
  const bool is_text = entry->value.type == Type::text || entry->value.type == Type::time;
  const auto at = is_text ? parse_utc(entry->value.text) : Result<Instant>(fail({}));
  if (!at) return wrong(key, entry->value, "a time such as \"2026-11-23T15:00:00Z\"");
  target = *at;
}

void TableReader::choice(std::string_view key, std::string& target,
                         std::span<const std::string_view> names) {
  const TomlEntry* entry = take(key);
  if (entry == nullptr) return;
  const bool is_one = entry->value.type == Type::text &&
                      std::find(names.begin(), names.end(), entry->value.text) != names.end();
  if (!is_one)
    return wrong(key, entry->value, "one of " + listed(names),
                 entry->value.type == Type::text ? did_you_mean(entry->value.text, names) : "");
  target = entry->value.text;
}

void TableReader::words(std::string_view key, std::vector<std::string>& target) {
  const TomlEntry* entry = take(key);
  if (entry == nullptr) return;
  if (entry->value.type != Type::list)
    return wrong(key, entry->value, "a list of names",
                 entry->value.type == Type::text
                     ? "write: " + std::string(key) + " = [" + toml_quote(entry->value.text) + "]"
                     : "");
  std::vector<std::string> words;
  for (const TomlValue& item : entry->value.items) {
    if (item.type != Type::text || !is_word(item.text))
      return wrong(key, item, "a list of names of letters, digits and . _ - + @");
    words.push_back(item.text);
  }
  target = std::move(words);
}

void TableReader::texts(std::string_view key, std::map<std::string, std::string>& target) {
  const TomlEntry* entry = take(key);
  if (entry == nullptr) return;
  if (entry->value.type != Type::table) return wrong(key, entry->value, "a table of texts");
  for (const TomlEntry& each : entry->value.entries) {
    const bool is_good =
        is_word(each.key) && each.value.type == Type::text && text_fault(each.value.text).empty();
    if (!is_good) return wrong(key, each.value, "a table of names and texts");
    target[each.key] = each.value.text;
  }
}

void TableReader::numbers(std::string_view key, std::map<std::string, double>& target) {
  const TomlEntry* entry = take(key);
  if (entry == nullptr) return;
  if (entry->value.type != Type::table) return wrong(key, entry->value, "a table of numbers");
  for (const TomlEntry& each : entry->value.entries) {
    const double number =
        each.value.type == Type::whole ? static_cast<double>(each.value.whole) : each.value.number;
    const bool is_number = each.value.type == Type::whole || each.value.type == Type::number;
    if (!is_word(each.key) || !is_number || !(number > 0) || !std::isfinite(number))
      return wrong(key, each.value, "a table of names and numbers above 0");
    target[each.key] = number;
  }
}

std::optional<std::int64_t> TableReader::whole_of(std::string_view key, std::int64_t min,
                                                  std::int64_t max) {
  const TomlEntry* entry = take(key);
  if (entry == nullptr) return std::nullopt;
  const TomlValue& value = entry->value;
  if (value.type == Type::whole && value.whole >= min && value.whole <= max) return value.whole;
  wrong(key, value, "a whole number from " + std::to_string(min) + " to " + std::to_string(max));
  return std::nullopt;
}

std::optional<double> TableReader::number_of(std::string_view key, double min) {
  const TomlEntry* entry = take(key);
  if (entry == nullptr) return std::nullopt;
  const TomlValue& value = entry->value;
  const bool is_number = value.type == Type::whole || value.type == Type::number;
  const double number = value.type == Type::whole ? static_cast<double>(value.whole) : value.number;
  if (is_number && number >= min && std::isfinite(number)) return number;
  wrong(key, value, "a number of at least " + toml_number(min));
  return std::nullopt;
}

std::optional<double> TableReader::duration_of(std::string_view key, double min_s) {
  const TomlEntry* entry = take(key);
  if (entry == nullptr) return std::nullopt;
  const TomlValue& value = entry->value;
  const auto seconds =
      value.type == Type::text ? parse_duration_s(value.text) : Result<double>(fail({}));
  if (seconds && *seconds >= min_s) return *seconds;
  std::string hint = value.type == Type::whole
                         ? "write: " + std::string(key) + " = \"" + std::to_string(value.whole) +
                               "s\" or \"" + std::to_string(value.whole) + "min\""
                         : "";
  wrong(key, value, "a duration such as \"10min\", of at least " + format_duration(min_s),
        std::move(hint));
  return std::nullopt;
}

std::optional<std::int64_t> TableReader::size_of(std::string_view key) {
  const TomlEntry* entry = take(key);
  if (entry == nullptr) return std::nullopt;
  const TomlValue& value = entry->value;
  const auto bytes =
      value.type == Type::text ? parse_size_bytes(value.text) : Result<std::int64_t>(fail({}));
  if (bytes && *bytes > 0) return *bytes;
  wrong(key, value, "a size such as \"16MiB\"");
  return std::nullopt;
}

std::string TableReader::qualified(std::string_view key) const {
  return name_.empty() ? std::string(key) : name_ + "." + std::string(key);
}

void TableReader::report(std::string_view key, std::string what, std::string hint) {
  const TomlEntry* entry = table_.find(key);
  problems_.add(entry != nullptr ? entry->value.place : table_.place, std::move(what),
                std::move(hint));
}

void TableReader::wrong(std::string_view key, const TomlValue& value, std::string_view must_be,
                        std::string hint) {
  problems_.add(value.place,
                qualified(key) + " must be " + std::string(must_be) + ", got " + describe(value),
                std::move(hint));
}

void TableReader::finish() {
  for (const TomlEntry& entry : table_.entries) {
    if (std::find(known_.begin(), known_.end(), entry.key) != known_.end()) continue;
    const std::string shown = describe({.type = Type::text, .text = entry.key}).substr(7);
    std::string hint = did_you_mean(entry.key, known_);
    if (hint.empty()) hint = "known keys: " + listed(known_);
    problems_.add(entry.place,
                  "unknown key " + shown + (name_.empty() ? "" : " in [" + name_ + "]"),
                  std::move(hint));
  }
}

}  // namespace sovren::text
