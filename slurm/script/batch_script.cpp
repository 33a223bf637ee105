// SPDX-License-Identifier: Apache-2.0
// The directives of a batch script: what a job file says, in sbatch's words.
#include "slurm/script/batch_script.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "core/base/units.h"
#include "core/model/dependency.h"
#include "core/text/job_file.h"
#include "slurm/script/script_body.h"

namespace sovren::slurm {
namespace {

constexpr double unmeasured_warning_s = 120;
constexpr double warning_margin_s = 30;  // the last step, the shell, ranks that end
constexpr double warning_share_max = 0.25;

// A value as sbatch reads it in a #SBATCH line: in quotes as the shell has them, only that a
// backslash escapes there too. It cannot hold a line's end.
std::string directive_value(std::string_view text) {
  constexpr std::string_view plain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+=.,:/@%&*";
  if (!text.empty() && text.find_first_not_of(plain) == text.npos) return std::string(text);
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'')
      quoted += "'\\''";
    else if (c == '\\')
      quoted += "\\\\";
    else
      quoted += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  return quoted + "'";
}

// "1-06:00:00". Slurm counts in minutes and rounds up.
std::string slurm_time(double seconds) {
  const auto whole = static_cast<long long>(std::ceil(seconds));
  char text[64];
  if (whole >= 86400)
    std::snprintf(text, sizeof text, "%lld-%02lld:%02lld:%02lld", whole / 86400, whole / 3600 % 24,
                  whole / 60 % 60, whole % 60);
  else
    std::snprintf(text, sizeof text, "%02lld:%02lld:%02lld", whole / 3600, whole / 60 % 60,
                  whole % 60);
  return text;
}

std::string slurm_dependency(const Dependency& dependency) {
  const char* word = "";
  switch (dependency.kind) {
    case Dependency::Kind::singleton:
      return "singleton";
    case Dependency::Kind::after:
      word = "after:";
      break;
    case Dependency::Kind::any:
      word = "afterany:";
      break;
    case Dependency::Kind::ok:
      word = "afterok:";
      break;
    case Dependency::Kind::not_ok:
      word = "afternotok:";
      break;
    case Dependency::Kind::corresponding:
      word = "aftercorr:";
      break;
  }
  return word + std::to_string(dependency.job.value);
}

// The #SBATCH lines, in the order in which one reads a request: what, where, when, how it stops.
class Directives {
 public:
  Directives(const JobSpec& spec, const ScriptSetting& setting) : spec_(spec), setting_(setting) {}

  Result<BatchScript> write() {
    add("job-name", spec_.name);
    add_resources();
    SOVREN_DO(add_place());
    SOVREN_DO(add_order());
    add_stop();
    SOVREN_DO(add_output());
    return std::move(script_);
  }

 private:
  void add(std::string_view option, std::string_view value) {
    script_.text += "#SBATCH --" + std::string(option) + "=" + directive_value(value) + "\n";
  }
  void add(std::string_view option, long long value) { add(option, std::to_string(value)); }
  void remark(std::string_view text) { script_.text += "# " + std::string(text) + "\n"; }

  void add_resources() {
    const Resources& r = spec_.resources;
    add("nodes", r.nodes);
    add("ntasks", r.ranks);
    add("cpus-per-task", r.cpus_per_rank);
    if (r.gpus_per_rank > 0) add("gpus-per-task", r.gpus_per_rank);
    if (r.memory_per_rank_bytes > 0) {
      const std::int64_t unit = (std::int64_t{1} << 20) * r.cpus_per_rank;
      add("mem-per-cpu", std::to_string((r.memory_per_rank_bytes + unit - 1) / unit) + "M");
    }
    if (r.exclusive) script_.text += "#SBATCH --exclusive\n";
    if (r.time_limit_s) add("time", slurm_time(*r.time_limit_s));
    if ((r.ranks_min && *r.ranks_min != r.ranks) || (r.ranks_max && *r.ranks_max != r.ranks))
      script_.warnings.push_back("Slurm cannot be asked for a range of ranks: it is asked for " +
                                 std::to_string(r.ranks) + " (resources.ranks)");
  }

  Result<void> add_place() {
    if (!spec_.partition.empty()) add("partition", spec_.partition);
    if (!spec_.account.empty()) add("account", spec_.account);
    if (!spec_.qos.empty()) add("qos", spec_.qos);
    std::string features;
    for (const auto& [name, value] : spec_.labels) {
      const std::string feature = value == "yes" ? name : name + "=" + value;
      if (feature.find_first_of(" \t\n&|[]()*,:'\"\\") != feature.npos)
        return fail({.code = Code::refused,
                     .what = "the label " + name + " = \"" + value +
                             "\" cannot be asked of Slurm: "
                             "'" +
                             feature + "' is not one word as its features are",
                     .hint = "name a feature that the site's nodes have (sinfo -o %f), as labels = "
                             "{ " +
                             name + " = \"yes\" }"});
      features += (features.empty() ? "" : "&") + feature;
    }
    if (!features.empty()) add("constraint", features);
    return {};
  }

