// SPDX-License-Identifier: Apache-2.0
#include "jobs/kind/elastic.h"

#include <map>

#include "jobs/kind/law_life.h"

namespace sovren::jobs {
namespace {

/// The job stopped on some ranks.
struct Stopped {
  Keeper keeper;
  std::int64_t step = 0;
  std::string broken;
};

Stopped stop(const Trace& whole, std::int64_t step, int ranks, const Keeper& keeper,
             const LawSubject& subject, const RunRanks& run) {
  const Trace life =
      live(subject, run,
           {.ranks = ranks, .stop_after = step, .keeps_states = true, .stopped = keeper.keep});
  return {keeper, step, difference(whole, life)};
}

}  // namespace

std::vector<ElasticPair> all_elastic_pairs() {
  std::vector<ElasticPair> pairs;
  for (const int before : rank_counts)
    for (const int after : rank_counts) pairs.push_back({.before = before, .after = after});
  return pairs;
}

std::vector<ElasticPair> elastic_chain() {
  return {{.before = 1, .after = 8},
          {.before = 8, .after = 3},
          {.before = 3, .after = 2},
          {.before = 2, .after = 4},
          {.before = 4, .after = 1}};
}

std::vector<ElasticPair> tried(std::vector<ElasticPair> pairs, const LawSubject& subject,
                               const RunRanks& run,
                               const std::function<Keeper(int before)>& keeper) {
  Trace whole = live(subject, run, {.keeps_states = true});
  if (whole.broken.empty() && whole.steps.size() < 3) whole.broken = "it has too few steps";
  std::map<int, Stopped> stopped;
  for (ElasticPair& pair : pairs) {
    pair.broken = whole.broken;
    if (!pair.broken.empty()) continue;
    if (!stopped.contains(pair.before)) {
      // From the first step to the last but one.
      const std::size_t at = 1 + stopped.size() * (whole.steps.size() - 2) / rank_counts.size();
      stopped[pair.before] =
          stop(whole, whole.steps[at], pair.before, keeper(pair.before), subject, run);
    }
    const Stopped& from = stopped[pair.before];
    pair.step = from.step;
    pair.broken = from.broken;
    if (pair.broken.empty())
      pair.broken = difference(
          whole, live(subject, run,
                      {.ranks = pair.after, .from = from.keeper.bring, .keeps_states = true}));
  }
  return pairs;
}

}  // namespace sovren::jobs
