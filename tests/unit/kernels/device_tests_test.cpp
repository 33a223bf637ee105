// SPDX-License-Identifier: Apache-2.0
// The arithmetic of the CUDA backend, run on the CPU (emulated_engine.h), against the CPU's own.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/base/rng.h"
#include "kernels/causal/conditions.h"
#include "kernels/causal/device_correlation.h"
#include "tests/unit/kernels/emulated_engine.h"
#include "tests/unit/kernels/systems.h"

namespace sovren::kernels {
namespace {

using testing::EmulatedEngine;

/// A source with an emulated device beside it.
struct World {
  World(const std::vector<double>& data, int N, int max_lag, int threads = 4,
        std::size_t scratch = 1 << 20)
      : complete(testing::correlation_of(data, N, max_lag)) {
    auto made = std::make_unique<EmulatedEngine>(complete.view(), threads);
    engine = made.get();
    engine->limit(scratch, 200 << 10);
    device = std::make_unique<DeviceCorrelation>(complete, std::move(made));
  }
  LagCorrelation complete;
  EmulatedEngine* engine;  ///< the device's; gone once it has failed
  std::unique_ptr<DeviceCorrelation> device;
};

/// `count` different nodes, lags 0 .. largest_lag.
std::vector<Node> some_nodes(const Philox& random, std::uint64_t draw, int N, int largest_lag,
                             std::size_t count) {
  std::vector<Node> nodes;
  for (std::uint64_t at = draw << 20; nodes.size() < count; at += 2) {
    const Node node{
        static_cast<int>(random.below(at, static_cast<std::uint64_t>(N))),
        static_cast<int>(random.below(at + 1, static_cast<std::uint64_t>(largest_lag) + 1))};
    if (std::ranges::find(nodes, node) == nodes.end()) nodes.push_back(node);
  }
  return nodes;
}

void expect_same(const Partial& ours, const Partial& theirs, const std::string& what) {
  EXPECT_NEAR(ours.value, theirs.value, 1e-12) << what;
  EXPECT_EQ(ours.df, theirs.df) << what;
  EXPECT_EQ(ours.by_qr, theirs.by_qr) << what;
  EXPECT_EQ(ours.determined, theirs.determined) << what;
}

struct Tests {
  std::vector<std::vector<Node>> z;
  std::vector<TestRequest> requests;
};

/// Tests with 0 .. 40 conditions.
Tests tests_of_all_sizes(int N, int max_lag) {
  Tests tests;
  const Philox random(5);
  for (std::size_t size = 0; size <= 40; ++size)
    tests.z.push_back(some_nodes(random, size, N, 2 * max_lag, size + 2));
  for (auto& nodes : tests.z) {
    const Node y = nodes.back();
    nodes.pop_back();
    const Node x = nodes.back();
    nodes.pop_back();
    tests.requests.push_back({.x = x, .y = y, .z = nodes});
  }
  return tests;
}

TEST(DeviceTests, EqualTheCpuAndTheDefinitionForEverySizeOfConditions) {
  const auto data = testing::chain(300, 12, 3, 4);
  const World world(data, 12, 3);
  const Tests tests = tests_of_all_sizes(12, 3);
  std::vector<Partial> found(tests.requests.size());
  world.device->run(tests.requests, found);
  for (std::size_t k = 0; k < found.size(); ++k) {
    const auto& [x, y, z, critical] = tests.requests[k];
    expect_same(found[k], world.complete.partial(x, y, z), std::to_string(k));
    EXPECT_NEAR(found[k].value, testing::plain_parcorr(data, 12, 3, x, y, tests.z[k]), 1e-9) << k;
  }
  EXPECT_EQ(world.device->repeated(), 0) << "the device has done them all";
  EXPECT_EQ(world.engine->batches(), 3) << "by threads, warps and blocks";
}

TEST(DeviceTests, HaveTheSameBitsInAnyCompany) {
  const auto data = testing::chain(200, 12, 3, 4);
  const World wide(data, 12, 3, 6);
  const World narrow(data, 12, 3, 2);
  const Tests tests = tests_of_all_sizes(12, 3);
  std::vector<Partial> together(tests.requests.size());
  wide.device->run(tests.requests, together);
  for (std::size_t k = 0; k < together.size(); ++k) {
    Partial alone;
    narrow.device->run(std::span(tests.requests).subspan(k, 1), std::span(&alone, 1));
    EXPECT_EQ(together[k].value, alone.value) << k;
  }
}

/// Variable 3 is constant, 4 doubles 0, 5 is nearly 1 + 2.
std::vector<double> degenerate(int T) {
  auto data = testing::chain(T, 6, 2, 8);
  for (std::size_t t = 0; t < static_cast<std::size_t>(T); ++t) {
    double* const row = data.data() + 6 * t;
    row[3] = 7;
    row[4] = row[0];
    row[5] = row[1] + row[2] + 1e-5 * row[5];
  }
  return data;
}

TEST(DeviceTests, LeaveDegenerateTestsToTheCpu) {
  const World world(degenerate(200), 6, 2);
  const std::vector<std::vector<Node>> z{
      {}, {{3, 1}}, {{4, 1}}, {{0, 2}, {3, 0}}, {{1, 0}, {2, 0}}, {{1, 1}, {2, 1}, {0, 2}}};
  std::vector<TestRequest> requests;
  for (const auto& conditions : z)
    for (const Node x : {Node{0, 1}, {3, 2}, {5, 1}, {5, 0}, {1, 1}})
      for (const Node y : {Node{2, 0}, {4, 0}, {3, 0}})
        if (std::ranges::find(conditions, x) == conditions.end() &&
            std::ranges::find(conditions, y) == conditions.end())
          requests.push_back({.x = x, .y = y, .z = conditions});
  std::vector<Partial> found(requests.size());
  world.device->run(requests, found);
  int ill_conditioned = 0;
  for (std::size_t k = 0; k < found.size(); ++k) {
    const Partial cpu = world.complete.partial(requests[k].x, requests[k].y, requests[k].z);
    expect_same(found[k], cpu, std::to_string(k));
    ill_conditioned += cpu.by_qr;
  }
  EXPECT_GT(ill_conditioned, 3);
  EXPECT_GE(world.device->repeated(), ill_conditioned);
}

TEST(DeviceTests, AskTheCpuNearAThreshold) {
  const World world(testing::chain(200, 4, 2, 4), 4, 2);
  const std::vector<Node> z{{2, 1}};
  const Partial cpu = world.complete.partial({0, 1}, {1, 0}, z);
  const auto ask = [&](double critical) {
    const TestRequest request{.x = {0, 1}, .y = {1, 0}, .z = z, .critical = critical};
    Partial found;
    world.device->run(std::span(&request, 1), std::span(&found, 1));
    EXPECT_NEAR(found.value, cpu.value, 1e-12);
    return world.device->repeated();
  };
  EXPECT_EQ(ask(std::abs(cpu.value) + 1e-9), 0);
  EXPECT_EQ(ask(std::abs(cpu.value) - 5e-12), 1);
}

struct Passes {
  std::vector<std::vector<Node>> order;
  std::vector<std::vector<Partial>> out;
  std::vector<PassRequest> requests;
};

/// One pass at each level 0 .. top, of targets by turns.
Passes passes_of(int N, int max_lag, double critical, int top = 12) {
  Passes passes;
  const Philox random(6);
  for (int level = 0; level <= top; ++level) {
    passes.order.push_back(some_nodes(random, static_cast<std::uint64_t>(level), N, max_lag - 1,
                                      static_cast<std::size_t>(level) + 1 + 2 * (level % 3)));
    for (Node& node : passes.order.back()) ++node.lag;
    passes.out.emplace_back(passes.order.back().size());
  }
  for (int level = 0; level <= top; ++level) {
    const auto at = static_cast<std::size_t>(level);
    passes.requests.push_back({.target = {level % N, 0},
                               .order = passes.order[at],
                               .level = level,
                               .critical = critical,
                               .out = passes.out[at]});
  }
  return passes;
}

void expect_cpu_passes(const World& world, const Passes& passes) {
  for (const PassRequest& request : passes.requests) {
    std::vector<Partial> cpu(request.order.size());
    world.complete.passes(request.target)->run(request.order, request.level, cpu);
    for (std::size_t c = 0; c < cpu.size(); ++c)
      expect_same(request.out[c], cpu[c],
                  "level " + std::to_string(request.level) + ", " + std::to_string(c));
  }
}

TEST(DevicePasses, EqualThoseOfTheCpu) {
  const World world(testing::chain(300, 8, 3, 4), 8, 3);
  const Passes passes = passes_of(8, 3, 0.1);
  world.device->run(passes.requests);
  expect_cpu_passes(world, passes);
  EXPECT_EQ(world.device->repeated(), 0);
  EXPECT_EQ(world.engine->batches(), 1) << "all in one launch";
}

TEST(DevicePasses, AreSplitWhereScratchIsScarce) {
  const World world(testing::chain(300, 8, 3, 4), 8, 3, 4, pass_size(9, 12));
  const Passes passes = passes_of(8, 3, 0.1);
  world.device->run(passes.requests);
  expect_cpu_passes(world, passes);
  EXPECT_GT(world.engine->batches(), 3);
}

TEST(DevicePasses, LeaveDegenerateOnesToTheCpu) {
  const World world(degenerate(200), 6, 2);
  const Passes passes = passes_of(6, 2, 0.1, 6);
  world.device->run(passes.requests);
  expect_cpu_passes(world, passes);
  EXPECT_GT(world.device->repeated(), 0);
}

TEST(DevicePasses, AskTheCpuWhenTwoCandidatesAreTooCloseToBePutInOrder) {
  const World world(degenerate(200), 6, 2);
  const std::vector<Node> order{{0, 1}, {1, 1}, {4, 1}};  // 4 is 0
  std::vector<Partial> out(3);
  const PassRequest request{.target = {2, 0}, .order = order, .critical = 0, .out = out};
  world.device->run(std::span(&request, 1));
  EXPECT_EQ(world.device->repeated(), 3);
}

TEST(DeviceCheck, FindsADeviceThatComputesOtherValues) {
  using Kind = EmulatedEngine::Kind;
  for (const auto& [N, max_lag] : {std::pair{8, 3}, {2, 1}, {60, 0}}) {
    const World world(testing::chain(300, N, std::max(max_lag, 1), 4), N, max_lag);
    const auto fine = world.device->check();
    EXPECT_TRUE(fine) << to_text(fine.error());
    EXPECT_EQ(world.device->repeated(), 0);
    EXPECT_GE(world.engine->batches(), max_lag > 0 ? 3 : 4);
  }
  const World world(testing::chain(300, 8, 3, 4), 8, 3);
  for (const auto& [kind, name] : {std::pair{Kind::passes, "condition selection"},
                                   {Kind::tests, "tests"},
                                   {Kind::subsets, "subsets"},
                                   {Kind::mci, "MCI"}}) {
    world.engine->distort(kind);
    const auto wrong = world.device->check();
    ASSERT_FALSE(wrong) << name;
    EXPECT_EQ(wrong.error().code, Code::device);
    EXPECT_NE(wrong.error().what.find(name), std::string::npos) << wrong.error().what;
    EXPECT_NE(wrong.error().hint.find("cpu"), std::string::npos);
  }
  world.engine->fail_from(0);
  EXPECT_EQ(world.device->check().error().what, "emulated: the device has fallen off the bus");
}

TEST(DeviceTrouble, ADeviceThatFailsIsGivenUpAndTheCpuGoesOn) {
  const World world(testing::chain(300, 8, 3, 4), 8, 3);
  world.engine->fail_from(1);
  const Passes passes = passes_of(8, 3, 0.1);
  world.device->run(passes.requests);
  EXPECT_EQ(world.device->trouble(), "");
  world.device->run(passes.requests);
  EXPECT_EQ(world.device->trouble(), "emulated: the device has fallen off the bus");
  expect_cpu_passes(world, passes);
  const Tests tests = tests_of_all_sizes(8, 3);
  std::vector<Partial> found(tests.requests.size());
  world.device->run(tests.requests, found);
  for (std::size_t k = 0; k < found.size(); ++k) {
    const auto& [x, y, z, critical] = tests.requests[k];
    EXPECT_EQ(found[k].value, world.complete.partial(x, y, z).value);
  }
  const std::vector<std::vector<Node>> no_parents(8);
  const int target = 1;
  std::vector<Partial> row(8 * 4);
  EXPECT_FALSE(world.device->run(
      MciRequest{.parents = no_parents, .targets = std::span(&target, 1), .max_lag = 3}, row));
}

}  // namespace
}  // namespace sovren::kernels
