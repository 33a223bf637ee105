// SPDX-License-Identifier: Apache-2.0
// The device's trainer over a device made of the CPU (tests/unit/nn/fake_device.h), ranks as
// threads, and what they exchange going through the host: against the CPU's trainer.
#include "jobs/training/device_trainer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <cstring>

#include "jobs/kind/memory_state.h"
#include "tests/unit/nn/fake_device.h"
#include "tests/unit/nn/fake_queue.h"
#include "tests/unit/training/device_run.h"
#include "workers/comm/comm.h"
#include "workers/comm/device.h"

namespace sovren::jobs {
namespace {

using nn::fake::Queue;

workers::DeviceMemoryPort fake_memory() {
  const auto copy = [](void* to, const void* from, std::size_t bytes) -> Result<void> {
    std::memcpy(to, from, bytes);
    return {};
  };
  return {.wait = [](void* stream) -> Result<void> {
            auto& queue = *static_cast<Queue*>(stream);
            queue.run_until(queue.size());
            return {};
          },
          .to_host = copy,
          .to_device = copy};
}

/// One rank with its trainer.
struct Rank {
  explicit Rank(Communicator& of_comm, nn::Transformer::Setting of = setting()) : comm(of_comm) {
    devices = workers::make_staged_communicator(comm, fake_memory(), 4096);
    made = make_device_trainer(small(), of, comm, devices.get(), {});
  }
  Trainer& trainer() { return **made; }

