// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "tests/unit/comm/laws.h"
#include "workers/comm/comm.h"

namespace sovren::workers {
namespace {

class CommunicatorLaw : public testing::TestWithParam<std::tuple<int, laws::Law>> {};

// 0 ranks stands for the communicator of a single process.
TEST_P(CommunicatorLaw, Holds) {
  const auto& [ranks, law] = GetParam();
  if (ranks == 0)
    law.holds(*make_self_communicator());
  else
    run_on_threads(ranks, 60, law.holds);
}

INSTANTIATE_TEST_SUITE_P(Ranks, CommunicatorLaw,
                         testing::Combine(testing::Values(0, 1, 2, 3, 4, 7),
                                          testing::ValuesIn(laws::all())),
                         [](const auto& one) {
                           const int ranks = std::get<0>(one.param);
                           return (ranks == 0 ? "Self" : "Threads" + std::to_string(ranks)) +
                                  std::get<1>(one.param).name;
                         });

TEST(ReduceTree, AddsInTheOrderOfTheTree) {
  // ((a b)(c d))e: any other order gives other bits.
  const double a = 1e16, b = 1, c = -1e16, d = 1, e = 0.25;
  std::vector<double> rows{a, b, c, d, e};
  reduce_tree(std::span(rows), 5, Reduce::sum);
  EXPECT_EQ(rows[0], ((a + b) + (c + d)) + e);
  EXPECT_NE(rows[0], (((a + b) + c) + d) + e);
}

TEST(SelfCommunicator, CopiesWhatItGathers) {
  const auto comm = make_self_communicator();
  laws::Bytes mine = laws::pattern(3, 100);
  const auto all = comm->all_gather(mine);
  mine.assign(mine.size(), std::byte{0});
  ASSERT_TRUE(all.has_value());
  EXPECT_EQ((*all)[0], laws::pattern(3, 100));
}

TEST(ThreadCommunicator, RankThatLeavesIsLostToTheOthers) {
  std::atomic<int> lost = 0;
  run_on_threads(3, 60, [&](Communicator& comm) {
    if (comm.rank() == 1) return;
    const auto done = comm.barrier();
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().code, Code::peer_lost);
    EXPECT_NE(done.error().what.find("rank 1"), std::string::npos) << done.error().what;
    EXPECT_EQ(comm.all_gather({}).error().code, Code::peer_lost) << "the loss is sticky";
    ++lost;
  });
  EXPECT_EQ(lost, 2);
}

TEST(ThreadCommunicator, RankThatThrowsIsLostAndItsExceptionComesBack) {
  std::atomic<int> lost = 0;
  EXPECT_THROW(run_on_threads(3, 60,
                              [&](Communicator& comm) {
                                if (comm.rank() == 2) throw std::runtime_error("rank 2 fails");
                                if (!comm.barrier().has_value()) ++lost;
                              }),
               std::runtime_error);
  EXPECT_EQ(lost, 2);
}

TEST(ThreadCommunicator, AbortEndsTheRankAndTellsTheOthers) {
  std::atomic<int> lost = 0;
  std::atomic<bool> went_on = false;
  run_on_threads(2, 60, [&](Communicator& comm) {
    if (comm.rank() == 0) {
      comm.abort(75);
      went_on = true;
    }
    if (!comm.barrier().has_value()) ++lost;
  });
  EXPECT_EQ(lost, 1);
  EXPECT_FALSE(went_on);
}

TEST(ThreadCommunicator, SilentRankIsLostAtTheDeadline) {
  std::atomic<int> lost = 0;
  std::atomic<bool> is_released = false;
  const auto start = std::chrono::steady_clock::now();
  run_on_threads(3, 0.2, [&](Communicator& comm) {
    if (comm.rank() == 2) {
      while (!is_released) std::this_thread::yield();  // alive, but it never calls
      EXPECT_EQ(comm.barrier().error().code, Code::peer_lost) << "too late";
      return;
    }
    const auto done = comm.barrier();
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().code, Code::peer_lost);
    EXPECT_EQ(done.error().what, "rank 2 did not answer within 0.2 s");
    if (++lost == 2) is_released = true;
  });
  EXPECT_EQ(lost, 2);
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(200));
}

TEST(ThreadCommunicator, LastResultReachesAllThoughAPeerHasLeft) {
  for (int turn = 0; turn < 200; ++turn) {
    std::atomic<int> got = 0;
    run_on_threads(4, 60, [&](Communicator& comm) {
      if (comm.barrier().has_value()) ++got;  // the first to wake leaves at once
    });
    ASSERT_EQ(got, 4);
  }
}

TEST(ThreadCommunicator, NothingIsTakenFromACounterThatWasNeverSet) {
  EXPECT_EQ(make_self_communicator()->take(1).error().code, Code::bug);
  run_on_threads(2, 60, [](Communicator& comm) {
    EXPECT_EQ(comm.take(1).error().code, Code::bug);
    ASSERT_TRUE(comm.barrier().has_value());
  });
}

TEST(ThreadCommunicator, DifferentCallsAreABug) {
  std::atomic<int> found = 0;
  run_on_threads(2, 60, [&](Communicator& comm) {
    double one = 1;
    const auto done =
        comm.rank() == 0 ? comm.barrier() : comm.all_reduce(std::span(&one, 1), Reduce::sum);
    if (!done && done.error().code == Code::bug) ++found;
  });
  EXPECT_EQ(found, 2);
}

}  // namespace
}  // namespace sovren::workers