  Result<void> add_order() {
    if (const std::int64_t size = text::array_size(spec_); !spec_.array.empty()) {
      std::string range = "0-" + std::to_string(size - 1);
      if (spec_.array_max_running > 0) range += "%" + std::to_string(spec_.array_max_running);
      add("array", range);
    }
    SOVREN_TRY(dependencies, slurm_dependencies(spec_.after));
    if (!dependencies.empty()) add("dependency", dependencies);
    if (!spec_.begin.empty()) {
      SOVREN_TRY(begin, parse_utc(spec_.begin));
      remark("not before " + spec_.begin);
      add("begin", "uts" + std::to_string(begin.ms / 1000));
    }
    if (spec_.priority < 0) add("nice", -static_cast<long long>(spec_.priority));
    if (spec_.priority > 0)
      script_.warnings.push_back("only a site's operators may raise a priority: priority = " +
                                 std::to_string(spec_.priority) +
                                 " is not passed on; a QOS or an account may do it");
    if (!spec_.deadline.empty())
      script_.warnings.push_back(
          "the deadline is not passed on: Slurm would remove the job that misses it, and ours only "
          "raises the priority");
    std::string comment = setting_.mark;
    if (!spec_.comment.empty()) comment += (comment.empty() ? "" : " ") + spec_.comment;
    if (!comment.empty()) add("comment", comment);
    return {};
  }

  void add_stop() {
    script_.text += "#SBATCH --requeue\n";
    add("open-mode", "append");
    if (!can_checkpoint(spec_)) return;
    const auto limit_s =
        spec_.resources.time_limit_s ? spec_.resources.time_limit_s : setting_.limit_s;
    const int warning = warning_s(setting_.seal_s, limit_s);
    char seal[64] = "120 s, until a seal has been measured";
    if (setting_.seal_s)
      std::snprintf(seal, sizeof seal, "two seals (%.1f s each, measured) and 30 s",
                    *setting_.seal_s);
    remark("How long before its end it is told: " + std::string(seal) +
           (limit_s ? ", a quarter of the limit at most" : ""));
    add("signal", "B:USR1@" + std::to_string(warning));
  }

  Result<void> add_output() {
    std::string pattern;
    for (const char c : setting_.dir + "/logs/slurm-")
      pattern += c == '%' ? std::string("%%") : std::string(1, c);
    if (pattern.find('\\') != pattern.npos)
      return fail({.code = Code::refused,
                   .what = "a folder with a backslash in its name cannot be named to Slurm",
                   .hint = "--dir DIR",
                   .where = setting_.dir});
    pattern += spec_.array.empty() ? "%j.log" : "%A_%a.log";
    add("output", pattern);
    add("error", pattern);
    return {};
  }

  const JobSpec& spec_;
  const ScriptSetting& setting_;
  BatchScript script_;
};

}  // namespace

int warning_s(std::optional<double> seal_s, std::optional<double> limit_s) {
  double seconds = seal_s ? 2 * *seal_s + warning_margin_s : unmeasured_warning_s;
  if (limit_s) seconds = std::min(seconds, warning_share_max * *limit_s);
  constexpr double sbatch_max = 65535;
  return static_cast<int>(std::clamp(std::ceil(seconds), 1.0, sbatch_max));
}

Result<std::string> slurm_dependencies(std::string_view after) {
  SOVREN_TRY(dependencies, parse_after(after));
  std::string list;
  for (const Dependency& each : dependencies)
    list += (list.empty() ? "" : ",") + slurm_dependency(each);
  return list;
}

Result<BatchScript> batch_script(const JobSpec& spec, const ScriptSetting& setting) {
  SOVREN_TRY(script, Directives(spec, setting).write());
  std::string head =
      "#!/bin/bash\n"
      "# Made by sovren slurm. ";
  head += can_checkpoint(spec) ? "Before its time limit the job seals a checkpoint and comes back "
                                 "to the queue.\n"
                               : "The job cannot checkpoint: it must end within its time limit.\n";
  for (const std::string& note : setting.notes) head += "# " + note + "\n";
  for (const std::string& warning : script.warnings) head += "# Note: " + warning + "\n";
  script.text = head + script.text + script_body(spec, setting);
  return script;
}

}  // namespace sovren::slurm
