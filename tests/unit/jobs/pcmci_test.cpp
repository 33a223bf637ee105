// SPDX-License-Identifier: Apache-2.0
// The whole kind: right numbers, known physics, and clear refusals.
#include <gtest/gtest.h>
#include <hdf5.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <mutex>

#include "tests/unit/jobs/plain_pcmci.h"
#include "tests/unit/jobs/run_causal.h"
#include "tests/unit/jobs/svar.h"

namespace sovren::jobs {
namespace {

std::string temp_path(const std::string& name) {
  return testing::TempDir() + "pcmci_" + std::to_string(getpid()) + "_" + name;
}

CausalSpec spec_of(const Svar& svar, const std::string& name, int max_lag) {
  CausalSpec spec;
  spec.data = temp_path(name);
  spec.max_lag = max_lag;
  write_csv(svar, spec.data);
  return spec;
}

/// A dataset of result.h5, opened from memory.
std::vector<double> matrix_of(const std::string& image, const char* name) {
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_fapl_core(access, 1 << 16, 0);
  std::string copy = image;
  H5Pset_file_image(access, copy.data(), copy.size());
  const hid_t file = H5Fopen("in memory", H5F_ACC_RDONLY, access);
  const hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
  const hid_t space = H5Dget_space(dataset);
  std::vector<double> values(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space)));
  H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
  H5Sclose(space);
  H5Dclose(dataset);
  H5Fclose(file);
  H5Pclose(access);
  return values;
}

TEST(Pcmci, EqualsAPlainComputationOfTheSameDefinitions) {
  constexpr int n = 10;
  constexpr int steps = 1000;
  constexpr int max_lag = 3;
  const Svar svar = make_svar(n, steps, max_lag, 42);
  const auto outcome = run_causal(spec_of(svar, "plain.csv", max_lag));
  ASSERT_TRUE(outcome) << to_text(outcome.error());
  const std::string image = result_file(*outcome, "result.h5");
  const std::vector<double> value = matrix_of(image, "val_matrix");
  const std::vector<double> p_value = matrix_of(image, "p_matrix");
  ASSERT_EQ(value.size(), std::size_t{n * n * (max_lag + 1)});

  const PlainPcmci plain(svar.values, steps, n, max_lag);
  std::vector<std::vector<PlainPcmci::Node>> parents;
  for (int j = 0; j < n; ++j) parents.push_back(plain.parents(j, 0.05));
  for (int j = 0; j < n; ++j)
    for (int i = 0; i < n; ++i)
      for (int lag = 0; lag <= max_lag; ++lag) {
        const auto at = static_cast<std::size_t>((i * n + j) * (max_lag + 1) + lag);
        PlainPcmci::Test expected{0, 1};
        if (lag > 0 || i != j) expected = plain.mci({i, lag}, j, parents);
        if (lag == 0 && i != j) {  // the larger p of both directions stands in both
          const PlainPcmci::Test back = plain.mci({j, 0}, i, parents);
          if (back.p > expected.p) expected = back;
        }
        ASSERT_NEAR(value[at], expected.value, 1e-8) << i << " -" << lag << " -> " << j;
        ASSERT_NEAR(p_value[at], expected.p, 1e-6 * expected.p) << i << " -" << lag << " -> " << j;
      }
}

TEST(Pcmci, FindsTheLinksThatMadeTheData) {
  const Svar svar = make_svar(12, 1000, 3, 3);
  CausalSpec spec = spec_of(svar, "found.csv", 3);
  spec.truth = temp_path("truth.csv");
  write_truth(svar, spec.truth);
  const auto outcome = run_causal(spec);
  ASSERT_TRUE(outcome) << to_text(outcome.error());
  const text::Json graph = graph_of(*outcome);
  EXPECT_EQ(graph["scores"]["recall"], 1.0);
  EXPECT_GE(graph["scores"]["precision"], 0.7);
  EXPECT_EQ(graph["scores"]["temporal_accuracy"], 1.0);
  EXPECT_LE(graph["scores"]["fpr"], 0.02);
  EXPECT_EQ(outcome->metrics.at("temporal_accuracy"), 1.0);
}

