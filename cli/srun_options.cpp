// SPDX-License-Identifier: Apache-2.0
#include "cli/srun_options.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>

#include "core/text/hosts.h"

namespace sovren::cli {
namespace {

using Value = SlurmOption::Value;
using workers::StepRequest;
using workers::StepRun;
using workers::StepStream;

constexpr Value required = Value::required;
constexpr Value maybe = Value::optional;

// Of srun 22.05. What has no row in read_srun() says something of a job, or of hardware, and means
// nothing to a step of ours.
constexpr SlurmOption options[] = {
    {"accel-bind", 0, required},
    {"account", 'A', required},
    {"acctg-freq", 0, required},
    {"bb", 0, required},
    {"bbf", 0, required},
    {"bcast", 0, maybe},
    {"bcast-exclude", 0, required},
    {"begin", 'b', required},
    {"chdir", 'D', required, "SLURM_REMOTE_CWD"},
    {"cluster-constraint", 0, required},
    {"clusters", 'M', required},
    {"comment", 0, required},
    {"compress", 0, maybe},
    {"constraint", 'C', required},
    {"container", 0, required},
    {"contiguous"},
    {"core-spec", 'S', required},
    {"cores-per-socket", 0, required},
    {"cpu-bind", 0, required, "SLURM_CPU_BIND"},
    {"cpu-freq", 0, required},
    {"cpus-per-gpu", 0, required},
    {"cpus-per-task", 'c', required, "SRUN_CPUS_PER_TASK"},
    {"deadline", 0, required},
    {"delay-boot", 0, required},
    {"dependency", 'd', required},
    {"disable-status", 'X'},
    {"distribution", 'm', required, "SLURM_DISTRIBUTION"},
    {"epilog", 0, required},
    {"error", 'e', required, "SLURM_STDERRMODE"},
    {"exact", 0, Value::none, "SLURM_EXACT"},
    {"exclude", 'x', required},
    {"exclusive", 0, maybe, "SLURM_EXCLUSIVE"},
    {"export", 0, required, "SLURM_EXPORT_ENV"},
    {"extra-node-info", 'B', required},
    {"gid", 0, required},
    {"gpu-bind", 0, required},
    {"gpu-freq", 0, required},
    {"gpus", 'G', required},
    {"gpus-per-node", 0, required},
    {"gpus-per-socket", 0, required},
    {"gpus-per-task", 0, required, "SLURM_GPUS_PER_TASK"},
    {"gres", 0, required, "SLURM_STEP_GRES"},
    {"gres-flags", 0, required},
    {"het-group", 0, required},
    {"hint", 0, required},
    {"hold", 'H'},
    {"immediate", 'I', maybe},
    {"input", 'i', required, "SLURM_STDINMODE"},
    {"job-name", 'J', required},
    {"jobid", 0, required},
    {"kill-on-bad-exit", 'K', maybe, "SLURM_KILL_BAD_EXIT"},
    {"label", 'l', Value::none, "SLURM_LABELIO"},
    {"licenses", 'L', required},
    {"mail-type", 0, required},
    {"mail-user", 0, required},
    {"mcs-label", 0, required},
    {"mem", 0, required},
    {"mem-bind", 0, required},
    {"mem-per-cpu", 0, required},
    {"mem-per-gpu", 0, required},
    {"mincpus", 0, required},
    {"mpi", 0, required, "SLURM_MPI_TYPE"},
    {"msg-timeout", 0, required},
    {"multi-prog"},
    {"network", 0, required},
    {"nice", 0, maybe},
    {"no-allocate", 'Z'},
    {"no-kill", 'k', maybe},
    {"nodefile", 'F', required},
    {"nodelist", 'w', required},
    {"nodes", 'N', required},
    {"ntasks", 'n', required},
    {"ntasks-per-core", 0, required},
    {"ntasks-per-gpu", 0, required},
    {"ntasks-per-node", 0, required},
    {"ntasks-per-socket", 0, required},
    {"open-mode", 0, required, "SLURM_OPEN_MODE"},
    {"output", 'o', required, "SLURM_STDOUTMODE"},
    {"overcommit", 'O', Value::none, "SLURM_OVERCOMMIT"},
    {"overlap", 0, Value::none, "SLURM_OVERLAP"},
    {"oversubscribe", 's'},
    {"partition", 'p', required},
    {"power", 0, required},
    {"prefer", 0, required},
    {"preserve-env", 'E'},
    {"priority", 0, required},
    {"profile", 0, required},
    {"prolog", 0, required},
    {"propagate", 0, maybe},
    {"pty", 0, maybe},
    {"qos", 'q', required},
    {"quiet", 'Q'},
    {"quit-on-interrupt"},
    {"reboot"},
    {"relative", 'r', required},
    {"reservation", 0, required},
    {"resv-ports", 0, maybe},
    {"send-libs", 0, maybe},
    {"signal", 0, required},
    {"slurmd-debug", 0, required},
    {"sockets-per-node", 0, required},
    {"spread-job"},
    {"switches", 0, required},
    {"task-epilog", 0, required},
    {"task-prolog", 0, required},
    {"tasks-per-node", 0, required, "", "ntasks-per-node"},
    {"test-only"},
    {"thread-spec", 0, required},
    {"threads", 'T', required},
    {"threads-per-core", 0, required},
    {"time", 't', required, "SLURM_TIMELIMIT"},
    {"time-min", 0, required},
    {"tmp", 0, required},
    {"uid", 0, required},
    {"unbuffered", 'u', Value::none, "SLURM_UNBUFFEREDIO"},
    {"use-min-nodes"},
    {"verbose", 'v'},
    {"wait", 'W', required, "SLURM_WAIT"},
    {"wckey", 0, required},
    {"x11", 0, maybe},
};

Error invalid(std::string_view option, const std::string& value) {
  return {.code = Code::usage,
          .what = "Invalid numeric value \"" + value + "\" for --" + std::string(option) + "."};
}

std::optional<int> whole(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || value < 0)
    return std::nullopt;
  return value;
}

/// Of an option that may be left out.
Result<std::optional<int>> count(const SlurmWords& words, std::string_view option, int min) {
  if (!words.has(option)) return std::optional<int>();
  const std::string text = words.text(option);
  // "[type:]N", of GPUs; "min[-max]", of nodes.
  const std::string_view number = std::string_view(text).substr(text.rfind(':') + 1);
  const auto value = whole(number.substr(0, option == "nodes" ? number.find('-') : number.npos));
  if (!value || *value < min) return fail(invalid(option, text));
  return value;
}

/// "gpu[:type][:N]" among "name[:type][:N],..."; none: it says nothing of GPUs.
Result<std::optional<int>> gpus_of_gres(const SlurmWords& words) {
  const std::string text = words.text("gres");
  if (text.empty()) return std::optional<int>();
  if (text == "none") return std::optional<int>(0);
  std::optional<int> gpus;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    std::string_view one = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    if (one.starts_with("gres/")) one.remove_prefix(5);
    if (one != "gpu" && !one.starts_with("gpu:")) continue;
    const auto number = whole(one.substr(one.rfind(':') + 1));
    gpus = gpus.value_or(0) + number.value_or(1);  // of a type alone there is one
  }
  return gpus;
}

