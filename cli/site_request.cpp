// SPDX-License-Identifier: Apache-2.0
#include "cli/site_request.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "cli/job_directory.h"
#include "core/text/json.h"
#include "core/text/script_file.h"
#include "core/text/utf8.h"
#include "storage/file/file.h"
#include "workers/launch/programs.h"

namespace sovren::cli {
namespace {

namespace fs = std::filesystem;

tl::expected<text::ScriptJob, text::Errors> parse(const JobText& job,
                                                  const std::vector<text::Override>& overrides) {
  if (text::is_script(job.text)) return text::parse_script(job, overrides);
  return text::parse_job_file(job, overrides).map([](JobSpec spec) {
    return text::ScriptJob{.spec = std::move(spec)};
  });
}

// Seconds of "30", "1:00", "12:00:00", "1-00:00:00" as sinfo prints time limits; none for others.
std::optional<double> slurm_seconds(std::string_view text) {
  double days = 0;
  const auto number = [](std::string_view digits) -> std::optional<double> {
    int value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return value;
  };
  if (const auto dash = text.find('-'); dash != text.npos) {
    const auto whole = number(text.substr(0, dash));
    if (!whole) return std::nullopt;
    days = *whole;
    text.remove_prefix(dash + 1);
  }
  double seconds = 0;
  while (!text.empty()) {
    const auto colon = text.find(':');
    const auto part = number(text.substr(0, colon));
    if (!part) return std::nullopt;
    seconds = seconds * 60 + *part;
    text.remove_prefix(colon == text.npos ? text.size() : colon + 1);
  }
  return days * 86400 + seconds;
}

// The time limit that a job gets in its partition when it names none.
std::optional<double> partition_limit_s(const std::string& partition,
                                        const slurm::SiteCommand& site) {
  const auto answer = site({"sinfo", "-h", "-o", "%P|%L|%l"}, "");
  if (!answer || answer->exit_code != 0) return std::nullopt;
  std::string_view rest = answer->output;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const auto first = line.find('|'), second = line.find('|', first + 1);
    if (second == line.npos) continue;
    const std::string_view name = line.substr(0, first);
    const bool is_meant =
        partition.empty() ? name.ends_with('*') : name == partition || name == partition + "*";
    if (!is_meant) continue;
    const auto by_default = slurm_seconds(line.substr(first + 1, second - first - 1));
    return by_default ? by_default : slurm_seconds(line.substr(second + 1));
  }
  return std::nullopt;
}

slurm::RankLauncher launcher_of_site(const slurm::SiteCommand& site,
                                     std::vector<std::string>& notes) {
  const auto answer = site({"srun", "--mpi=list"}, "");
  if (!answer || answer->exit_code != 0) {  // it is not there, or has no site
    notes.push_back(
        "No srun was found where this was written: that it has PMIx is a guess "
        "(--launcher mpirun).");
    return slurm::RankLauncher::srun;
  }
  const bool has_pmix = (answer->output + answer->errors).find("pmix") != std::string::npos;
  return has_pmix ? slurm::RankLauncher::srun : slurm::RankLauncher::mpirun;
}

// Mean time of a seal in the job's last run, from its report; of an array the first element's.
std::optional<double> measured_seal_s(const std::string& dir) {
  for (const std::string& folder : {dir, dir + "/0"}) {
    const auto text = storage::read_file(JobDirectory(folder).report(), 1 << 20);
    if (!text) continue;
    const auto report = text::parse_json(*text, "report.json");
    if (!report) continue;
    const auto seal_s = text::get_double(*report, "/checkpoints/seal_s");
    if (seal_s && *seal_s > 0) return *seal_s;
  }
  return std::nullopt;
}

}  // namespace

bool is_site_script(const JobText& job) {
  return text::is_script(job.text) && job.text.find("\n#SBATCH") != std::string::npos;
}

tl::expected<SiteRequest, text::Errors> read_site_request(const JobText& job,
                                                          const Arguments& arguments) {
  const auto one = [](Error error) { return tl::unexpected(text::Errors{std::move(error)}); };
  if (const auto fault = text::utf8_fault(job.text); fault != std::string::npos)
    return one({.code = Code::spec_invalid,
                .what = "the byte at " + std::to_string(fault) + " is not UTF-8",
                .hint = "iconv -t UTF-8 converts a file",
                .where = job.name});
  if (is_site_script(job))
    return one({.code = Code::refused,
                .what = "a script with #SBATCH lines is already what a Slurm site wants",
                .hint = "sbatch " + job.name + "; sovren submit " + job.name +
                        " runs it on your own nodes",
                .where = job.name});
  auto overrides = read_overrides(arguments);
  if (!overrides) return one(std::move(overrides).error());
  if (arguments.has("after"))
    overrides->push_back({"after", "\"" + arguments.text("after") + "\""});
  auto read = parse(job, *overrides);
  if (!read) return tl::unexpected(std::move(read).error());
  if (arguments.has("array")) {
    const auto more = text::array_overrides(read->spec, arguments.text("array"));
    if (!more) return one(more.error());
    overrides->insert(overrides->end(), more->begin(), more->end());
    read = parse(job, *overrides);
    if (!read) return tl::unexpected(std::move(read).error());
  }
  if (auto checked = text::check_elements(read->spec); !checked)
    return one(std::move(checked).error());

  std::error_code ignored;
  SiteRequest request{.spec = std::move(read->spec),
                      .is_held = read->is_held || arguments.has("hold"),
                      .warnings = std::move(read->warnings)};
  const bool is_file = fs::exists(job.name, ignored);
  request.dir =
      job_directory_of(is_file ? job.name : "-", request.spec.name, arguments.text("dir"));
  if (is_file && !text::is_script(job.text))
    request.file = fs::absolute(job.name, ignored).lexically_normal().string();
  for (const text::Override& each : *overrides) {
    request.run_options.push_back("--set");
    request.run_options.push_back(each.key + "=" + each.value);
  }
  return request;
}

Result<slurm::BatchScript> site_script(const SiteRequest& request, const std::string& job_file,
                                       const std::string& mark, const Arguments& arguments,
                                       const slurm::SiteCommand& site) {
  slurm::ScriptSetting setting{
      .job_file = job_file,
      .dir = request.dir,
      .programs_dir = storage::parent_directory(workers::running_program()),
      .seal_s = measured_seal_s(request.dir),
      .mark = mark};
  const std::string launcher = arguments.text("launcher"), come_back = arguments.text("continue");
  if (launcher.empty() || launcher == "auto")
    setting.launcher = launcher_of_site(site, setting.notes);
  else if (launcher == "mpirun")
    setting.launcher = slurm::RankLauncher::mpirun;
  if (come_back == "requeue") setting.continuation = slurm::Continuation::requeue;
  if (come_back == "submit") setting.continuation = slurm::Continuation::submit;
  if (!request.spec.resources.time_limit_s && can_checkpoint(request.spec))
    setting.limit_s = partition_limit_s(request.spec.partition, site);
  if (job_file == request.file) setting.run_options = request.run_options;
  auto script = slurm::batch_script(request.spec, setting);
  if (!script) return script;
  script->warnings.insert(script->warnings.begin(), request.warnings.begin(),
                          request.warnings.end());
  return script;
}

}  // namespace sovren::cli
