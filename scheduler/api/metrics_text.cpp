// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/metrics_text.h"

#include <array>
#include <charconv>
#include <cmath>

namespace sovren::api {
namespace {

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::array<char, 32> text;
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), end};
}

std::string escaped(std::string_view value) {
  std::string text;
  for (const char c : value) {
    if (c == '\\' || c == '"') text += '\\';
    if (c == '\n')
      text += "\\n";
    else
      text += c;
  }
  return text;
}

}  // namespace

void MetricsText::family(std::string_view name, Type type, std::string_view help) {
  name_ = "sovren_" + std::string(name);
  text_.append("# HELP ").append(name_).append(" ").append(help).append("\n# TYPE ");
  text_.append(name_).append(type == Type::counter ? " counter\n" : " gauge\n");
}

void MetricsText::sample(double value, const Labels& labels) {
  text_ += name_;
  char separator = '{';
  for (const auto& [label, text] : labels) {
    text_ += separator;
    text_.append(label).append("=\"").append(escaped(text)).append("\"");
    separator = ',';
  }
  if (!labels.empty()) text_ += '}';
  text_.append(" ").append(number(value)).append("\n");
}

void MetricsText::single(std::string_view name, Type type, std::string_view help, double value) {
  family(name, type, help);
  sample(value);
}

}  // namespace sovren::api
