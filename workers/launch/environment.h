// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sovren::workers {

/// Environment variables as exec takes them; each name once, in the order in which they came.
class Environment {
 public:
  /// "NAME=value"; a name that is there already is not looked for.
  void add(std::string variable) { variables_.push_back(std::move(variable)); }

  void set(std::string_view name, std::string_view value) {
    std::string variable(name);
    variable += "=";
    variable += value;
    if (std::string* there = entry(name))
      *there = std::move(variable);
    else
      variables_.push_back(std::move(variable));
  }

  std::optional<std::string_view> find(std::string_view name) const {
    for (const std::string& variable : variables_)
      if (is_of(variable, name)) return std::string_view(variable).substr(name.size() + 1);
    return std::nullopt;
  }

  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const std::string& variable : variables_)
      names.push_back(variable.substr(0, variable.find('=')));
    return names;
  }

  std::vector<std::string> variables() && { return std::move(variables_); }

 private:
  static bool is_of(std::string_view variable, std::string_view name) {
    return variable.size() > name.size() && variable[name.size()] == '=' &&
           variable.starts_with(name);
  }
  std::string* entry(std::string_view name) {
    for (std::string& variable : variables_)
      if (is_of(variable, name)) return &variable;
    return nullptr;
  }

  std::vector<std::string> variables_;
};

}  // namespace sovren::workers
