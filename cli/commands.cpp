// SPDX-License-Identifier: Apache-2.0
// The table of commands: names, options, help. Nothing else in Sovren lists them.
#include <array>

#include "cli/command.h"
#include "core/text/job_file.h"

namespace sovren::cli {
namespace {

constexpr Option json{"json", "", "print one JSON document on standard output"};

constexpr Option connect{"connect", "ADDR",
                         "scheduler: a socket or https URL; default $SOVREN_CONNECT, else in "
                         "$SOVREN_HOME"};
constexpr Option set{"set", "KEY=VALUE",
                     "override one key of the job file, e.g. --set resources.ranks=4", "", true};

constexpr std::array run_options{
    set,
    Option{"ranks", "N", "number of MPI ranks (resources.ranks)"},
    Option{"backend", "NAME", "where kernels run (resources.backend)", "auto|cpu|cuda"},
    Option{"time-limit", "TIME", "stop after this long, e.g. 90s or 1h30m (resources.time_limit)"},
    Option{"oversubscribe", "WHEN", "may ranks share cores (resources.oversubscribe)",
           "auto|no|yes"},
    Option{"dir", "DIR", "job directory; default <name>.sovren beside the job file"},
    Option{"element", "N", "only this element of [array], counted from 0, in DIR/N"},
    Option{"launcher", "HOW", "in an allocation of Slurm's: what starts ranks on all its nodes",
           "local|srun|mpirun"},
    Option{"fresh", "", "ignore old checkpoints and start from the beginning"},
    Option{"dry-run", "", "print the job file with all defaults filled in, and change nothing"},
    json,
    Option{"quiet", "", "no progress, only errors"},
};
constexpr std::array submit_options{
    Option{"to", "WHERE", "who runs it; default local: your own nodes", "local|slurm"},
    Option{"command", "TEXT", "instead of FILE: a line for the shell, run in this folder"},
    Option{"array", "RANGE", "one job per element, e.g. 0-99, or 0-99%8: 8 at once"},
    Option{"after", "WHAT", "wait for other jobs, e.g. ok:12, any:13, singleton"},
    Option{"hold", "", "do not start it before: sovren release"},
    set,
    Option{"ranks", "N", "number of MPI ranks (resources.ranks)"},
    Option{"backend", "NAME", "where kernels run (resources.backend)", "auto|cpu|cuda"},
    Option{"time-limit", "TIME", "of one attempt, e.g. 90s or 1h30m (resources.time_limit)"},
    Option{"dry-run", "", "say what would become of it, and change nothing"},
    json,
    connect,
};
constexpr std::array slurm_options{
    Option{"dir", "DIR",
           "job directory, on a shared folder; default <name>.sovren beside the job file"},
    Option{"launcher", "NAME", "what starts the ranks; default auto: srun if it has pmix",
           "auto|srun|mpirun"},
    Option{"continue", "HOW",
           "how a job comes back at its time limit; default auto: requeue if it may",
           "auto|requeue|submit"},
    set,
    Option{"ranks", "N", "number of MPI ranks (resources.ranks)"},
    Option{"backend", "NAME", "where kernels run (resources.backend)", "auto|cpu|cuda"},
    Option{"time-limit", "TIME", "of one allocation, e.g. 90s or 1h30m (resources.time_limit)"},
    Option{"oversubscribe", "WHEN", "may ranks share cores (resources.oversubscribe)",
           "auto|no|yes"},
    Option{"array", "RANGE", "one job per element, e.g. 0-99, or 0-99%8: 8 at once"},
    Option{"after", "WHAT", "wait for other jobs of the site, e.g. ok:12, any:13, singleton"},
    Option{"hold", "", "submit: do not start it before: scontrol release"},
    Option{"dry-run", "", "submit: print the script, ask the site, and change nothing"},
    Option{"all", "", "status: also those that have ended"},
    Option{"expand", "", "status: each element of an array on a line of its own", "", false, 'r'},
    Option{"watch", "", "status: again and again, on a screen of its own; q quits"},
    Option{"timeout", "TIME", "wait: at most so long, e.g. 90s; then exit code 124"},
    json,
};
constexpr std::array jobs_options{
    Option{"state", "STATES", "only these, e.g. PENDING,RUNNING; open: not ended; final: ended"},
    Option{"user", "USER", "only of this user"},
    Option{"limit", "N", "at most N jobs; a table has 100"},
    Option{"all", "", "as many as there are"},
    Option{"expand", "", "each element of an array on a line of its own", "", false, 'r'},
    json,
    connect,
};
constexpr std::array logs_options{
    Option{"follow", "", "go on until the job has ended", "", false, 'f'},
    Option{"rank", "N", "whose; default 0"},
    connect,
};
constexpr std::array watch_options{
    Option{"json", "", "each event as one line of JSON"},
    connect,
};
constexpr std::array wait_options{
    Option{"timeout", "TIME", "at most so long, e.g. 90s; then exit code 124"},
    json,
    connect,
};
constexpr std::array drain_options{Option{"reason", "TEXT", "for people: why"}, json, connect};
constexpr std::array history_options{
    Option{"since", "TIME", "ended since then: 1d (ago), 2026-11-26, 2026-11-26T15:00:00Z"},
    Option{"until", "TIME", "ended before then"},
    Option{"user", "USER", "only of this user"},
    Option{"limit", "N", "at most N jobs, the newest; a table has 100"},
    Option{"all", "", "as many as there are"},
    json,
    connect,
};
constexpr std::array serve_options{
    Option{"config", "FILE", "site file: users, limits, partitions, policy (docs/site-file.md)"},
    Option{"socket", "PATH", "where it answers; default $SOVREN_HOME/sovren.sock"},
    Option{"listen", "HOST:PORT", "answer there too, over TLS 1.3 to who has a token"},
    Option{"certificate", "FILE", "PEM, with its chain, for --listen"},
    Option{"key", "FILE", "PEM, of the certificate"},
};
constexpr std::array token_options{
    Option{"user", "USER", "create: whose jobs are its own; default: you"},
    Option{"scope", "LIST", "create: read,submit (the default), operate, node"},
    Option{"expires", "TIME", "create: after so long, e.g. 30d; default never"},
    Option{"file", "FILE", "where tokens are kept; default $SOVREN_HOME/tokens"},
    json,
};
constexpr std::array client_options{json, connect};
constexpr std::array partitions_options{
    json, connect, Option{"plan", "", "what pools would do now, and why; nothing is done"}};
constexpr std::array worker_options{
    connect,
    Option{"node", "NAME", "name of this node; default: the host's name"},
    Option{"label", "NAME=VALUE", "what jobs may ask for, e.g. region=eu-west-1", "", true},
    Option{"cpus", "N", "cores to offer; default: those that this process may use"},
    Option{"gpus", "N", "GPUs to offer; default: those that are visible"},
    Option{"memory", "SIZE", "memory to offer, e.g. 64GiB; default: all that is granted"},
    Option{"subnet", "CIDR", "that ranks on different nodes talk over, e.g. 10.1.0.0/16"},
    Option{"scrub-interval", "TIME",
           "verify the checkpoints of jobs here so often (a duration or off); default 1d"},
    Option{"token-file", "FILE", "holds a token of scope node; default $SOVREN_TOKEN_FILE"},
    Option{"ca", "FILE", "certificate authorities to believe (PEM); default $SOVREN_CA_FILE"},
    Option{"certificate", "FILE", "the scheduler's own certificate; default $SOVREN_CERTIFICATE"},
};
constexpr std::array connect_only{connect};
constexpr std::array checkpoints_options{
    json,
    Option{"quick", "", "show: by the manifest alone, without the ranges of the arrays"},
    Option{"jobs", "N", "verify: so many sets at once; default 1"},
    Option{"key-file", "FILE",
           "of encrypted sets, as in [checkpoint] key_file: show needs it, verify proves more with "
           "it"},
    Option{"key-env", "NAME", "the same: the environment variable that holds it"},
};
constexpr std::array generate_options{
    Option{"variables", "N", "causal: number of variables; default 10"},
    Option{"length", "T", "causal: number of time steps; default 1000"},
    Option{"max-lag", "L", "causal: longest lag of a link; default 5"},
    Option{"links", "K", "causal: cross links per variable, on average; default 1"},
    Option{
        "output", "FILE",
        "causal: csv; default causal-<N>x<T>.csv; scene: .glb, or .exr of a sky; default by name"},
    Option{"detail", "D", "scene: share of the usual number of triangles; default 1"},
    Option{"model", "FILE", "text: weights of a training job, .safetensors, or llm.c's .bin"},
    Option{"prompt", "TEXT", "text: what to go on with; default: nothing, a new text"},
    Option{"tokens", "N", "text: at most so many; default 200"},
    Option{"temperature", "T", "text: 0 always takes the likeliest token; default 0.8"},
    Option{"top-k", "K", "text: of the K likeliest only; default 0, of all"},
    Option{"tokenizer", "NAME", "text: byte, or a BPE file; default: what the model file names"},
    Option{"seed", "S", "the same seed always gives the same result; default 1"},
    Option{"json", "", "causal, scene: print one JSON document on standard output"},
};
constexpr std::array tokenizer_options{
    Option{"vocab", "N", "train: tokens, of which 256 are bytes and 1 ends a text; default 4096"},
    Option{"output", "FILE", "train: merges file to write; encode: token shard to write, .bin"},
    Option{"tokenizer", "NAME", "encode, decode: byte, or a BPE file (vocab.bpe, merges.txt)"},
    Option{"json", "", "train, encode: print one JSON document on standard output"},
};
constexpr std::array lint_options{
    set,
    Option{"schema", "",
           "print every key a job file may have, with its default and what is allowed"},
};
constexpr std::array simulate_options{
    Option{"policy", "NAME",
           "checkpoint-preemptive (default), aged-saf, fcfs, easy, conservative, ... or all"},
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

constexpr int many = 1 << 20;
constexpr std::string_view array_note =
    "The first job of an array stands for all its elements; 12_0 is one element.";

constexpr std::array table{
    Command{"run", "run a job here and now, or resume it", "FILE", 1, 1, run_options,
            "Queue, scheduler and worker are this process; nothing else needs to be installed or "
            "started. Ctrl-C\n"
            "saves a checkpoint and stops (exit code 85); the same command again resumes. A second "
            "Ctrl-C aborts.\n"
            "SIGTERM does as Ctrl-C; SIGUSR1 saves a checkpoint and goes on.\n"
            "FILE - reads standard input. Exit codes: docs/errors.md.",
            run_job},
    Command{"submit", "queue a job on your own nodes", "FILE...", 0, many, submit_options,
            "FILE is a job file, or a batch script with #SOVREN or #SBATCH lines (- reads standard "
            "input). Prints\n"
            "the id of each job, of an array that of its first.\n"
            "Of a job that can never run says what would help: exit code 3.",
            submit_jobs},
    Command{"jobs", "list jobs", "", 0, 0, jobs_options,
            "Running ones first, then those that wait in the order in which they are looked at, "
            "then the newest that\n"
            "have ended. An array is one line. With --json, --all or --state: by id. A job that "
            "ended long ago is in "
            "sovren history.",
            list_jobs},
    Command{"show", "say all there is to know of a job", "JOB", 1, 1, client_options, "", show_job},
    Command{"explain", "say why a job waits, and what would help", "JOB", 1, 1, client_options, "",
            explain_job},
    Command{"logs", "print what a job has written", "JOB", 1, 1, logs_options, "", print_logs},
    Command{"watch", "follow what happens to a job until it ends", "JOB", 1, 1, watch_options,
            "Exit code 0 when it is COMPLETED, else 1.", watch_job},
    Command{"wait", "wait until jobs have ended", "JOB...", 1, many, wait_options,
            "Exit code 0 when all are COMPLETED, else 1; 124 when --timeout passes before.",
            wait_for_jobs},
    Command{"top", "show nodes and jobs, live", "", 0, 0, connect_only, "q quits.", show_top},
    Command{"cancel", "end jobs", "JOB...", 1, many, client_options, array_note, cancel_jobs},
    Command{"hold", "keep jobs from starting; running ones seal a checkpoint and stop", "JOB...", 1,
            many, client_options, array_note, hold_jobs},
    Command{"release", "let held jobs go, or cut a back-off short", "JOB...", 1, many,
            client_options, array_note, release_jobs},
    Command{"requeue", "begin jobs anew, from their last checkpoint", "JOB...", 1, many,
            client_options, array_note, requeue_jobs},
    Command{"checkpoint", "save a checkpoint of running jobs now", "JOB|DIR|FILE...", 1, many,
            client_options,
            "JOB is a number: a queued job. DIR is the job directory of a running `sovren run`; "
            "FILE its job file.",
            request_checkpoint},
    Command{"preempt", "let jobs seal a checkpoint, stop, and wait again", "JOB...", 1, many,
            client_options, array_note, preempt_jobs},
    Command{"nodes", "list nodes", "", 0, 0, client_options, "", list_nodes},
    Command{"drain", "give nodes no new jobs", "NODE...", 1, many, drain_options, "", drain_nodes},
    Command{"resume", "give nodes jobs again", "NODE...", 1, many, client_options, "",
            resume_nodes},
    Command{"partitions", "list partitions, and the pools that grow and shrink", "", 0, 0,
            partitions_options,
            "NODES are those of a pool that are up, COMING those asked for, QUEUED of these those "
            "that the site\n"
            "has not started; NOTE says why a pool does not do what its queue asks for.",
            list_partitions},
    Command{"history", "list jobs that have ended, with what they used", "", 0, 0, history_options,
            "", list_history},
    Command{
        "serve", "be the scheduler of a queue", "", 0, 0, serve_options,
        "Keeps its state in $SOVREN_HOME. Prints where it listens, and writes a log on standard "
        "error: lines for people\n"
        "on a terminal, else JSON. SIGTERM and Ctrl-C stop it; running jobs go on, and are "
        "found again by the next.",
        serve},
    Command{"worker", "run jobs on this node as the scheduler says: the node's agent", "", 0, 0,
            worker_options,
            "Goes on when the scheduler is away, and is taken up again with what runs. SIGTERM "
            "seals and ends the\n"
            "jobs here, which then go on elsewhere; once more kills them. As root, jobs run as "
            "their users.",
            run_worker},
    Command{"token", "let programs on other machines use the scheduler",
            "create|list|revoke [NAME]", 1, 2, token_options,
            "create prints a token, once: it is stored nowhere. NAME is the user's if there is "
            "none. Clients take it from\n"
            "$SOVREN_TOKEN, or the file $SOVREN_TOKEN_FILE.",
            manage_tokens},
    Command{
        "checkpoints", "list, show, verify or decrypt checkpoint sets",
        "list|show|verify|decrypt DIR...", 2, many, checkpoints_options,
        "DIR is one set (gen-...), a job directory, or any folder: all sets below it are meant. "
        "show takes the newest\n"
        "of one job, and reads it to tell the ranges of its arrays and what is NaN or infinite. "
        "verify reads every byte\n"
        "and compares it with the checksums of the manifest; exit code 74 when a set is damaged. "
        "decrypt SET OUT writes\n"
        "an encrypted set as a plain one into a new folder.",
        inspect_checkpoints},
    Command{
        "generate", "make data with a known answer, a scene to render, or let a model write",
        "causal|text|scene [NAME]", 1, 2, generate_options,
        "causal: a random stable linear vector-autoregression. Writes the series, the true links\n"
        "(source,target,lag) and a job file that analyses them.\n"
        "text: prints how a trained model goes on with the prompt, token by token as they are "
        "made,\n"
        "until the model ends the text.\n"
        "scene: cornell, spheres, portrait, interior or animation, as a binary glTF file; sky, a\n"
        "picture of the sky to light scenes with.",
        generate},
    Command{"tokenizer", "train a tokenizer, make token shards of texts, and texts of shards",
            "train|encode|decode FILE...", 2, many, tokenizer_options,
            "train: learns a byte-level BPE from texts; writes its merges as GPT-2's vocab.bpe has "
            "them.\n"
            "encode: writes the tokens of texts as a shard that training jobs, and llm.c, read.\n"
            "decode: prints what the tokens of shards stand for.",
            use_tokenizer},
    Command{
        "simulate", "replay a workload trace under a scheduling policy", "TRACE.swf", 1, 1,
        simulate_options,
        "TRACE is in the Standard Workload Format, gzipped or not. The policy is the daemon's own, "
        "under a virtual clock.\n"
        "Jobs that ran or asked for nothing, or for more than there is, are dropped; run times "
        "over the request are cut to it.",
        simulate_trace},
    Command{
        "slurm", "hand jobs to a Slurm site, and follow them there",
        "script|submit|status|wait|cancel|shims [FILE|JOB|DIR]...", 1, many, slurm_options,
        "script prints a batch script for sbatch, and makes the folder for its output. submit "
        "hands it in, and\n"
        "prints the site's id of each job. The job runs as long as it needs: before its time "
        "limit it seals a\n"
        "checkpoint, and comes back by itself (docs/guide/slurm.md).\n"
        "status says how the jobs are that were handed in from here, and how far (exit code 5: "
        "the site does not\n"
        "answer, this is as last seen). wait ends when they have: exit code 0 when all are "
        "COMPLETED, else 1. JOB is\n"
        "the site's id, 12 or 12_3; those of its continuations mean the same job.\n"
        "shims makes a folder of the commands sbatch, squeue, scancel, ... that talk to your own "
        "scheduler.",
        use_slurm},
    Command{"lint", "check a job file and report every error in it", "FILE...", 0, many,
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
    Command{"rsh-agent",
            "(for mpirun) start a part of a job on another of its nodes",
            "NODE COMMAND...",
            2,
            many,
            {},
            "",
            launch_on_node},
    Command{"srun-task",
            "(for the mpirun of an srun) be one task of a step",
            "COMMAND...",
            1,
            many,
            {},
            "",
            start_step_task},
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
