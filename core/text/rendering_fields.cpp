// SPDX-License-Identifier: Apache-2.0
// Values of [rendering] that have a form of their own.
#include <algorithm>

#include "core/text/custom_fields.h"
#include "core/text/nearest.h"

namespace sovren::text {
namespace {

using Type = TomlValue::Type;
using Visit = std::function<void(std::string&)>;

RenderingSpec& rendering(JobSpec& spec) {
  return std::get<RenderingSpec>(spec.kind);
}
const RenderingSpec& rendering(const JobSpec& spec) {
  return std::get<RenderingSpec>(spec.kind);
}

constexpr std::string_view frame_text = "a whole number from -1000000 to 1000000";

std::string frame_fault(const JobSpec& spec) {
  const std::string& frame = rendering(spec).frame;
  if (frame_number(frame)) return {};
  return std::string(frame_text) + ", got " + toml_quote(frame);
}

void read_frame(Reading& reading, const Row& row, const TomlValue& value, JobSpec& spec) {
  const bool is_whole = value.type == Type::whole;
  const auto text = is_whole ? std::optional(std::to_string(value.whole)) : text_of(value);
  if (!text || (!holds_axis(*text) && !frame_number(*text)))
    return report_value(reading, row, value);
  rendering(spec).frame = *text;
}

std::optional<std::string> print_frame(const JobSpec& spec) {
  const std::string& frame = rendering(spec).frame;
  return holds_axis(frame) ? toml_quote(frame) : frame;
}

/// In the order of RenderingSpec::Aov.
constexpr std::string_view aov_names[RenderingSpec::aov_count] = {
    "albedo", "normal", "depth", "position", "object_id", "variance", "samples"};

void read_aovs(Reading& reading, const Row& row, const TomlValue& value, JobSpec& spec) {
  if (value.type != Type::list) return report_value(reading, row, value);
  std::vector<RenderingSpec::Aov> aovs;
  for (const TomlValue& item : value.items) {
    const auto text = text_of(item);
    const auto* found = std::find(std::begin(aov_names), std::end(aov_names), text.value_or(""));
    if (found == std::end(aov_names)) {
      const std::string near = text ? nearest(*text, aov_names) : "";
      return reading.problems.add(
          item.place, qualified(row) + " must be " + allowed(row) + ", got " + describe(item),
          near.empty() ? "" : "did you mean '" + near + "'?");
    }
    const auto aov = static_cast<RenderingSpec::Aov>(found - std::begin(aov_names));
    if (std::find(aovs.begin(), aovs.end(), aov) == aovs.end()) aovs.push_back(aov);
  }
  rendering(spec).aovs = std::move(aovs);
}

std::optional<std::string> print_aovs(const JobSpec& spec) {
  const auto& aovs = rendering(spec).aovs;
  if (aovs.empty()) return std::nullopt;
  std::string text;
  for (const RenderingSpec::Aov aov : aovs)
    text += (text.empty() ? "[" : ", ") + toml_quote(aov_names[static_cast<std::size_t>(aov)]);
  return text + "]";
}

constexpr std::string_view by_filter = "filter";

void read_denoise(Reading& reading, const Row& row, const TomlValue& value, JobSpec& spec) {
  if (value.type == Type::boolean) {
    rendering(spec).denoise = value.boolean ? by_filter : "";
    return;
  }
  const auto text = text_of(value);
  if (!text || text->empty()) return report_value(reading, row, value);
  if (*text == "true" || *text == "false") {  // of an override
    rendering(spec).denoise = *text == "true" ? by_filter : "";
    return;
  }
  if (const std::string fault = text_fault(*text); !fault.empty())
    return report_value(reading, row, value, fault);
  rendering(spec).denoise = *text == by_filter ? *text : absolute_path(reading.base_dir, *text);
}

std::optional<std::string> print_denoise(const JobSpec& spec) {
  const std::string& denoise = rendering(spec).denoise;
  if (denoise.empty()) return std::nullopt;
  return denoise == by_filter ? "true" : toml_quote(denoise);
}

}  // namespace

Custom frame_field() {
  return {read_frame, print_frame,
          [](JobSpec& spec, const Visit& visit) { visit(rendering(spec).frame); }, frame_text,
          frame_fault};
}

Custom aovs_field() {
  return {read_aovs, print_aovs, nullptr,
          "a list of albedo, normal, depth, position, object_id, variance and samples"};
}

Custom denoise_field() {
  return {read_denoise, print_denoise,
          [](JobSpec& spec, const Visit& visit) { visit(rendering(spec).denoise); },
          "true, false, or the path of a .tza file"};
}

}  // namespace sovren::text
