// SPDX-License-Identifier: Apache-2.0
// The job file, key by key. Parsing, messages, --set, printing, facts and docs/job-file.md follow
// from these rows. Event logs and job folders hold printed specs: what a row allows may grow, but
// not shrink.
#include "core/text/schema.h"

#include <array>
#include <limits>

#include "core/text/custom_fields.h"
#include "core/text/row_makers.h"

namespace sovren::text {
namespace {

// In the order of their enumerators.
constexpr std::string_view backends[] = {"auto", "cpu", "cuda"};
constexpr std::string_view oversubscribes[] = {"auto", "no", "yes"};
constexpr std::string_view methods[] = {"pcmci", "pcmci-plus", "pc"};
constexpr std::string_view tests[] = {"parcorr", "robust-parcorr", "cmi-knn", "chi2", "g2"};
/// As other programs write them.
constexpr Choice::Alias test_aliases[] = {{"cmiknn", "cmi-knn"}, {"fisher-z", "parcorr"}};
constexpr std::string_view mask_types[] = {"y", "x", "z", "xy", "xz", "yz", "xyz"};
constexpr std::string_view fdrs[] = {"bh", "none"};

constexpr std::string_view starts[] = {"ranks", "head"};
constexpr std::string_view signal_targets[] = {"all", "script", "steps"};
constexpr std::string_view open_modes[] = {"append", "truncate"};
constexpr std::string_view models[] = {"gpt2", "llama"};
constexpr std::string_view norms[] = {"layer", "rms"};
constexpr std::string_view positions[] = {"learned", "rotary"};
constexpr std::string_view activations[] = {"gelu", "swiglu"};
constexpr std::string_view orders[] = {"shuffled", "sequential"};
constexpr std::string_view schedules[] = {"cosine", "constant", "wsd"};
constexpr std::string_view precisions[] = {"fp32", "bf16"};
constexpr std::string_view recomputes[] = {"none", "block"};
constexpr std::string_view exports[] = {"safetensors", "llmc", "none"};
constexpr std::string_view on_nans[] = {"stop", "skip"};

constexpr std::int64_t ranks_max = 100'000;
constexpr std::int64_t lag_max = 1000;
constexpr std::int64_t width_max = 1 << 20;
constexpr std::int64_t count_max = 1'000'000;
constexpr double year_s = 365 * 86400.0;

template <auto... members>
using OfResources = In<&JobSpec::resources, members...>;

// Printed only where it is not the default: older versions do not know it.
Flag requeue_field() {
  return {[](const JobSpec& spec) -> std::optional<bool> {
            return spec.retry.requeue ? std::nullopt : std::optional(false);
          },
          set_as<In<&JobSpec::retry, &RetryPolicy::requeue>, bool>};
}

std::vector<Row> top_rows() {
  constexpr std::string_view word = "at most 100 letters, digits and . _ - + @";
  return {
      {"", "schema", schema_field(), "1", "Version of this format.", optional, "1"},
      {"", "name", text<In<&JobSpec::name>>(name_fault, "text of 1 to 100 bytes without slashes"),
       "\"enso-drivers\"", "Names the job and its folder.", optional, "the file's name"},
      {"", "kind", kind_field(), "\"causal-analysis\"", "What is run.", required},
      {"", "partition", text<In<&JobSpec::partition>>(word_fault, word), "\"general\"",
       "The set of nodes to run on.", optional, "the scheduler's default"},
      {"", "qos", text<In<&JobSpec::qos>>(word_fault, word), "\"high\"",
       "Class of service: priority, limits, how soon it may preempt.", optional,
       "the scheduler's default"},
      {"", "account", text<In<&JobSpec::account>>(word_fault, word), "\"climate\"",
       "Who is charged.", optional, "none"},
      {"", "priority", whole<In<&JobSpec::priority>>(-count_max, count_max), "10",
       "Higher ones start first."},
      {"", "begin",
       text<In<&JobSpec::begin>>(begin_fault, "a time such as \"2026-11-23T15:00:00Z\"", true),
       "\"2026-11-23T15:00:00Z\"", "Not before this time (RFC 3339).", optional, "now"},
      {"", "deadline",
       text<In<&JobSpec::deadline>>(begin_fault, "a time such as \"2026-11-23T15:00:00Z\"", true),
       "\"2026-11-24T08:00:00Z\"",
       "To be done by then (RFC 3339): raises the priority as it comes near.", optional, "none"},
      {"", "after", text<In<&JobSpec::after>>(after_fault, "a list such as \"ok:12,any:13\""),
       "\"ok:12,any:13,singleton\"",
       "What must hold before a start, all of it: after (has begun), any (has ended), ok, notok, "
       "corr (of an array: the element of the same number is ok), each with a job's number; "
       "singleton: no earlier job of this name and user is left.",
       optional, "none"},
      {"", "comment", text<In<&JobSpec::comment>>(nullptr, "text"), "\"second try\"", "For people.",
       optional, "none"},
      {"", "labels", labels_field(), "{ region = \"eu-west-1\" }",
       "Every node that the job runs on must bear these; never relaxed (where data may be).",
       optional, "none"},
      {"", "array_max_running", whole<In<&JobSpec::array_max_running>>(0, 100'000), "8",
       "Elements of [array] that run at once; 0: no limit."},
  };
}

std::vector<Row> shared_rows() {
  constexpr std::string_view r = "resources";
  return {
      {r, "nodes", whole<OfResources<&Resources::nodes>>(1, 10'000), "1", "Hosts to spread over."},
      {r, "ranks", whole<OfResources<&Resources::ranks>>(1, ranks_max), "4",
       "MPI ranks in all; 1 needs no MPI."},
      {r, "ranks_min", whole<OfResources<&Resources::ranks_min>>(1, ranks_max), "2",
       "Elastic: the job may start on as few ranks.", optional, "as `ranks`"},
      {r, "ranks_max", whole<OfResources<&Resources::ranks_max>>(1, ranks_max), "8",
       "Elastic: the job may start on as many ranks.", optional, "as `ranks`"},
      {r, "cpus_per_rank", whole<OfResources<&Resources::cpus_per_rank>>(1, 4096), "1",
       "Cores, and so threads, of each rank."},
      {r, "gpus_per_rank", whole<OfResources<&Resources::gpus_per_rank>>(0, 64), "0",
       "GPUs of each rank; with 0 and backend auto, GPUs are used where there are some."},
      {r, "memory_per_rank",
       size<OfResources<&Resources::memory_per_rank_bytes>>(std::int64_t{1} << 50), "\"2GiB\"",
       "Memory of each rank.", optional, "no limit"},
      {r, "backend", choice<OfResources<&Resources::backend>>(backends), "\"auto\"",
       "Where kernels run; auto: CUDA where a device is, else CPU."},
      {r, "time_limit", duration<OfResources<&Resources::time_limit_s>>(1, 10 * year_s), "\"1h\"",
       "Of one attempt; before it the job seals a checkpoint.", optional, "none"},
      {r, "oversubscribe", choice<OfResources<&Resources::oversubscribe>>(oversubscribes),
       "\"auto\"", "May ranks share cores? auto: up to 4 a core, with a warning; yes: any number."},
      {r, "exclusive", flag<OfResources<&Resources::exclusive>>(), "true",
       "Its nodes run nothing else meanwhile."},
      {"retry", "limit", whole<In<&JobSpec::retry, &RetryPolicy::limit>>(0, 1000), "3",
       "Attempts that failed through no fault of the job are repeated so often."},
      {"retry", "backoff", duration<In<&JobSpec::retry, &RetryPolicy::backoff_s>>(0, 30 * 86400.0),
       "\"10s\"", "Wait before the first repetition; doubles each time."},
      {"retry", "requeue", requeue_field(), "false",
       "May the job begin anew after its node was lost? If not, it is not preempted either.",
       optional, "true"},
  };
}

std::vector<Row> causal_rows() {
  using C = CausalSpec;
  constexpr std::string_view c = "causal_analysis";
  constexpr std::int64_t seed_max = std::numeric_limits<std::int64_t>::max();
  return {
      {c, "data", path<InKind<C, &C::data>>(), "\"climate.csv\"",
       "csv, tsv, npy or h5: time in rows, variables in columns.", required},
      {c, "variables", variables_field(), "[\"nino34\", \"soi\"]", "Columns to use, in this order.",
       optional, "all"},
      {c, "method", choice<InKind<C, &C::method>>(methods), "\"pcmci-plus\"",
       "pcmci: links into the future; pcmci-plus: those at the same time too, with directions; pc: "
       "rows of the data are independent samples, not time."},
      {c, "test", choice<InKind<C, &C::test>>(tests, test_aliases), "\"robust-parcorr\"",
       "Test of conditional independence: partial correlation (pc: Fisher's z; fisher-z is another "
       "name of it), the same on rank-normal values, conditional mutual information by nearest "
       "neighbours (any dependence), "
       "or Pearson's chi2 and the likelihood ratio of discrete values."},
      {c, "min_lag", whole<InKind<C, &C::min_lag>>(0, lag_max), "0", "Smallest lag of a link."},
      {c, "max_lag", whole<InKind<C, &C::max_lag>>(0, lag_max), "5",
       "Largest lag of a link; pc has no lags."},
      {c, "pc_alpha", pc_alpha_field(), "[0.05, 0.1, 0.2]",
       "Level of the tests that select conditions (pcmci) or remove edges (pcmci-plus, pc); pcmci: "
       "of several, for each variable the one with the least AIC; auto: 0.05, 0.1, 0.2, 0.3, 0.4, "
       "0.5.",
       optional, "pcmci 0.05, pcmci-plus 0.01, pc: alpha"},
      {c, "alpha", open_range<InKind<C, &C::alpha>>(0, 1), "0.05",
       "A link is reported when its q-value (its p-value if fdr is none) is at most this."},
      {c, "fdr", choice<InKind<C, &C::fdr>>(fdrs), "\"bh\"",
       "Correction for many tests: Benjamini-Hochberg, or none."},
      {c, "max_conditions", whole<InKind<C, &C::max_conditions>>(0, count_max), "10",
       "Condition selection: largest set of conditions tried.", optional, "no limit"},
      {c, "max_parents", whole<InKind<C, &C::max_parents>>(0, count_max), "10",
       "MCI test: parents of each side that are conditioned on.", optional, "no limit"},
      {c, "missing", any_number_or_nan<InKind<C, &C::missing>>(), "-999.0",
       "A value that stands for \"not measured\"; nan: empty cells and NaN do.", optional, "none"},
      {c, "mask", path<InKind<C, &C::mask>>(), "\"mask.csv\"",
       "A table with the columns of data; where it is not 0, the value is not used.", optional,
       "none"},
      {c, "mask_type", choice<InKind<C, &C::mask_type>>(mask_types), "\"y\"",
       "Which of x, y, z of a test of x and y given z leave masked samples out."},
      {c, "required", known_links_field(Knowledge::required),
       "[{ source = \"soi\", target = \"nino34\", lag = 1 }]", "Links that are known to be there.",
       optional, "none"},
      {c, "forbidden", known_links_field(Knowledge::forbidden),
       "[{ source = \"nino34\", target = \"sun\" }]",
       "Links that cannot be; without lag: at no lag.", optional, "none"},
      {c, "bootstrap", whole<InKind<C, &C::bootstrap>>(0, count_max), "100",
       "Replicates for the confidence of links; 0: none."},
      {c, "bootstrap_block", whole<InKind<C, &C::bootstrap_block>>(0, count_max), "1",
       "Time steps in a row that are drawn together; 0: the cube root of the samples."},
      {c, "chain_depth", flag<InKind<C, &C::chain_depth>>(), "true",
       "Look for chains in the graph."},
      {c, "truth", path<InKind<C, &C::truth>>(), "\"truth.csv\"",
       "csv with source,target and optionally lag: scores the result.", optional, "none"},
      {c, "seed", whole<InKind<C, &C::seed>>(0, seed_max), "1", "Of all random numbers."},
  };
}

/// What follows from the graph, and the settings of one test.
std::vector<Row> more_causal_rows() {
  using C = CausalSpec;
  constexpr std::string_view c = "causal_analysis";
  return {
      {c, "neighbors", open_range<InKind<C, &C::neighbors>>(0, 65536), "0.1",
       "cmi-knn: nearest neighbours, as a share of the samples if below 1, else as a number."},
      {c, "shuffles", whole<InKind<C, &C::shuffles>>(1, count_max), "500",
       "cmi-knn: permutations of each test."},
      {c, "shuffle_neighbors", whole<InKind<C, &C::shuffle_neighbors>>(1, 10'000), "5",
       "cmi-knn: values of x change places among so many samples that are near in z."},
      {c, "effects", effects_field(), "[{ cause = \"soi\", effect = \"nino34\", max_lag = 3 }]",
       "Total effects to estimate.", optional, "none"},
      {c, "interventions", interventions_field(), "[{ set = \"soi\", to = 1.5 }]",
       "What if a variable were set to a value: in the future, or from row `from` to row `until` "
       "of "
       "the data.",
       optional, "none"},
      {c, "horizon", whole<InKind<C, &C::horizon>>(0, count_max), "12",
       "Time steps of the forecast.", optional, "max_lag"},
      {c, "interval_level", open_range<InKind<C, &C::interval_level>>(0, 1), "0.9",
       "Share of outcomes that an interval is to hold."},
  };
}

std::vector<Row> command_rows() {
  using C = CommandSpec;
  constexpr std::string_view c = "command";
  return {
      {c, "argv", argv_field(), "[\"./simulate\", \"--steps\", \"100\"]",
       "The program and its arguments; this or `script`.", optional, "none"},
      {c, "script", script<InKind<C, &C::script>>(), "\"#!/bin/sh\\n./simulate --steps 100\\n\"",
       "Run by the program that its `#!` line names, or by /bin/sh. Of an array: `${axis}` is "
       "replaced, any other `${...}` is the shell's.",
       optional, "none"},
      {c, "arguments", arguments_field(), "[\"--steps\", \"100\"]", "Of the script.", optional,
       "none"},
      {c, "start", choice<InKind<C, &C::start>>(starts), "\"head\"",
       "ranks: started once for each rank; head: once, on the head node, where it starts ranks "
       "itself with srun or mpirun."},
      {c, "environment", environment_field(), "{ OMP_PROC_BIND = \"close\" }",
       "Variables that the program gets besides SOVREN_* and SLURM_*.", optional, "none"},
      {c, "checkpoint_signal", signal_field(), "\"USR1\"",
       "Sent when a checkpoint is wanted; the program writes it into SOVREN_CHECKPOINT_DIR and "
       "ends with exit code 85: \"start me again\".",
       optional, "none: it cannot checkpoint", false},
      {c,
       "signal_to",
       choice<InKind<C, &C::signal_to>>(signal_targets),
       "\"script\"",
       "Who gets the signal: all processes; or of a command that starts on the head, the script "
       "alone or the ranks that it has started (steps).",
       optional,
       {},
       false},
      {c, "signal_lead", duration<InKind<C, &C::signal_lead_s>>(0, 65535), "\"60s\"",
       "How long before the time limit the signal is sent.", optional,
       "as long as checkpoints have taken", false},
      {c, "stdin", path<InKind<C, &C::input>>(), "\"input.txt\"", "Its standard input.", optional,
       "nothing to read"},
      {c, "folder", path<InKind<C, &C::folder>>("the path of a folder"), "\"runs\"",
       "Where it runs.", optional, "the job's folder"},
      {c, "output", path<InKind<C, &C::output>>(), "\"out-%j.txt\"",
       "A file for what it prints, besides the job's log; Slurm's patterns (%j, %A, %a, %N, %t, "
       "%x, %u) are replaced.",
       optional, "the log alone"},
      {c, "error", path<InKind<C, &C::error>>(), "\"err-%j.txt\"",
       "The same for its standard error.", optional, "where output goes"},
      {c, "open_mode", choice<InKind<C, &C::open_mode>>(open_modes), "\"truncate\"",
       "What the first attempt does with files of output and error that are there; later ones "
       "append."},
  };
}

/// The model and its data.
std::vector<Row> training_rows() {
  using T = TrainingSpec;
  constexpr std::string_view t = "model_training";
  constexpr std::string_view as_model = "as the model has";
  constexpr bool told_by_digest = false;  // of what the file holds, wherever it lies
  return {
      {t, "model", choice<InKind<T, &T::model>>(models), "\"gpt2\"",
       "What the options below are where they are not given. gpt2: layer norm, learned positions, "
       "GELU, biases, tied head; llama: RMS norm, rotary positions, SwiGLU, none, not tied."},
      {t, "layers", whole<InKind<T, &T::layers>>(1, 1000), "12", "Blocks."},
      {t, "heads", whole<InKind<T, &T::heads>>(1, 1000), "12", "Heads of attention."},
      {t, "kv_heads", whole<InKind<T, &T::kv_heads>>(1, 1000), "4",
       "Heads of keys and values (grouped-query attention); a divisor of heads.", optional,
       "heads"},
      {t, "width", whole<InKind<T, &T::width>>(1, width_max), "768",
       "Numbers that stand for a token; a multiple of heads."},
      {t, "hidden_width", whole<InKind<T, &T::hidden_width>>(1, 4 * width_max), "3072",
       "Width of the feed-forward part.", optional,
       "4 width; of swiglu 8/3 width, rounded up to a multiple of 64"},
      {t, "context", whole<InKind<T, &T::context>>(1, 1 << 20), "1024", "Tokens of a sequence."},
      {t, "vocab", whole<InKind<T, &T::vocab>>(2, 1 << 24), "50257",
       "Different tokens; computed with the next multiple of 128.", optional,
       "as the tokenizer has; of token shards 50257"},
      {t, "norm", choice<InKind<T, &T::norm>>(norms), "\"layer\"", "Kind of normalization.",
       optional, as_model},
      {t, "positions", choice<InKind<T, &T::positions>>(positions), "\"learned\"",
       "How a token knows its place.", optional, as_model},
      {t, "activation", choice<InKind<T, &T::activation>>(activations), "\"gelu\"",
       "Of the feed-forward part.", optional, as_model},
      {t, "biases", flag<InKind<T, &T::biases>>(), "true", "Have linear layers and norms biases?",
       optional, as_model},
      {t, "tied", flag<InKind<T, &T::tied>>(), "true",
       "Is the head the table of the tokens' embeddings?", optional, as_model},
      {t, "rope_theta", range<InKind<T, &T::rope_theta>>(1, 1e12), "10000",
       "Base of the rotary positions' periods."},
      {t, "norm_epsilon", open_range<InKind<T, &T::norm_epsilon>>(0, 1), "1e-5",
       "Added to the variance."},
      {t, "dropout", range<InKind<T, &T::dropout>>(0, 0.99), "0.1",
       "Share of embeddings, attention and residuals that is dropped in training."},
      {t,
       "data",
       data_field(),
       "\"train.txt\"",
       "Text files, or token shards (uint16 .bin as llm.c has them); one path or a list.",
       required,
       {},
       told_by_digest},
      {t, "validation", validation_field(), "\"val.txt\"", "The same, for the validation loss.",
       optional, "the last validation_share of data, if anything is evaluated", told_by_digest},
      {t, "validation_share", open_range<InKind<T, &T::validation_share>>(0, 1), "0.1",
       "Share of data that is kept for validation where there are no files for it."},
      {t,
       "tokenizer",
       tokenizer_field(),
       "\"byte\"",
       "How text becomes tokens: byte, or the path of a BPE file (GPT-2's vocab.bpe, or one of "
       "`sovren tokenizer train`).",
       optional,
       {},
       told_by_digest},
      {t, "order", choice<InKind<T, &T::order>>(orders), "\"shuffled\"",
       "shuffled: every window of the data once, in random order, before any comes again; "
       "sequential: micro-batch n begins at token n x micro_batch x context."},
  };
}

/// How it is trained, and what is shown.
std::vector<Row> more_training_rows() {
  using T = TrainingSpec;
  constexpr std::string_view t = "model_training";
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  return {
      {t, "steps", whole<InKind<T, &T::steps>>(1, 1'000'000'000), "2000",
       "Steps of the optimizer."},
      {t, "batch", whole<InKind<T, &T::batch>>(1, 1 << 20), "64",
       "Sequences of a step, over all ranks."},
      {t, "micro_batch", whole<InKind<T, &T::micro_batch>>(1, 1 << 20), "2",
       "Sequences that are computed together; a divisor of batch. Ranks share out whole "
       "micro-batches.",
       optional, "the batch in 8, 4 or 2 parts, where that is whole"},
      {t, "learning_rate", open_range<InKind<T, &T::learning_rate>>(0, 100), "6e-4",
       "The highest one."},
      {t, "schedule", choice<InKind<T, &T::schedule>>(schedules), "\"cosine\"",
       "After the warm-up: cosine down to min_learning_rate; constant; or wsd: constant, then "
       "down in a line over decay_steps."},
      {t, "warmup_steps", whole<InKind<T, &T::warmup_steps>>(0, 1'000'000'000), "100",
       "Step s of them, from 0, has learning_rate x (s + 1) / warmup_steps."},
      {t, "min_learning_rate", range<InKind<T, &T::min_learning_rate>>(0, 100), "6e-5",
       "The last one.", optional, "learning_rate / 10"},
      {t, "decay_steps", whole<InKind<T, &T::decay_steps>>(0, 1'000'000'000), "400",
       "wsd: steps of the decay at the end.", optional, "a fifth of steps"},
      {t, "weight_decay", range<InKind<T, &T::weight_decay>>(0, 1000), "0.1",
       "AdamW's, of matrices and tables only."},
      {t, "beta1", range<InKind<T, &T::beta1>>(0, 0.999999999), "0.9", "AdamW's."},
      {t, "beta2", range<InKind<T, &T::beta2>>(0, 0.999999999), "0.95", "AdamW's."},
      {t, "epsilon", open_range<InKind<T, &T::epsilon>>(0, 1), "1e-8", "AdamW's."},
      {t, "grad_clip", range<InKind<T, &T::grad_clip>>(0, 1e9), "1.0",
       "Largest global norm of the gradient; 0: any."},
      {t, "precision", choice<InKind<T, &T::precision>>(precisions), "\"bf16\"",
       "Of the factors of matrix products; sums, weights and the optimizer are fp32."},
      {t,
       "recompute",
       choice<InKind<T, &T::recompute>>(recomputes),
       "\"none\"",
       "block: a block's activations are computed again when they are needed, not kept.",
       optional,
       {},
       false},
      {t, "on_nan", choice<InKind<T, &T::on_nan>>(on_nans), "\"stop\"",
       "When a loss or gradient is not finite: the job fails, or the step is skipped."},
      {t, "seed", whole<InKind<T, &T::seed>>(0, most), "1", "Of all random numbers."},
      {t, "eval_every", whole<InKind<T, &T::eval_every>>(0, 1'000'000'000), "100",
       "Steps between two validations; the last step has one too. 0: never."},
      {t, "eval_batches", whole<InKind<T, &T::eval_batches>>(1, 1'000'000), "64",
       "Micro-batches of a validation, at most."},
      {t, "sample_every", whole<InKind<T, &T::sample_every>>(0, 1'000'000'000), "500",
       "Steps between two samples of what the model writes; 0: none."},
      {t, "sample_tokens", whole<InKind<T, &T::sample_tokens>>(1, 100'000), "200",
       "Tokens of a sample."},
      {t, "sample_prompt", sample_prompt_field(), "\"In the beginning\"", "What it begins with."},
      {t, "temperature", range<InKind<T, &T::temperature>>(0, 100), "0.8",
       "Of the samples; 0: always the likeliest token."},
      {t, "init_from", path<InKind<T, &T::init_from>>(), "\"gpt2.safetensors\"",
       "Weights to begin with: .safetensors or llm.c's .bin.", optional, "random numbers"},
      {t, "export", choice<InKind<T, &T::exported>>(exports), "\"safetensors\"",
       "Form of the trained weights in the result folder."},
  };
}

std::vector<Row> all_rows() {
  std::vector<Row> rows = top_rows();
  for (auto part :
       {shared_rows(), checkpoint_rows(), causal_rows(), more_causal_rows(), training_rows(),
        more_training_rows(), rendering_rows(), more_rendering_rows(), command_rows()})
    rows.insert(rows.end(), part.begin(), part.end());
  return rows;
}

constexpr Section sections[] = {
    {"resources", "What one attempt of the job holds."},
    {"checkpoint", "When checkpoint sets are sealed, and how many are kept."},
    {"retry", "What happens when an attempt dies."},
    {array_section,
     "One job for each element. Each key names an axis; ${key} stands for its value in every text "
     "of the file, and $${ for a literal ${. Several axes make all combinations."},
    {"causal_analysis",
     "kind = \"causal-analysis\": which variables of a time series drive which."},
    {"model_training",
     "kind = \"model-training\": a transformer that learns to go on with a text."},
    {"rendering", "kind = \"rendering\": a picture of a scene, by path tracing."},
    {"command",
     "kind = \"command\": any program. With ranks = 1 it is started as it is, else by mpirun. Of "
     "an "
     "array it also gets SOVREN_ARRAY_<AXIS> for each axis, and SLURM_ARRAY_TASK_ID."},
};

template <class Spec>
KindSpec make_kind() {
  return Spec{};
}

constexpr Kind kinds[] = {
    {"causal-analysis", "causal_analysis", make_kind<CausalSpec>},
    {"model-training", "model_training", make_kind<TrainingSpec>},
    {"rendering", "rendering", make_kind<RenderingSpec>},
    {"command", "command", make_kind<CommandSpec>},
};

}  // namespace

std::span<const Row> schema_rows() {
  static const std::vector<Row> rows = all_rows();
  return rows;
}

std::span<const Section> schema_sections() {
  return sections;
}

std::span<const Kind> schema_kinds() {
  return kinds;
}

const Row* find_row(std::string_view section, std::string_view key) {
  for (const Row& row : schema_rows())
    if (row.section == section && row.key == key) return &row;
  return nullptr;
}

const Kind* find_kind(std::string_view name) {
  for (const Kind& kind : kinds)
    if (kind.name == name) return &kind;
  return nullptr;
}

const Kind* kind_of_section(std::string_view section) {
  for (const Kind& kind : kinds)
    if (kind.section == section) return &kind;
  return nullptr;
}

bool applies(const Row& row, const JobSpec& spec) {
  const Kind* kind = kind_of_section(row.section);
  return kind == nullptr || kind->name == kind_name(spec.kind);
}

JobSpec default_spec(const Row& row) {
  JobSpec spec;
  if (const Kind* kind = kind_of_section(row.section)) spec.kind = kind->make();
  return spec;
}

}  // namespace sovren::text
