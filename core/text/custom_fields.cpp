// SPDX-License-Identifier: Apache-2.0
#include "core/text/custom_fields.h"

#include <algorithm>

#include "core/model/dependency.h"
#include "core/text/nearest.h"
#include "core/text/table_reader.h"

namespace sovren::text {
namespace {

using Type = TomlValue::Type;
using Visit = std::function<void(std::string&)>;

constexpr std::size_t name_bytes_max = 100;
constexpr std::size_t labels_max = 64;

void read_schema(Reading& reading, const Row& row, const TomlValue& value, JobSpec& spec) {
  if (value.type != Type::whole) return report_value(reading, row, value);
  if (value.whole != 1)
    reading.problems.add(
        value.place,
        "schema " + std::to_string(value.whole) + " is not known; this version " + "reads schema 1",
        value.whole > 1 ? "a newer version of sovren may read it" : "");
  spec.schema = 1;
}

// SpecReader has made the kind's spec before it read any row.
void read_kind(Reading& reading, const Row& row, const TomlValue& value, JobSpec&) {
  const auto text = text_of(value);
  const Kind* kind = text ? find_kind(*text) : nullptr;
  if (kind != nullptr) return;
  std::vector<std::string_view> names;
  for (const Kind& each : schema_kinds()) names.push_back(each.name);
  const std::string near = text ? nearest(*text, names) : "";
  if (near.empty()) return report_value(reading, row, value);
  reading.problems.add(value.place, "kind must be " + allowed(row) + ", got " + describe(value),
                       "did you mean '" + near + "'?");
}

void read_labels(Reading& reading, const Row& row, const TomlValue& value, JobSpec& spec) {
  if (value.type != Type::table) return report_value(reading, row, value);
  if (value.entries.size() > labels_max)
    return reading.problems.add(value.place, "labels: at most 64 are allowed");
  spec.labels.clear();
  for (const TomlEntry& entry : value.entries) {
    const std::string name = "labels." + toml_key(entry.key);
    const auto text = text_of(entry.value);
    if (!is_word(entry.key)) {
      reading.problems.add(
          entry.place,
          "a label's name must be letters, digits and . _ - + @, got " + toml_quote(entry.key));
    } else if (!text) {
      reading.problems.add(entry.value.place, name + " must be text, got " + describe(entry.value),
                           "write: " + toml_key(entry.key) + " = \"...\"");
    } else if (const std::string fault = text_fault(*text); !fault.empty()) {
      reading.problems.add(entry.value.place,
                           name + " must be " + fault + ", got " + describe(entry.value));
    } else {
      spec.labels[entry.key] = *text;
    }
  }
}

std::optional<std::string> print_labels(const JobSpec& spec) {
  if (spec.labels.empty()) return std::nullopt;
  std::string text;
  for (const auto& [key, value] : spec.labels)
    text += (text.empty() ? "{ " : ", ") + toml_key(key) + " = " + toml_quote(value);
  return text + " }";
}

}  // namespace

Custom schema_field() {
  return {read_schema,
          [](const JobSpec& spec) { return std::optional(std::to_string(spec.schema)); }, nullptr,
          "1"};
}

Custom kind_field() {
  return {read_kind,
          [](const JobSpec& spec) { return std::optional(toml_quote(kind_name(spec.kind))); },
          nullptr, "causal-analysis, model-training, rendering or command"};
}

Custom labels_field() {
  return {read_labels, print_labels,
          [](JobSpec& spec, const Visit& visit) {
            for (auto& [key, value] : spec.labels) visit(value);
          },
          "a table of texts"};
}

std::string name_fault(std::string_view text) {
  const bool is_good = !text.empty() && text.size() <= name_bytes_max && text.front() != '.' &&
                       text.front() != '-' && text.find_first_of("/\\\n\t") == text.npos;
  return is_good ? "" : "1 to 100 bytes without slashes that do not begin with '.' or '-'";
}

std::string word_fault(std::string_view text) {
  return text.empty() || is_word(text) ? "" : "at most 100 letters, digits and . _ - + @";
}

std::string begin_fault(std::string_view text) {
  if (text.empty() || parse_utc(text)) return "";
  return "a time such as \"2026-11-23T15:00:00Z\"";
}

std::string after_fault(std::string_view text) {
  if (parse_after(text)) return "";
  return "a list such as \"ok:12,any:13\" (after, any, ok, notok, corr, singleton)";
}

}  // namespace sovren::text