TEST(Pcmci, FindsThePhysicsOfElNino) {
  const char* source = std::getenv("SOVREN_SOURCE");
  const std::string path = std::string(source == nullptr ? "." : source) +
                           "/../shared/data/causal/enso_monthly_1950_2021.csv";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "not there: " << path;
  CausalSpec spec;
  spec.data = path;
  spec.max_lag = 6;
  const auto outcome = run_causal(spec);
  ASSERT_TRUE(outcome) << to_text(outcome.error());
  const text::Json graph = graph_of(*outcome);
  const text::Json wind = link_of(graph, "u10m_CPAC", "nino34", 1);
  const text::Json west = link_of(graph, "w700_WPAC", "nino34", 1);
  const text::Json east = link_of(graph, "nino34", "w700_EPAC", 0);
  ASSERT_TRUE(!wind.is_null() && !west.is_null() && !east.is_null());
  EXPECT_GT(wind["value"], 0.2);
  EXPECT_LT(west["value"], -0.1);
  EXPECT_LT(east["value"], -0.1);
  EXPECT_EQ(wind["type"], "-->");
  EXPECT_EQ(east["type"], "o-o");
}

TEST(Pcmci, KeepsConstantAndCopiedColumnsApartWithoutNaN) {
  Svar svar = make_svar(5, 300, 2, 8);
  for (std::size_t t = 0; t < 300; ++t) {
    svar.values[t * 5 + 2] = 0.1;
    svar.values[t * 5 + 4] = 3 * svar.values[t * 5 + 1] - 7;
  }
  const auto outcome = run_causal(spec_of(svar, "awkward.csv", 2));
  ASSERT_TRUE(outcome) << to_text(outcome.error());
  for (const char* name : {"val_matrix", "p_matrix", "q_matrix"})
    for (const double value : matrix_of(result_file(*outcome, "result.h5"), name))
      ASSERT_TRUE(std::isfinite(value)) << name;
  const text::Json graph = graph_of(*outcome);
  for (const text::Json& link : graph["links"])
    EXPECT_TRUE(link["source"] != "v2" && link["target"] != "v2");
  EXPECT_EQ(graph["notes"][0],
            "variable 'v2' never changes: it can neither be a cause nor an effect (value 0, p 1)");
  EXPECT_EQ(graph["notes"][1],
            "variable 'v4' is a copy of 'v1' (up to scale and offset): links cannot be told apart");
}

TEST(Pcmci, WithMissingValuesFindsTheSameStrongLinks) {
  Svar svar = make_svar(6, 800, 2, 12);
  const auto whole = run_causal(spec_of(svar, "whole.csv", 2));
  for (std::size_t k = 0; k < svar.values.size(); k += 53)
    svar.values[k] = std::numeric_limits<double>::quiet_NaN();
  CausalSpec spec = spec_of(svar, "holes.csv", 2);
  const auto refused = run_causal(spec);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::data_invalid);
  spec.missing = std::numeric_limits<double>::quiet_NaN();
  const auto holes = run_causal(spec);
  ASSERT_TRUE(whole && holes);
  const text::Json before = graph_of(*whole), after = graph_of(*holes);
  for (const text::Json& link : before["links"]) {
    if (std::abs(link["value"].get<double>()) < 0.25) continue;
    const text::Json same = link_of(after, link["source"].get<std::string>(),
                                    link["target"].get<std::string>(), link["lag"].get<int>());
    ASSERT_FALSE(same.is_null()) << link;
    EXPECT_NEAR(same["value"], link["value"], 0.1);
  }
}

TEST(Pcmci, MinLagOneLeavesTheSameTimeUntested) {
  CausalSpec spec = spec_of(make_svar(5, 300, 2, 4), "minlag.csv", 2);
  spec.min_lag = 1;
  const auto outcome = run_causal(spec);
  ASSERT_TRUE(outcome);
  const auto p = matrix_of(result_file(*outcome, "result.h5"), "p_matrix");
  for (std::size_t k = 0; k < p.size(); k += 3) EXPECT_EQ(p[k], 1.0);
}

