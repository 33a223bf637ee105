// SPDX-License-Identifier: Apache-2.0
// The host-staged communicator over threads, with the host's memory in the device's place; and
// what NCCL's says where there is no device.
#include "workers/comm/device.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <mutex>
#include <numeric>
#include <set>

#include "tests/unit/comm/laws.h"
#include "workers/comm/agree.h"
#include "workers/comm/comm.h"

namespace sovren::workers {
namespace {

using Slices = std::vector<std::size_t>;

/// The host's memory, which counts what crosses.
struct FakeDevice {
  std::size_t largest_bytes = 0;
  int waits = 0;
  bool fails = false;

  DeviceMemoryPort port() {
    const auto copy = [this](void* to, const void* from, std::size_t bytes) -> Result<void> {
      if (fails) return fail({.code = Code::device, .what = "the device fell off the bus"});
      largest_bytes = std::max(largest_bytes, bytes);
      std::memcpy(to, from, bytes);
      return {};
    };
    return {.wait = [this](void*) -> Result<void> {
              ++waits;
              return {};
            },
            .to_host = copy,
            .to_device = copy};
  }
};

float value(int rank, std::size_t i) {
  return static_cast<float>(laws::awkward(rank, i));
}

/// The sum of all ranks' element i, in rank order and in fp32.
float expected_sum(int ranks, std::size_t i) {
  float sum = value(0, i);
  for (int rank = 1; rank < ranks; ++rank) sum += value(rank, i);
  return sum;
}

std::size_t start_of(const Slices& slices, int rank) {
  return std::accumulate(slices.begin(), slices.begin() + rank, std::size_t{0});
}

void expect_sums(Communicator& comm, const Slices& slices, bool in_place) {
  FakeDevice device;
  const auto staged = make_staged_communicator(comm, device.port(), 40);
  ASSERT_EQ(staged->rank(), comm.rank());
  ASSERT_EQ(staged->size(), comm.size());
  const std::size_t whole = start_of(slices, comm.size());
  std::vector<float> from(whole), apart(slices[comm.rank()], -1);
  for (std::size_t i = 0; i < whole; ++i) from[i] = value(comm.rank(), i);
  const std::size_t start = start_of(slices, comm.rank());
  float* to = in_place ? from.data() + start : apart.data();
  const auto done = staged->reduce_scatter(from.data(), to, slices, nullptr);
  ASSERT_TRUE(done) << to_text(done.error());
  for (std::size_t i = 0; i < slices[comm.rank()]; ++i)
    ASSERT_EQ(to[i], expected_sum(comm.size(), start + i)) << i;
  EXPECT_LE(device.largest_bytes, 40U);
  EXPECT_GE(device.waits, 1) << "what was queued before has to be done";
}

void expect_whole(Communicator& comm, const Slices& slices, bool in_place) {
  FakeDevice device;
  const auto staged = make_staged_communicator(comm, device.port(), 40);
  const std::size_t start = start_of(slices, comm.rank());
  std::vector<float> whole(start_of(slices, comm.size()), -1), apart(slices[comm.rank()]);
  float* mine = in_place ? whole.data() + start : apart.data();
  for (std::size_t i = 0; i < slices[comm.rank()]; ++i) mine[i] = value(comm.rank(), i);
  const auto done = staged->all_gather(mine, whole.data(), slices, nullptr);
  ASSERT_TRUE(done) << to_text(done.error());
  for (int rank = 0; rank < comm.size(); ++rank)
    for (std::size_t i = 0; i < slices[rank]; ++i)
      ASSERT_EQ(whole[start_of(slices, rank) + i], value(rank, i)) << rank << " " << i;
}

/// Even, uneven and empty slices; of fewer and of more elements than a piece has.
std::vector<Slices> slices_of(int ranks) {
  const auto count = static_cast<std::size_t>(ranks);
  std::vector<Slices> all{Slices(count, 10), Slices(count, 0), Slices(count, 33)};
  Slices uneven(count), gaps(count);
  for (std::size_t r = 0; r < count; ++r) {
    uneven[r] = 7 * r + 1;
    gaps[r] = r % 2 == 0 ? 0 : 25;
  }
  all.push_back(uneven);
  all.push_back(gaps);
  return all;
}

class StagedCommunicator : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Ranks, StagedCommunicator, testing::Values(1, 2, 3, 4));

TEST_P(StagedCommunicator, SumsInRankOrder) {
  for (const Slices& slices : slices_of(GetParam()))
    for (const bool in_place : {false, true})
      run_on_threads(GetParam(), 60,
                     [&](Communicator& comm) { expect_sums(comm, slices, in_place); });
}

TEST_P(StagedCommunicator, GathersEverySlice) {
  for (const Slices& slices : slices_of(GetParam()))
    for (const bool in_place : {false, true})
      run_on_threads(GetParam(), 60,
                     [&](Communicator& comm) { expect_whole(comm, slices, in_place); });
}

TEST(StagedCommunicatorLoss, LostPeerIsToldAndSticks) {
  std::atomic<int> told = 0;
  run_on_threads(3, 60, [&](Communicator& comm) {
    if (comm.rank() == 2) return;
    FakeDevice device;
    const auto staged = make_staged_communicator(comm, device.port());
    const std::vector<float> from(9);
    std::vector<float> to(3);
    const auto done = staged->reduce_scatter(from.data(), to.data(), Slices{3, 3, 3}, nullptr);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Code::peer_lost);
    EXPECT_EQ(staged->wait(nullptr).error(), done.error());
    ++told;
  });
  EXPECT_EQ(told, 2);
}

