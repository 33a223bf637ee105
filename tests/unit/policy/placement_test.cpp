// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/placement.h"

#include <gtest/gtest.h>

#include <numeric>

#include "scheduler/policy/policy.h"
#include "tests/unit/policy/cluster.h"

namespace sovren::policy {
namespace {

Room room(int cpus_free, int cpus_total, int gpus_free = 0, int gpus_total = 0) {
  return {.cpus_total = cpus_total,
          .gpus_total = gpus_total,
          .memory_total_bytes = 100,
          .cpus = cpus_free,
          .gpus = gpus_free,
          .memory_bytes = 100,
          .attempts = cpus_free < cpus_total ? 1 : 0};
}

std::vector<int> all_of(const std::vector<Room>& rooms) {
  std::vector<int> nodes(rooms.size());
  std::iota(nodes.begin(), nodes.end(), 0);
  return nodes;
}

struct Case {
  const char* claim;
  Resources asks;
  int cpus_free, cpus_total;
  int ranks;  ///< expected; 0: does not fit
  Growth growth = Growth::up_to_ranks;
};

TEST(Placement, FollowsTheTableOnOneNode) {
  using O = Oversubscribe;
  const Case cases[] = {
      {"fits exactly", {.ranks = 2}, 2, 2, 2},
      {"waits for cores in use", {.ranks = 2}, 1, 2, 0},
      {"shares an idle node by default", {.ranks = 8}, 2, 2, 8},
      {"shares by four at most", {.ranks = 9}, 2, 2, 0},
      {"does not share a node in use", {.ranks = 8}, 1, 2, 0},
      {"does not share when told not to", {.ranks = 3, .oversubscribe = O::no}, 2, 2, 0},
      {"shares without bound when told to", {.ranks = 64, .oversubscribe = O::yes}, 2, 2, 64},
      {"waits rather than share what could be free",
       {.ranks = 2, .oversubscribe = O::yes},
       1,
       2,
       0},
      {"counts cores of each rank", {.ranks = 2, .cpus_per_rank = 2}, 4, 4, 2},
      {"counts cores of each rank when sharing", {.ranks = 5, .cpus_per_rank = 2}, 2, 2, 0},
      {"starts smaller", {.ranks = 4, .ranks_min = 1}, 3, 4, 3},
      {"not smaller than its least", {.ranks = 4, .ranks_min = 3}, 2, 4, 0},
      {"starts smaller rather than share", {.ranks = 4, .ranks_min = 1}, 2, 2, 2},
      {"shares as little as it must", {.ranks = 8, .ranks_min = 3}, 2, 2, 3},
      {"stays at ranks if others wait", {.ranks = 2, .ranks_max = 4}, 4, 4, 2},
      {"grows when alone", {.ranks = 2, .ranks_max = 4}, 4, 4, 4, Growth::up_to_ranks_max},
      {"grows as far as fits", {.ranks = 2, .ranks_max = 8}, 3, 4, 3, Growth::up_to_ranks_max},
      {"never grows by sharing", {.ranks = 2, .ranks_max = 8}, 2, 2, 2, Growth::up_to_ranks_max},
      {"counts memory", {.ranks = 2, .memory_per_rank_bytes = 51}, 2, 2, 0},
      {"counts memory when sharing", {.ranks = 4, .memory_per_rank_bytes = 26}, 2, 2, 0},
      {"shrinks to memory", {.ranks = 4, .ranks_min = 1, .memory_per_rank_bytes = 50}, 4, 4, 2},
      {"needs the GPUs it names", {.ranks = 1, .gpus_per_rank = 1}, 2, 2, 0},
      {"needs a GPU for CUDA", {.ranks = 1, .backend = Backend::cuda}, 2, 2, 0},
  };
  for (const Case& c : cases) {
    const auto placed =
        place(c.asks, c.growth, std::vector{room(c.cpus_free, c.cpus_total)}, all_of({{}}));
    EXPECT_EQ(placed ? placed->ranks : 0, c.ranks) << c.claim;
  }
}

TEST(Placement, TakesTheNodeWithMostRanksThenFewestLeftovers) {
  const Resources elastic{.ranks = 4, .ranks_min = 1};
  const auto node_for = [](const Resources& asks, const std::vector<Room>& rooms) {
    return std::string(
        1, "abc"[place(asks, Growth::up_to_ranks, rooms, all_of(rooms))->shares[0].node]);
  };
  EXPECT_EQ(node_for(elastic, {room(2, 8), room(4, 8)}), "b");
  EXPECT_EQ(node_for({.ranks = 2}, {room(8, 8), room(2, 8)}), "b") << "packs";
  EXPECT_EQ(node_for({.ranks = 2}, {room(2, 2, 1, 1), room(8, 8)}), "b")
      << "leaves GPUs to those that ask for them";
  EXPECT_EQ(node_for({.ranks = 2}, {room(4, 4), room(4, 4)}), "a") << "ties by name";
  EXPECT_EQ(node_for({.ranks = 1, .gpus_per_rank = 1}, {room(4, 4), room(4, 4, 1, 1)}), "b");
}

TEST(Placement, SpreadsAGangEvenlyOverTheTightestNodes) {
  const std::vector<Room> rooms{room(8, 8), room(2, 8), room(4, 8), room(1, 8)};
  const auto shares = [&](int nodes, int ranks) {
    std::string text;
    const auto placed =
        place({.nodes = nodes, .ranks = ranks}, Growth::up_to_ranks, rooms, all_of(rooms));
    if (!placed) return text;
    for (const Share& share : placed->shares)
      text += std::to_string(share.node) + "x" + std::to_string(share.ranks) + " ";
    return text;
  };
  EXPECT_EQ(shares(2, 2), "3x1 1x1 ");
  EXPECT_EQ(shares(3, 6), "1x2 2x2 0x2 ");
  EXPECT_EQ(shares(3, 7), "2x3 1x2 0x2 ") << "who can take one more comes first";
  EXPECT_EQ(shares(2, 8), "2x4 0x4 ");
  EXPECT_EQ(shares(2, 10), "");
  EXPECT_EQ(shares(4, 4), "3x1 1x1 2x1 0x1 ");
  EXPECT_EQ(shares(4, 8), "") << "each node takes as many";
}

TEST(Placement, KeepsExclusiveJobsAlone) {
  const Resources exclusive{.ranks = 1, .exclusive = true};
  std::vector<Room> rooms{room(7, 8), room(8, 8)};
  const auto placed = place(exclusive, Growth::up_to_ranks, rooms, all_of(rooms));
  ASSERT_TRUE(placed);
  EXPECT_EQ(placed->shares[0].node, 1);
  take(rooms[1], exclusive, 1);
  EXPECT_EQ(rooms[1].cpus, 0);
  EXPECT_EQ(place({.ranks = 1}, Growth::up_to_ranks, rooms, all_of(rooms))->shares[0].node, 0);
  EXPECT_FALSE(place(exclusive, Growth::up_to_ranks, rooms, all_of(rooms)));
  give_back(rooms[1], exclusive, 1);
  EXPECT_EQ(rooms[1], room(8, 8));
}

struct Never {
  const char* what;
  JobSpec spec;
};

JobSpec asks(Resources resources) {
  JobSpec spec;
  spec.resources = resources;
  return spec;
}

TEST(CanEverRun, RefusesWithWhatItWouldTake) {
  Cluster cluster;
  cluster.node("a", 2, 1, std::int64_t{4} << 30);
  cluster.node("b", 1);
  using O = Oversubscribe;
  const Never cases[] = {
      {"ranks = 64 needs 64 cores or oversubscribe = \"yes\"; the largest node has 2 cores (8 "
       "ranks "
       "with oversubscription)",
       asks({.ranks = 64})},
      {"ranks = 4 needs 4 cores or oversubscribe = \"auto\"; the largest node has 2 cores (8 ranks "
       "with oversubscription)",
       asks({.ranks = 4, .oversubscribe = O::no})},
      {"ranks = 3 with cpus_per_rank = 4 needs 12 cores or oversubscribe = \"yes\"; the largest "
       "node "
       "has 2 cores (2 ranks with oversubscription)",
       asks({.ranks = 3, .cpus_per_rank = 4})},
      {"ranks_min = 9 needs 9 cores or oversubscribe = \"yes\"; the largest node has 2 cores (8 "
       "ranks "
       "with oversubscription)",
       asks({.ranks = 12, .ranks_min = 9})},
      {"nodes = 3 needs 3 nodes; 2 known would do", asks({.nodes = 3, .ranks = 3})},
      {"nodes = 2 with ranks = 1: each node needs a rank of its own", asks({.nodes = 2})},
      {"ranks = 10 on nodes = 2: too few of 2 nodes are large enough",
       asks({.nodes = 2, .ranks = 10})},
  };
  for (const Never& c : cases) {
    const auto result = can_ever_run(c.spec, cluster.state);
    ASSERT_FALSE(result) << c.what;
    EXPECT_EQ(result.error().code, Code::refused);
    EXPECT_EQ(result.error().what, c.what);
    EXPECT_FALSE(result.error().hint.empty());
  }
}

TEST(CanEverRun, NamesTheScarceResource) {
  Cluster cluster;
  cluster.node("a", 8, 1, 1000);
  const auto what = [&](Resources r) { return can_ever_run(asks(r), cluster.state).error().what; };
  EXPECT_EQ(what({.ranks = 2, .gpus_per_rank = 1}),
            "ranks = 2 with gpus_per_rank = 1 needs 2 GPUs; the most on one node is 1");
  EXPECT_EQ(what({.ranks = 2, .memory_per_rank_bytes = 501}),
            "ranks = 2 with memory_per_rank = \"501B\" needs 1002B; the most on one node is 1000B");
  Cluster cpu_only;
  cpu_only.node("a", 8);
  EXPECT_EQ(can_ever_run(asks({.backend = Backend::cuda}), cpu_only.state).error().what,
            "backend = \"cuda\" needs a GPU; no node has one");
  cpu_only.node("b", 1, 4);
  EXPECT_EQ(can_ever_run(asks({.ranks = 4, .gpus_per_rank = 1, .oversubscribe = Oversubscribe::no}),
                         cpu_only.state)
                .error()
                .what,
            "ranks = 4 fits on no node: cores, GPUs and memory are on different ones");
}

TEST(CanEverRun, AsksOfIdleNodes) {
  Cluster cluster;
  cluster.node("a", 2);
  const JobId busy = cluster.submit(job_with_ranks(2));
  cluster.start(busy, "a", 2);
  EXPECT_TRUE(can_ever_run(job_with_ranks(8), cluster.state));
  EXPECT_FALSE(can_ever_run(job_with_ranks(1), State{}));
}

}  // namespace
}  // namespace sovren::policy
