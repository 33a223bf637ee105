// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace sovren::cli {

/// One option of a command. The table of commands is the only place that names options: the parser,
/// --help, the man page and shell completion are made from it.
struct Option {
  std::string_view name;   ///< long name without dashes
  std::string_view value;  ///< what stands for the value in help, "N"; empty: a flag
  std::string_view help;
  std::string_view values = "";  ///< allowed values, "auto|cpu|cuda"; empty: any
  bool repeats = false;
  char letter = '\0';  ///< "-f"; none: only the long name
};

/// What the user typed after the command's name, checked against its table row.
class Arguments {
 public:
  std::vector<std::string> operands;

  bool has(std::string_view option) const { return values_.find(option) != values_.end(); }
  /// The value given last; empty when the option was not given.
  std::string text(std::string_view option) const;
  std::vector<std::string> all(std::string_view option) const;
  /// Refuses what this use of a command does not take: "sovren generate text takes no --links".
  Result<void> only(std::string_view use, std::initializer_list<std::string_view> options) const;
  /// A whole number in [min, max], or `otherwise` when the option was not given.
  Result<std::int64_t> number(std::string_view option, std::int64_t otherwise, std::int64_t min,
                              std::int64_t max) const;

  void add(std::string_view option, std::string value) {
    values_[std::string(option)].push_back(std::move(value));
  }

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

/// One subcommand.
struct Command {
  std::string_view name;
  std::string_view summary;   ///< one line
  std::string_view operands;  ///< "FILE", "list|show|verify DIR"
  int operands_min = 0;
  int operands_max = 0;
  std::span<const Option> options;
  std::string_view description;          ///< paragraphs for --help and the man page
  Result<int> (*run)(const Arguments&);  ///< exit code, or the error to print
};

/// All commands, in the order of help.
std::span<const Command> commands();

/// The command of this name; a usage error with the nearest name otherwise.
Result<const Command*> find_command(std::string_view name);

/// Reads the words after a command's name. Options may be given as --name value or --name=value;
/// none may be shortened.
Result<Arguments> parse_arguments(const Command& command, std::span<const std::string> words);

// What the table runs.
Result<int> run_job(const Arguments&);
Result<int> serve(const Arguments&);
Result<int> manage_tokens(const Arguments&);
Result<int> submit_jobs(const Arguments&);
Result<int> list_jobs(const Arguments&);
Result<int> show_job(const Arguments&);
Result<int> explain_job(const Arguments&);
Result<int> print_logs(const Arguments&);
Result<int> watch_job(const Arguments&);
Result<int> wait_for_jobs(const Arguments&);
Result<int> show_top(const Arguments&);
Result<int> cancel_jobs(const Arguments&);
Result<int> hold_jobs(const Arguments&);
Result<int> release_jobs(const Arguments&);
Result<int> requeue_jobs(const Arguments&);
Result<int> preempt_jobs(const Arguments&);
Result<int> run_worker(const Arguments&);
Result<int> launch_on_node(const Arguments&);
Result<int> start_step_task(const Arguments&);
Result<int> list_nodes(const Arguments&);
Result<int> drain_nodes(const Arguments&);
Result<int> resume_nodes(const Arguments&);
Result<int> list_partitions(const Arguments&);
Result<int> list_history(const Arguments&);
Result<int> request_checkpoint(const Arguments&);
Result<int> inspect_checkpoints(const Arguments&);
Result<int> generate(const Arguments&);
Result<int> lint_job_file(const Arguments&);
Result<int> use_tokenizer(const Arguments&);
Result<int> use_slurm(const Arguments&);
Result<int> simulate_trace(const Arguments&);
Result<int> print_completion(const Arguments&);
Result<int> examine_machine(const Arguments&);
Result<int> print_version(const Arguments&);
Result<int> print_help(const Arguments&);

/// Help of one command, and of all.
std::string help_of(const Command& command);
std::string help_of_all();

}  // namespace sovren::cli
