// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <boost/program_options.hpp>
#include <charconv>

#include "cli/command.h"
#include "core/text/job_file.h"

namespace po = boost::program_options;

namespace sovren::cli {
namespace {

tl::unexpected<Error> usage(const Command& command, std::string what, std::string hint = "") {
  if (hint.empty()) hint = "sovren " + std::string(command.name) + " --help";
  return fail({.code = Code::usage, .what = std::move(what), .hint = std::move(hint)});
}

std::string nearest_option(const Command& command, std::string_view typed) {
  std::vector<std::string_view> names{"help"};
  for (const Option& option : command.options) names.push_back(option.name);
  while (typed.starts_with("-")) typed.remove_prefix(1);
  const std::string near = text::nearest(typed.substr(0, typed.find('=')), names);
  return near.empty() ? "" : "did you mean --" + near + "?";
}

// Option values that are one of a list: checked here, so that each command sees only good ones.
Result<void> check_choice(const Command& command, const Option& option, const std::string& value) {
  if (option.values.empty()) return {};
  std::string_view rest = option.values;
  std::vector<std::string_view> allowed;
  while (!rest.empty()) {
    const auto bar = rest.find('|');
    allowed.push_back(rest.substr(0, bar));
    rest = bar == std::string_view::npos ? "" : rest.substr(bar + 1);
  }
  for (const std::string_view choice : allowed)
    if (choice == value) return {};
  const std::string near = text::nearest(value, allowed);
  return usage(command,
               "--" + std::string(option.name) + " is one of " + std::string(option.values) +
                   ", not '" + value + "'",
               near.empty() ? "" : "did you mean " + near + "?");
}

po::options_description describe(const Command& command) {
  po::options_description described;
  for (const Option& option : command.options) {
    const std::string name =
        std::string(option.name) + (option.letter == '\0' ? "" : std::string{',', option.letter});
    if (option.value.empty())
      described.add_options()(name.c_str(), "");
    else
      described.add_options()(name.c_str(), po::value<std::vector<std::string>>()->composing(), "");
  }
  described.add_options()("help,h", "")("operand",
                                        po::value<std::vector<std::string>>()->composing(), "");
  return described;
}

}  // namespace

std::string Arguments::text(std::string_view option) const {
  const auto found = values_.find(option);
  return found == values_.end() ? "" : found->second.back();
}

std::vector<std::string> Arguments::all(std::string_view option) const {
  const auto found = values_.find(option);
  return found == values_.end() ? std::vector<std::string>{} : found->second;
}

Result<void> Arguments::only(std::string_view use,
                             std::initializer_list<std::string_view> options) const {
  for (const auto& [name, values] : values_)
    if (std::find(options.begin(), options.end(), name) == options.end())
      return fail({.code = Code::usage,
                   .what = "sovren " + std::string(use) + " takes no --" + name,
                   .hint = "sovren help " + std::string(use.substr(0, use.find(' ')))});
  return {};
}

Result<std::int64_t> Arguments::number(std::string_view option, std::int64_t otherwise,
                                       std::int64_t min, std::int64_t max) const {
  if (!has(option)) return otherwise;
  const std::string value = text(option);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || number < min || number > max)
    return fail({.code = Code::usage,
                 .what = "--" + std::string(option) + " is a whole number from " +
                         std::to_string(min) + " to " + std::to_string(max) + ", not '" + value +
                         "'"});
  return number;
}

Result<Arguments> parse_arguments(const Command& command, std::span<const std::string> words) {
  const po::options_description described = describe(command);
  po::positional_options_description positional;
  positional.add("operand", -1);

  // allow_guessing is off: --rank is not --ranks.
  const int style =
      po::command_line_style::allow_long | po::command_line_style::long_allow_adjacent |
      po::command_line_style::long_allow_next | po::command_line_style::allow_short |
      po::command_line_style::short_allow_next | po::command_line_style::allow_dash_for_short;
  Arguments arguments;
  try {
    const auto parsed =
        po::command_line_parser(std::vector<std::string>(words.begin(), words.end()))
            .options(described)
            .positional(positional)
            .style(style)
            .run();
    for (const auto& option : parsed.options) {
      if (option.string_key == "operand") {
        arguments.operands.insert(arguments.operands.end(), option.value.begin(),
                                  option.value.end());
        continue;
      }
      if (option.value.empty()) arguments.add(option.string_key, "");
      for (const std::string& value : option.value) arguments.add(option.string_key, value);
    }
  } catch (const po::unknown_option& error) {
    return usage(
        command,
        "sovren " + std::string(command.name) + " has no option '" + error.get_option_name() + "'",
        nearest_option(command, error.get_option_name()));
  } catch (const po::error& error) {
    return usage(command, error.what());
  }
  if (arguments.has("help")) return arguments;

  for (const Option& option : command.options) {
    const auto given = arguments.all(option.name);
    if (given.size() > 1 && !option.repeats)
      return usage(command, "--" + std::string(option.name) + " is given " +
                                std::to_string(given.size()) + " times");
    for (const std::string& value : given) {
      SOVREN_DO(check_choice(command, option, value));
      if (value.starts_with("--"))
        return usage(command,
                     "--" + std::string(option.name) + " needs a value, and '" + value +
                         "' looks like an option",
                     "write --" + std::string(option.name) + "=" + value + " if it is meant");
    }
  }
  const int count = static_cast<int>(arguments.operands.size());
  if (count < command.operands_min || count > command.operands_max)
    return usage(
        command,
        "sovren " + std::string(command.name) +
            (command.operands.empty() ? " takes no operand"
                                      : " takes " + std::string(command.operands)) +
            (count == 0 ? "; nothing is given" : ", not '" + arguments.operands.back() + "'"));
  return arguments;
}

}  // namespace sovren::cli
