// SPDX-License-Identifier: Apache-2.0
// Saved on R ranks by the store of checkpoints, restored on R': the same bits, for every kind.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ostream>
#include <set>

#include "jobs/kind/elastic.h"
#include "jobs/kind/job_kind.h"
#include "storage/checkpoint/checkpoint_set.h"
#include "storage/file/file.h"
#include "tests/law/cases.h"
#include "tests/unit/storage_checkpoint/h5py.h"
#include "workers/comm/comm.h"

namespace sovren::jobs {
namespace {

constexpr double deadline_s = 60;

/// The ways of writing take turns, so that each is restored on every number of ranks.
storage::StoreSetting setting_of(int before) {
  storage::StoreSetting setting;
  if (before == 2 || before == 8) setting.digest = storage::DigestKind::crc32c;
  if (before == 3 || before == 8) setting.writing = storage::StoreSetting::Writing::sync;
  if (before == 4 || before == 8) {
    setting.key.emplace();
    setting.key->bytes.fill(std::byte{7});
  }
  return setting;
}

Result<void> seal(const std::string& dir, const storage::StoreSetting& setting, Communicator& comm,
                  const JobKind& kind) {
  if (comm.rank() == 0) SOVREN_DO(storage::make_directories(dir));
  SOVREN_DO(comm.barrier());
  SOVREN_TRY(store, storage::CheckpointStore::open(dir, setting));
  const storage::SetHeader header{
      .job = JobId{1}, .attempt = 1, .step = kind.steps(), .kind = "law", .facts = kind.facts()};
  SOVREN_TRY(sealed, store.seal(comm, header,
                                [&](StateWriter& writer) { return kind.checkpoint(writer); }));
  return sealed.header.step == kind.steps() ? Result<void>() : fail({.what = "of another step"});
}

/// The only set in a folder.
Result<storage::RestoreResult> restore(const std::string& dir, const storage::StoreSetting& setting,
                                       Communicator& comm) {
  SOVREN_TRY(store, storage::CheckpointStore::open(dir, setting));
  std::vector<storage::RejectedSet> rejected;
  SOVREN_TRY(sets, storage::list_sets(dir, rejected));
  if (sets.size() != 1) return fail({.what = "there is not one set"});
  SOVREN_TRY(restored, store.restore_newest(comm, sets.front().header.facts, JobId{1}, rejected));
  if (!restored) return fail({.what = "no set was found"});
  return std::move(*restored);
}

/// Keeps the state as a set in a folder of its own.
Keeper in_set(const std::string& dir, const storage::StoreSetting& setting) {
  return {[=](Communicator& comm, const JobKind& kind) { return seal(dir, setting, comm, kind); },
          [=](Communicator& comm) -> Result<std::unique_ptr<StateReader>> {
            SOVREN_TRY(restored, restore(dir, setting, comm));
            return std::move(restored.reader);
          }};
}

struct Tried {
  LawCase subject;
  bool all_pairs;
};
void PrintTo(const Tried& tried, std::ostream* out) {
  *out << tried.subject.name;
}

class Elastic : public testing::TestWithParam<Tried> {
 protected:
  void SetUp() override {
    root_ =
        testing::TempDir() + "elastic_law_" + std::to_string(::getpid()) + GetParam().subject.name;
    ASSERT_TRUE(storage::remove_tree(root_));
  }
  void TearDown() override { ASSERT_TRUE(storage::remove_tree(root_)); }
  std::string root_;
};

TEST_P(Elastic, AnyRankCountGoesOnWithWhatAnyOtherSealed) {
  const LawSubject subject = GetParam().subject.make();
  const RunRanks run = [](int ranks, const std::function<void(Communicator&)>& body) {
    workers::run_on_threads(ranks, deadline_s, body);
  };
  const auto pairs = tried(
      GetParam().all_pairs ? all_elastic_pairs() : elastic_chain(), subject, run,
      [&](int before) { return in_set(root_ + "/" + std::to_string(before), setting_of(before)); });
  std::printf("%-30s", GetParam().subject.name.c_str());
  int before = 0;
  for (const ElasticPair& pair : pairs) {
    if (pair.before != before)
      std::printf("  %d@%lld:", pair.before, static_cast<long long>(pair.step));
    before = pair.before;
    std::printf(pair.broken.empty() ? " =%d" : " !%d", pair.after);
    EXPECT_EQ(pair.broken, "") << "from " << pair.before << " to " << pair.after << " ranks";
  }
  std::printf("\n");
  if (GetParam().all_pairs && storage::has_h5py()) {
    SCOPED_TRACE("read by h5py");
    const auto comm = workers::make_self_communicator();
    const auto restored = restore(root_ + "/3", setting_of(3), *comm);
    ASSERT_TRUE(restored) << to_text(restored.error());
    EXPECT_EQ(storage::h5py_difference(restored->set.path, *restored->reader, restored->set.arrays,
                                       root_ + "/raw"),
              "");
  }
}

/// All pairs of a case of each kind (training: a share of each step for every rank; rendering: also
/// with fewer rows than ranks), or, if the environment asks for it, of every case.
std::vector<Tried> all_cases() {
  const bool wants_all = std::getenv("SOVREN_TEST_ELASTIC") != nullptr;
  const std::set<std::string> whole{"CausalPlain", "TrainingInPieces", "RenderingAdaptive",
                                    "RenderingOneRowOfTiles"};
  std::vector<Tried> all;
  for (const auto& cases : {causal_cases(), training_cases(), rendering_cases()})
    for (const LawCase& each : cases) all.push_back({each, wants_all || whole.contains(each.name)});
  return all;
}

INSTANTIATE_TEST_SUITE_P(Every, Elastic, testing::ValuesIn(all_cases()),
                         [](const auto& one) { return one.param.subject.name; });

}  // namespace
}  // namespace sovren::jobs
