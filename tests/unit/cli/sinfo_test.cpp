// SPDX-License-Identifier: Apache-2.0
// Listings of nodes as sinfo of Slurm 22.05.8 prints them; the lines were recorded from it.
#include <gtest/gtest.h>

#include "cli/sinfo_fields.h"

namespace sovren::cli {
namespace {

using State = SlurmNode::State;

std::vector<SlurmNode> nodes() {
  return {{.name = "n1", .state = State::idle, .cpus = 4, .gpus = 2, .memory_mib = 4000},
          {.name = "n2",
           .state = State::allocated,
           .cpus = 4,
           .cpus_used = 4,
           .gpus = 2,
           .memory_mib = 4000},
          {.name = "n3", .state = State::idle, .cpus = 4, .gpus = 2, .memory_mib = 4000},
          {.name = "n4",
           .state = State::drained,
           .why = "disk",
           .by = "root",
           .cpus = 8,
           .memory_mib = 8000}};
}

const SlurmPartition work{.name = "work", .is_default = true};

std::vector<std::string> listed(const std::string& format, const std::vector<SlurmNode>& some) {
  std::vector<const SlurmNode*> all;
  for (const SlurmNode& node : some) all.push_back(&node);
  const auto read = format_of_letters(sinfo_fields(), format, [](const std::string&) {});
  std::vector<std::string> lines;
  for (const SinfoRow& row : sinfo_rows(work, all, read, {})) lines.push_back(read.line(row, {}));
  return lines;
}

TEST(Sinfo, NodesInOneStateAreALine) {
  EXPECT_EQ(listed("%9P %.5a %.10l %.6D %.6t %N", nodes()),
            (std::vector<std::string>{"work*        up   infinite      1  drain n4\n",
                                      "work*        up   infinite      1  alloc n2\n",
                                      "work*        up   infinite      2   idle n[1,3]\n"}));
}

TEST(Sinfo, WhatIsAskedForPartsThem) {
  EXPECT_EQ(listed("%c %m %D", nodes()), (std::vector<std::string>{"8 8000 1\n", "4 4000 3\n"}));
  EXPECT_EQ(listed("%P %F %C", nodes()), std::vector<std::string>{"work* 1/2/1/4 4/8/8/20\n"});
  EXPECT_EQ(listed("%G|%E|%u", nodes()).front(), "(null)|disk|root\n");
}

TEST(Sinfo, APartitionWithoutNodesIsALineOfItsOwn) {
  EXPECT_EQ(listed("%9P %.5a %.10l %.6D %.6t %N", {}),
            std::vector<std::string>{"work*        up   infinite      0    n/a \n"});
}

TEST(Sinfo, StatesHaveTwoSpellings) {
  for (const State state : {State::down, State::draining, State::drained, State::mixed,
                            State::allocated, State::idle}) {
    EXPECT_EQ(slurm_node_state(short_node_state(state)), state);
    EXPECT_EQ(slurm_node_state(long_node_state(state)), state);
  }
  EXPECT_EQ(slurm_node_state("DOWN"), State::down);
  EXPECT_EQ(slurm_node_state("foo"), std::nullopt);
}

}  // namespace
}  // namespace sovren::cli
