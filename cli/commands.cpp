// SPDX-License-Identifier: Apache-2.0
// The table of commands: names, options, help. Nothing else in Sovren lists them.
#include <array>

#include "cli/command.h"
#include "core/text/job_file.h"

namespace sovren::cli {
namespace {

constexpr Option json{"json", "", "print one JSON document on standard output"};

constexpr std::array run_options{
    Option{"set", "KEY=VALUE",
           "override one key of the job file, e.g. --set causal_analysis.max_lag=3", "", true},
    Option{"ranks", "N", "number of MPI ranks (resources.ranks)"},
    Option{"backend", "NAME", "where kernels run (resources.backend)", "auto|cpu|cuda"},
    Option{"time-limit", "TIME", "stop after this long, e.g. 90s or 1h30m (resources.time_limit)"},
    Option{"oversubscribe", "WHEN", "may ranks share cores (resources.oversubscribe)",
           "auto|no|yes"},
    Option{"dir", "DIR", "job directory; default <name>.sovren beside the job file"},
    Option{"fresh", "", "ignore old checkpoints and start from the beginning"},
    Option{"dry-run", "", "print the job file with all defaults filled in, and change nothing"},
    json,
    Option{"quiet", "", "no progress, only errors"},
};
constexpr std::array checkpoints_options{json};
constexpr std::array generate_options{
    Option{"variables", "N", "number of variables; default 10"},
    Option{"length", "T", "number of time steps; default 1000"},
    Option{"max-lag", "L", "longest lag of a link; default 5"},
    Option{"links", "K", "cross links per variable, on average; default 1"},
    Option{"seed", "S", "the same seed always gives the same data; default 1"},
    Option{"output", "FILE",
           "csv to write; default causal-<N>x<T>.csv; truth and job file go beside it"},
    json,
};
constexpr std::array lint_options{
    Option{"set", "KEY=VALUE", "override one key of the job file", "", true},
    Option{"schema", "",
           "print every key a job file may have, with its default and what is allowed"},
};
constexpr std::array simulate_options{
    Option{
        "policy", "NAME",
        "checkpoint-preemptive (default), aged-saf, fcfs, easy, conservative, sjf, saf, f1, wfp3, "
        "unicep, multifactor, or all"},
    Option{"nodes", "N", "processors of the machine; default: the trace's header"},
    Option{"quantum", "TIME", "a started job runs at least so long; default 10min"},
    Option{"checkpoint-cost", "TIME",
           "work that a preemption adds, seal and restore; default 2min"},
    Option{"mtbf", "TIME", "mean time between failures of a processor; default: none fails"},
    Option{"repair-time", "TIME", "how long a failed processor is away; default 1h"},
    Option{"seed", "S", "of the failures; default 1"},
    Option{"protocol", "NAME",
           "full: the whole trace (default); rlscheduler: ten windows of 1,024 jobs as in SC 2020",
           "full|rlscheduler"},
    Option{"gantt", "FILE", "draw who ran when (SVG)"},
    json,
};
constexpr std::array json_only{json};
constexpr std::array help_options{Option{"man", "", "print the man page (troff)"}};

constexpr std::array table{
    Command{"run", "run a job here and now, or resume it", "FILE", 1, 1, run_options,
            "Queue, scheduler and worker are this process; nothing else needs to be installed or "
            "started. Ctrl-C\n"
            "saves a checkpoint and stops (exit code 85); the same command again resumes. A second "
            "Ctrl-C aborts.\n"
            "SIGTERM does as Ctrl-C; SIGUSR1 saves a checkpoint and goes on.\n"
            "FILE - reads standard input. Exit codes: docs/errors.md.",
            run_job},
    Command{"checkpoint",
            "save a checkpoint of a running job now",
            "DIR|FILE...",
            1,
            1 << 20,
            {},
            "DIR is the job directory of a running `sovren run`; FILE its job file.",
            request_checkpoint},
    Command{"checkpoints", "list, show or verify checkpoint sets", "list|show|verify DIR", 2, 2,
            checkpoints_options,
            "DIR is a job directory, its checkpoints folder, or (show, verify) one set. verify "
            "reads every byte and\n"
            "compares it with the checksums of the manifest; exit code 74 when a set is damaged.",
            inspect_checkpoints},
    Command{
        "generate", "make data with a known answer", "causal", 1, 1, generate_options,
        "causal: a random stable linear vector-autoregression. Writes the series, the true links\n"
        "(source,target,lag) and a job file that analyses them.",
        generate_data},
    Command{
        "simulate", "replay a workload trace under a scheduling policy", "TRACE.swf", 1, 1,
        simulate_options,
        "TRACE is in the Standard Workload Format, gzipped or not. The policy is the daemon's own, "
        "under a virtual clock.\n"
        "Jobs that ran or asked for nothing, or for more than there is, are dropped; run times "
        "over the request are cut to it.",
        simulate_trace},
    Command{"lint", "check a job file and report every error in it", "FILE...", 0, 1 << 20,
            lint_options, "Exit code 0 when all files are valid, 2 otherwise.", lint_job_file},
    Command{"doctor", "say what this machine has: cores, MPI, CUDA, HDF5, Slurm, disk, clock", "",
            0, 0, json_only, "", examine_machine},
    Command{"completion",
            "print shell completion",
            "bash|zsh|fish",
            1,
            1,
            {},
            "For example: source <(sovren completion bash)",
            print_completion},
    Command{"version", "print the version", "", 0, 0, json_only, "", print_version},
    Command{"help", "print help, or the man page", "[COMMAND]", 0, 1, help_options, "", print_help},
};

}  // namespace

std::span<const Command> commands() {
  return table;
}

Result<const Command*> find_command(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Command& command : table) {
    if (command.name == name) return &command;
    names.push_back(command.name);
  }
  const std::string near = text::nearest(name, names);
  return fail(
      {.code = Code::usage,
       .what = "there is no command '" + std::string(name) + "'",
       .hint = near.empty() ? "sovren help lists the commands" : "did you mean: sovren " + near});
}

}  // namespace sovren::cli
