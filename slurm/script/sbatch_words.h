// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/problems.h"
#include "slurm/script/sbatch_options.h"

namespace sovren::slurm {

/// A word of a "#SBATCH" line.
struct DirectiveWord {
  std::string text;
  text::Place place;
};

/// The words of all "#SBATCH" lines above the first command of a script. Quotes group, a backslash
/// takes the next character as it is (but for a space outside of quotes), an unquoted # begins a
/// comment.
struct DirectiveWords {
  std::vector<DirectiveWord> words;
  int lines = 0;      ///< "#SBATCH" lines that were read
  int late = 0;       ///< "#SBATCH" lines below the first command
  int of_others = 0;  ///< "#PBS" and "#BSUB" lines
};
DirectiveWords directive_words(std::string_view script, text::Problems& problems);

/// The options that the words stand for, in order.
std::vector<GivenOption> options_of(std::span<const DirectiveWord> words, text::Problems& problems);

/// The options that SBATCH_* variables stand for.
std::vector<GivenOption> options_of(
    std::span<const std::pair<std::string, std::string>> environment);

}  // namespace sovren::slurm
