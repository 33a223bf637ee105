// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/job_file.h"
#include "core/text/toml_tree.h"

namespace sovren::slurm {

struct SbatchOption;

/// An option as it was written.
struct GivenOption {
  enum class Source { script, environment, command_line };
  const SbatchOption* option = nullptr;  ///< of the table
  std::string value;                     ///< empty: none
  Source source = Source::script;
  text::Place place;  ///< in the script
  std::string label;  ///< elsewhere: "--ntasks=4", "SBATCH_TIMELIMIT=5"
};

/// One option of sbatch 22.05. All that is known of it stands here and nowhere else.
struct SbatchOption {
  enum class Argument { none, required, optional };
  enum class Effect {
    job,      ///< becomes keys of the job file
    client,   ///< says how sbatch itself behaves
    unused,   ///< what it asks for has no part here, and the job does the same without it
    refused,  ///< the job would do something else without it
  };
  std::string_view name;  ///< without "--"
  char letter = '\0';     ///< '\0': none
  Argument argument = Argument::none;
  std::string_view variable;  ///< of the environment, "SBATCH_TIMELIMIT"; empty: none
  Effect effect = Effect::unused;
  std::string_view note;  ///< what it becomes, or why not, in Markdown
};

/// All options of sbatch 22.05, by name.
std::span<const SbatchOption> sbatch_options();

/// The option of this full name; null: there is none.
const SbatchOption* find_sbatch_option(std::string_view name);

/// sbatch's command line, taken apart.
struct SbatchWords {
  std::vector<GivenOption> options;
  std::vector<std::string> operands;  ///< the script and its arguments
  /// The option given last of this name; null: not given.
  const GivenOption* find(std::string_view name) const;
};

/// Takes the words after "sbatch" apart as getopt_long does: options end at the script; long ones
/// may be shortened as long as they are unambiguous; letters may be joined ("-HN4").
///
/// Errors   usage: no such option (with the nearest), ambiguous, a value missing or too many; all
///          of them; a heterogeneous job (":").
tl::expected<SbatchWords, text::Errors> split_sbatch_words(std::span<const std::string> words);

/// The table of options in Markdown, for docs/guide/slurm.md.
std::string sbatch_options_table();

}  // namespace sovren::slurm
