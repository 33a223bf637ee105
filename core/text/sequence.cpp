// SPDX-License-Identifier: Apache-2.0
#include "core/text/sequence.h"

#include <array>
#include <cstdio>
#include <string_view>

#include "core/text/job_file.h"

namespace sovren::text {
namespace {

constexpr std::string_view separators = "-_. ";

std::string place_of(const ArrayAxis& axis) {
  return "${" + axis.name + "}";
}

/// Without `what`, and without the separator that joined it to the rest.
std::string without(std::string text, const std::string& what) {
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what)) {
    text.erase(at, what.size());
    if (at > 0 && separators.find(text[at - 1]) != separators.npos)
      text.erase(at - 1, 1);
    else if (at == 0 && !text.empty() && separators.find(text[0]) != separators.npos)
      text.erase(0, 1);
  }
  return text;
}

}  // namespace

std::optional<std::string> sequence_stem(const JobSpec& spec, std::int64_t element) {
  const auto* rendering = std::get_if<RenderingSpec>(&spec.kind);
  if (rendering == nullptr) return std::nullopt;
  JobSpec named = spec;
  bool has_frame_axis = false;
  for (const ArrayAxis& axis : spec.array) {
    const std::string place = place_of(axis);
    if (rendering->frame.find(place) != std::string::npos) {
      has_frame_axis = true;
      named.name = without(std::move(named.name), place);
    } else if (axis.values.size() > 1 && named.name.find(place) == std::string::npos) {
      named.name += (named.name.empty() ? "" : "-") + place;
    }
  }
  if (!has_frame_axis) return std::nullopt;
  if (named.name.empty()) named.name = "frame";
  const auto job = expand_element(named, element);
  if (!job) return std::nullopt;
  const auto frame = frame_number(std::get<RenderingSpec>(job->kind).frame);
  if (!frame) return std::nullopt;
  std::array<char, 16> number;
  std::snprintf(number.data(), number.size(), *frame < 0 ? "%05d" : "%04d", *frame);
  return job->name + "." + number.data();
}

}  // namespace sovren::text
