// SPDX-License-Identifier: Apache-2.0
#include "slurm/script/sbatch_options.h"

#include <algorithm>
#include <array>

namespace sovren::slurm {
namespace {

using Argument = SbatchOption::Argument;
using Effect = SbatchOption::Effect;

constexpr Argument none = Argument::none;
constexpr Argument required = Argument::required;
constexpr Argument optional = Argument::optional;
constexpr Effect job = Effect::job;
constexpr Effect client = Effect::client;
constexpr Effect unused = Effect::unused;
constexpr Effect refused = Effect::refused;

constexpr std::string_view layout = "ranks are laid out and bound by Sovren";
constexpr std::string_view hardware = "nodes are not told apart by this";
constexpr std::string_view whole_nodes = "`resources.exclusive`, as Slurm implies; the rest unused";
constexpr std::string_view names_nodes =
    "a job does not name its nodes: give them a label (`sovren worker --label`) and ask for it "
    "with `--constraint`";

constexpr std::array options{
    SbatchOption{"account", 'A', required, "SBATCH_ACCOUNT", job, "`account`"},
    SbatchOption{"acctg-freq", 0, required, "SBATCH_ACCTG_FREQ", unused, "always measured"},
    SbatchOption{"array", 'a', required, "SBATCH_ARRAY_INX", job,
                 "`[array]`, an axis `task` of the indices in rising order; `%N`: "
                 "`array_max_running`"},
    SbatchOption{"batch", 0, required, "SBATCH_BATCH", refused,
                 "where the script runs among the job's nodes cannot be chosen"},
    SbatchOption{"bb", 0, required, "SBATCH_BURST_BUFFER", refused, "there is no burst buffer"},
    SbatchOption{"bbf", 0, required, "", refused, "there is no burst buffer"},
    SbatchOption{"begin", 'b', required, "", job, "`begin`; of local time"},
    SbatchOption{"chdir", 'D', required, "", job, "`command.folder`"},
    SbatchOption{"cluster", 0, required, "", refused, "as `--clusters`"},
    SbatchOption{"cluster-constraint", 0, required, "SBATCH_CLUSTER_CONSTRAINT", unused,
                 "there is one cluster"},
    SbatchOption{"clusters", 'M', required, "SBATCH_CLUSTERS", refused,
                 "it is for another cluster: leave it out to run here"},
    SbatchOption{"comment", 0, required, "", job, "`comment`"},
    SbatchOption{"constraint", 'C', required, "SBATCH_CONSTRAINT", job,
                 "`labels`: `gpu` is a label gpu = \"true\", `disk=ssd` as it is, joined by `&`; "
                 "other operators are refused"},
    SbatchOption{"container", 0, required, "SBATCH_CONTAINER", refused,
                 "the script would run outside of it: start the container in the script"},
    SbatchOption{"context", 0, required, "", refused, "no security context is set"},
    SbatchOption{"contiguous", 0, none, "", unused, "the order of nodes means nothing"},
    SbatchOption{"core-spec", 'S', required, "SBATCH_CORE_SPEC", job, whole_nodes},
    SbatchOption{"cores-per-socket", 0, required, "", unused, hardware},
    SbatchOption{"cpu-freq", 0, required, "SBATCH_CPU_FREQ_REQ", unused,
                 "a request that Slurm need not honour either"},
    SbatchOption{"cpus-per-gpu", 0, required, "SBATCH_CPUS_PER_GPU", job,
                 "`resources.cpus_per_rank`, times the GPUs of a rank"},
    SbatchOption{"cpus-per-task", 'c', required, "", job, "`resources.cpus_per_rank`"},
    SbatchOption{"deadline", 0, required, "", job, "`deadline`; of local time"},
    SbatchOption{"delay-boot", 0, required, "SBATCH_DELAY_BOOT", unused, "no node is booted"},
    SbatchOption{"dependency", 'd', required, "", job,
                 "`after`: afterok is ok, afterany any, afternotok notok, aftercorr corr, after "
                 "after, singleton; `?`, delays (`+N`) and expand are refused"},
    SbatchOption{"distribution", 'm', required, "SBATCH_DISTRIBUTION", unused, layout},
    SbatchOption{"error", 'e', required, "SBATCH_ERROR", job, "`command.error`"},
    SbatchOption{"exclude", 'x', required, "", refused, names_nodes},
    SbatchOption{"exclusive", 0, optional, "SBATCH_EXCLUSIVE", job,
                 "`resources.exclusive`; of `=user` and `=mcs` too"},
    SbatchOption{"export", 0, required, "SBATCH_EXPORT", job, "`command.environment`"},
    SbatchOption{"export-file", 0, required, "", job, "`command.environment`"},
    SbatchOption{"extra-node-info", 'B', required, "", unused, hardware},
    SbatchOption{"get-user-env", 0, optional, "SBATCH_GET_USER_ENV", unused,
                 "the environment is that of the submission"},
    SbatchOption{"gid", 0, required, "", refused, "jobs run as who submits them"},
    SbatchOption{"gpu-bind", 0, required, "SBATCH_GPU_BIND", unused, layout},
    SbatchOption{"gpu-freq", 0, required, "SBATCH_GPU_FREQ", unused, "clocks are left alone"},
    SbatchOption{"gpus", 'G', required, "SBATCH_GPUS", job,
                 "`resources.gpus_per_rank`, if the ranks can share them evenly; a type is a "
                 "label gpu_type"},
    SbatchOption{"gpus-per-node", 0, required, "SBATCH_GPUS_PER_NODE", job, "as `--gpus`"},
    SbatchOption{"gpus-per-socket", 0, required, "SBATCH_GPUS_PER_SOCKET", refused,
                 "sockets are not counted: use `--gpus-per-node` or `--gpus-per-task`"},
    SbatchOption{"gpus-per-task", 0, required, "SBATCH_GPUS_PER_TASK", job,
                 "`resources.gpus_per_rank`"},
    SbatchOption{"gres", 0, required, "SBATCH_GRES", job,
                 "gpu as `--gpus-per-node`; other resources are refused"},
    SbatchOption{"gres-flags", 0, required, "SBATCH_GRES_FLAGS", unused, layout},
    SbatchOption{"help", 'h', none, "", client, "prints help"},
    SbatchOption{"hint", 0, required, "SBATCH_HINT", unused, layout},
    SbatchOption{"hold", 'H', none, "", job, "held"},
    SbatchOption{"ignore-pbs", 0, none, "SBATCH_IGNORE_PBS", client,
                 "`#PBS` and `#BSUB` lines are never read"},
    SbatchOption{"input", 'i', required, "SBATCH_INPUT", job, "`command.stdin`"},
    SbatchOption{"job-name", 'J', required, "SBATCH_JOB_NAME", job, "`name`"},
    SbatchOption{"kill-on-invalid-dep", 0, required, "", unused,
                 "as the scheduler does: see `sovren explain`"},
    SbatchOption{"licenses", 'L', required, "", refused, "licenses are not counted"},
    SbatchOption{"mail-type", 0, required, "", unused, "no mail is sent"},
    SbatchOption{"mail-user", 0, required, "", unused, "no mail is sent"},
    SbatchOption{"mcs-label", 0, required, "", refused, "there are no security labels"},
    SbatchOption{"mem", 0, required, "SBATCH_MEM_PER_NODE", job,
                 "`resources.memory_per_rank`, shared by the ranks of a node; 0: "
                 "`resources.exclusive`"},
    SbatchOption{"mem-bind", 0, required, "SBATCH_MEM_BIND", unused, layout},
    SbatchOption{"mem-per-cpu", 0, required, "SBATCH_MEM_PER_CPU", job,
                 "`resources.memory_per_rank`, times the cores of a rank"},
    SbatchOption{"mem-per-gpu", 0, required, "SBATCH_MEM_PER_GPU", job,
                 "`resources.memory_per_rank`, times the GPUs of a rank"},
    SbatchOption{"mincpus", 0, required, "", unused, hardware},
    SbatchOption{"network", 0, required, "SBATCH_NETWORK", unused, "of Cray systems"},
    SbatchOption{"nice", 0, optional, "", job, "taken from `priority`"},
    SbatchOption{"no-kill", 'k', optional, "SBATCH_NO_KILL", unused,
                 "a job that loses a node begins anew"},
    SbatchOption{"no-requeue", 0, none, "SBATCH_NO_REQUEUE", job, "`retry.requeue = false`"},
    SbatchOption{"nodefile", 'F', required, "", refused, names_nodes},
    SbatchOption{"nodelist", 'w', required, "", refused, names_nodes},
    SbatchOption{"nodes", 'N', required, "", job, "`resources.nodes`; of a range the least"},
    SbatchOption{"ntasks", 'n', required, "", job, "`resources.ranks`"},
    SbatchOption{"ntasks-per-core", 0, required, "", unused, layout},
    SbatchOption{"ntasks-per-gpu", 0, required, "", job,
                 "1: a rank for each GPU; more are refused: ranks do not share a GPU"},
    SbatchOption{"ntasks-per-node", 0, required, "", job,
                 "`resources.ranks`, times the nodes; with `--ntasks` it says how many nodes"},
    SbatchOption{"ntasks-per-socket", 0, required, "", unused, layout},
    SbatchOption{"ntasks-per-tres", 0, required, "", job, "as `--ntasks-per-gpu`"},
    SbatchOption{"open-mode", 0, required, "SBATCH_OPEN_MODE", job, "`command.open_mode`"},
    SbatchOption{"output", 'o', required, "SBATCH_OUTPUT", job, "`command.output`"},
    SbatchOption{"overcommit", 'O', none, "SBATCH_OVERCOMMIT", job,
                 "`resources.oversubscribe = \"yes\"`"},
    SbatchOption{"oversubscribe", 's', none, "", unused,
                 "it permits others to share what the job holds; they do not"},
    SbatchOption{"parsable", 0, none, "", client, "prints the id alone"},
    SbatchOption{"partition", 'p', required, "SBATCH_PARTITION", job,
                 "`partition`; of a list the first"},
    SbatchOption{"power", 0, required, "SBATCH_POWER", unused, "power is not managed"},
    SbatchOption{"prefer", 0, required, "", unused, "a wish, not a condition"},
    SbatchOption{"priority", 0, required, "", job, "`priority`; 0: held"},
    SbatchOption{"profile", 0, required, "SBATCH_PROFILE", unused, "see `sovren show`"},
    SbatchOption{"propagate", 0, optional, "", unused, "limits are those of the node's agent"},
    SbatchOption{"qos", 'q', required, "SBATCH_QOS", job, "`qos`"},
    SbatchOption{"quiet", 'Q', none, "", client, "prints nothing but errors"},
    SbatchOption{"reboot", 0, none, "", unused, "no node is booted"},
    SbatchOption{"requeue", 0, none, "SBATCH_REQUEUE", job, "`retry.requeue = true`, the default"},
    SbatchOption{"reservation", 0, required, "SBATCH_RESERVATION", unused,
                 "who may use a reservation stands in the site file"},
    SbatchOption{
        "signal", 0, required, "SBATCH_SIGNAL", job,
        "`command.checkpoint_signal`, `signal_lead`, `signal_to`, and `checkpoint.interval = "
        "\"off\"`: it is sent before the time limit and at no other time"},
    SbatchOption{"sockets-per-node", 0, required, "", unused, hardware},
    SbatchOption{"spread-job", 0, none, "SBATCH_SPREAD_JOB", unused, layout},
    SbatchOption{"switches", 0, required, "SBATCH_REQ_SWITCH", unused, hardware},
    SbatchOption{"tasks-per-node", 0, required, "", job, "as `--ntasks-per-node`"},
    SbatchOption{"test-only", 0, none, "", client, "a dry run"},
    SbatchOption{"thread-spec", 0, required, "SBATCH_THREAD_SPEC", job, whole_nodes},
    SbatchOption{"threads-per-core", 0, required, "SBATCH_THREADS_PER_CORE", unused, hardware},
    SbatchOption{"time", 't', required, "SBATCH_TIMELIMIT", job,
                 "`resources.time_limit`, in whole minutes"},
    SbatchOption{"time-min", 0, required, "", unused, "the limit is not lowered"},
    SbatchOption{"tmp", 0, required, "", unused, hardware},
    SbatchOption{"uid", 0, required, "", refused, "jobs run as who submits them"},
    SbatchOption{"usage", 0, none, "", client, "prints help"},
    SbatchOption{"use-min-nodes", 0, none, "SBATCH_USE_MIN_NODES", unused, "always so"},
    SbatchOption{"verbose", 'v', none, "", client, "says more"},
    SbatchOption{"version", 'V', none, "", client, "prints the version"},
    SbatchOption{"wait", 'W', none, "SBATCH_WAIT", client, "waits for the end of the job"},
    SbatchOption{"wait-all-nodes", 0, required, "SBATCH_WAIT_ALL_NODES", unused, "always so"},
    SbatchOption{"wckey", 0, required, "SBATCH_WCKEY", unused, "there are no such keys"},
    SbatchOption{"wrap", 0, required, "", client, "the script is this command"},
};

static_assert(std::ranges::is_sorted(options, {}, &SbatchOption::name));

std::string_view effect_text(Effect effect) {
  switch (effect) {
    case Effect::job:
      return "";
    case Effect::client:
      return "sbatch: ";
    case Effect::unused:
      return "not used: ";
    default:
      return "**refused**: ";
  }
}

}  // namespace

std::span<const SbatchOption> sbatch_options() {
  return options;
}

const SbatchOption* find_sbatch_option(std::string_view name) {
  const auto found = std::ranges::lower_bound(options, name, {}, &SbatchOption::name);
  return found != options.end() && found->name == name ? &*found : nullptr;
}

std::string sbatch_options_table() {
  std::string text = "| option | variable | becomes |\n|---|---|---|\n";
  for (const SbatchOption& row : options) {
    text += "| `";
    if (row.letter != '\0') text += std::string("-") + row.letter + ", ";
    text += "--" + std::string(row.name);
    if (row.argument == Argument::required) text += "=...";
    if (row.argument == Argument::optional) text += "[=...]";
    text += "` | ";
    if (!row.variable.empty()) text += "`" + std::string(row.variable) + "`";
    text += " | " + std::string(effect_text(row.effect)) + std::string(row.note) + " |\n";
  }
  return text;
}

}  // namespace sovren::slurm
