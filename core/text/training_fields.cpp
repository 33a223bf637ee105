// SPDX-License-Identifier: Apache-2.0
// Values of [model_training] that have a form of their own.
#include "core/text/custom_fields.h"

namespace sovren::text {
namespace {

using Type = TomlValue::Type;
using Visit = std::function<void(std::string&)>;

TrainingSpec& training(JobSpec& spec) {
  return std::get<TrainingSpec>(spec.kind);
}
const TrainingSpec& training(const JobSpec& spec) {
  return std::get<TrainingSpec>(spec.kind);
}

using Paths = std::vector<std::string>;

/// A path, or a list of paths. Empty lists are for those that may be absent.
void read_paths(Reading& reading, const Row& row, const TomlValue& value, Paths& paths) {
  const std::span<const TomlValue> items =
      value.type == Type::list ? std::span<const TomlValue>(value.items) : std::span(&value, 1);
  if (items.empty() && row.presence == Row::Presence::required)
    return report_value(reading, row, value);
  Paths read;
  for (const TomlValue& item : items) {
    const auto text = text_of(item);
    if (!text || text->empty()) return report_value(reading, row, item);
    if (const std::string fault = text_fault(*text); !fault.empty())
      return report_value(reading, row, item, fault);
    read.push_back(absolute_path(reading.base_dir, *text));
  }
  paths = std::move(read);
}

std::optional<std::string> print_paths(const Paths& paths) {
  if (paths.empty()) return std::nullopt;
  if (paths.size() == 1) return toml_quote(paths.front());
  std::string text;
  for (const std::string& path : paths) text += (text.empty() ? "[" : ", ") + toml_quote(path);
  return text + "]";
}

template <auto member>
Custom paths_field() {
  return {[](Reading& reading, const Row& row, const TomlValue& value, JobSpec& spec) {
            read_paths(reading, row, value, training(spec).*member);
          },
          [](const JobSpec& spec) { return print_paths(training(spec).*member); },
          [](JobSpec& spec, const Visit& visit) {
            for (std::string& path : training(spec).*member) visit(path);
          },
          "the path of a file, or a list of paths"};
}

constexpr std::string_view bytes = "byte";

void read_tokenizer(Reading& reading, const Row& row, const TomlValue& value, JobSpec& spec) {
  const auto text = text_of(value);
  if (!text || text->empty()) return report_value(reading, row, value);
  if (const std::string fault = text_fault(*text); !fault.empty())
    return report_value(reading, row, value, fault);
  training(spec).tokenizer = *text == bytes ? *text : absolute_path(reading.base_dir, *text);
}

/// Longer than a name, and with line breaks.
void read_sample_prompt(Reading& reading, const Row& row, const TomlValue& value, JobSpec& spec) {
  const auto text = text_of(value);
  if (!text || text->empty()) return report_value(reading, row, value);
  if (const std::string fault = script_fault(*text); !fault.empty())
    return report_value(reading, row, value, fault);
  training(spec).sample_prompt = *text;
}

template <auto member>
Custom text_field(void (*read)(Reading&, const Row&, const TomlValue&, JobSpec&),
                  std::string_view allowed_text) {
  return {read,
          [](const JobSpec& spec) -> std::optional<std::string> {
            return toml_quote(training(spec).*member);
          },
          [](JobSpec& spec, const Visit& visit) { visit(training(spec).*member); }, allowed_text};
}

}  // namespace

Custom data_field() {
  return paths_field<&TrainingSpec::data>();
}

Custom validation_field() {
  return paths_field<&TrainingSpec::validation>();
}

Custom tokenizer_field() {
  return text_field<&TrainingSpec::tokenizer>(read_tokenizer, "\"byte\" or the path of a file");
}

Custom sample_prompt_field() {
  return text_field<&TrainingSpec::sample_prompt>(read_sample_prompt, "text, not empty");
}

}  // namespace sovren::text
