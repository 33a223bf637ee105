// SPDX-License-Identifier: Apache-2.0
// The job file, key by key. Parsing, messages, --set, printing, facts and docs/job-file.md follow
// from these rows. Event logs and job folders hold printed specs: what a row allows may grow, but
// not shrink.
#include "core/text/schema.h"

#include <array>
#include <limits>
#include <type_traits>

#include "core/text/custom_fields.h"

namespace sovren::text {
namespace {

// Paths of members into a JobSpec: In<&JobSpec::resources, &Resources::ranks>.
template <auto... members>
struct In {
  static auto& of(auto& spec) { return (spec.*....*members); }
};
template <class Spec, auto... members>
struct InKind {
  static auto& of(auto& spec) { return (std::get<Spec>(spec.kind).*....*members); }
};

template <class Where>
using Value = std::remove_cvref_t<decltype(Where::of(std::declval<JobSpec&>()))>;

template <class T>
struct Unwrapped {
  using type = T;
  static constexpr bool is_optional = false;
};
template <class T>
struct Unwrapped<std::optional<T>> {
  using type = T;
  static constexpr bool is_optional = true;
};

template <class Where, class T>
std::optional<T> get_as(const JobSpec& spec) {
  const auto& value = Where::of(spec);
  if constexpr (Unwrapped<Value<Where>>::is_optional)
    return value ? std::optional<T>(static_cast<T>(*value)) : std::nullopt;
  else
    return static_cast<T>(value);
}
template <class Where, class T>
void set_as(JobSpec& spec, T value) {
  Where::of(spec) = static_cast<typename Unwrapped<Value<Where>>::type>(value);
}

template <class Where>
Text text(std::string (*fault)(std::string_view), std::string_view allowed_text,
          bool takes_time = false) {
  return {[](const JobSpec& spec) -> const std::string& { return Where::of(spec); },
          [](JobSpec& spec) -> std::string& { return Where::of(spec); }, fault, allowed_text,
          takes_time};
}
template <class Where>
Path path(std::string_view allowed_text = "the path of a file") {
  return {[](const JobSpec& spec) -> const std::string& { return Where::of(spec); },
          [](JobSpec& spec) -> std::string& { return Where::of(spec); }, allowed_text};
}
template <class Where>
Script script() {
  return {[](const JobSpec& spec) -> const std::string& { return Where::of(spec); },
          [](JobSpec& spec) -> std::string& { return Where::of(spec); }};
}
template <class Where>
Flag flag() {
  return {[](const JobSpec& spec) { return Where::of(spec); },
          [](JobSpec& spec, bool value) { Where::of(spec) = value; }};
}
template <class Where>
Whole whole(std::int64_t min, std::int64_t max) {
  return {get_as<Where, std::int64_t>, set_as<Where, std::int64_t>, min, max};
}
template <class Where>
Number open_range(double min, double max) {
  return {get_as<Where, double>, set_as<Where, double>, min, max, true, false};
}
template <class Where>
Number any_number_or_nan() {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  return {get_as<Where, double>, set_as<Where, double>, -infinite, infinite, false, true};
}
template <class Where>
Duration duration(double min_s, double max_s) {
  void (*clear)(JobSpec&) = nullptr;
  if constexpr (Unwrapped<Value<Where>>::is_optional)
    clear = [](JobSpec& spec) { Where::of(spec).reset(); };
  return {get_as<Where, double>, set_as<Where, double>, clear, min_s, max_s};
}
template <class Where>
Size size(std::int64_t max) {
  return {[](const JobSpec& spec) { return Where::of(spec); },
          [](JobSpec& spec, std::int64_t value) { Where::of(spec) = value; }, max};
}
template <class Where, std::size_t count>
Choice choice(const std::string_view (&names)[count], std::span<const Choice::Alias> aliases = {}) {
  return {[](const JobSpec& spec) { return static_cast<int>(Where::of(spec)); },
          [](JobSpec& spec, int index) { Where::of(spec) = static_cast<Value<Where>>(index); },
          names, aliases};
}

// In the order of their enumerators.
constexpr std::string_view backends[] = {"auto", "cpu", "cuda"};
constexpr std::string_view oversubscribes[] = {"auto", "no", "yes"};
constexpr std::string_view methods[] = {"pcmci", "pcmci-plus", "pc"};
constexpr std::string_view tests[] = {"parcorr", "robust-parcorr", "cmi-knn", "chi2", "g2"};
/// As other programs write them.
constexpr Choice::Alias test_aliases[] = {{"cmiknn", "cmi-knn"}, {"fisher-z", "parcorr"}};
constexpr std::string_view mask_types[] = {"y", "x", "z", "xy", "xz", "yz", "xyz"};
constexpr std::string_view fdrs[] = {"bh", "none"};

constexpr std::int64_t ranks_max = 100'000;
constexpr std::int64_t lag_max = 1000;
constexpr std::int64_t count_max = 1'000'000;
constexpr double year_s = 365 * 86400.0;
constexpr auto required = Row::Presence::required;
constexpr auto optional = Row::Presence::optional;

template <auto... members>
using OfResources = In<&JobSpec::resources, members...>;

std::vector<Row> top_rows() {
  constexpr std::string_view word = "at most 100 letters, digits and . _ - + @";
  return {
      {"", "schema", schema_field(), "1", "Version of this format.", optional, "1"},
      {"", "name", text<In<&JobSpec::name>>(name_fault, "text of 1 to 100 bytes without slashes"),
       "\"enso-drivers\"", "Names the job and its folder.", optional, "the file's name"},
      {"", "kind", kind_field(), "\"causal-analysis\"",
       "What is run. Later versions add model-training and rendering.", required},
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
      {"checkpoint", "interval", interval_field(), "\"5min\"",
       "When to seal; auto: by Young/Daly from the measured cost and failure rate."},
      {"checkpoint", "keep", whole<In<&JobSpec::checkpoint, &CheckpointPolicy::keep>>(1, 1000), "3",
       "Newest checkpoint sets that are kept."},
      {"retry", "limit", whole<In<&JobSpec::retry, &RetryPolicy::limit>>(0, 1000), "3",
       "Attempts that failed through no fault of the job are repeated so often."},
      {"retry", "backoff", duration<In<&JobSpec::retry, &RetryPolicy::backoff_s>>(0, 30 * 86400.0),
       "\"10s\"", "Wait before the first repetition; doubles each time."},
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
      {c, "environment", environment_field(), "{ OMP_PROC_BIND = \"close\" }",
       "Variables that the program gets besides SOVREN_* and SLURM_*.", optional, "none"},
      {c, "checkpoint_signal", signal_field(), "\"USR1\"",
       "Sent when a checkpoint is wanted; the program writes it into SOVREN_CHECKPOINT_DIR and "
       "ends with exit code 85: \"start me again\".",
       optional, "none: it cannot checkpoint", false},
      {c, "stdin", path<InKind<C, &C::input>>(), "\"input.txt\"", "Its standard input.", optional,
       "nothing to read"},
      {c, "folder", path<InKind<C, &C::folder>>("the path of a folder"), "\"runs\"",
       "Where it runs.", optional, "the job's folder"},
  };
}

std::vector<Row> all_rows() {
  std::vector<Row> rows = top_rows();
  for (auto part : {shared_rows(), causal_rows(), more_causal_rows(), command_rows()})
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
    {"model-training", "model_training", nullptr},
    {"rendering", "rendering", nullptr},
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
