// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace sovren::cli {

/// One option of a program of Slurm.
struct SlurmOption {
  enum class Value { none, required, optional };

  const char* name;
  char letter = '\0';  ///< '\0': the long name alone
  Value value = Value::none;
  const char* variable = "";  ///< stands in for the option where it is not given; "": none
  const char* means = "";     ///< another option's name that this one is just a spelling of
};

/// One of Slurm's programs, as far as its words go.
struct SlurmProgram {
  /// leading: what follows the first operand belongs to it (a script and its arguments).
  enum class Options { anywhere, leading };

  const char* name;
  const char* operands;  ///< for --help
  const char* summary;
  std::span<const SlurmOption> options;  ///< help, usage and version are there always
  Options order = Options::anywhere;
};

/// What stood on the command line.
class SlurmWords {
 public:
  std::vector<std::string> operands;
  bool is_answered = false;  ///< by --help or --version: nothing is left to do

  bool has(std::string_view option) const { return values_.find(option) != values_.end(); }
  /// The value given last; `otherwise` when the option was not given.
  std::string text(std::string_view option, std::string_view otherwise = "") const;

  void add(std::string_view option, std::string value) {
    values_[std::string(option)].push_back(std::move(value));
  }

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

/// Reads the words after the program's name as the real one does, with getopt_long(3): long names
/// may be shortened, letters joined ("-hj12"), values optional ("--steps", "-s12.0").
///
/// Errors   already_told(): getopt has said on standard error what is wrong.
/// Threads  one at a time.
Result<SlurmWords> read_slurm_words(const SlurmProgram& program,
                                    std::span<const std::string> words);

/// "slurm 22.05.8 (sovren 0.1)", of the Slurm whose options and formats these programs have.
std::string slurm_version_line();

/// The error of a program that has told on standard error, in words of its own, why it fails.
Error already_told();
bool is_told(const Error& error);

}  // namespace sovren::cli