/// Seconds of "minutes", "m:s", "h:m:s", "d-h", "d-h:m", "d-h:m:s"; 0: no limit.
std::optional<double> limit_s(std::string_view text) {
  if (text.empty() || text == "UNLIMITED" || text == "INFINITE" || text == "-1") return 0;
  double days = 0;
  const std::size_t dash = text.find('-');
  if (dash != text.npos) {
    const auto number = whole(text.substr(0, dash));
    if (!number) return std::nullopt;
    days = *number;
    text.remove_prefix(dash + 1);
  }
  std::vector<int> parts;
  for (;;) {
    const std::size_t colon = text.find(':');
    const auto number = whole(text.substr(0, colon));
    if (!number || parts.size() == 3) return std::nullopt;
    parts.push_back(*number);
    if (colon == text.npos) break;
    text.remove_prefix(colon + 1);
  }
  // Without days, one number is of minutes, two are minutes and seconds.
  if (dash == std::string_view::npos && parts.size() < 3) parts.insert(parts.begin(), 0);
  parts.resize(3, 0);
  return ((days * 24 + parts[0]) * 60 + parts[1]) * 60 + parts[2];
}

StepStream stream_of(const SlurmWords& words, std::string_view option) {
  const std::string text = words.text(option);
  if (text.empty() || text == "all") return {};
  if (text == "none") return {.file = "/dev/null"};
  if (const auto task = whole(text)) return {.file = "", .only_task = *task};
  return {.file = text};
}

