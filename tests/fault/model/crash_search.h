// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/fault/model/disk_model.h"
#include "tests/fault/model/recorder.h"

namespace sovren::storage {

/// What the program could rely on when the power went, by name.
using Promises = std::map<std::string, std::vector<std::int64_t>>;

struct CrashState {
  DiskImage image;
  Promises promises;
  int number = 0;  ///< among those of this search, from 0

  /// The first number of a promise, or what stands for none.
  std::int64_t promised(const std::string& name, std::int64_t none) const;
};

/// good: the promises hold. lost: what was acknowledged is gone, something older is whole. nothing:
/// nothing is left. wrong: damage was taken for whole.
enum class Verdict { good, lost, nothing, wrong };

struct Finding {
  Verdict verdict = Verdict::good;
  std::string why = {};
};

struct CrashTally {
  std::string path;  ///< what was watched: "seal, 2 ranks"
  int operations = 0;
  int states = 0;
  std::map<Verdict, int> count;
  std::string first;  ///< what was found in the first state that is not good

  int of(Verdict verdict) const;
  /// Adds what another search of the same path has found.
  void add(const CrashTally& other);
};

struct CrashSearch {
  int states_per_moment = 20;  ///< at most; fewer where there are not so many
  std::uint64_t seed = 1;
  /// A sample, for shares: only by chance, and states that came before count again.
  bool repeats = false;
  bool only_at_end = false;  ///< of all moments the one after the last operation
};

/// Rebuilds, after each operation of the trace, some of the states that a power cut could leave of
/// a disk that began as `start`, and asks `check` about each. First the extremes, then by chance.
CrashTally search_crash_states(DiskModel start, const Trace& trace, const CrashSearch& search,
                               const std::function<Finding(const CrashState&)>& check);

/// The same operations in another order in which they could have ended: `stream` names who wrote a
/// file, "" for files that all wait for. Streams that run at once are merged by chance.
void interleave(Trace& trace, const std::function<std::string(const std::string& path)>& stream,
                std::uint64_t seed);

/// The disk as it must be after the trace, and is: else an operation passed by the recorder.
std::string unrecorded(DiskModel start, const Trace& trace, const std::string& folder);

/// "path  operations  states  wrong  lost" for each, and their sums.
void print_tallies(const std::vector<CrashTally>& tallies);

}  // namespace sovren::storage
