// SPDX-License-Identifier: Apache-2.0
#include "slurm/bridge/allocation_here.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace sovren::slurm {
namespace {

using Variables = std::map<std::string, std::string>;

// As a batch script of Slurm 22.05 finds them.
Variables batch_script() {
  return {{"SLURM_JOB_ID", "1234"},
          {"SLURM_JOB_NUM_NODES", "3"},
          {"SLURM_JOB_CPUS_PER_NODE", "4(x2),2"},
          {"SLURM_JOB_NODELIST", "n[01-02],gpu7"},
          {"SLURMD_NODENAME", "n01"}};
}

Result<AllocationHere> read(const Variables& variables) {
  return allocation_here([&](const std::string& name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

void expect_usage(const Variables& variables, const std::string& says) {
  const auto here = read(variables);
  ASSERT_FALSE(here);
  EXPECT_EQ(here.error().code, Code::usage);
  EXPECT_NE(to_text(here.error()).find(says), std::string::npos) << to_text(here.error());
}

TEST(AllocationHere, IsAllNodesTogether) {
  const auto here = read(batch_script());
  ASSERT_TRUE(here) << to_text(here.error());
  EXPECT_EQ(here->site_job, "1234");
  EXPECT_EQ(here->restart, 0);
  EXPECT_EQ(here->continues, "");
  EXPECT_EQ(here->nodes, 3);
  EXPECT_EQ(here->resources, (NodeResources{.cpus = 10, .gpus = 0, .memory_bytes = 0}));
}

TEST(AllocationHere, GpusAndMemoryAreCountedWhateverTheyAreGivenFor) {
  Variables variables = batch_script();
  variables["SLURM_GPUS_ON_NODE"] = "2";
  const auto memory = [&](const char* name, const char* mib) {
    Variables with = variables;
    with[name] = mib;
    return read(with).value().resources.memory_bytes >> 20;
  };
  EXPECT_EQ(read(variables)->resources.gpus, 6);
  EXPECT_EQ(memory("SLURM_MEM_PER_NODE", "1000"), 3000);
  EXPECT_EQ(memory("SLURM_MEM_PER_CPU", "100"), 1000);
  EXPECT_EQ(memory("SLURM_MEM_PER_GPU", "500"), 3000);
}

TEST(AllocationHere, ATaskOfAnArrayIsNamedAsSqueueNamesIt) {
  Variables variables = batch_script();
  variables["SLURM_ARRAY_JOB_ID"] = "1200";
  variables["SLURM_ARRAY_TASK_ID"] = "7";
  variables["SLURM_RESTART_COUNT"] = "2";
  variables["SOVREN_CONTINUES"] = "1100_7";
  const auto here = read(variables);
  ASSERT_TRUE(here);
  EXPECT_EQ(here->site_job, "1200_7");
  EXPECT_EQ(here->restart, 2);
  EXPECT_EQ(here->continues, "1100_7");
}

TEST(AllocationHere, OutsideOfOneIsAUsageErrorWithAHint) {
  expect_usage({}, "sovren submit --to slurm");
}

TEST(AllocationHere, MustBeOnTheNodeOfRankZero) {
  Variables variables = batch_script();
  variables["SLURMD_NODENAME"] = "n02";
  expect_usage(variables, "n01");
  variables.erase("SLURMD_NODENAME");  // salloc on a login node
  expect_usage(variables, "srun --overlap");
  for (const char* list : {"n01", "n01,gpu[1-2]", "n[01,07],gpu7"}) {
    variables["SLURMD_NODENAME"] = "n01";
    variables["SLURM_JOB_NODELIST"] = list;
    EXPECT_TRUE(read(variables)) << list;
  }
}

TEST(AllocationHere, WhatSlurmDoesNotWriteIsAUsageError) {
  for (const char* name : {"SLURM_JOB_CPUS_PER_NODE", "SLURM_JOB_NUM_NODES", "SLURM_RESTART_COUNT",
                           "SLURM_GPUS_ON_NODE", "SLURM_MEM_PER_NODE", "SLURM_JOB_NODELIST"}) {
    Variables variables = batch_script();
    variables[name] = "n[4";
    expect_usage(variables, "not as Slurm writes it");
  }
}

TEST(SumOverNodes, UnfoldsRepeats) {
  EXPECT_EQ(sum_over_nodes("4"), 4);
  EXPECT_EQ(sum_over_nodes("4(x2),2"), 10);
  EXPECT_EQ(sum_over_nodes("72(x1000),1,8(x2)"), 72'017);
  for (const char* list : {"", ",", "4,", "4(x2", "(x2)", "4(x)", "-4", "4x2", "9999999999",
                           "999999999(x999999999)", "4(x-1)"})
    EXPECT_FALSE(sum_over_nodes(list)) << list;
}

}  // namespace
}  // namespace sovren::slurm