Result<void> refuse_what_is_not_there(const SlurmWords& words) {
  for (const char* option : {"pty", "multi-prog", "bcast", "x11", "container", "no-allocate"})
    if (words.has(option))
      return fail(
          {.code = Code::refused,
           .what = std::string("--") + option + " is not there for steps of Sovren's jobs"});
  if (const std::string group = words.text("het-group", "0"); group != "0")
    return fail({.code = Code::refused,
                 .what = "--het-group=" + group + ": a job of Sovren's has one group, 0"});
  if (words.text("nodelist").find('/') != std::string::npos ||
      words.text("exclude").find('/') != std::string::npos || words.has("nodefile"))
    return fail(
        {.code = Code::refused, .what = "nodes are named on the command line, not in a file"});
  return {};
}

Result<void> read_nodes(const SlurmWords& words, StepRequest& request) {
  for (const auto& [option, to] :
       {std::pair<const char*, std::vector<std::string>*>{"nodelist", &request.nodelist},
        {"exclude", &request.excluded}}) {
    if (!words.has(option)) continue;
    SOVREN_TRY(names, text::expand_host_list(words.text(option)));
    *to = std::move(names);
  }
  SOVREN_TRY(nodes, count(words, "nodes", 1));
  SOVREN_TRY(relative, count(words, "relative", 0));
  request.nodes = nodes;
  request.relative = relative.value_or(0);
  return {};
}

/// Tasks: --ntasks, --ntasks-per-node, else as many as sbatch was asked for.
Result<void> read_tasks(const SlurmWords& words, StepRequest& request) {
  SOVREN_TRY(tasks, count(words, "ntasks", 1));
  SOVREN_TRY(per_node, count(words, "ntasks-per-node", 1));
  request.tasks = tasks;
  request.tasks_per_node = per_node;
  return {};
}

Result<void> read_shares(const SlurmWords& words, SrunStep& step) {
  SOVREN_TRY(cpus, count(words, "cpus-per-task", 1));
  SOVREN_TRY(gpus, count(words, "gpus", 0));
  SOVREN_TRY(per_node, count(words, "gpus-per-node", 0));
  SOVREN_TRY(per_task, count(words, "gpus-per-task", 0));
  SOVREN_TRY(gres, gpus_of_gres(words));
  step.cpus_per_task = cpus;
  step.gpus_per_task = per_task;
  step.request.cpus_per_task = cpus.value_or(1);
  step.request.gpus = gpus;
  step.request.gpus_per_node = per_node ? per_node : gres;
  step.request.gpus_per_task = per_task;
  step.request.is_overcommitted = words.has("overcommit");
  if (words.has("overlap") || words.has("oversubscribe"))
    step.request.sharing = StepRequest::Sharing::overlap;
  else if (words.has("exact") || words.has("exclusive") || cpus)
    step.request.sharing = StepRequest::Sharing::exact;
  if (words.text("distribution").starts_with("cyclic"))
    step.request.distribution = StepRequest::Distribution::cyclic;
  return {};
}

Result<void> read_run(const SlurmWords& words, StepRun& run) {
  const auto limit = limit_s(words.text("time"));
  if (!limit)
    return fail({.code = Code::usage,
                 .what = "Invalid time limit specification \"" + words.text("time") + "\""});
  SOVREN_TRY(wait, count(words, "wait", 0));
  run.time_limit_s = *limit;
  run.wait_s = wait.value_or(0);
  run.is_quiet = words.has("quiet");
  run.is_ended_by_failure = words.has("kill-on-bad-exit") && words.text("kill-on-bad-exit") != "0";
  run.keeps_files = words.text("open-mode").starts_with("a");
  if (words.text("mpi") == "none") run.mpirun = StepRun::Mpirun::never;
  return {};
}

}  // namespace

const SlurmProgram& srun_program() {
  static const SlurmProgram program{
      .name = "srun",
      .operands = "PROGRAM [ARGUMENTS...]",
      .summary = "Starts the tasks of a step in the job's allocation.",
      .options = options,
      .order = SlurmProgram::Options::leading};
  return program;
}

Result<SrunStep> read_srun(const SlurmWords& words) {
  SOVREN_DO(refuse_what_is_not_there(words));
  SrunStep step;
  SOVREN_DO(read_nodes(words, step.request));
  SOVREN_DO(read_tasks(words, step.request));
  SOVREN_DO(read_shares(words, step));
  SOVREN_DO(read_run(words, step.run));
  step.input = stream_of(words, "input");
  step.output = stream_of(words, "output");
  step.error = stream_of(words, "error");
  step.is_labelled = words.has("label");
  const std::string binding = words.text("cpu-bind");
  step.is_binding = binding.find("none") == binding.npos;
  step.folder = words.text("chdir");
  step.name = words.text("job-name");
  step.exports = words.text("export", "ALL");
  return step;
}

}  // namespace sovren::cli