TEST(StagedCommunicatorLoss, FailedDeviceSticks) {
  FakeDevice device;
  const auto self = make_self_communicator();
  const auto staged = make_staged_communicator(*self, device.port());
  std::vector<float> data(4);
  device.fails = true;
  const auto done = staged->all_gather(data.data(), data.data(), Slices{4}, nullptr);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::device);
  device.fails = false;
  EXPECT_EQ(staged->reduce_scatter(data.data(), data.data(), Slices{4}, nullptr).error(),
            done.error());
}

TEST(Agree, AllRanksGetTheErrorOfTheLowestThatFailed) {
  std::mutex mutex;
  std::set<std::string> texts;
  run_on_threads(4, 60, [&](Communicator& comm) {
    Result<void> mine;
    if (comm.rank() % 2 == 1)
      mine = fail(
          {.code = Code::refused, .what = "no " + std::to_string(comm.rank()), .hint = "look"});
    const auto all = agree(comm, mine);
    ASSERT_FALSE(all);
    EXPECT_EQ(all.error().code, Code::refused);
    EXPECT_EQ(all.error().hint, "look");
    const std::lock_guard lock(mutex);
    texts.insert(all.error().what);
  });
  EXPECT_EQ(texts, std::set<std::string>{"rank 1: no 1"});
}

TEST(Agree, SucceedsWhereAllDo) {
  run_on_threads(3, 60, [](Communicator& comm) { EXPECT_TRUE(agree(comm, {})); });
}

TEST(NcclCommunicator, AllRanksGetItOrAllGetTheError) {
  std::mutex mutex;
  std::multiset<std::string> errors;
  run_on_threads(3, 60, [&](Communicator& comm) {
    // Where there are devices, none has this number; where there is no CUDA, none at all.
    const auto made = make_nccl_communicator(comm, 4096 + comm.rank(), 5);
    ASSERT_FALSE(made);
    EXPECT_TRUE(comm.barrier()) << "the ranks are still in step";
    const std::lock_guard lock(mutex);
    errors.insert(made.error().what);
  });
  ASSERT_EQ(errors.size(), 3U);
  EXPECT_EQ(errors.count(*errors.begin()), 3U) << "the same everywhere";
}

}  // namespace
}  // namespace sovren::workers
