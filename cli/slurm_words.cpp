// SPDX-License-Identifier: Apache-2.0
#include "cli/slurm_words.h"

#include <getopt.h>

#include <cstdio>
#include <cstdlib>

#include "cli/terminal.h"

namespace sovren::cli {
namespace {

using Value = SlurmOption::Value;

constexpr SlurmOption common_options[] = {
    {.name = "help"}, {.name = "usage"}, {.name = "version", .letter = 'V'}};

std::vector<SlurmOption> options_of(const SlurmProgram& program) {
  std::vector<SlurmOption> options(program.options.begin(), program.options.end());
  options.insert(options.end(), std::begin(common_options), std::end(common_options));
  return options;
}

std::string help_of(const SlurmProgram& program, const std::vector<SlurmOption>& options) {
  std::string text = std::string("Usage: ") + program.name + " [OPTIONS...] " + program.operands +
                     "\n" + program.summary + "\nOptions, as Slurm's " + program.name +
                     " has them:";
  for (const SlurmOption& option : options) {
    text += "\n  ";
    text += option.letter == '\0' ? std::string("    ") : std::string{'-', option.letter, ',', ' '};
    text += std::string("--") + option.name;
    if (option.value == Value::required) text += "=VALUE";
    if (option.value == Value::optional) text += "[=VALUE]";
  }
  return text + "\n";
}

/// The tables of getopt_long(3). A long option is told apart by first_long + its index.
struct GetoptTables {
  static constexpr int first_long = 256;
  std::string letters;
  std::vector<::option> names;
};

GetoptTables tables_of(const SlurmProgram& program, const std::vector<SlurmOption>& options) {
  GetoptTables tables;
  if (program.order == SlurmProgram::Options::leading) tables.letters = "+";
  for (std::size_t i = 0; i < options.size(); ++i) {
    const SlurmOption& option = options[i];
    const int value = option.value == Value::none       ? no_argument
                      : option.value == Value::required ? required_argument
                                                        : optional_argument;
    tables.names.push_back(
        {option.name, value, nullptr, GetoptTables::first_long + static_cast<int>(i)});
    if (option.letter == '\0') continue;
    tables.letters += option.letter;
    tables.letters.append(static_cast<std::size_t>(value), ':');
  }
  tables.names.push_back({nullptr, 0, nullptr, 0});
  return tables;
}

const SlurmOption* option_of(int found, const std::vector<SlurmOption>& options) {
  if (found >= GetoptTables::first_long)
    return &options[static_cast<std::size_t>(found - GetoptTables::first_long)];
  for (const SlurmOption& option : options)
    if (option.letter == found) return &option;
  return nullptr;  // '?': getopt has told
}

void add_variables(SlurmWords& words, const std::vector<SlurmOption>& options) {
  for (const SlurmOption& option : options) {
    if (*option.variable == '\0' || words.has(option.name)) continue;
    if (const char* value = std::getenv(option.variable)) words.add(option.name, value);
  }
}

}  // namespace

std::string SlurmWords::text(std::string_view option, std::string_view otherwise) const {
  const auto found = values_.find(option);
  return found == values_.end() ? std::string(otherwise) : found->second.back();
}

Result<SlurmWords> read_slurm_words(const SlurmProgram& program,
                                    std::span<const std::string> words) {
  const std::vector<SlurmOption> options = options_of(program);
  const GetoptTables tables = tables_of(program, options);
  std::vector<std::string> texts{program.name};
  texts.insert(texts.end(), words.begin(), words.end());
  std::vector<char*> argv;
  for (std::string& text : texts) argv.push_back(text.data());
  argv.push_back(nullptr);

  SlurmWords read;
  const int count = static_cast<int>(texts.size());
  optind = 0;  // glibc: begin anew
  for (int found = 0; (found = getopt_long(count, argv.data(), tables.letters.c_str(),
                                           tables.names.data(), nullptr)) != -1;) {
    const SlurmOption* const option = option_of(found, options);
    if (option == nullptr) {
      std::fprintf(stderr, "Try \"%s --help\" for more information\n", program.name);
      return fail(already_told());
    }
    read.add(*option->means == '\0' ? option->name : option->means,
             optarg == nullptr ? "" : optarg);
  }
  read.operands.assign(argv.begin() + optind, argv.end() - 1);
  add_variables(read, options);
  if (!read.has("help") && !read.has("usage") && !read.has("version")) return read;
  SOVREN_DO(print_text(read.has("version") ? slurm_version_line() : help_of(program, options)));
  read.is_answered = true;
  return read;
}

std::string slurm_version_line() {
  return "slurm 22.05.8 (sovren " SOVREN_VERSION ")\n";
}

Error already_told() {
  return {.code = Code::usage, .what = ""};
}

bool is_told(const Error& error) {
  return error.what.empty();
}

}  // namespace sovren::cli
