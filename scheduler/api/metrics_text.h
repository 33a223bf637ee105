// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sovren::api {

/// Metrics in Prometheus' text format 0.0.4. Names get the prefix sovren_, have base units
/// (_seconds, _bytes) and end in _total when they only count up; `promtool check metrics` agrees.
class MetricsText {
 public:
  enum class Type { gauge, counter };
  using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

  /// Begins a family: its samples follow.
  void family(std::string_view name, Type type, std::string_view help);
  void sample(double value, const Labels& labels = {});
  /// A family of one sample.
  void single(std::string_view name, Type type, std::string_view help, double value);

  std::string take() { return std::move(text_); }

 private:
  std::string text_;
  std::string name_;
};

}  // namespace sovren::api
