// SPDX-License-Identifier: Apache-2.0
// Run by mpirun as one rank of several: all ranks walk through the same tests in the same order.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

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

/// Rank 0, which has the counter, ends no call: the others see it at the deadline.
int leave_the_takers_waiting() {
  auto comm = make_mpi_communicator(0.5);
  if (!comm || !(*comm)->set_counter(0)) return 1;
  if ((*comm)->rank() == 0)
    for (;;) ::pause();
  const auto taken = (*comm)->take(1);
  if (taken.has_value() || taken.error().code != Code::peer_lost) (*comm)->abort(1);
  if ((*comm)->barrier().error().code != Code::peer_lost) (*comm)->abort(2);
  (*comm)->abort(75);
  return 3;
}

int run(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "--silent-counter") == 0) return leave_the_takers_waiting();
  if (argc > 1 && std::strcmp(argv[1], "--silent-peer") == 0) return leave_the_others_waiting();
  testing::InitGoogleTest(&argc, argv);
  // Small rounds, so that the laws' buffers need several.
  auto comm = make_mpi_communicator(60, 100'000);
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