TEST(Pcmci, DigestIsOfTheResultNotOfTheFileOrTheName) {
  const Svar svar = make_svar(6, 300, 2, 4);
  const CausalSpec spec = spec_of(svar, "digest.csv", 2);
  const auto first = run_causal(spec, "one");
  const auto renamed = run_causal(spec_of(svar, "digest2.csv", 2), "another");
  CausalSpec stricter = spec;
  stricter.alpha = 1e-9;
  const auto other = run_causal(stricter);
  ASSERT_TRUE(first && renamed && other);
  EXPECT_EQ(first->digest, renamed->digest);
  EXPECT_NE(first->digest, other->digest);
  EXPECT_EQ(result_file(*first, "result.h5"), result_file(*renamed, "result.h5"));
}

SpecFacts facts_of(const CausalSpec& spec) {
  JobSpec job;
  job.kind = spec;
  const auto comm = workers::make_self_communicator();
  const Setting setting{*comm, 1, Backend::cpu};
  const auto kind = make_job_kind(job, setting).value();
  EXPECT_TRUE(kind->load());
  return kind->facts();
}

TEST(Pcmci, FactsHoldTheContentOfTheDataNotItsFolder) {
  const Svar svar = make_svar(4, 100, 1, 4);
  CausalSpec here = spec_of(svar, "facts.csv", 1);
  CausalSpec there = here;
  std::filesystem::create_directories(temp_path("folder"));
  there.data = temp_path("folder") + "/" + std::filesystem::path(here.data).filename().string();
  write_csv(svar, there.data);
  EXPECT_EQ(facts_of(here), facts_of(there));
  write_csv(make_svar(4, 100, 1, 5), there.data);
  EXPECT_NE(facts_of(here), facts_of(there));
}

TEST(Pcmci, EveryRankGetsTheErrorOfTheRankThatReads) {
  CausalSpec spec;
  spec.data = temp_path("nothing_like_it.csv");
  JobSpec job;
  job.kind = spec;
  std::mutex mutex;
  std::vector<Code> codes;
  workers::run_on_threads(3, 20, [&](Communicator& comm) {
    const Setting setting{comm, 1, Backend::cpu};
    const auto kind = make_job_kind(job, setting).value();
    const auto loaded = kind->load();
    const std::lock_guard lock(mutex);
    codes.push_back(loaded ? Code::bug : loaded.error().code);
  });
  EXPECT_EQ(codes, std::vector<Code>(3, Code::input_missing));
}

Code refusal(const CausalSpec& spec, const JobSpec& like = {}) {
  JobSpec job = like;
  job.kind = spec;
  const auto comm = workers::make_self_communicator();
  const Setting setting{*comm, 1, Backend::cpu};
  const auto kind = make_job_kind(job, setting);
  if (!kind) return kind.error().code;
  const auto loaded = (*kind)->load();
  return loaded ? Code::bug : loaded.error().code;
}

TEST(Pcmci, RefusesMoreMemoryThanTheJobMayHave) {
  const CausalSpec spec = spec_of(make_svar(40, 100, 3, 4), "memory.csv", 3);
  JobSpec job;
  job.resources.memory_per_rank_bytes = 100'000;
  EXPECT_EQ(refusal(spec, job), Code::refused);
  job.resources.memory_per_rank_bytes = std::int64_t{1} << 30;
  EXPECT_EQ(refusal(spec, job), Code::bug);  // no refusal
}

TEST(Pcmci, WithoutADeviceCudaIsADeviceError) {
  JobSpec job;
  job.kind = spec_of(make_svar(4, 100, 1, 4), "cuda.csv", 1);
  const auto comm = workers::make_self_communicator();
  const Setting setting{*comm, 1, Backend::cuda};
  const auto kind = make_job_kind(job, setting).value();
  ASSERT_TRUE(kind->load());
  const auto started = kind->init();
  if (started) GTEST_SKIP() << "there is a device";
  EXPECT_EQ(started.error().code, Code::device);
}

}  // namespace
}  // namespace sovren::jobs
