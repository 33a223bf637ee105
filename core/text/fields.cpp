// SPDX-License-Identifier: Apache-2.0
// Reads, prints and describes the values of the schema's rows.
#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>

#include "core/base/check.h"
#include "core/base/units.h"
#include "core/text/nearest.h"
#include "core/text/schema.h"

namespace sovren::text {
namespace {

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

using Type = TomlValue::Type;

std::string joined(std::span<const std::string_view> names) {
  std::string text;
  for (const std::string_view name : names) text += (text.empty() ? "" : ", ") + std::string(name);
  return text;
}

std::string range_text(std::string unit, const std::string& min, const std::string& max) {
  if (max.empty()) return unit + " of at least " + min;
  return unit + " from " + min + " to " + max;
}

std::string allowed_whole(const Whole& field) {
  const bool is_bounded = field.max < std::numeric_limits<std::int64_t>::max();
  return range_text("a whole number", std::to_string(field.min),
                    is_bounded ? std::to_string(field.max) : "");
}

std::string plain_number(double value) {
  std::string text = toml_number(value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

std::string allowed_number(const Number& field) {
  std::string text = "a number";
  if (std::isfinite(field.min) && field.is_open)
    text += " above " + plain_number(field.min) + " and below " + plain_number(field.max);
  else if (std::isfinite(field.min))
    text += " from " + plain_number(field.min) + " to " + plain_number(field.max);
  return field.allows_nan ? text + " or nan" : text;
}

std::string allowed_duration(const Duration& field) {
  std::string text =
      range_text("a duration", format_duration(field.min_s), format_duration(field.max_s));
  return field.clear != nullptr ? text + ", or none" : text;
}

// The example to write instead; a value that is only of the wrong type is kept.
std::string write_hint(const Row& row, const TomlValue& value) {
  std::string example(row.example);
  const bool is_quantity =
      std::holds_alternative<Duration>(row.field) || std::holds_alternative<Size>(row.field);
  if (value.type == Type::whole && std::holds_alternative<Duration>(row.field)) {
    const std::string number = std::to_string(value.whole);
    example = "\"" + number + "s\" or \"" + number + "min\"";
  } else if (value.type == Type::text && std::holds_alternative<Whole>(row.field)) {
    std::int64_t whole = 0;
    const auto& text = value.text;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
    const auto& field = std::get<Whole>(row.field);
    if (error == std::errc() && end == text.data() + text.size() && whole >= field.min &&
        whole <= field.max)
      example = text;
  } else if (std::holds_alternative<Text>(row.field) &&
             (value.type == Type::whole || value.type == Type::boolean)) {
    example = toml_quote(describe(value));
  } else if (!is_quantity && example.empty()) {
    return {};
  }
  if (value.place.override_index >= 0) {
    std::erase(example, '"');
    return "write: --set " + qualified(row) + "=" + example;
  }
  return "write: " + std::string(row.key) + " = " + example;
}

struct Reader {
  Reading& reading;
  const Row& row;
  const TomlValue& value;
  JobSpec& spec;

  void wrong() const { report_value(reading, row, value); }

  void operator()(const Text& field) const {
    const bool is_time = field.takes_time && value.type == Type::time;
    const auto text = is_time ? value.text : text_of(value);
    if (!text) return wrong();
    std::string fault = text_fault(*text);
    if (fault.empty() && field.fault != nullptr && !holds_axis(*text)) fault = field.fault(*text);
    if (!fault.empty()) return report_value(reading, row, value, fault);
    field.at(spec) = *text;
  }
  void operator()(const Path& field) const {
    const auto text = text_of(value);
    if (!text) return wrong();
    if (text->empty() && row.presence == Row::Presence::optional) return field.at(spec).clear();
    if (text->empty()) return wrong();
    if (std::string fault = text_fault(*text); !fault.empty())
      return report_value(reading, row, value, fault);
    field.at(spec) = absolute_path(reading.base_dir, *text);
  }
  void operator()(const Script& field) const {
    const auto text = text_of(value);
    if (!text) return wrong();
    if (std::string fault = script_fault(*text); !fault.empty())
      return report_value(reading, row, value, fault);
    field.at(spec) = *text;
  }
  void operator()(const Flag& field) const {
    if (value.type != Type::boolean) return wrong();
    field.set(spec, value.boolean);
  }
  void operator()(const Whole& field) const {
    if (value.type != Type::whole || value.whole < field.min || value.whole > field.max)
      return wrong();
    field.set(spec, value.whole);
  }
  void operator()(const Number& field) const {
    if (value.type != Type::whole && value.type != Type::number) return wrong();
    const double number =
        value.type == Type::whole ? static_cast<double>(value.whole) : value.number;
    const bool is_in = field.is_open ? number > field.min && number < field.max
                                     : number >= field.min && number <= field.max;
    const bool is_good = std::isnan(number) ? field.allows_nan : std::isfinite(number) && is_in;
    if (!is_good) return wrong();
    field.set(spec, number);
  }
  void operator()(const Duration& field) const {
    const auto text = text_of(value);
    if (!text) return wrong();
    if (*text == "none" && field.clear != nullptr) return field.clear(spec);
    const auto seconds = parse_duration_s(*text);
    if (!seconds) return quantity_error(seconds.error());
    if (*seconds < field.min_s || *seconds > field.max_s) return wrong();
    field.set(spec, *seconds);
  }
  void operator()(const Size& field) const {
    const auto text = text_of(value);
    if (!text) return wrong();
    const auto bytes = parse_size_bytes(*text);
    if (!bytes) return quantity_error(bytes.error());
    if (*bytes > field.max) return wrong();
    field.set(spec, *bytes);
  }
  void operator()(const Choice& field) const {
    const auto text = text_of(value);
    if (!text) return wrong();
    std::string_view meant = *text;
    for (const Choice::Alias& alias : field.aliases)
      if (alias.name == meant) meant = alias.meant;
    for (std::size_t i = 0; i < field.names.size(); ++i)
      if (field.names[i] == meant) return field.set(spec, static_cast<int>(i));
    wrong();
  }
  void operator()(const Custom& field) const { field.read(reading, row, value, spec); }

  void quantity_error(const Error& error) const {
    reading.problems.add(value.place, qualified(row) + ": " + error.what, error.hint);
  }
};

std::optional<std::string> unless_empty(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return toml_quote(text);
}

}  // namespace

std::string qualified(const Row& row) {
  if (row.section.empty()) return std::string(row.key);
  return std::string(row.section) + "." + std::string(row.key);
}

std::string allowed(const Row& row) {
  return std::visit(
      Overloaded{
          [](const Text& field) { return std::string(field.allowed); },
          [](const Path& field) { return std::string(field.allowed); },
          [](const Script&) { return std::string("the text of a script"); },
          [](const Flag&) { return std::string("true or false"); },
          [](const Whole& field) { return allowed_whole(field); },
          [](const Number& field) { return allowed_number(field); },
          [](const Duration& field) { return allowed_duration(field); },
          [](const Size& field) { return "a size of at most " + format_size(field.max); },
          [](const Choice& field) { return "one of " + joined(field.names); },
          [](const Custom& field) { return std::string(field.allowed); },
      },
      row.field);
}

std::optional<std::string> printed(const Row& row, const JobSpec& spec) {
  using Printed = std::optional<std::string>;
  return std::visit(
      Overloaded{
          [&](const Text& field) { return unless_empty(field.get(spec)); },
          [&](const Path& field) { return unless_empty(field.get(spec)); },
          [&](const Script& field) { return unless_empty(field.get(spec)); },
          [&](const Flag& field) {
            const auto value = field.get(spec);
            return value ? Printed(*value ? "true" : "false") : std::nullopt;
          },
          [&](const Whole& field) {
            const auto value = field.get(spec);
            return value ? Printed(std::to_string(*value)) : std::nullopt;
          },
          [&](const Number& field) {
            const auto value = field.get(spec);
            return value ? Printed(toml_number(*value)) : std::nullopt;
          },
          [&](const Duration& field) {
            const auto value = field.get(spec);
            return value ? Printed(toml_quote(format_duration(*value))) : std::nullopt;
          },
          [&](const Size& field) {
            const std::int64_t value = field.get(spec);
            return value != 0 ? Printed(toml_quote(format_size(value))) : std::nullopt;
          },
          [&](const Choice& field) {
            const auto value = field.get(spec);
            return value ? Printed(toml_quote(field.names[static_cast<std::size_t>(*value)]))
                         : std::nullopt;
          },
          [&](const Custom& field) { return field.print(spec); },
      },
      row.field);
}

void read_value(Reading& reading, const Row& row, const TomlValue& value, JobSpec& spec) {
  std::visit(Reader{reading, row, value, spec}, row.field);
}

void visit_strings(const Row& row, JobSpec& spec, const std::function<void(std::string&)>& visit) {
  if (const auto* text = std::get_if<Text>(&row.field)) visit(text->at(spec));
  if (const auto* script = std::get_if<Script>(&row.field)) visit(script->at(spec));
  if (const auto* path = std::get_if<Path>(&row.field)) {
    std::string& value = path->at(spec);
    visit(value);
    if (!value.empty()) value = absolute_path("", value);
  }
  if (const auto* custom = std::get_if<Custom>(&row.field); custom && custom->strings != nullptr)
    custom->strings(spec, visit);
}

std::string fault_after_expansion(const Row& row, const JobSpec& spec) {
  if (const auto* custom = std::get_if<Custom>(&row.field); custom != nullptr && custom->fault) {
    const std::string must_be = custom->fault(spec);
    return must_be.empty() ? "" : qualified(row) + " must be " + must_be;
  }
  const auto* field = std::get_if<Text>(&row.field);
  if (field == nullptr || field->fault == nullptr || field->get(spec).empty()) return {};
  const std::string must_be = field->fault(field->get(spec));
  if (must_be.empty()) return {};
  const TomlValue value{.type = Type::text, .text = field->get(spec)};
  return qualified(row) + " must be " + must_be + ", got " + describe(value);
}

void report_value(Reading& reading, const Row& row, const TomlValue& value,
                  std::string_view must_be) {
  std::string what = qualified(row) + " must be " +
                     (must_be.empty() ? allowed(row) : std::string(must_be)) + ", got ";
  what += describe(value);
  std::string hint;
  if (const auto* choice = std::get_if<Choice>(&row.field)) {
    if (const auto text = text_of(value)) hint = nearest(*text, choice->names);
    if (!hint.empty()) hint = "did you mean '" + hint + "'?";
  }
  const bool is_quantity =
      std::holds_alternative<Whole>(row.field) || std::holds_alternative<Number>(row.field);
  const bool is_number = value.type == Type::whole || value.type == Type::number;
  if (hint.empty() && must_be.empty() && !(is_quantity && is_number)) hint = write_hint(row, value);
  reading.problems.add(value.place, std::move(what), std::move(hint));
}

std::optional<std::string> text_of(const TomlValue& value) {
  if (value.type == Type::text) return value.text;
  const bool is_scalar = value.type != Type::list && value.type != Type::table;
  if (is_scalar && value.is_bare) return value.text;
  return std::nullopt;
}

bool holds_axis(std::string_view text) {
  return text.find("${") != text.npos;
}

std::string text_fault(std::string_view text) {
  if (text.size() > text_bytes_max)
    return "text of at most " + std::to_string(text_bytes_max) + " bytes";
  for (const char c : text) {
    const bool is_control = (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') ||
                            static_cast<unsigned char>(c) == 0x7F;
    if (is_control) return "text without control characters";
  }
  return {};
}

std::string script_fault(std::string_view text) {
  if (text.empty() || text.size() > script_bytes_max)
    return "a script of 1 to " + std::to_string(script_bytes_max) + " bytes";
  if (text.find('\0') != text.npos) return "text without NUL bytes";
  const std::string_view first = text.substr(0, text.find('\n'));
  return first.ends_with('\r') ? "text with Unix line ends (see dos2unix)" : "";
}

std::string absolute_path(std::string_view base_dir, std::string_view path) {
  const std::filesystem::path joined_path = std::filesystem::path(base_dir) / path;
  // "${a}/.." must wait: an axis may hold several path elements.
  return holds_axis(path) ? joined_path.string() : joined_path.lexically_normal().string();
}

}  // namespace sovren::text
