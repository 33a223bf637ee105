// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "core/text/script_file.h"
#include "slurm/script/directives.h"
#include "slurm/script/sbatch_words.h"

namespace sovren::slurm {

/// 2026-11-27T03:30:00Z, a Friday; local time is an hour ahead.
inline WallClock test_clock() {
  return {*parse_utc("2026-11-27T03:30:00Z"), [](Instant) { return std::int64_t{3600}; }};
}

/// A script with these lines below "#!/bin/sh", submitted in /home/me.
inline BatchSource source_of(const std::string& lines, const std::vector<std::string>& words = {}) {
  BatchSource source{.script = {"job.sh", "#!/bin/sh\n" + lines, "/home/me"}};
  source.clock = test_clock();
  const auto taken = split_sbatch_words(words);
  EXPECT_TRUE(taken) << to_text(taken.error().front());
  if (taken) source.options = taken->options;
  return source;
}

inline BatchJob job_of(const BatchSource& source) {
  const auto job = read_batch(source);
  if (!job)
    for (const Error& error : job.error()) ADD_FAILURE() << to_text(error);
  return job ? *job : BatchJob{};
}

inline std::map<std::string, std::string> overrides_of(const BatchJob& job) {
  std::map<std::string, std::string> keys;
  for (const text::Override& each : job.overrides) keys[each.key] = each.value;
  return keys;
}

/// The keys that a plain script does not have, as "name = \"a\"; resources.ranks = 4".
inline std::string keys_of(const BatchSource& source) {
  const auto plain = overrides_of(job_of(source_of("")));
  std::string text;
  for (const auto& [key, value] : overrides_of(job_of(source)))
    if (const auto usual = plain.find(key); usual == plain.end() || usual->second != value)
      text += (text.empty() ? "" : "; ") + key + " = " + value;
  return text;
}

inline std::string keys_of(const std::string& lines, const std::vector<std::string>& words = {}) {
  return keys_of(source_of(lines, words));
}

/// The names of the options in the lines.
inline std::vector<std::string_view> options_in(const std::string& lines) {
  text::Problems problems("job.sh", {});
  std::vector<std::string_view> names;
  for (const GivenOption& given : options_of(directive_words(lines, problems).words, problems))
    names.push_back(given.option->name);
  return names;
}

/// "job.sh:2:9: what (hint)"
inline std::string line_of(const Error& error) {
  const std::string hint = error.hint.empty() ? "" : " (" + error.hint + ")";
  return error.where + ": " + error.what + hint + "\n";
}

/// One line for each error.
inline std::string errors_of(const BatchSource& source) {
  const auto job = read_batch(source);
  std::string all;
  if (!job)
    for (const Error& error : job.error()) all += line_of(error);
  return all;
}

inline std::string errors_of(const std::string& lines, const std::vector<std::string>& words = {}) {
  return errors_of(source_of(lines, words));
}

/// One line for each warning.
inline std::string warnings_of(const BatchSource& source) {
  std::string all;
  for (const std::string& warning : job_of(source).warnings) all += warning + "\n";
  return all;
}

/// The job as the scheduler will read it.
inline JobSpec spec_of(const BatchSource& source) {
  const BatchJob job = job_of(source);
  const auto parsed = text::parse_script(job.script, job.overrides);
  if (!parsed)
    for (const Error& error : parsed.error()) ADD_FAILURE() << to_text(error);
  return parsed ? parsed->spec : JobSpec{};
}

}  // namespace sovren::slurm
