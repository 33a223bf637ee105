// SPDX-License-Identifier: Apache-2.0
#include "core/text/job_file.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/core_text/parsing.h"

namespace sovren::text {
namespace {

using testing_text::causal_head;
using testing_text::causal_of;
using testing_text::errors_of;
using testing_text::spec_of;

TEST(JobFile, FillsInTheDefaults) {
  const JobSpec spec = spec_of(causal_head);
  JobSpec expected;
  expected.name = "job";  // of job.toml
  std::get<CausalSpec>(expected.kind).data = "/base/me/d.csv";
  EXPECT_TRUE(spec == expected) << print_job_file(spec);
}

TEST(JobFile, ReadsEveryKey) {
  const JobSpec spec = spec_of(R"(
schema = 1
name = "enso"
kind = "causal-analysis"
partition = "general"
qos = "high"
account = "climate"
priority = -5
begin = 2026-11-23T15:00:00Z
deadline = "2026-11-24T08:00:00+01:00"
after = "ok:12,any:13,notok:3,after:4,corr:5,singleton"
array_max_running = 8
comment = "say \"hi\"\n"
labels = { region = "eu-west-1" }
[resources]
nodes = 2
ranks = 4
ranks_min = 2
ranks_max = 8
cpus_per_rank = 3
gpus_per_rank = 1
memory_per_rank = "2GiB"
backend = "cuda"
time_limit = "1h30m"
oversubscribe = "no"
exclusive = true
[checkpoint]
interval = "20 steps"
keep = 2
[retry]
limit = 0
backoff = "250ms"
[array]
frame = "1-3,7"
color = ["red", 2, 0.5]
[causal_analysis]
data = "/data/../d.csv"
variables = ["a", "b"]
method = "pc"
test = "robust-parcorr"
min_lag = 1
max_lag = 7
pc_alpha = [0.1, 0.2]
alpha = 0.01
fdr = "none"
max_conditions = 0
max_parents = 3
missing = -999
bootstrap = 10
chain_depth = false
effects = [{ cause = "a", effect = "b", max_lag = 3 }, { cause = "b", effect = "a" }]
interventions = [{ set = "a", to = 2 }, { set = "b", to = -1.5, from = 10, until = 20 }]
horizon = 12
interval_level = 0.8
mask = "m.csv"
mask_type = "xz"
required = [{ source = "a", target = "b", lag = 1 }]
forbidden = [{ source = "b", target = "a" }]
neighbors = 20
shuffles = 100
shuffle_neighbors = 7
bootstrap_block = 0
truth = "t.csv"
seed = 9223372036854775807
)");
  JobSpec e;
  e.name = "enso";
  e.partition = "general";
  e.qos = "high";
  e.account = "climate";
  e.priority = -5;
  e.begin = "2026-11-23T15:00:00Z";
  e.deadline = "2026-11-24T08:00:00+01:00";
  e.after = "ok:12,any:13,notok:3,after:4,corr:5,singleton";
  e.array_max_running = 8;
  e.comment = "say \"hi\"\n";
  e.labels = {{"region", "eu-west-1"}};
  e.resources = {.nodes = 2,
                 .ranks = 4,
                 .ranks_min = 2,
                 .ranks_max = 8,
                 .cpus_per_rank = 3,
                 .gpus_per_rank = 1,
                 .memory_per_rank_bytes = std::int64_t{2} << 30,
                 .backend = Backend::cuda,
                 .time_limit_s = 5400.0,
                 .oversubscribe = Oversubscribe::no,
                 .exclusive = true};
  e.checkpoint = {.interval = {.mode = CheckpointPolicy::Mode::steps, .steps = 20}, .keep = 2};
  e.retry = {.limit = 0, .backoff_s = 0.25};
  e.array = {{"frame", {"1", "2", "3", "7"}}, {"color", {"red", "2", "0.5"}}};
  CausalSpec& c = std::get<CausalSpec>(e.kind);
  c.data = "/d.csv";
  c.variables = {"a", "b"};
  c.method = CausalSpec::Method::pc;
  c.test = CausalSpec::Test::robust_parcorr;
  c.min_lag = 1;
  c.max_lag = 7;
  c.pc_alpha = {.is_auto = false, .values = {0.1, 0.2}};
  c.alpha = 0.01;
  c.fdr = CausalSpec::Fdr::none;
  c.max_conditions = 0;
  c.max_parents = 3;
  c.missing = -999;
  c.bootstrap = 10;
  c.chain_depth = false;
  c.effects = {{"a", "b", 3}, {"b", "a", 0}};
  c.interventions = {{"a", 2, {}, {}}, {"b", -1.5, 10, 20}};
  c.horizon = 12;
  c.interval_level = 0.8;
  c.mask = "/base/me/m.csv";
  c.mask_type = CausalSpec::MaskType::xz;
  c.required = {{"a", "b", 1}};
  c.forbidden = {{"b", "a", {}}};
  c.neighbors = 20;
  c.shuffles = 100;
  c.shuffle_neighbors = 7;
  c.bootstrap_block = 0;
  c.truth = "/base/me/t.csv";
  c.seed = 9223372036854775807u;
  EXPECT_TRUE(spec == e) << print_job_file(spec) << "\n---\n" << print_job_file(e);
}

TEST(JobFile, ReadsTheFormsOfAnInterval) {
  using Mode = CheckpointPolicy::Mode;
  const auto interval = [](const std::string& text) {
    return spec_of(causal_head + "[checkpoint]\ninterval = " + text).checkpoint.interval;
  };
  EXPECT_EQ(interval("\"auto\"").mode, Mode::automatic);
  EXPECT_EQ(interval("\"off\"").mode, Mode::off);
  EXPECT_EQ(interval("\"1 step\""), (CheckpointInterval{.mode = Mode::steps, .steps = 1}));
  EXPECT_EQ(interval("\"5min\""), (CheckpointInterval{.mode = Mode::seconds, .seconds = 300}));
}

TEST(JobFile, ReadsTheFormsOfPcAlpha) {
  EXPECT_EQ(causal_of(causal_head + "pc_alpha = 0.2").pc_alpha, (PcAlpha{false, {0.2}}));
  EXPECT_EQ(causal_of(causal_head + "pc_alpha = \"auto\"").pc_alpha,
            (PcAlpha{true, {0.05, 0.1, 0.2, 0.3, 0.4, 0.5}}));
}

// toml++ 3.3.0 has undefined behaviour in such places; found by fuzzing.
TEST(JobFile, TakesCharactersBeyondAsciiAnywhereInQuotes) {
  EXPECT_EQ(spec_of("comment = \"\"\"\\\n  é日𝄞\"\"\"\n" + causal_head).comment, "é日𝄞");
  EXPECT_EQ(spec_of("comment = 'é\u3000日' # \u00A0é\n" + causal_head).comment, "é\u3000日");
  EXPECT_NE(errors_of("comment = \"\"\"\\é\"\"\"\n" + causal_head), "");
  EXPECT_NE(errors_of("priority = 1\"é\"\n" + causal_head), "");
}

TEST(JobFile, ReadsOtherNamesOfATest) {
  EXPECT_EQ(causal_of(causal_head + "test = \"cmiknn\"").test, CausalSpec::Test::cmi_knn);
  EXPECT_EQ(causal_of(causal_head + "test = \"fisher-z\"").test, CausalSpec::Test::parcorr);
}

TEST(JobFile, AllowsNanOnlyForMissing) {
  EXPECT_TRUE(std::isnan(causal_of(causal_head + "missing = nan").missing.value()));
  EXPECT_NE(errors_of(causal_head + "missing = inf"), "");
  EXPECT_NE(errors_of(causal_head + "alpha = nan"), "");
  EXPECT_NE(errors_of(causal_head + "interventions = [{ set = \"a\", to = nan }]"), "");
}

TEST(JobFile, ResolvesPathsAgainstItsFolder) {
  EXPECT_EQ(
      causal_of("kind = \"causal-analysis\"\n[causal_analysis]\ndata = \"../x/./d.csv\"").data,
      "/base/x/d.csv");
  EXPECT_EQ(causal_of(causal_head, {{"causal_analysis.data", "e.csv"}}).data, "/base/me/e.csv");
}

TEST(JobFile, TakesItsNameFromTheFile) {
  const auto name = [](const std::string& file) {
    return parse_job_file({file, causal_head, "/"})->name;
  };
  EXPECT_EQ(name("/a/b/enso.v2.toml"), "enso.v2");
  EXPECT_EQ(name("-"), "job");
  EXPECT_EQ(name(".toml"), "job");
}

TEST(JobFile, FactsHoldWhatDecidesTheResultAndNothingElse) {
  const SpecFacts facts = spec_facts(spec_of(causal_head));
  EXPECT_EQ(facts.at("kind"), "causal-analysis");
  EXPECT_EQ(facts.at("causal_analysis.alpha"), "0.05");
  EXPECT_EQ(facts.at("causal_analysis.fdr"), "bh");
  EXPECT_EQ(facts.at("causal_analysis.data"), "d.csv");
  for (const auto& [key, value] : facts)
    EXPECT_TRUE(key == "kind" || key.starts_with("causal_analysis.")) << key;
  const auto same = spec_facts(spec_of(
      causal_head, {{"resources.ranks", "7"}, {"name", "b"}, {"checkpoint.interval", "off"}}));
  EXPECT_EQ(facts_digest(same), facts_digest(facts));
  const auto other = spec_facts(spec_of(causal_head, {{"causal_analysis.max_lag", "2"}}));
  EXPECT_NE(facts_digest(other), facts_digest(facts));
}

TEST(Override, WinsOverTheFileAndOverEarlierOnes) {
  const std::string text = causal_head + "[resources]\nranks = 2\n";
  EXPECT_EQ(spec_of(text, {{"resources.ranks", "4"}}).resources.ranks, 4);
  EXPECT_EQ(spec_of(text, {{"resources.ranks", "4"}, {"resources.ranks", "5"}}).resources.ranks, 5);
  const JobSpec merged = spec_of(text, {{"resources", "{ nodes = 2 }"}});
  EXPECT_EQ(merged.resources.ranks, 2);
  EXPECT_EQ(merged.resources.nodes, 2);
}

TEST(Override, IsTomlOrElseABareString) {
  EXPECT_EQ(spec_of(causal_head, {{"resources.backend", "cpu"}}).resources.backend, Backend::cpu);
  EXPECT_EQ(spec_of(causal_head, {{"resources.backend", "\"cpu\""}}).resources.backend,
            Backend::cpu);
  EXPECT_EQ(spec_of(causal_head, {{"checkpoint.interval", "20 steps"}}).checkpoint.interval.steps,
            20);
  EXPECT_EQ(causal_of(causal_head, {{"causal_analysis.pc_alpha", "[0.1, 0.2]"}}).pc_alpha.values,
            (std::vector{0.1, 0.2}));
  EXPECT_EQ(spec_of(causal_head, {{"labels.region", "eu"}}).labels.at("region"), "eu");
  EXPECT_EQ(spec_of(causal_head, {{"array.frame", "1-2"}}).array,
            (std::vector<ArrayAxis>{{"frame", {"1", "2"}}}));
  // Text stays text, whatever else it could be.
  EXPECT_EQ(spec_of(causal_head, {{"name", "2024"}}).name, "2024");
  EXPECT_EQ(spec_of(causal_head, {{"comment", "1e3"}}).comment, "1e3");
  EXPECT_EQ(spec_of(causal_head, {{"comment", "true"}}).comment, "true");
  EXPECT_EQ(spec_of(causal_head, {{"comment", "a\nkind = 3"}}).comment, "a\nkind = 3");
  EXPECT_EQ(spec_of(causal_head, {{"array.frame", "7"}}).array.at(0).values.at(0), "7");
}

TEST(Override, MayTakeALimitAway) {
  const std::string text = causal_head + "[resources]\ntime_limit = \"1h\"\n";
  EXPECT_EQ(spec_of(text).resources.time_limit_s, 3600.0);
  EXPECT_EQ(spec_of(text, {{"resources.time_limit", "none"}}).resources.time_limit_s, std::nullopt);
}

}  // namespace
}  // namespace sovren::text
