// SPDX-License-Identifier: Apache-2.0
#include "cli/batch_submission.h"

#include <ctime>
#include <filesystem>
#include <sstream>

#include "cli/job_input.h"
#include "cli/system_clock.h"
#include "core/text/script_file.h"
#include "core/text/utf8.h"
#include "storage/file/file.h"

extern char** environ;

namespace sovren::cli {
namespace {

using text::Json;

constexpr std::int64_t export_file_bytes_max = 1 << 20;

std::vector<std::pair<std::string, std::string>> own_environment() {
  std::vector<std::pair<std::string, std::string>> variables;
  for (char** each = environ; each != nullptr && *each != nullptr; ++each) {
    const std::string_view variable = *each;
    const std::size_t equals = variable.find('=');
    if (equals != variable.npos && equals > 0)
      variables.emplace_back(variable.substr(0, equals), variable.substr(equals + 1));
  }
  return variables;
}

std::int64_t ahead_of_utc_s(Instant at) {
  const std::time_t seconds = static_cast<std::time_t>(at.ms / 1000);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  return local.tm_gmtoff;
}

// A number is a descriptor that the caller has opened.
Result<std::string> read_export_file(const std::string& path) {
  const bool is_descriptor = path.find_first_not_of("0123456789") == path.npos;
  return storage::read_file(is_descriptor ? "/dev/fd/" + path : path, export_file_bytes_max);
}

std::string current_folder() {
  std::error_code ignored;
  return std::filesystem::current_path(ignored).string();
}

bool is_file(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

// Where sbatch finds a script: in the folder, then on the PATH.
std::string script_path(const std::string& folder, const std::string& script) {
  const std::filesystem::path here = std::filesystem::path(folder) / script;
  if (is_file(here) || script.find('/') != script.npos) return here.string();
  const char* path = std::getenv("PATH");
  std::istringstream folders{path == nullptr ? "" : path};
  for (std::string each; std::getline(folders, each, ':');)
    if (const std::filesystem::path file = std::filesystem::path(each) / script; is_file(file))
      return file.string();
  return here.string();
}

}  // namespace

bool is_batch_script(const text::SourceText& script) {
  return text::is_script(script.text) && slurm::has_directives(script.text);
}

tl::expected<BatchSubmission, text::Errors> batch_submission(const BatchRequest& request) {
  slurm::BatchSource source{.script = request.script,
                            .options = request.options,
                            .arguments = request.arguments,
                            .is_array = request.is_array,
                            .environment = own_environment(),
                            .clock = {SystemClock().now(), ahead_of_utc_s},
                            .read_file = read_export_file};
  source.script.base_dir = current_folder();
  for (const text::Override& each : request.further)
    source.is_array = source.is_array || each.key.starts_with("array.");
  auto job = slurm::read_batch(source);
  if (!job) return tl::unexpected(std::move(job).error());
  BatchSubmission submission{.script = std::move(job->script),
                             .overrides = std::move(job->overrides),
                             .client = job->client,
                             .warnings = std::move(job->warnings)};
  submission.script.base_dir = request.script.base_dir;  // of #SOVREN lines
  submission.overrides.insert(submission.overrides.end(), request.further.begin(),
                              request.further.end());
  submission.body = {{"text", submission.script.text},
                     {"name", submission.script.name},
                     {"base_dir", submission.script.base_dir},
                     {"overrides", Json::array()}};
  for (const text::Override& each : submission.overrides)
    submission.body["overrides"].push_back({{"key", each.key}, {"value", each.value}});
  if (job->is_held) submission.body["hold"] = true;
  if (job->client.is_test_only) submission.body["dry_run"] = true;
  return submission;
}

tl::expected<BatchSubmission, text::Errors> sbatch_submission(const slurm::SbatchWords& words) {
  BatchRequest request{.options = words.options};
  const auto one = [](Error error) { return tl::unexpected(text::Errors{std::move(error)}); };
  if (words.find("wrap") != nullptr) {
    if (!words.operands.empty())
      return one({.code = Code::usage, .what = "--wrap stands for a script: give one of them"});
    request.script = {.name = "wrap", .text = "", .base_dir = current_folder()};
    return batch_submission(request);
  }
  const std::string named = words.operands.empty() ? "-" : words.operands.front();
  std::filesystem::path folder = current_folder();
  if (const auto* given = words.find("chdir")) folder /= given->value;
  auto script = read_job_text(named == "-" ? named : script_path(folder.string(), named));
  if (!script) return one(std::move(script).error());
  request.script = *std::move(script);
  request.script.name = named == "-" ? "sbatch" : named;
  if (!words.operands.empty())
    request.arguments.assign(words.operands.begin() + 1, words.operands.end());
  return batch_submission(request);
}

}  // namespace sovren::cli
