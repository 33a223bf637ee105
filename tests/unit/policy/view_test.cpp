// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/view.h"

#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "scheduler/policy/line.h"

namespace sovren::policy {
namespace {

std::vector<ViewNode> four_nodes() {
  std::vector<ViewNode> nodes;
  for (int n = 0; n < 4; ++n)
    nodes.push_back({.name = std::string("n") + static_cast<char>('0' + n),
                     .resources = {.cpus = 4 + n, .gpus = n},
                     .room = idle_room(4 + n, n, 1000)});
  return nodes;
}

struct Waits {
  Place place;
  Resources resources;
  std::string user;
  double estimate_s = 0;
  JobId array;
};
struct Runs {
  Waits was;
  std::vector<Share> shares;
};

// What a View stands for, kept beside it in the plainest way.
struct Model {
  std::map<JobId, Waits> waits;
  std::map<JobId, Runs> runs;
  std::array<bool, 4> is_usable{true, true, true, true};
};

Ask ask_of(View& view, const Waits& job) {
  Ask ask;
  ask.shape = view.shape({job.resources, {}, ""});
  ask.owner = view.owner({"", job.user, "", ""});
  ask.estimate_s = job.estimate_s;
  ask.array = job.array;
  ask.array_max = job.array.value == 0 ? 0 : 2;
  return ask;
}

void wait(View& view, const Waits& job) {
  view.wait(job.place, ask_of(view, job));
}

void start(View& view, const Runs& job) {
  int ranks = 0;
  for (const Share& share : job.shares) ranks += share.ranks;
  view.start({.job = job.was.place.job,
              .ask = ask_of(view, job.was),
              .submitted = job.was.place.submitted,
              .shares = job.shares,
              .ranks = ranks,
              .started_at = {1000},
              .expected_end = Instant{1000} + job.was.estimate_s});
}

// From the model, last job first: other numbers of shapes and owners.
void build(View& view, const Model& model) {
  view.set_nodes(four_nodes());
  for (auto job = model.runs.rbegin(); job != model.runs.rend(); ++job) start(view, job->second);
  for (auto job = model.waits.rbegin(); job != model.waits.rend(); ++job) wait(view, job->second);
  for (int n = 0; n < 4; ++n) view.set_usable(n, model.is_usable[static_cast<std::size_t>(n)]);
}

Site limited_site() {
  Site site;
  site.user_limits.cpus = 100;
  return site;
}

TEST(View, ChangedStepByStepEqualsOneMadeAtOnce) {
  const Site site = limited_site();
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const Philox random(seed);
    std::uint64_t draw = 0;
    const auto below = [&](int bound) {
      return static_cast<int>(random.below(draw++, static_cast<std::uint64_t>(bound)));
    };
    const auto order = static_cast<Order>(seed % 8);
    View view(site, order);
    view.set_nodes(four_nodes());
    Model model;
    for (int step = 0; step < 80; ++step) {
      const JobId job{1 + below(12)};
      const int n = below(4);
      switch (below(4)) {
        case 0: {
          const Waits one{{{below(5)}, job},
                          {.ranks = 1 + below(3), .gpus_per_rank = below(2)},
                          std::string(1, static_cast<char>('a' + below(3))),
                          1.0 + below(3),
                          {below(3)}};
          model.runs.erase(job);
          model.waits[job] = one;
          wait(view, one);
          break;
        }
        case 1: {
          const auto found = model.waits.find(job);
          if (found == model.waits.end()) break;
          const Runs one{found->second, {{n, 1}, {(n + 1) % 4, 1 + below(2)}}};
          model.waits.erase(found);
          model.runs[job] = one;
          start(view, one);
          break;
        }
        case 2:
          model.waits.erase(job);
          model.runs.erase(job);
          view.remove(job);
          break;
        default:
          model.is_usable[static_cast<std::size_t>(n)] = below(2) == 0;
          view.set_usable(n, model.is_usable[static_cast<std::size_t>(n)]);
      }
      View anew(site, order);
      build(anew, model);
      ASSERT_TRUE(view.same_as(anew)) << "seed " << seed << " step " << step;
      std::int64_t free = 0;
      for (const ViewNode& node : view.nodes())
        if (node.is_usable) free += std::max<std::int64_t>(0, node.room.cpus);
      ASSERT_EQ(view.cpus_free(), free);
      ASSERT_EQ(view.waiting_count(), model.waits.size());
    }
  }
}

TEST(View, TellsDifferentOnesApart) {
  const Site site = limited_site();
  Model model;
  model.waits[{1}] = {{{5}, {1}}, {.ranks = 2}, "ada", 10, {}};
  model.runs[{2}] = {{{{6}, {2}}, {.ranks = 1}, "bob", 10, {}}, {{0, 1}}};
  View view(site, Order::fcfs);
  build(view, model);
  const auto differs = [&](auto change) {
    Model other = model;
    change(other);
    View changed(site, Order::fcfs);
    build(changed, other);
    return !view.same_as(changed);
  };
  EXPECT_FALSE(differs([](Model&) {}));
  EXPECT_TRUE(differs([](Model& m) { m.waits.clear(); }));
  EXPECT_TRUE(differs([](Model& m) { m.waits.at({1}).estimate_s = 11; }));
  EXPECT_TRUE(differs([](Model& m) { m.waits.at({1}).user = "bob"; }));
  EXPECT_TRUE(differs([](Model& m) { m.waits.at({1}).place.submitted = {4}; }));
  EXPECT_TRUE(differs([](Model& m) { m.runs.at({2}).shares = {{1, 1}}; }));
  EXPECT_TRUE(differs([](Model& m) { m.is_usable[2] = false; }));
}

// Whatever the order and however it is kept, jobs come out by score, then first come first served.
TEST(Line, HandsOutAllBestFirst) {
  const Site site;
  const PolicyConfig config;
  for (const Order order : {Order::fcfs, Order::sjf, Order::f1, Order::wfp3, Order::multifactor}) {
    Model model;
    for (int j = 1; j <= 40; ++j)
      model.waits[{j}] = {{{1000 * (j * 7 % 11)}, {j}},
                          {.ranks = 1 + j % 3},
                          std::string(1, static_cast<char>('a' + j % 2)),
                          1.0 + j % 5,
                          {}};
    View view(site, order);
    build(view, model);
    const Instant now{100'000};
    const Scorer scorer(view, config, {}, order, now);
    Line line(view, scorer);
    std::optional<Candidate> last;
    int count = 0;
    while (const auto candidate = line.next()) {
      ++count;
      if (last) {
        EXPECT_LT(std::tuple(-last->score, last->place),
                  std::tuple(-candidate->score, candidate->place));
      }
      last = candidate;
      line.more_of(*candidate);
    }
    EXPECT_EQ(count, 40);
  }
}

}  // namespace
}  // namespace sovren::policy
