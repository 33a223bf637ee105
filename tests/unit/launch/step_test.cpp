// SPDX-License-Identifier: Apache-2.0
// Steps of an allocation: where their tasks go, and what they are told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "workers/launch/step_layout.h"
#include "workers/launch/step_mpirun.h"
#include "workers/launch/step_plan.h"

namespace sovren::workers {
namespace {

using Sharing = StepRequest::Sharing;
using Tasks = std::vector<std::vector<int>>;

Allocation allocation_of(int nodes, int cpus, int gpus = 0) {
  Allocation allocation{.job = 7,
                        .array_job = 5,
                        .array_task = "9",
                        .job_name = "name",
                        .user = "ada",
                        .job_dir = "/jobs/7",
                        .mpirun = "/bin/mpirun"};
  for (int n = 1; n <= nodes; ++n)
    allocation.nodes.push_back(
        {.name = "n" + std::to_string(n), .tasks = cpus, .cpus = cpus, .gpus = gpus});
  return allocation;
}

std::vector<FreeShare> all_of(const Allocation& allocation) {
  std::vector<FreeShare> free;
  for (const Allocation::Node& node : allocation.nodes) free.push_back({node.cpus, node.gpus});
  return free;
}

/// Tasks on each node of the allocation; nothing: it waits.
std::optional<Tasks> tasks_of(const Allocation& allocation, const StepRequest& request,
                              const std::vector<FreeShare>& free) {
  const auto layout = lay_out(allocation, request, free);
  if (!layout) throw std::runtime_error(layout.error().what);
  if (!*layout) return std::nullopt;
  Tasks tasks(allocation.nodes.size());
  for (const StepLayout::Node& node : (*layout)->nodes)
    tasks[static_cast<std::size_t>(node.place)] = node.tasks;
  return tasks;
}

TEST(StepLayout, TasksGoWhereSlurmPutsThem) {  // seen with 22.05, two nodes of two CPUs
  const Allocation allocation = allocation_of(2, 2);
  const auto free = all_of(allocation);
  const std::pair<StepRequest, Tasks> cases[] = {
      {{.tasks = 4}, {{0, 1}, {2, 3}}},
      {{.tasks = 3}, {{0, 1}, {2}}},
      {{.tasks = 2}, {{0}, {1}}},
      {{.tasks = 1}, {{0}, {}}},
      {{}, {{0}, {1}}},
      {{.tasks = 4, .distribution = StepRequest::Distribution::cyclic}, {{0, 2}, {1, 3}}},
      {{.tasks_per_node = 2}, {{0, 1}, {2, 3}}},
      {{.tasks = 2, .nodes = 1}, {{0, 1}, {}}},
      {{.tasks = 1, .nodelist = {"n2"}}, {{}, {0}}},
      {{.tasks = 1, .excluded = {"n1"}}, {{}, {0}}},
      {{.tasks = 1, .relative = 1}, {{}, {0}}},
      {{.tasks = 2, .cpus_per_task = 2, .sharing = Sharing::exact}, {{0}, {1}}},
      {{.tasks = 7, .is_overcommitted = true}, {{0, 1, 2, 3}, {4, 5, 6}}}};
  for (const auto& [request, tasks] : cases)
    EXPECT_EQ(tasks_of(allocation, request, free), tasks) << testing::PrintToString(tasks);
}

TEST(StepLayout, WhatNeverFitsIsRefusedInSlurmsWords) {
  const Allocation allocation = allocation_of(2, 2, 1);
  const std::pair<StepRequest, const char*> cases[] = {
      {{.tasks = 9}, "Unable to create step for job 7: More processors requested than permitted"},
      {{.tasks = 1, .cpus_per_task = 3}, "More processors requested than permitted"},
      {{.nodes = 3}, "Only allocated 2 nodes asked for 3"},
      {{.tasks = 1, .nodelist = {"n9"}}, "node n9 is none of job 7"},
      {{.tasks = 1, .gpus_per_task = 2}, "Unable to create step"}};
  for (const auto& [request, what] : cases) {
    const auto layout = lay_out(allocation, request, all_of(allocation));
    ASSERT_FALSE(layout.has_value()) << what;
    EXPECT_EQ(layout.error().code, Code::refused);
    EXPECT_THAT(layout.error().what, testing::HasSubstr(what));
  }
}

TEST(StepLayout, StepsWaitForWhatOthersHold) {
  const Allocation allocation = allocation_of(2, 2, 2);
  const std::vector<FreeShare> busy{{1, 1}, {2, 2}};
  EXPECT_EQ(tasks_of(allocation, {.tasks = 1}, busy), (Tasks{{}, {0}})) << "a whole node";
  EXPECT_EQ(tasks_of(allocation, {.tasks = 4}, busy), std::nullopt);
  EXPECT_EQ(tasks_of(allocation, {.tasks = 1, .gpus = 1, .sharing = Sharing::exact}, busy),
            (Tasks{{0}, {}}));
  EXPECT_EQ(tasks_of(allocation, {.tasks = 3, .gpus = 2, .sharing = Sharing::exact}, busy),
            (Tasks{{0}, {1, 2}}))
      << "as much as is free";
  EXPECT_EQ(tasks_of(allocation, {.tasks = 1, .sharing = Sharing::exact}, {{1, 0}, {0, 0}}),
            std::nullopt)
      << "all GPUs of the node, when none are named";
  EXPECT_EQ(tasks_of(allocation, {.tasks = 2, .sharing = Sharing::overlap}, {{0, 0}, {0, 0}}),
            (Tasks{{0}, {1}}));
  EXPECT_EQ(tasks_of(allocation, {.tasks = 2, .nodes = 2, .gpus = 0, .sharing = Sharing::exact},
                     {{2, 2}, {0, 0}}),
            std::nullopt)
      << "two nodes were asked for";
  EXPECT_EQ(
      tasks_of(allocation, {.tasks = 2, .gpus = 0, .sharing = Sharing::exact}, {{2, 2}, {0, 0}}),
      (Tasks{{0, 1}, {}}))
      << "one will do, where nobody asked for two";
}

TEST(StepLayout, AStepTakesWhatItUses) {
  const Allocation allocation = allocation_of(2, 4, 2);
  const auto held = [&](const StepRequest& request) {
    std::vector<std::pair<int, int>> shares;
    const auto layout = lay_out(allocation, request, all_of(allocation));
    for (const StepLayout::Node& node : (*layout)->nodes) shares.emplace_back(node.cpus, node.gpus);
    return shares;
  };
  using Shares = std::vector<std::pair<int, int>>;
  EXPECT_EQ(held({.tasks = 1}), (Shares{{4, 2}}));
  EXPECT_EQ(held({.tasks = 3, .gpus = 3, .sharing = Sharing::exact}), (Shares{{2, 2}, {1, 1}}));
  EXPECT_EQ(held({.tasks = 1, .cpus_per_task = 3, .gpus_per_node = 0, .sharing = Sharing::exact}),
            (Shares{{3, 0}}));
  EXPECT_EQ(held({.tasks = 2, .gpus_per_task = 1, .sharing = Sharing::exact}),
            (Shares{{1, 1}, {1, 1}}));
  EXPECT_EQ(held({.tasks = 1, .sharing = Sharing::overlap}), (Shares{{0, 2}}));
}

StepPlan plan_of() {
  StepPlan plan{.allocation = allocation_of(2, 2, 2), .number = 3};
  plan.layout =
      **lay_out(plan.allocation, {.tasks = 3, .sharing = Sharing::exact}, all_of(plan.allocation));
  plan.gpus = {{0, 1}, {1}};
  plan.input = {.file = "/in-%t"};
  plan.output = {.file = "", .only_task = 1};
  plan.is_labelled = true;
  plan.folder = "/a b";
  plan.name = "step";
  plan.cpus_per_task = 2;
  plan.exit_folder = "/jobs/7/.step";
  return plan;
}

TEST(StepPlan, IsReadAsItIsWritten) {
  StepPlan plan = plan_of();
  const auto read = parse_step(print_step(plan));
  ASSERT_TRUE(read.has_value()) << to_text(read.error());
  EXPECT_EQ(*read, plan);
  EXPECT_EQ(parse_allocation(print_allocation(plan.allocation)), plan.allocation);
  for (const char* wrong : {"", "{}", "[]", "{\"allocation\":\"{}\"}"})
    EXPECT_FALSE(parse_step(wrong).has_value()) << wrong;
}

TEST(StepPlan, TasksLearnWhoTheyAre) {
  const StepPlan plan = plan_of();
  EXPECT_THAT(step_variables(plan),
              testing::IsSupersetOf(std::vector<std::pair<std::string, std::string>>{
                  {"SLURM_STEP_ID", "3"},
                  {"SLURM_NTASKS", "3"},
                  {"SLURM_STEP_NODELIST", "n[1-2]"},
                  {"SLURM_STEP_TASKS_PER_NODE", "2,1"},
                  {"SLURM_JOB_NAME", "step"},
                  {"SLURM_CPUS_PER_TASK", "2"}}));
  EXPECT_THAT(task_variables(plan, 1),
              testing::IsSupersetOf(
                  std::vector<std::pair<std::string, std::string>>{{"SLURM_PROCID", "1"},
                                                                   {"SLURM_LOCALID", "1"},
                                                                   {"SLURM_NODEID", "0"},
                                                                   {"SLURM_GTIDS", "0,1"},
                                                                   {"SLURMD_NODENAME", "n1"}}));
  EXPECT_THAT(task_variables(plan, 2),
              testing::IsSupersetOf(std::vector<std::pair<std::string, std::string>>{
                  {"SLURM_LOCALID", "0"}, {"SLURM_NODEID", "1"}, {"SLURMD_NODENAME", "n2"}}));
  EXPECT_EQ(file_of_task(plan, "%A_%a-%J-%2t-%n-%N-%u-%x", 2), "5_9-7.3-02-1-n2-ada-step");
}

TEST(StepPlan, TasksShareTheGpusOfTheirNode) {
  StepPlan plan = plan_of();
  EXPECT_EQ(gpus_of_task(plan, 0, "GPU-a,GPU-b"), "GPU-a,GPU-b");
  EXPECT_EQ(gpus_of_task(plan, 2, "GPU-a,GPU-b"), "GPU-b");
  plan.gpus_per_task = 1;
  EXPECT_EQ(gpus_of_task(plan, 1, "GPU-a,GPU-b"), "GPU-b");
}

bool has_pair(const std::vector<std::string>& argv, const std::string& key,
              const std::string& value) {
  for (std::size_t i = 0; i + 1 < argv.size(); ++i)
    if (argv[i] == key && argv[i + 1] == value) return true;
  return false;
}

TEST(StepMpirun, NamesTheNodesOfTheStep) {
  StepPlan plan = plan_of();
  MpirunCall call = mpirun_call(plan, {"prog", "-n"}, {.task_program = "/bin/sovren"});
  EXPECT_EQ(call.argv[0], "/bin/mpirun");
  EXPECT_TRUE(has_pair(call.argv, "--host", "n1:2,n2:1"));
  EXPECT_TRUE(has_pair(call.argv, "--map-by", "slot"));
  EXPECT_TRUE(has_pair(call.argv, "-x", "SOVREN_STEP")) << "also for tasks elsewhere";
  EXPECT_FALSE(has_pair(call.argv, "plm", "isolated"));
  EXPECT_THAT((std::vector<std::string>{call.argv.end() - 5, call.argv.end()}),
              testing::ElementsAre("/bin/sovren", "srun-task", "--", "prog", "-n"));
  plan.layout =
      **lay_out(plan.allocation, {.tasks = 4, .distribution = StepRequest::Distribution::cyclic},
                all_of(plan.allocation));
  call = mpirun_call(plan, {"prog"}, {});
  EXPECT_TRUE(has_pair(call.argv, "--map-by", "node"));
  plan.layout = **lay_out(plan.allocation, {.tasks = 2, .nodes = 1}, all_of(plan.allocation));
  call = mpirun_call(plan, {"prog"}, {});
  EXPECT_TRUE(has_pair(call.argv, "--host", "localhost:2"));
  EXPECT_TRUE(has_pair(call.argv, "plm", "isolated"));
}

}  // namespace
}  // namespace sovren::workers
