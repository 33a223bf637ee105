// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/model/job_spec.h"
#include "core/model/spec_facts.h"
#include "core/text/nearest.h"

namespace sovren::text {

/// A job file's text. Nothing here touches the disk: the caller has read it.
struct SourceText {
  std::string name;      ///< for messages, and its stem is the job's name if the file has none
  std::string text;      ///< TOML 1.0, at most 1 MiB
  std::string base_dir;  ///< absolute; relative paths resolve against it
};

/// `--set key=value`.
struct Override {
  std::string key;    ///< "resources.ranks", "name", "labels.region", "array.frame"
  std::string value;  ///< a TOML value, or else a bare string
};

/// At least one; in file order, those of overrides last; at most 100 and one that counts the rest.
using Errors = std::vector<Error>;

/// Reads and checks a job file (docs/job-file.md). Overrides win over the file, later ones over
/// earlier.
///
/// Errors   spec_invalid, and refused for a kind of job that this version does not have. All of a
///          file at once, but only the first against TOML's grammar. `where` is
///          "job.toml:3:9" or "--set resources.ranks=four".
tl::expected<JobSpec, Errors> parse_job_file(const SourceText& source,
                                             std::span<const Override> overrides = {});

/// A spec that print_job_file once wrote. What the rules of today refuse has its default: a log
/// stays readable. Errors: spec_invalid: no TOML, or a kind that is not there.
Result<JobSpec> read_stored_job(std::string_view toml);

/// The spec as a job file, all defaults written out and paths absolute: parse(print(spec)) == spec
/// for each spec that parse_job_file or expand_array returned.
std::string print_job_file(const JobSpec& spec);

/// What `--array 0-99%8` overrides in a job: the values of its one axis, or of one named `task`
/// where it has none, and how many elements run at once. Errors: usage: it has several axes.
Result<std::vector<Override>> array_overrides(const JobSpec& without, std::string_view range);

/// What decides the result: the kind and its section, as "causal_analysis.alpha" -> "0.05". Of
/// paths only the file name; the job kind adds the digests of the files.
SpecFacts spec_facts(const JobSpec& spec);

/// SHA-256 of the facts, hex.
std::string facts_digest(const SpecFacts& facts);

/// One spec for each element of [array], the last axis counting fastest, with ${axis} replaced in
/// every string and "$${" standing for "${"; a command also gets SOVREN_ARRAY_<AXIS> and
/// SLURM_ARRAY_TASK_ID in its environment, where it has none of that name. Without [array] the spec
/// itself is the one element, and
/// "${" in it is plain text: elements have no [array], so expanding them changes nothing.
///
/// Errors   spec_invalid: a ${name} that is no axis, a string that is not valid once replaced, or
///          more text in all elements than 512 MiB.
Result<std::vector<JobSpec>> expand_array(const JobSpec& spec);

/// What Slurm would call the elements of an array, SLURM_ARRAY_TASK_ID: the values of the only axis
/// if all are plain whole numbers, else their places from 0 on.
///
/// Owner    the axes must outlive it.
class ArrayTasks {
 public:
  explicit ArrayTasks(const std::vector<ArrayAxis>& axes);
  /// element: from 0 to count() - 1.
  std::string name(std::int64_t element) const;
  std::int64_t count() const { return count_; }
  std::int64_t min() const { return min_; }
  std::int64_t max() const { return max_; }
  std::int64_t step() const { return step_; }  ///< between the first ones; 1: they have none

 private:
  const std::vector<std::string>* names_ = nullptr;  ///< none: places
  std::int64_t count_ = 1;
  std::int64_t min_ = 0;
  std::int64_t max_ = 0;
  std::int64_t step_ = 1;
};

/// How many jobs expand_array would make.
std::int64_t array_size(const JobSpec& spec);

/// expand_array(spec)[element] alone. element: from 0 to array_size(spec) - 1.
Result<JobSpec> expand_element(const JobSpec& spec, std::int64_t element);

/// Are all elements job files? As expand_array, without making them.
Result<void> check_elements(const JobSpec& spec);

/// The whole schema in Markdown: docs/job-file.md, and `sovren lint --schema`.
std::string schema_help();

}  // namespace sovren::text
