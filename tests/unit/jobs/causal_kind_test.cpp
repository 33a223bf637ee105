// SPDX-License-Identifier: Apache-2.0
// Causal analyses as jobs: what settings, prior knowledge, masks and the bootstrap do to a result,
// and what is refused.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "core/base/rng.h"
#include "tests/unit/jobs/run_causal.h"
#include "tests/unit/jobs/svar.h"

namespace sovren::jobs {
namespace {

using Method = CausalSpec::Method;
using text::Json;

std::string path_of(const std::string& name) {
  return testing::TempDir() + "causal_kind_" + name + "_" + std::to_string(getpid()) + ".csv";
}

/// A chain a -> b -> c at lag 1, and d that knows nothing of them.
CausalSpec chain_spec(const std::string& name, int steps = 400) {
  Svar svar{4, steps, {}, {}};
  const Philox noise(3, 5);
  std::vector<double>& v = svar.values;
  for (int t = 0; t < steps; ++t)
    for (int j = 0; j < 4; ++j) {
      const auto at = static_cast<std::size_t>(4 * t + j);
      const double driver = t > 0 && (j == 1 || j == 2) ? 0.7 * v[at - 5] : 0.0;
      v.push_back(driver + noise.normal(at));
    }
  CausalSpec spec;
  spec.data = path_of(name);
  spec.max_lag = 2;
  write_csv(svar, spec.data);
  return spec;
}

Json graph_of_spec(const CausalSpec& spec) {
  return graph_of(run_causal(spec).value());
}

std::string error_of(const CausalSpec& spec) {
  const auto outcome = run_causal(spec);
  return outcome ? "no error" : to_text(outcome.error());
}

TEST(CausalKind, ForbiddenLinksAreNotThere) {
  CausalSpec spec = chain_spec("forbidden");
  ASSERT_FALSE(link_of(graph_of_spec(spec), "v0", "v1", 1).is_null());
  spec.forbidden = {{"v0", "v1", {}}};
  const Json graph = graph_of_spec(spec);
  for (const Json& link : graph["links"])
    EXPECT_FALSE(link["source"] == "v0" && link["target"] == "v1") << link;
  EXPECT_FALSE(link_of(graph, "v1", "v2", 1).is_null());
}

TEST(CausalKind, RequiredLinksAreThereWhateverTheDataSay) {
  CausalSpec spec = chain_spec("required");
  ASSERT_TRUE(link_of(graph_of_spec(spec), "v3", "v0", 2).is_null());
  spec.required = {{"v3", "v0", 2}};
  const Json link = link_of(graph_of_spec(spec), "v3", "v0", 2);
  ASSERT_FALSE(link.is_null());
  EXPECT_EQ(link["type"], "-->");
  EXPECT_GT(link["p_value"], 0.05);  // the test says what it says
}

TEST(CausalKind, NamesWhatIsWrongWithPriorKnowledge) {
  const CausalSpec good = chain_spec("wrong");
  CausalSpec spec = good;
  spec.required = {{"v0", "v1", 1}, {"v0", "w1", 1}};
  EXPECT_EQ(error_of(spec),
            "causal_analysis.required[1].target: there is no variable 'w1' in the data\n"
            "  hint: did you mean 'v1'?");
  spec = good;
  spec.forbidden = {{"v0", "v1", 3}};
  EXPECT_EQ(error_of(spec),
            "causal_analysis.forbidden[0].lag: lag 3 is not searched (allowed: 0 to 2)");
  spec = good;
  spec.required = {{"v0", "v1", {}}};
  EXPECT_TRUE(
      error_of(spec).starts_with("causal_analysis.required[0]: a required link needs a lag"));
  spec = good;
  spec.required = {{"v0", "v1", 0}, {"v1", "v2", 0}, {"v2", "v0", 0}};
  EXPECT_TRUE(error_of(spec).starts_with(
      "causal_analysis.required[2]: the required links at lag 0 form a circle with 'v2' --> 'v0'"))
      << error_of(spec);
  spec = good;
  spec.required = {{"v0", "v1", 1}};
  spec.forbidden = {{"v0", "v1", {}}};
  EXPECT_TRUE(error_of(spec).starts_with(
      "causal_analysis.required[0]: the link 'v0' --> 'v1' at lag 1 is required and forbidden"));
  spec = good;
  spec.required = {{"v0", "v0", 0}};
  EXPECT_TRUE(error_of(spec).starts_with(
      "causal_analysis.required[0].lag: a variable has no link to itself at lag 0"));
}

TEST(CausalKind, BootstrapSaysHowSureLinksAre) {
  CausalSpec spec = chain_spec("bootstrap");
  const Json without = graph_of_spec(spec);
  EXPECT_TRUE(link_of(without, "v0", "v1", 1)["confidence"].is_null());
  spec.bootstrap = 40;
  const Json graph = graph_of_spec(spec);
  EXPECT_EQ(link_of(graph, "v0", "v1", 1)["confidence"], 1.0);  // strong: in every replicate
  EXPECT_EQ(link_of(graph, "v1", "v2", 1)["confidence"], 1.0);
}

TEST(CausalKind, LinksHaveTheIntervalOfTheirReplicates) {
  CausalSpec spec = chain_spec("interval");
  spec.bootstrap = 40;
  const Json link = link_of(graph_of_spec(spec), "v0", "v1", 1);
  EXPECT_LT(link["value_low"].get<double>(), link["value"].get<double>());
  EXPECT_GT(link["value_high"].get<double>(), link["value"].get<double>());
}

TEST(CausalKind, ProgressKnowsOfTheBootstrapAndOfTheTruth) {
  JobSpec job;
  CausalSpec spec = chain_spec("progress");
  spec.bootstrap = 9;
  spec.truth = path_of("progress_truth");
  std::ofstream(spec.truth) << "source,target,lag\nv0,v1,1\nv1,v2,1\n";
  job.kind = spec;
  const auto comm = workers::make_self_communicator();
  const auto kind = make_job_kind(job, {*comm, 1, Backend::cpu}).value();
  ASSERT_TRUE(kind->load().has_value());
  ASSERT_TRUE(kind->init().has_value());
  EXPECT_FALSE(kind->progress().metrics.contains("temporal_accuracy"));  // nothing is known yet
  while (kind->progress().phase == "condition selection") ASSERT_TRUE(kind->step().has_value());
  EXPECT_EQ(kind->progress().metrics.at("temporal_accuracy"), 1.0);
  while (kind->progress().phase != "bootstrap") ASSERT_TRUE(kind->step().has_value());
  EXPECT_NEAR(kind->progress().fraction, 0.1, 1e-12);  // one of ten searches
}

TEST(CausalKind, BootstrapDependsOnTheSeedAlone) {
  CausalSpec spec = chain_spec("seed", 120);
  spec.alpha = 0.2;  // weak links, that come and go
  spec.bootstrap = 25;
  spec.bootstrap_block = 0;
  const std::string digest = run_causal(spec)->digest;
  EXPECT_EQ(run_causal(spec)->digest, digest);
  spec.seed = 7;
  EXPECT_NE(run_causal(spec)->digest, digest);
  spec.seed = 0;
  spec.bootstrap_block = 1;  // blocks of the cube root drew others
  EXPECT_NE(run_causal(spec)->digest, digest);
}

TEST(CausalKind, MaskedSamplesDoNotCount) {
  // In the second half the sign of the link turns; masked, only the first half is left.
  constexpr int steps = 400;
  Svar svar{2, steps, {}, {}};
  Svar mask{2, steps, {}, {}};
  const Philox noise(5, 6);
  for (int t = 0; t < steps; ++t)
    for (int j = 0; j < 2; ++j) {
      const auto at = static_cast<std::size_t>(2 * t + j);
      const double sign = t < steps / 2 ? 0.8 : -0.8;
      svar.values.push_back((j == 1 && t > 0 ? sign * svar.values[at - 3] : 0.0) +
                            noise.normal(at));
      mask.values.push_back(t < steps / 2 ? 0 : 1);
    }
  CausalSpec spec;
  spec.data = path_of("turn");
  write_csv(svar, spec.data);
  EXPECT_LT(std::abs(link_of(graph_of_spec([&] {
                               CausalSpec all = spec;
                               all.required = {{"v0", "v1", 1}};
                               return all;
                             }()),
                             "v0", "v1", 1)["value"]
                         .get<double>()),
            0.2);
  spec.mask = path_of("turn_mask");
  write_csv(mask, spec.mask);
  EXPECT_GT(link_of(graph_of_spec(spec), "v0", "v1", 1)["value"], 0.5);
  write_csv(make_svar(2, 10, 1, 1), spec.mask);
  EXPECT_EQ(error_of(spec), spec.mask +
                                ": the mask has 10 rows, the data 400\n"
                                "  hint: a mask has a row for each row of the data");
}

TEST(CausalKind, PcFindsAColliderInSamplesWithoutOrder) {
  Svar svar{3, 1000, {}, {}};
  const Philox noise(9, 1);
  for (std::uint64_t t = 0; t < 1000; ++t) {
    const double a = noise.normal(3 * t), b = noise.normal(3 * t + 1);
    svar.values.insert(svar.values.end(), {a, a + b + 0.5 * noise.normal(3 * t + 2), b});
  }
  CausalSpec spec;
  spec.method = Method::pc;
  spec.data = path_of("collider");
  spec.max_lag = 5;  // has no meaning here
  spec.alpha = 0.01;
  write_csv(svar, spec.data);
  const Json graph = graph_of_spec(spec);
  ASSERT_EQ(graph["links"].size(), 2u);
  EXPECT_EQ(link_of(graph, "v0", "v1", 0)["type"], "-->");
  EXPECT_EQ(link_of(graph, "v2", "v1", 0)["type"], "-->");
  EXPECT_EQ(graph["settings"]["max_lag"], 0);
}

TEST(CausalKind, RefusesSettingsThatDoNotGoTogether) {
  const CausalSpec good = chain_spec("settings");
  CausalSpec spec = good;
  spec.method = Method::pc;
  spec.pc_alpha.values = {0.01, 0.05};
  EXPECT_EQ(error_of(spec),
            "causal_analysis.pc_alpha: several levels are for method pcmci; pc takes one number\n"
            "  hint: write: pc_alpha = 0.01");
  spec = good;
  spec.max_lag = 0;
  EXPECT_TRUE(error_of(spec).starts_with("causal_analysis: lags 0 to 0 (allowed: "));
  spec = good;
  spec.effects = {{"v0", "v9", 1}};
  EXPECT_TRUE(
      error_of(spec).starts_with("causal_analysis.effects[0].effect: there is no variable"));
}

TEST(CausalKind, RefusesContinuousDataForADiscreteTest) {
  CausalSpec spec = chain_spec("continuous");
  spec.test = CausalSpec::Test::g2;
  EXPECT_TRUE(error_of(spec).starts_with(
      spec.data +
      ": variable 'v0' has 400 different values, but a test of discrete data takes at "
      "most 64"))
      << error_of(spec);
}

TEST(CausalKind, RefusesAVariableWithoutAValueInAWindow) {
  CausalSpec spec = chain_spec("window");
  Svar svar = make_svar(3, 50, 1, 1);
  for (std::size_t t = 0; t < 49; ++t)
    svar.values[3 * t + 1] = std::numeric_limits<double>::quiet_NaN();
  write_csv(svar, spec.data);
  spec.missing = std::numeric_limits<double>::quiet_NaN();
  spec.max_lag = 1;  // its last row, the only one measured, is in the window of lag 0 alone
  EXPECT_TRUE(error_of(spec).starts_with(
      spec.data + ": variable 'v1' has no value in the rows 1 to 48, all that lag 1 can use"))
      << error_of(spec);
}

/// y follows |x|, which no correlation shows.
TEST(CausalKind, CmiKnnFindsWhatNoCorrelationShows) {
  Svar svar{2, 250, {}, {}};
  const Philox noise(11, 1);
  for (std::uint64_t t = 0; t < 250; ++t) {
    const double before = t == 0 ? 0 : svar.values[2 * t - 2];
    svar.values.insert(svar.values.end(),
                       {noise.normal(2 * t), std::abs(before) + 0.3 * noise.normal(2 * t + 1)});
  }
  CausalSpec spec;
  spec.method = Method::pcmci_plus;
  spec.data = path_of("absolute");
  write_csv(svar, spec.data);
  EXPECT_TRUE(link_of(graph_of_spec(spec), "v0", "v1", 1).is_null());
  spec.test = CausalSpec::Test::cmi_knn;
  spec.shuffles = 100;
  const Json graph = graph_of_spec(spec);
  EXPECT_FALSE(link_of(graph, "v0", "v1", 1).is_null()) << graph;
  EXPECT_EQ(graph["settings"]["test"], "cmi-knn");
}

}  // namespace
}  // namespace sovren::jobs
