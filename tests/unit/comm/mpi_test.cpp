// SPDX-License-Identifier: Apache-2.0
// Run by mpirun as one rank of several: all ranks walk through the same tests in the same order.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include "tests/unit/comm/laws.h"
#include "workers/comm/comm.h"

namespace sovren::workers {
namespace {

Communicator* world = nullptr;

class MpiCommunicatorLaw : public testing::TestWithParam<laws::Law> {};

TEST_P(MpiCommunicatorLaw, Holds) {
  GetParam().holds(*world);
}

INSTANTIATE_TEST_SUITE_P(Mpi, MpiCommunicatorLaw, testing::ValuesIn(laws::all()),
                         [](const auto& one) { return std::string(one.param.name); });

TEST(MpiCommunicator, HasAsManyRanksAsTheTestWasStartedWith) {
  const char* expected = std::getenv("SOVREN_TEST_RANKS");
  ASSERT_NE(expected, nullptr);
  EXPECT_EQ(std::to_string(world->size()), expected);
}

/// Rank 0 makes no call until the others have taken all.
TEST(MpiCommunicator, CounterAnswersWhileItsRankIsBusy) {
  const std::string sign = testing::TempDir() + "/sovren_taken_" + std::to_string(::getppid());
  ASSERT_TRUE(world->set_counter(0).has_value());
  if (world->rank() > 0 || world->size() == 1)
    for (std::int64_t first = 0; first < 100;) {
      const auto taken = world->take(1);
      ASSERT_TRUE(taken.has_value()) << to_text(taken.error());
      first = *taken;
      if (first == 100) std::ofstream(sign) << "all taken";
    }
  else
    while (::access(sign.c_str(), F_OK) != 0) ::usleep(1000);
  EXPECT_GE(*world->take(0), 101);
  EXPECT_TRUE(world->barrier().has_value());
  ::unlink(sign.c_str());
}

/// Rank 1 never calls: the others must see it at the deadline and end the attempt with their code.
int leave_the_others_waiting() {
  auto comm = make_mpi_communicator(0.5);
  if (!comm) return 1;
  if ((*comm)->rank() == 1)
    for (;;) ::pause();
  const auto done = (*comm)->barrier();
  if (done.has_value() || done.error().code != Code::peer_lost) (*comm)->abort(1);
  if ((*comm)->all_gather({}).error().code != Code::peer_lost) (*comm)->abort(2);
  (*comm)->abort(75);
  return 3;
}

/// Rank 0, which has the counter, is stopped: the others see it at the deadline.
int leave_the_takers_waiting() {
  auto comm = make_mpi_communicator(0.5, mpi_round_bytes, 1);
  if (!comm || !(*comm)->set_counter(0)) return 1;
  if ((*comm)->rank() == 0) ::raise(SIGSTOP);
  auto taken = (*comm)->take(1);
  while (taken) taken = (*comm)->take(1);
  if (taken.error().code != Code::peer_lost) (*comm)->abort(1);
  if ((*comm)->barrier().error().code != Code::peer_lost) (*comm)->abort(2);
  (*comm)->abort(75);
  return 3;
}

int run(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "--silent-counter") == 0) return leave_the_takers_waiting();
  if (argc > 1 && std::strcmp(argv[1], "--silent-peer") == 0) return leave_the_others_waiting();
  testing::InitGoogleTest(&argc, argv);
  // Small rounds, so that the laws' buffers need several.
  const char* per_node = std::getenv("SOVREN_TEST_RANKS_PER_NODE");
  auto comm = make_mpi_communicator(60, 100'000, per_node == nullptr ? 100 : std::atoi(per_node));
  if (!comm) {
    std::fprintf(stderr, "%s\n", to_text(comm.error()).c_str());
    return 1;
  }
  world = comm->get();
  return RUN_ALL_TESTS();
}

}  // namespace
}  // namespace sovren::workers

int main(int argc, char** argv) {
  return sovren::workers::run(argc, argv);
}
