// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/kernels/emulated_engine.h"

#include <atomic>
#include <barrier>
#include <limits>
#include <thread>

namespace sovren::kernels::testing {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

class EmulatedGroup {
 public:
  EmulatedGroup(int rank, int size, std::barrier<>& barrier)
      : rank_(rank), size_(size), barrier_(barrier) {}
  int rank() const { return rank_; }
  int size() const { return size_; }
  void sync() const { barrier_.arrive_and_wait(); }

 private:
  int rank_;
  int size_;
  std::barrier<>& barrier_;
};

struct EmulatedAtomics {
  static void lower(std::uint64_t& value, std::uint64_t other) {
    std::atomic_ref<std::uint64_t> shared(value);
    std::uint64_t before = shared.load();
    while (other < before && !shared.compare_exchange_weak(before, other)) {
    }
  }
  static std::uint64_t read(std::uint64_t& value) {
    return std::atomic_ref<std::uint64_t>(value).load();
  }
  static int add(std::int32_t& value) { return std::atomic_ref<std::int32_t>(value).fetch_add(1); }
};

/// body(group) by all threads of one block.
template <class Body>
void run_block(int threads, const Body& body) {
  std::barrier<> barrier(threads);
  std::vector<std::jthread> running;
  for (int rank = 0; rank < threads; ++rank)
    running.emplace_back([&, rank] { body(EmulatedGroup(rank, threads, barrier)); });
}

constexpr double error = 1e-6;

void distort_all(std::span<double> values) {
  for (double& value : values) value += error;
}

std::vector<double> nans(std::size_t size) {
  return std::vector<double>(size, nan);
}

/// One worker's memory in a search of subsets.
struct Own {
  Own(int nodes, int size, bool needs_matrix)
      : nodes_of(static_cast<std::size_t>(nodes)),
        places(static_cast<std::size_t>(size) + 1),
        matrix(needs_matrix ? nans(group_test_size(static_cast<std::size_t>(nodes)))
                            : std::vector<double>()) {}
  SubsetWork work() {
    return {nodes_of.data(), places.data(), matrix.empty() ? nullptr : matrix.data()};
  }
  std::vector<Node> nodes_of;
  std::vector<int> places;
  std::vector<double> matrix;
  SubsetAnswer found;
};

}  // namespace

Result<void> EmulatedEngine::begin() {
  if (fails_from_ >= 0 && batches_ >= fails_from_)
    return fail({.code = Code::device, .what = "the device has fallen off the bus", .hint = "-"});
  ++batches_;
  return {};
}

Result<void> EmulatedEngine::run(const PassBatch& batch, std::span<double> out) {
  SOVREN_DO(begin());
  std::vector<double> scratch = nans(batch.scratch);
  run_block(threads_, [&](const EmulatedGroup& group) {
    for (const PassItem& item : batch.items)
      run_pass(group, view_, item, batch.nodes.data() + item.nodes, scratch.data() + item.scratch,
               out.data() + item.nodes);
  });
  if (distorted_ == Kind::passes) distort_all(out);
  return {};
}

Result<void> EmulatedEngine::run(const TestBatch& batch, std::span<double> out) {
  SOVREN_DO(begin());
  std::vector<double> work = nans(group_test_size(static_cast<std::size_t>(batch.largest)));
  if (8 * work.size() > work_limit_) return fail({.code = Code::device, .what = "too large"});
  const bool is_alone = crew_of(batch.largest) == Crew::thread;
  run_block(threads_, [&](const EmulatedGroup& group) {
    for (std::size_t k = 0; k < batch.items.size(); ++k) {
      const TestItem& item = batch.items[k];
      const Node* const nodes = batch.nodes.data() + item.nodes;
      if (!is_alone) {
        const double value = partial_by_group(group, view_, nodes, item.count, work.data());
        if (group.rank() == 0) out[item.out] = value;
      } else if (static_cast<int>(k) % group.size() == group.rank()) {
        out[item.out] = partial_by_thread(view_, nodes, item.count);
      }
    }
  });
  if (distorted_ == Kind::tests) distort_all(out);
  return {};
}

Result<void> EmulatedEngine::run(const SubsetBatch& batch, std::span<SubsetAnswer> out) {
  SOVREN_DO(begin());
  const bool is_alone = crew_of(batch.largest) == Crew::thread;
  const int workers = is_alone ? threads_ : 2;
  for (std::size_t k = 0; k < batch.items.size(); ++k) {
    const SubsetItem& item = batch.items[k];
    SubsetShared shared;
    std::vector<Own> own;
    for (int worker = 0; worker < workers; ++worker)
      own.emplace_back(item.nodes(), item.size, !is_alone);
    std::barrier<> first(threads_ / 2);
    std::barrier<> second(threads_ / 2);
    run_block(threads_, [&](const EmulatedGroup& block) {
      const int worker = block.rank() % workers;
      Own& mine = own[static_cast<std::size_t>(worker)];
      if (is_alone) {
        search_subsets<EmulatedAtomics>(Alone{}, worker, workers, view_, item, batch.nodes.data(),
                                        mine.work(), shared, mine.found);
        return;
      }
      const EmulatedGroup group(block.rank() / 2, threads_ / 2, worker == 0 ? first : second);
      SubsetAnswer found;
      search_subsets<EmulatedAtomics>(group, worker, workers, view_, item, batch.nodes.data(),
                                      mine.work(), shared, found);
      if (group.rank() == 0) mine.found = found;
    });
    for (const Own& worker : own) out[k].take(worker.found);
    out[k].unsure_count = shared.unsure_count;
    std::copy_n(shared.unsure, unsure_places, out[k].unsure);
  }
  if (distorted_ == Kind::subsets)
    for (SubsetAnswer& answer : out) answer.weakest_value += error;
  return {};
}

Result<void> EmulatedEngine::run(const MciBatch& batch, std::span<MciValue> out) {
  SOVREN_DO(begin());
  std::vector<double> scratch = nans(batch.scratch);
  std::vector<double> blocks = nans(batch.blocks);
  const auto columns = view_.moments();
  std::vector<int> places(batch.targets.size() * columns);
  run_block(threads_, [&](const EmulatedGroup& group) {
    for (const MciSide& side : batch.sides)
      make_block(group, view_, batch.nodes.data() + side.nodes, side.count,
                 blocks.data() + side.block);
    for (const MciTarget& target : batch.targets)
      make_panel(group, view_, target, batch.nodes.data() + target.parents,
                 scratch.data() + target.panel, places.data() + target.places);
  });
  for (const MciLaunch& launch : plan_mci(batch, work_limit_)) {
    std::vector<double> work = nans(launch.bytes / sizeof(double));
    run_block(threads_, [&](const EmulatedGroup& group) {
      for (std::size_t t = launch.first_target; t < launch.last_target; ++t) {
        const MciTarget& target = batch.targets[t];
        for (std::size_t s = launch.first_side; s < launch.last_side; ++s) {
          const MciSide& side = batch.sides[s];
          const MciValue value = test_mci(
              group, view_, target, scratch.data() + target.panel, places.data() + target.places,
              batch.nodes.data() + side.nodes, side.count, blocks.data() + side.block, work.data());
          if (group.rank() == 0) out[target.out + side.entry] = value;
        }
      }
    });
  }
  if (distorted_ == Kind::mci)
    for (MciValue& value : out) value.value += error;
  return {};
}

}  // namespace sovren::kernels::testing