  Communicator& comm;
  std::unique_ptr<DeviceCommunicator> devices;
  Result<std::unique_ptr<Trainer>> made;
};

/// What rank 0 has after some steps; all ranks have the same.
Learned learn(int ranks, std::int64_t steps, int chunk, nn::Transformer::Setting of = setting()) {
  std::vector<Learned> all(static_cast<std::size_t>(ranks));
  workers::run_on_threads(ranks, 60, [&](Communicator& comm) {
    Rank rank(comm, of);
    ASSERT_TRUE(rank.made) << to_text(rank.made.error());
    ASSERT_TRUE(rank.trainer().start(first_parameters()));
    take_steps(rank.trainer(), 0, steps, chunk, all[static_cast<std::size_t>(comm.rank())]);
  });
  for (const Learned& one : all) {
    EXPECT_EQ(one.losses, all[0].losses);
    EXPECT_EQ(one.norms, all[0].norms);
    EXPECT_EQ(one.parameters, all[0].parameters);
  }
  return all[0];
}

TEST(DeviceTrainer, LearnsAsTheCpuDoes) {
  const Learned device = learn(1, 4, micro_batches);
  expect_as_on_cpu(device, 4);
  EXPECT_LT(device.losses.back(), device.losses.front() - 0.3) << "it learns";
}

TEST(DeviceTrainer, RanksLearnAsOneDoes) {
  const Learned one = learn(1, 2, micro_batches);
  for (const int ranks : {2, 3, 4}) {
    const Learned several = learn(ranks, 2, micro_batches);
    ASSERT_EQ(several.losses.size(), one.losses.size());
    for (std::size_t i = 0; i < one.losses.size(); ++i)
      EXPECT_NEAR(several.losses[i], one.losses[i], 1e-3) << ranks << " " << i;
    for (std::size_t i = 0; i < one.norms.size(); ++i)
      EXPECT_NEAR(several.norms[i], one.norms[i], 1e-3 * one.norms[i]) << ranks;
    EXPECT_LT(largest_distance(several.parameters, one.parameters), 0.02) << ranks;
  }
}

TEST(DeviceTrainer, SameRanksGiveTheSameBits) {
  for (const int ranks : {1, 3}) {
    const Learned once = learn(ranks, 2, 2), again = learn(ranks, 2, 2);
    EXPECT_EQ(once.losses, again.losses);
    EXPECT_EQ(once.parameters, again.parameters);
  }
}

TEST(DeviceTrainer, OneRanksChunksDoNotMatter) {
  const Learned whole = learn(1, 2, micro_batches), cut = learn(1, 2, 1);
  EXPECT_EQ(whole.losses, cut.losses);
  EXPECT_EQ(whole.parameters, cut.parameters);
}

TEST(DeviceTrainer, RecomputeGivesTheSameBits) {
  nn::Transformer::Setting again = setting();
  again.recompute = nn::Transformer::Setting::Recompute::block;
  EXPECT_EQ(learn(2, 2, 3, again).parameters, learn(2, 2, 3).parameters);
}

TEST(DeviceTrainer, ResumesInTheMiddleOfAStepWithTheSameBits) {
  for (const int ranks : {1, 2, 4}) {
    const Learned straight = learn(ranks, 3, 2);
    MemoryState state;
    workers::run_on_threads(ranks, 60, [&](Communicator& comm) {
      Rank rank(comm);
      Learned ignored;
      ASSERT_TRUE(rank.trainer().start(first_parameters()));
      take_step(rank.trainer(), 0, 2, ignored);
      ASSERT_TRUE(rank.trainer().accumulate(chunk_of(1, 0, 2)));
      ASSERT_TRUE(rank.trainer().checkpoint(state));
    });
    ASSERT_TRUE(state.complete());
    workers::run_on_threads(ranks, 60, [&](Communicator& comm) {
      Rank rank(comm);
      ASSERT_TRUE(rank.trainer().restore(state));
      ASSERT_TRUE(rank.trainer().accumulate(chunk_of(1, 2, 2)));
      ASSERT_TRUE(rank.trainer().accumulate(chunk_of(1, 4, 1)));
      const auto norm = rank.trainer().gradient_norm();
      ASSERT_TRUE(norm);
      EXPECT_EQ(*norm, straight.norms[1]);
      ASSERT_TRUE(rank.trainer().update(adamw_of(1), std::min(1.0, 1 / *norm)));
      Learned rest;
      take_steps(rank.trainer(), 2, 3, 2, rest);
      EXPECT_EQ(rest.parameters, straight.parameters) << ranks;
    });
  }
}

TEST(DeviceTrainer, ResumesOnAnotherNumberOfRanks) {
  MemoryState state;
  workers::run_on_threads(3, 60, [&](Communicator& comm) {
    Rank rank(comm);
    Learned ignored;
    ASSERT_TRUE(rank.trainer().start(first_parameters()));
    take_step(rank.trainer(), 0, 5, ignored);
    ASSERT_TRUE(rank.trainer().checkpoint(state));
  });
  const auto comm = workers::make_self_communicator();
  Rank alone(*comm);
  ASSERT_TRUE(alone.trainer().restore(state));
  Learned rest;
  take_steps(alone.trainer(), 1, 2, 5, rest);
  EXPECT_LT(largest_distance(rest.parameters, learn(1, 2, 5).parameters), 0.02);
}

TEST(DeviceTrainer, DroppedGradientLeavesNothingBehind) {
  workers::run_on_threads(2, 60, [&](Communicator& comm) {
    Rank dropping(comm), plain(comm);
    Learned a, b;
    ASSERT_TRUE(dropping.trainer().start(first_parameters()));
    ASSERT_TRUE(plain.trainer().start(first_parameters()));
    ASSERT_TRUE(dropping.trainer().accumulate(chunk_of(7, 0, 3)));
    dropping.trainer().drop_gradient();
    take_steps(dropping.trainer(), 0, 1, 5, a);
    take_steps(plain.trainer(), 0, 1, 5, b);
    EXPECT_EQ(a.parameters, b.parameters);
  });
}

TEST(DeviceTrainer, DroppedGradientIsNotInACheckpoint) {
  const auto comm = workers::make_self_communicator();
  Rank rank(*comm);
  MemoryState state;
  ASSERT_TRUE(rank.trainer().start(first_parameters()));
  ASSERT_TRUE(rank.trainer().accumulate(chunk_of(0, 0, 3)));
  rank.trainer().drop_gradient();
  ASSERT_TRUE(rank.trainer().checkpoint(state));
  EXPECT_EQ(state.get_all<std::int64_t>("gradient/parts"), std::vector<std::int64_t>{0});
}

TEST(DeviceTrainer, EvaluationLeavesTheStepAlone) {
  workers::run_on_threads(2, 60, [&](Communicator& comm) {
    Rank looking(comm), plain(comm);
    Learned a, b;
    ASSERT_TRUE(looking.trainer().start(first_parameters()));
    ASSERT_TRUE(plain.trainer().start(first_parameters()));
    ASSERT_TRUE(looking.trainer().accumulate(chunk_of(0, 0, 3)));
    const auto losses = looking.trainer().evaluate(chunk_of(40, 0, 3));
    ASSERT_TRUE(losses);
    EXPECT_EQ(losses->size(), 3U);
    ASSERT_TRUE(looking.trainer().accumulate(chunk_of(0, 3, 2)));
    ASSERT_TRUE(plain.trainer().accumulate(chunk_of(0, 0, 3)));
    ASSERT_TRUE(plain.trainer().accumulate(chunk_of(0, 3, 2)));
    EXPECT_EQ(*looking.trainer().gradient_norm(), *plain.trainer().gradient_norm());
  });
}

TEST(DeviceTrainer, NamesTheFirstTensorThatIsNotFinite) {
  workers::run_on_threads(3, 60, [&](Communicator& comm) {
    Rank rank(comm);
    auto parameters = first_parameters();
    ASSERT_TRUE(rank.trainer().start(parameters));
    ASSERT_TRUE(rank.trainer().accumulate(chunk_of(0, 0, 3)));
    EXPECT_EQ(*rank.trainer().bad_tensor(), "");
    // Of the head's gradient, all is NaN; the table is the first tensor that has it.
    const nn::Tensor& last = *rank.trainer().table().find(nn::Role::final_norm_weight);
    parameters[static_cast<std::size_t>(last.offset)] = std::nanf("");
    ASSERT_TRUE(rank.trainer().start(parameters));
    ASSERT_TRUE(rank.trainer().accumulate(chunk_of(0, 0, 3)));
    EXPECT_EQ(*rank.trainer().bad_tensor(), "wte.weight");
  });
}

TEST(DeviceTrainer, LostPeerIsToldToTheOthers) {
  std::atomic<int> told = 0;
  workers::run_on_threads(3, 60, [&](Communicator& comm) {
    Rank rank(comm);
    ASSERT_TRUE(rank.trainer().start(first_parameters()));
    ASSERT_TRUE(rank.trainer().accumulate(chunk_of(0, 0, 3)));
    if (comm.rank() == 1) return;
    const auto lost = rank.trainer().accumulate(chunk_of(0, 3, 2));
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().code, Code::peer_lost);
    ++told;
  });
  EXPECT_EQ(told, 2);
}

TEST(DeviceTrainer, AllRanksAreRefusedWhereItDoesNotFit) {
  nn::fake::set_free_bytes(1 << 20);
  std::atomic<int> refused = 0;
  workers::run_on_threads(2, 60, [&](Communicator& comm) {
    const Rank rank(comm);
    if (!rank.made && rank.made.error().code == Code::refused) ++refused;
  });
  nn::fake::set_free_bytes(std::int64_t{1} << 40);
  EXPECT_EQ(refused, 2);
}

TEST(DeviceTrainer, LogsThePlanOfTheMemory) {
  const auto comm = workers::make_self_communicator();
  std::string logged;
  const auto made = make_device_trainer(small(), setting(), *comm, nullptr,
                                        [&](const std::string& line) { logged += line; });
  ASSERT_TRUE(made);
  EXPECT_NE(logged.find("activations of blocks"), std::string::npos) << logged;
  EXPECT_NE(logged.find("in all"), std::string::npos);
}

TEST(DeviceTrainer, AllocatesNothingAfterTheStart) {
  const auto comm = workers::make_self_communicator();
  Rank rank(*comm);
  ASSERT_TRUE(rank.trainer().start(first_parameters()));
  const auto before = nn::fake::counts().allocations;
  Learned ignored;
  take_steps(rank.trainer(), 0, 2, 2, ignored);
  ASSERT_TRUE(rank.trainer().evaluate(chunk_of(3, 0, 2)));
  EXPECT_EQ(nn::fake::counts().allocations, before);
}

}  // namespace
}  // namespace sovren::jobs
