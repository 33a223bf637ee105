// SPDX-License-Identifier: Apache-2.0
#include "workers/launch/isolation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <set>

namespace sovren::workers {
namespace {

using testing::ElementsAre;

TEST(Cores, DescribedMachineIsRead) {
  const std::vector<Core> cores = describe_cores("package:2 numa:2 core:2 pu:1");
  ASSERT_EQ(cores.size(), 8U);
  EXPECT_EQ(cores[3].number, 3);
  EXPECT_EQ(cores[3].numa, 1);
  EXPECT_EQ(cores[3].package, 0);
  EXPECT_EQ(cores[7].numa, 3);
  EXPECT_EQ(cores[7].package, 1);
  const std::map<std::string, std::string> labels = topology_labels(cores);
  EXPECT_EQ(labels.at("sockets"), "2");
  EXPECT_EQ(labels.at("numa_nodes"), "4");
}

TEST(Cores, ThisMachineHasThoseThatThisProcessMayUse) {
  cpu_set_t may_use;
  ASSERT_EQ(::sched_getaffinity(0, sizeof may_use, &may_use), 0);
  const std::vector<Core> cores = discover_cores();
  EXPECT_EQ(static_cast<int>(cores.size()), CPU_COUNT(&may_use));
  for (const Core& core : cores) EXPECT_TRUE(CPU_ISSET(core.number, &may_use)) << core.number;
}

TEST(CoreMap, GivesEachCoreOnceAndTakesItBack) {
  CoreMap map(describe_cores("package:1 core:4 pu:1"));
  const auto first = map.take(2), second = map.take(2);
  ASSERT_TRUE(first && second);
  std::set<int> all(first->begin(), first->end());
  all.insert(second->begin(), second->end());
  EXPECT_EQ(all.size(), 4U);
  EXPECT_FALSE(map.take(1).has_value());
  map.give_back(*first);
  EXPECT_EQ(map.take(2), first);
}

TEST(CoreMap, KeepsAnAttemptInOneNumaNodeAndLeavesTheLargeOnesWhole) {
  CoreMap map(describe_cores("package:2 numa:1 core:4 pu:1"));
  EXPECT_THAT(map.take(1).value(), ElementsAre(0));
  EXPECT_THAT(map.take(2).value(), ElementsAre(1, 2)) << "fills the node that is begun";
  EXPECT_THAT(map.take(4).value(), ElementsAre(4, 5, 6, 7)) << "the other is whole";
  EXPECT_THAT(map.take(1).value(), ElementsAre(3));
}

TEST(CoreMap, SpreadsOnlyWhenNoNumaNodeHasRoom) {
  CoreMap map(describe_cores("package:2 numa:1 core:2 pu:1"));
  EXPECT_THAT(map.take(3).value(), ElementsAre(0, 1, 2));
}

std::vector<Gpu> three_gpus() {
  return {{"GPU-aaaa", "X", 1}, {"GPU-bbbb", "X", 1}, {"GPU-cccc", "X", 1}};
}

std::vector<std::string> ids_of(const std::vector<Gpu>& gpus) {
  std::vector<std::string> ids;
  for (const Gpu& gpu : gpus) ids.push_back(gpu.id);
  return ids;
}

TEST(Gpus, VisibleOnesAreChosenAsCudaDoes) {
  const auto left = [](const char* list) { return ids_of(visible_gpus(three_gpus(), list)); };
  EXPECT_EQ(left(nullptr).size(), 3U);
  EXPECT_THAT(left("2,0"), ElementsAre("GPU-cccc", "GPU-aaaa"));
  EXPECT_THAT(left("GPU-b"), ElementsAre("GPU-bbbb"));
  EXPECT_THAT(left("1,7,0"), ElementsAre("GPU-bbbb")) << "ends at the first that is none";
  EXPECT_TRUE(left("").empty());
  EXPECT_TRUE(left("-1").empty());
}

TEST(Gpus, DriversAnswerHasAModelAndMemory) {
  const std::vector<Gpu> gpus = discover_gpus("", nullptr);
  if (gpus.empty() || gpus[0].model.empty()) GTEST_SKIP() << "there is no NVIDIA driver here";
  for (const Gpu& gpu : gpus) {
    EXPECT_TRUE(gpu.id.starts_with("GPU-")) << gpu.id;
    EXPECT_GT(gpu.memory_bytes, std::int64_t{1} << 30) << gpu.model;
  }
}

TEST(Isolation, AttemptsHoldDistinctGpusUntilTheyEnd) {
  Isolation isolation({}, three_gpus(), std::nullopt);
  auto first = isolation.take({.name = "a", .gpus = 2});
  ASSERT_TRUE(first.has_value());
  EXPECT_THAT(first->gpus.value(), ElementsAre("GPU-aaaa", "GPU-bbbb"));
  {
    const auto second = isolation.take({.name = "b", .gpus = 1});
    EXPECT_THAT(second->gpus.value(), ElementsAre("GPU-cccc"));
  }
  const auto none = isolation.take({.name = "c", .gpus = 0});
  EXPECT_TRUE(none->gpus.value().empty()) << "a job without GPUs sees none";
  EXPECT_THAT(isolation.take({.name = "d", .gpus = 1})->gpus.value(), ElementsAre("GPU-cccc"));
}

/// Runs a shell in a control group of 32 MiB, and gives its wait status.
int run_bounded(const CgroupParent& parent, const char* script, bool& was_out_of_memory) {
  auto group = parent.make("sovren-test-" + std::to_string(::getpid()), std::int64_t{32} << 20);
  if (!group) {
    ADD_FAILURE() << to_text(group.error());
    return -1;
  }
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (::write(group->procs_fd(), "0", 1) != 1) ::_exit(99);
    ::execl("/bin/sh", "sh", "-c", script, nullptr);
    ::_exit(98);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  was_out_of_memory = group->has_run_out_of_memory();
  return WEXITSTATUS(status);
}

TEST(Cgroup, BoundsMemoryAndTellsWhenItKilled) {
  const auto parent = CgroupParent::find();
  if (!parent) GTEST_SKIP() << "no control group may be made here";
  bool was_out_of_memory = true;
  EXPECT_EQ(run_bounded(*parent, "exit 7", was_out_of_memory), 7);
  EXPECT_FALSE(was_out_of_memory);
  EXPECT_EQ(
      run_bounded(*parent, "head -c 200000000 /dev/zero | tail > /dev/null", was_out_of_memory),
      137);
  EXPECT_TRUE(was_out_of_memory);
}

}  // namespace
}  // namespace sovren::workers
