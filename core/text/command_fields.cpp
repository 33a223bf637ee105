// SPDX-License-Identifier: Apache-2.0
// Values of [command] that have a form of their own.
#include <algorithm>

#include "core/text/custom_fields.h"
#include "core/text/nearest.h"

namespace sovren::text {
namespace {

using Type = TomlValue::Type;
using Visit = std::function<void(std::string&)>;

constexpr std::size_t arguments_max = 10'000;
constexpr std::size_t variable_bytes_max = std::size_t{128} << 10;  // as Linux has it, of one
/// Signals that a program can catch and that say nothing else to it.
constexpr std::string_view signals[] = {"USR1", "USR2", "TERM", "INT", "HUP",
                                        "QUIT", "CONT", "ALRM", "URG"};

CommandSpec& command(JobSpec& spec) {
  return std::get<CommandSpec>(spec.kind);
}
const CommandSpec& command(const JobSpec& spec) {
  return std::get<CommandSpec>(spec.kind);
}

// A list of texts, the first of which must not be empty if it is a program; none: it is reported.
std::optional<std::vector<std::string>> words_of(Reading& reading, const Row& row,
                                                 const TomlValue& value, bool is_program_first) {
  const bool is_list = value.type == Type::list && !(is_program_first && value.items.empty());
  if (!is_list || value.items.size() > arguments_max) {
    report_value(reading, row, value);
    return std::nullopt;
  }
  std::vector<std::string> words;
  for (const TomlValue& item : value.items) {
    const bool is_good =
        item.type == Type::text && !(is_program_first && words.empty() && item.text.empty());
    const std::string fault = is_good ? text_fault(item.text) : "";
    if (!is_good || !fault.empty()) {
      if (fault.empty())
        report_value(reading, row, item);
      else
        report_value(reading, row, item, fault);
      return std::nullopt;
    }
    words.push_back(item.text);
  }
  return words;
}

std::optional<std::string> print_words(const std::vector<std::string>& words) {
  if (words.empty()) return std::nullopt;
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "[" : ", ") + toml_quote(word);
  return text + "]";
}

template <auto member>
Custom words_field(std::string_view allowed_text) {
  constexpr bool is_program_first = member == &CommandSpec::argv;
  return {[](Reading& reading, const Row& row, const TomlValue& value, JobSpec& spec) {
            if (auto words = words_of(reading, row, value, is_program_first))
              command(spec).*member = *std::move(words);
          },
          [](const JobSpec& spec) { return print_words(command(spec).*member); },
          [](JobSpec& spec, const Visit& visit) {
            for (std::string& word : command(spec).*member) visit(word);
          },
          allowed_text};
}

void read_environment(Reading& reading, const Row& row, const TomlValue& value, JobSpec& spec) {
  if (value.type != Type::table || value.entries.size() > variables_max)
    return report_value(reading, row, value);
  std::map<std::string, std::string> environment;
  for (const TomlEntry& entry : value.entries) {
    const std::string name = qualified(row) + "." + toml_key(entry.key);
    if (!is_variable_name(entry.key)) {
      reading.problems.add(entry.place, qualified(row) +
                                            ": a variable's name must be letters, digits and _ "
                                            "(or that of a bash function), got " +
                                            toml_quote(entry.key));
      continue;
    }
    const auto text = text_of(entry.value);
    const std::string fault = text ? variable_value_fault(*text) : "text";
    if (fault.empty())
      environment[entry.key] = *text;
    else
      reading.problems.add(entry.value.place,
                           name + " must be " + fault + ", got " + describe(entry.value),
                           text ? "" : "write: " + entry.key + " = \"...\"");
  }
  command(spec).environment = std::move(environment);
}

std::optional<std::string> print_environment(const JobSpec& spec) {
  if (command(spec).environment.empty()) return std::nullopt;
  std::string text;
  for (const auto& [name, value] : command(spec).environment)
    text += (text.empty() ? "{ " : ", ") + toml_key(name) + " = " + toml_quote(value);
  return text + " }";
}

void read_signal(Reading& reading, const Row& row, const TomlValue& value, JobSpec& spec) {
  const auto text = text_of(value);
  if (!text) return report_value(reading, row, value);
  std::string_view name = *text;
  if (name.starts_with("SIG")) name.remove_prefix(3);
  if (name.empty() ||
      std::find(std::begin(signals), std::end(signals), name) != std::end(signals)) {
    command(spec).checkpoint_signal = name;
    return;
  }
  const std::string near = nearest(name, signals);
  if (near.empty()) return report_value(reading, row, value);
  reading.problems.add(value.place,
                       qualified(row) + " must be " + allowed(row) + ", got " + describe(value),
                       "did you mean '" + near + "'?");
}

}  // namespace

bool is_variable_name(std::string_view name) {
  constexpr std::string_view function_start = "BASH_FUNC_";
  constexpr std::string_view function_end = "%%";
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (name.empty() || name.size() > 256 || !is_letter(name.front())) return false;
  const bool is_function = name.starts_with(function_start) && name.ends_with(function_end) &&
                           name.size() > function_start.size() + function_end.size();
  if (is_function) name.remove_suffix(function_end.size());
  return std::all_of(name.begin(), name.end(), [&](char c) {
    const bool is_of_function = is_function && (c == '-' || c == '.' || c == ':' || c == '+');
    return is_letter(c) || is_digit(c) || is_of_function;
  });
}

std::string variable_value_fault(std::string_view text) {
  if (text.size() >= variable_bytes_max)
    return "text of less than " + std::to_string(variable_bytes_max) + " bytes";
  return text.find('\0') == text.npos ? "" : "text without NUL bytes";
}

Custom argv_field() {
  return words_field<&CommandSpec::argv>(
      "a list of 1 to 10000 texts, of which the first names a program");
}

Custom arguments_field() {
  return words_field<&CommandSpec::arguments>("a list of at most 10000 texts");
}

Custom environment_field() {
  return {read_environment, print_environment,
          [](JobSpec& spec, const Visit& visit) {
            for (auto& [name, value] : command(spec).environment) visit(value);
          },
          "a table of at most 1000 texts"};
}

Custom signal_field() {
  return {read_signal,
          [](const JobSpec& spec) -> std::optional<std::string> {
            if (command(spec).checkpoint_signal.empty()) return std::nullopt;
            return toml_quote(command(spec).checkpoint_signal);
          },
          nullptr, "one of USR1, USR2, TERM, INT, HUP, QUIT, CONT, ALRM, URG"};
}

}  // namespace sovren::text
