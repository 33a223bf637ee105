// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/job_file.h"

namespace sovren::text {

/// A job that was written as a batch script.
struct ScriptJob {
  JobSpec spec;                       ///< of kind command; its script is the whole text
  bool is_held = false;               ///< --hold
  std::vector<std::string> warnings;  ///< lines that look like directives and are not read
};

/// Does the text begin with "#!"? Then it is a script, else a job file.
bool is_script(std::string_view text);

/// Reads the "#SOVREN" lines above a script's first command:
///
///   #SOVREN --ranks 4 --time-limit=1h --array 0-99%8 --after ok:12 --exclusive --hold
///   #SOVREN resources.memory_per_rank=2GiB --set labels.region=eu-west-1
///
/// Options are the keys of the file's top, of [resources] and of [command], with '-' for '_'; words
/// may be quoted, " #" begins a comment. --array makes the axis `task`, or another one as in
/// "frame=1-240%8". The job is named as the file. Errors: as of job files, each at its place.
tl::expected<ScriptJob, Errors> parse_script(const SourceText& source,
                                             std::span<const Override> overrides = {});

/// The keys that the "#SOVREN" lines set: "resources.ranks", "array.task", "labels.region". What is
/// wrong with them is for parse_script to say.
std::set<std::string, std::less<>> directive_keys(const SourceText& source);

}  // namespace sovren::text
