// SPDX-License-Identifier: Apache-2.0
#include "cli/job_input.h"

#include <filesystem>

#include "cli/batch_submission.h"
#include "cli/terminal.h"
#include "core/text/script_file.h"
#include "storage/file/file.h"

namespace sovren::cli {
namespace {

constexpr std::int64_t job_file_bytes_max = 1 << 20;

struct KeyOption {
  std::string_view option;
  std::string_view key;
};
constexpr KeyOption key_options[] = {{"ranks", "resources.ranks"},
                                     {"backend", "resources.backend"},
                                     {"time-limit", "resources.time_limit"},
                                     {"oversubscribe", "resources.oversubscribe"}};

// A file that is not there: the nearest name in its folder may be what was meant.
Error missing_file(const std::string& path) {
  const std::filesystem::path file(path);
  const std::string folder = file.parent_path().empty() ? "." : file.parent_path().string();
  Error error{.code = Code::input_missing, .what = "there is no job file '" + path + "'"};
  const auto names = storage::list_directory(folder);
  if (!names) return error;
  const std::vector<std::string_view> views(names->begin(), names->end());
  const std::string near = text::nearest(file.filename().string(), views);
  if (!near.empty()) error.hint = "did you mean " + (file.parent_path() / near).string() + "?";
  return error;
}

tl::expected<JobSpec, text::Errors> read_script(JobText script,
                                                std::span<const text::Override> overrides) {
  std::vector<text::Override> all(overrides.begin(), overrides.end());
  if (is_batch_script(script)) {
    auto batch = batch_submission({.script = std::move(script), .further = std::move(all)});
    if (!batch) return tl::unexpected(std::move(batch).error());
    for (const std::string& warning : batch->warnings) print_warning(warning);
    script = std::move(batch->script);
    all = std::move(batch->overrides);
  }
  auto job = text::parse_script(script, all);
  if (!job) return tl::unexpected(std::move(job).error());
  for (const std::string& warning : job->warnings) print_warning(warning);
  return std::move(job->spec);
}

}  // namespace

Result<std::vector<text::Override>> read_overrides(const Arguments& arguments) {
  std::vector<text::Override> overrides;
  for (const std::string& word : arguments.all("set")) {
    const auto equals = word.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail({.code = Code::usage,
                   .what = "--set takes KEY=VALUE, not '" + word + "'",
                   .hint = "for example --set causal_analysis.max_lag=3"});
    overrides.push_back({word.substr(0, equals), word.substr(equals + 1)});
  }
  for (const KeyOption& row : key_options)
    if (arguments.has(row.option))
      overrides.push_back({std::string(row.key), arguments.text(row.option)});
  return overrides;
}

Result<JobText> read_job_text(const std::string& path) {
  std::error_code ignored;
  const bool is_standard_input = path == "-";
  if (!is_standard_input && !std::filesystem::exists(path, ignored))
    return fail(missing_file(path));
  if (std::filesystem::is_directory(path, ignored))
    return fail(
        {.code = Code::input_missing, .what = "'" + path + "' is a folder, not a job file"});
  auto content = storage::read_file(is_standard_input ? "/dev/stdin" : path, job_file_bytes_max);
  if (!content) {
    content.error().code = Code::input_missing;
    return fail(std::move(content).error());
  }
  const auto folder =
      is_standard_input ? std::filesystem::current_path(ignored)
                        : std::filesystem::absolute(path, ignored).lexically_normal().parent_path();
  return JobText{.name = is_standard_input ? "standard input" : path,
                 .text = *std::move(content),
                 .base_dir = folder.string()};
}

tl::expected<JobSpec, text::Errors> read_job_file(const std::string& path,
                                                  std::span<const text::Override> overrides) {
  const auto file = read_job_text(path);
  if (!file) return tl::unexpected(text::Errors{file.error()});
  if (text::is_script(file->text)) return read_script(*file, overrides);
  return text::parse_job_file(*file, overrides);
}

Error print_all_but_last(text::Errors errors) {
  Error last = std::move(errors.back());
  errors.pop_back();
  for (const Error& error : errors) print_error(error);
  return last;
}

}  // namespace sovren::cli
