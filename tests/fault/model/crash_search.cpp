// SPDX-License-Identifier: Apache-2.0
#include "tests/fault/model/crash_search.h"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <set>
#include <utility>

namespace sovren::storage {
namespace {

/// All names lost; then all names kept with whole, no, zeroed or torn data.
const std::pair<bool, Fate::Data> extremes[] = {{false, Fate::Data::whole},
                                                {true, Fate::Data::whole},
                                                {true, Fate::Data::lost},
                                                {true, Fate::Data::zeros},
                                                {true, Fate::Data::torn}};

DiskImage cut_by(const DiskModel& disk, int number, Fate& chance) {
  if (std::cmp_greater_equal(number, std::size(extremes))) return disk.cut(chance);
  FixedFate fate(extremes[number].first, extremes[number].second);
  return disk.cut(fate);
}

std::size_t hash_of(const CrashState& state) {
  std::size_t sum = state.image.hash();
  for (const auto& [name, numbers] : state.promises) {
    sum = sum * 31 + std::hash<std::string>()(name);
    for (const std::int64_t number : numbers) sum = sum * 31 + static_cast<std::size_t>(number);
  }
  return sum;
}

}  // namespace

std::int64_t CrashState::promised(const std::string& name, std::int64_t none) const {
  const auto found = promises.find(name);
  return found == promises.end() ? none : found->second.front();
}

int CrashTally::of(Verdict verdict) const {
  const auto found = count.find(verdict);
  return found == count.end() ? 0 : found->second;
}

void CrashTally::add(const CrashTally& other) {
  operations += other.operations;
  states += other.states;
  for (const auto& [verdict, found] : other.count) count[verdict] += found;
  if (first.empty()) first = other.first;
}

CrashTally search_crash_states(DiskModel start, const Trace& trace, const CrashSearch& search,
                               const std::function<Finding(const CrashState&)>& check) {
  CrashTally tally;
  DiskModel& disk = start;
  RandomFate chance(search.seed);
  CrashState state;
  std::set<std::size_t> seen;
  for (std::size_t at = 0; at <= trace.operations().size(); ++at) {
    if (at > 0) {
      const Operation& operation = trace.operations()[at - 1];
      if (operation.kind == Operation::Kind::promise) {
        state.promises[operation.path] = operation.numbers;
      } else {
        disk.apply(operation);
        ++tally.operations;
      }
    }
    if (search.only_at_end && at < trace.operations().size()) continue;
    const int tries = search.states_per_moment * (search.repeats ? 1 : 3);
    for (int i = 0, found = 0; i < tries && found < search.states_per_moment; ++i) {
      state.image = search.repeats ? disk.cut(chance) : cut_by(disk, i, chance);
      if (!seen.insert(hash_of(state)).second && !search.repeats) continue;
      ++found;
      state.number = tally.states++;
      const Finding finding = check(state);
      ++tally.count[finding.verdict];
      if (finding.verdict != Verdict::good && tally.first.empty())
        tally.first = "state " + std::to_string(state.number) + ", after operation " +
                      std::to_string(at) + ": " + finding.why;
    }
  }
  return tally;
}

void interleave(Trace& trace, const std::function<std::string(const std::string& path)>& stream,
                std::uint64_t seed) {
  RandomFate chance(seed);
  std::map<int, std::string> stream_of_handle;
  std::map<std::string, std::vector<Operation>> waiting;
  std::vector<Operation> merged;
  const auto merge = [&] {
    std::map<std::string, std::size_t> next;
    while (!waiting.empty()) {
      const auto chosen =
          std::next(waiting.begin(), static_cast<std::ptrdiff_t>(chance.below(waiting.size())));
      merged.push_back(chosen->second[next[chosen->first]++]);
      if (next[chosen->first] == chosen->second.size()) waiting.erase(chosen);
    }
  };
  for (const Operation& operation : trace.operations()) {
    if (operation.kind == Operation::Kind::open)
      stream_of_handle[operation.handle] = stream(operation.path);
    const std::string name = operation.handle < 0 ? "" : stream_of_handle.at(operation.handle);
    if (name.empty()) {
      merge();
      merged.push_back(operation);
    } else {
      waiting[name].push_back(operation);
    }
  }
  merge();
  trace.operations() = std::move(merged);
}

std::string unrecorded(DiskModel start, const Trace& trace, const std::string& folder) {
  for (const Operation& operation : trace.operations()) start.apply(operation);
  // Locks are held by the system, and SQLite's shared memory is of running processes only.
  const auto is_ignored = [](const std::string& path) {
    return path.ends_with("LOCK") || path.ends_with(".lock") || path.ends_with("-shm");
  };
  DiskImage expected = start.now();
  std::erase_if(expected.entries, [&](const auto& each) { return is_ignored(each.first); });
  const DiskImage real = read_image(folder, is_ignored);
  for (const DiskImage* image : {&std::as_const(expected), &real})
    for (const auto& [path, entry] : image->entries) {
      const auto there = real.entries.find(path);
      const auto noted = expected.entries.find(path);
      if (there == real.entries.end()) return path + " is not there";
      if (noted == expected.entries.end()) return path + " came without a recorded operation";
      if (there->second != noted->second) return path + " changed without a recorded operation";
    }
  return {};
}

void print_tallies(const std::vector<CrashTally>& tallies) {
  std::printf("%-28s %10s %8s %18s %18s\n", "path", "operations", "states", "accepted-but-wrong",
              "acknowledged-lost");
  CrashTally sum;
  sum.path = "sum";
  const auto print = [](const CrashTally& tally) {
    std::printf("%-28s %10d %8d %18d %18d\n", tally.path.c_str(), tally.operations, tally.states,
                tally.of(Verdict::wrong), tally.of(Verdict::lost) + tally.of(Verdict::nothing));
  };
  for (const CrashTally& tally : tallies) {
    print(tally);
    sum.add(tally);
  }
  print(sum);
}

}  // namespace sovren::storage
