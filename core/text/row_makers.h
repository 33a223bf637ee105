// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/text/schema.h"

namespace sovren::text {

// Fields of the schema's rows, made from the places of their values.

// Paths of members into a JobSpec: In<&JobSpec::resources, &Resources::ranks>.
template <auto... members>
struct In {
  static auto& of(auto& spec) { return (spec.*....*members); }
};
template <class Spec, auto... members>
struct InKind {
  static auto& of(auto& spec) { return (std::get<Spec>(spec.kind).*....*members); }
};

template <class Where>
using Value = std::remove_cvref_t<decltype(Where::of(std::declval<JobSpec&>()))>;

template <class T>
struct Unwrapped {
  using type = T;
  static constexpr bool is_optional = false;
};
template <class T>
struct Unwrapped<std::optional<T>> {
  using type = T;
  static constexpr bool is_optional = true;
};

template <class Where, class T>
std::optional<T> get_as(const JobSpec& spec) {
  const auto& value = Where::of(spec);
  if constexpr (Unwrapped<Value<Where>>::is_optional)
    return value ? std::optional<T>(static_cast<T>(*value)) : std::nullopt;
  else
    return static_cast<T>(value);
}
template <class Where, class T>
void set_as(JobSpec& spec, T value) {
  Where::of(spec) = static_cast<typename Unwrapped<Value<Where>>::type>(value);
}

template <class Where>
Text text(std::string (*fault)(std::string_view), std::string_view allowed_text,
          bool takes_time = false) {
  return {[](const JobSpec& spec) -> const std::string& { return Where::of(spec); },
          [](JobSpec& spec) -> std::string& { return Where::of(spec); }, fault, allowed_text,
          takes_time};
}
template <class Where>
Path path(std::string_view allowed_text = "the path of a file") {
  return {[](const JobSpec& spec) -> const std::string& { return Where::of(spec); },
          [](JobSpec& spec) -> std::string& { return Where::of(spec); }, allowed_text};
}
template <class Where>
Script script() {
  return {[](const JobSpec& spec) -> const std::string& { return Where::of(spec); },
          [](JobSpec& spec) -> std::string& { return Where::of(spec); }};
}
template <class Where>
Flag flag() {
  return {get_as<Where, bool>, set_as<Where, bool>};
}
template <class Where>
Whole whole(std::int64_t min, std::int64_t max) {
  return {get_as<Where, std::int64_t>, set_as<Where, std::int64_t>, min, max};
}
template <class Where>
Number open_range(double min, double max) {
  return {get_as<Where, double>, set_as<Where, double>, min, max, true, false};
}
template <class Where>
Number range(double min, double max) {
  return {get_as<Where, double>, set_as<Where, double>, min, max, false, false};
}
template <class Where>
Number any_number_or_nan() {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  return {get_as<Where, double>, set_as<Where, double>, -infinite, infinite, false, true};
}
template <class Where>
Duration duration(double min_s, double max_s) {
  void (*clear)(JobSpec&) = nullptr;
  if constexpr (Unwrapped<Value<Where>>::is_optional)
    clear = [](JobSpec& spec) { Where::of(spec).reset(); };
  return {get_as<Where, double>, set_as<Where, double>, clear, min_s, max_s};
}
template <class Where>
Size size(std::int64_t max) {
  return {[](const JobSpec& spec) { return Where::of(spec); },
          [](JobSpec& spec, std::int64_t value) { Where::of(spec) = value; }, max};
}
template <class Where, std::size_t count>
Choice choice(const std::string_view (&names)[count], std::span<const Choice::Alias> aliases = {}) {
  return {get_as<Where, int>, set_as<Where, int>, names, aliases};
}

constexpr auto required = Row::Presence::required;
constexpr auto optional = Row::Presence::optional;

// Rows that fill a file of their own.
std::vector<Row> checkpoint_rows();
std::vector<Row> rendering_rows();
std::vector<Row> more_rendering_rows();

}  // namespace sovren::text
