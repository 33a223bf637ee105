// SPDX-License-Identifier: Apache-2.0
// What is left of a "checkpoints" folder when the power goes, whatever the program was doing there.
#include <gtest/gtest.h>

#include <set>

#include "tests/fault/checkpoint/lives.h"

namespace sovren::storage {
namespace {

void expect_good(const CrashTally& tally) {
  EXPECT_EQ(tally.of(Verdict::good), tally.states) << tally.path << ": " << tally.first;
}

TEST(PowerCut, NeverLosesASealedSetNorAcceptsADamagedOne) {
  CrashLab lab;
  std::vector<CrashTally> tallies;
  const auto key = key_of_hex(std::string(64, '7'), "a test");
  ASSERT_TRUE(key);
  for (const Life& life :
       {attempt_with("seal, mode = sync", {.writing = StoreSetting::Writing::sync}),
        attempt_with("seal, encrypted", {.digest = DigestKind::crc32c, .key = *key}),
        retention_life(), dated_retention_life(), quarantine_life(), restore_life(), fence_life(),
        level_life()}) {
    const auto tally = lab.watch(life, {.states_per_moment = 60, .seed = 20'261'127});
    ASSERT_TRUE(tally) << life.name << ": " << to_text(tally.error());
    tallies.push_back(*tally);
    expect_good(*tally);
  }
  print_tallies(tallies);
}

/// And when it goes again while the next attempt cleans up; and when the ranks' disks are faster
/// and slower in turn.
TEST(PowerCut, NorDoesItWhenThePowerGoesTwice) {
  CrashLab lab;
  std::vector<CrashTally> tallies;
  for (const int ranks : {1, 2}) {
    Life life = attempt_on(ranks);
    Trace trace;
    const auto start = lab.record(life, trace);
    ASSERT_TRUE(start) << life.name << ": " << to_text(start.error());
    std::vector<CrashState> found;
    const auto check = life.check;
    life.check = [&](const std::string& root, const CrashState& state) {
      if (state.number % (ranks == 1 ? 20 : 100) == 0) found.push_back(state);
      return check(root, state);
    };
    CrashTally tally;
    for (int order = 0; order < 2 * ranks - 1; ++order) {
      interleave(trace, &writer_of, static_cast<std::uint64_t>(order));
      const CrashTally more = lab.search(life, *start, trace, {.states_per_moment = 30, .seed = 2});
      tally.add(more);
      tally.path = more.path;
    }
    expect_good(tally);
    tallies.push_back(tally);
    life.check = check;
    CrashTally again;
    for (const CrashState& state : found) {
      const auto recovered =
          lab.watch(recovery_from(state, life), {.states_per_moment = 8, .seed = 3});
      ASSERT_TRUE(recovered) << life.name << ": " << to_text(recovered.error());
      again.add(*recovered);
      again.path = recovered->path;
    }
    expect_good(again);
    tallies.push_back(again);
  }
  print_tallies(tallies);
}

/// The same trace as if some of its fsyncs had not been made.
int lost_without_syncs(bool of_files) {
  CrashLab lab;
  const Life life = attempt_on(1);
  Trace trace;
  const auto start = lab.record(life, trace);
  if (!start) return 0;
  std::set<int> files;
  for (const Operation& each : trace.operations())
    if (each.kind == Operation::Kind::write) files.insert(each.handle);
  std::erase_if(trace.operations(), [&](const Operation& each) {
    return each.kind == Operation::Kind::sync && files.contains(each.handle) == of_files;
  });
  const CrashTally tally = lab.search(life, *start, trace, {.states_per_moment = 10, .seed = 4});
  EXPECT_EQ(tally.of(Verdict::wrong), 0) << "digests still tell damage: " << tally.first;
  return tally.of(Verdict::lost) + tally.of(Verdict::nothing);
}

TEST(PowerCut, EveryKindOfFsyncIsMissedWhenItIsNotMade) {
  EXPECT_GT(lost_without_syncs(true), 10);
  EXPECT_GT(lost_without_syncs(false), 10);
}

}  // namespace
}  // namespace sovren::storage
