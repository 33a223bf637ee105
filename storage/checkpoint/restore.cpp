// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <tuple>

#include "storage/checkpoint/checkpoint_set.h"
#include "storage/checkpoint/collective.h"
#include "storage/checkpoint/level.h"
#include "storage/checkpoint/seal_memory.h"
#include "storage/checkpoint/set_cipher.h"
#include "storage/checkpoint/set_folder.h"
#include "storage/checkpoint/set_reader.h"

// Rank 0 walks the sets from the newest to the oldest and tells the others what to do next: check
// your share of the shards of a set, use it, or that there is none. Nothing of a set is used before
// all of it has been checked.

namespace sovren::storage {
namespace {

constexpr int restores_max = 2;

Result<void> facts_must_agree(const FoundSet& set, const SpecFacts& facts) {
  const std::vector<std::string> lines = difference(set.manifest->header.facts, facts);
  if (lines.empty()) return {};
  constexpr std::size_t lines_max = 10;
  std::string what = "checkpoint " + set.name + " is of another job: ";
  for (std::size_t i = 0; i < std::min(lines.size(), lines_max); ++i)
    what += (i > 0 ? "; " : "") + lines[i];
  if (lines.size() > lines_max)
    what += "; and " + std::to_string(lines.size() - lines_max) + " more";
  return fail({.code = Code::mismatch,
               .what = std::move(what),
               .hint = "--fresh starts over, --dir DIR keeps both",
               .where = set.path});
}

/// Rank 0's walk.
class Walk {
 public:
  /// levels: what each level has, the fastest first. key: outlives this.
  Walk(std::string dir, const SpecFacts& facts, JobId oldest,
       std::vector<std::vector<FoundSet>> levels, const std::optional<MasterKey>& key)
      : dir_(std::move(dir)),
        facts_(facts),
        oldest_(oldest),
        key_(key),
        levels_(std::move(levels)) {}

  /// The next command: {"check", level, path, manifest}, {"use", level, path, manifest,
  /// rejected...} or {"none", rejected...}; level: a number, or empty for the shared one.
  Result<std::string> next() {
    if (!is_open_) SOVREN_DO(open());
    for (; at_ < sets_.size(); ++at_) {
      Candidate& set = sets_[at_];
      SOVREN_TRY(is_candidate, examine(set));
      if (!is_candidate) continue;
      if (!is_last_resort_ && count_of(set) >= restores_max) {
        tried_.push_back(std::move(set));
        continue;
      }
      return pack({"check", set.level, set.path, set.text});
    }
    if (!is_last_resort_ && !tried_.empty()) {
      // Nothing older can be used: better one that may crash again than none.
      is_last_resort_ = true;
      sets_ = std::move(tried_);
      tried_.clear();
      at_ = 0;
      return next();
    }
    return none();
  }

  /// What the ranks found in the set of the last "check": storage_io, storage_corrupt or nothing.
  Result<std::string> conclude(const Result<void>& verdict) {
    Candidate& set = sets_[at_];
    if (!verdict) {
      reject(set, verdict.error());
      ++at_;
      return next();
    }
    SOVREN_DO(settle(set));
    std::vector<std::string> command{"use", set.level, set.path, set.text};
    append_rejected(command);
    return pack(command);
  }

  const std::vector<RejectedSet>& rejected() const { return rejected_; }

 private:
  struct Candidate : FoundSet {
    std::string level;
  };
  struct Bad {
    std::string name;
    std::string why;
    bool is_damaged;  ///< and not only unreadable now
  };

  Result<void> open() {
    is_open_ = true;
    SOVREN_TRY(sets, find_sets(dir_));
    SOVREN_TRY(fence, read_fence(dir_));
    restores_ = read_restores(dir_);
    // In a fresh start no set can be of this job, and damage in older ones is of no interest.
    const bool is_fresh = fence.job <= oldest_ && fence.attempt <= 1;
    for (FoundSet& set : sets) {
      const bool is_unknown = !set.manifest && set.job.value == 0;
      if (is_unknown && is_fresh && set.error.code == Code::storage_corrupt)
        strays_.push_back({set.name, set.error.what, true});
      else if (is_unknown || set.job >= oldest_)
        sets_.push_back({std::move(set), ""});
    }
    for (std::size_t level = 0; level < levels_.size(); ++level)
      for (FoundSet& set : levels_[level])
        if (!set.manifest || set.job >= oldest_)
          sets_.push_back({std::move(set), std::to_string(level)});
    std::stable_sort(sets_.begin(), sets_.end(), is_before);
    return {};
  }

  /// The newest first; of one step in one attempt the fastest.
  static bool is_before(const Candidate& a, const Candidate& b) {
    const auto key = [](const Candidate& set) {
      const SetOrder order = order_of(set);
      const int slowness =
          set.level.empty() ? std::numeric_limits<int>::max() : std::stoi(set.level);
      return std::tuple(order.job, order.attempt, order.step, -slowness, order.repeat);
    };
    return key(a) > key(b);
  }

  /// Whether the shards are worth reading. Fails when the walk must end here.
  Result<bool> examine(Candidate& set) {
    if (!set.manifest) {
      if (set.error.code == Code::mismatch && set.level.empty()) return fail(set.error);
      reject(set, set.error);
      return false;
    }
    SOVREN_DO(facts_must_agree(set, facts_));
    if (auto cipher = cipher_of(*set.manifest, set.text, key_, set.path); !cipher) {
      // A wrong key is no damage: the job must not go on without this set.
      if (cipher.error().code == Code::mismatch) return fail(std::move(cipher).error());
      reject(set, cipher.error());
      return false;
    }
    if (!set.level.empty()) return true;
    if (auto checked = check_files(set.path, *set.manifest); !checked) {
      reject(set, checked.error());
      return false;
    }
    return true;
  }

  int count_of(const FoundSet& set) const {
    const auto found = restores_.find(restore_key(set));
    return found == restores_.end() ? 0 : found->second;
  }

  void reject(const Candidate& set, const Error& error) {
    if (!set.level.empty()) {
      rejected_.push_back({set.name, error.what});
      return;
    }
    bad_.push_back({set.name, error.what, error.code == Code::storage_corrupt});
  }

  /// Acts on what the walk has found, now that there is a set to use.
  Result<void> settle(const FoundSet& set) {
    for (const FoundSet& each : tried_)
      rejected_.push_back({each.name, "it was restored " + std::to_string(count_of(each)) +
                                          " times and no checkpoint followed; an older one is "
                                          "used"});
    quarantine(bad_);
    quarantine(strays_);
    ++restores_[restore_key(set)];
    return write_restores(dir_, restores_).map_error([](Error error) {
      return std::move(error).within("noting the restore");
    });
  }

  void quarantine(const std::vector<Bad>& sets) {
    for (const Bad& each : sets) {
      std::string why = each.why;
      if (!each.is_damaged)
        why += " (left where it is)";
      else if (auto moved = quarantine_set(dir_, each.name, each.why); !moved)
        why += " (could not be moved to quarantine: " + moved.error().what + ")";
      else
        why += " (moved to quarantine)";
      rejected_.push_back({each.name, std::move(why)});
    }
  }

  Result<std::string> none() {
    if (bad_.empty()) {
      quarantine(strays_);
      std::vector<std::string> command{"none"};
      append_rejected(command);
      return pack(command);
    }
    std::string what = bad_.size() == 1 ? "the only checkpoint set in '" + dir_ + "' is unusable"
                                        : "all " + std::to_string(bad_.size()) +
                                              " checkpoint sets in '" + dir_ + "' are unusable";
    bool is_damaged = false;
    for (const Bad& each : bad_) {
      what += "; " + each.name + ": " + each.why;
      is_damaged = is_damaged || each.is_damaged;
      rejected_.push_back({each.name, each.why});
    }
    return fail({.code = is_damaged ? Code::storage_corrupt : Code::storage_io,
                 .what = std::move(what),
                 .hint = "--fresh starts over; the sets stay where they are",
                 .where = dir_});
  }

  void append_rejected(std::vector<std::string>& command) const {
    for (const RejectedSet& each : rejected_) {
      command.push_back(each.name);
      command.push_back(each.why);
    }
  }

  std::string dir_;
  const SpecFacts& facts_;
  JobId oldest_;
  const std::optional<MasterKey>& key_;
  bool is_open_ = false;
  bool is_last_resort_ = false;
  std::vector<std::vector<FoundSet>> levels_;
  std::vector<Candidate> sets_;
  std::size_t at_ = 0;
  Restores restores_;
  std::vector<Candidate> tried_;  ///< restored too often without a seal after it
  std::vector<Bad> bad_;
  std::vector<Bad> strays_;  ///< damaged beyond knowing whose they are, at a fresh start
  std::vector<RejectedSet> rejected_;
};

/// This rank's share of the shards.
Result<std::string> check_share(const Communicator& comm, const std::string& path,
                                const Manifest& manifest,
                                const Result<std::optional<SetCipher>>& cipher) {
  if (!cipher) return fail(cipher.error());
  const auto ranks = static_cast<std::size_t>(comm.size());
  for (auto i = static_cast<std::size_t>(comm.rank()); i < manifest.shards.size(); i += ranks)
    SOVREN_DO(check_shard(path, manifest.shards[i], *cipher ? &**cipher : nullptr));
  return std::string();
}

void take_rejected(const std::vector<std::string>& command, std::size_t from,
                   std::vector<RejectedSet>& rejected) {
  for (std::size_t i = from; i + 1 < command.size(); i += 2)
    rejected.push_back({command[i], command[i + 1]});
}

}  // namespace

Result<std::optional<RestoreResult>> CheckpointStore::restore_newest(
    Communicator& comm, const SpecFacts& facts, JobId oldest, std::vector<RejectedSet>& rejected,
    std::span<LevelStore* const> levels) {
  std::vector<std::vector<FoundSet>> level_sets;
  for (LevelStore* const level : levels) {
    SOVREN_TRY(sets, level->find(comm));
    level_sets.push_back(std::move(sets));
  }
  Walk walk(dir_, facts, oldest, std::move(level_sets), setting_.key);
  std::string gathered;  // where this rank finds the set of the last check, if it is a level's
  std::optional<Result<void>> verdict;
  for (;;) {
    auto decided =
        decide_on_rank_0(comm, [&] { return verdict ? walk.conclude(*verdict) : walk.next(); });
    if (!decided) {
      for (const RejectedSet& each : walk.rejected()) rejected.push_back(each);
      return fail(std::move(decided).error());
    }
    const std::vector<std::string> command = unpack(*decided);
    if (command.front() == "none") {
      take_rejected(command, 1, rejected);
      return std::nullopt;
    }
    LevelStore* const level = command.at(1).empty() ? nullptr : levels[std::stoul(command.at(1))];
    const std::string& path = level == nullptr ? command.at(2) : gathered;
    SOVREN_TRY(manifest, parse_manifest(command.at(3), path));
    auto cipher = cipher_of(manifest, command.at(3), setting_.key, path);
    if (command.front() == "use") {
      take_rejected(command, 4, rejected);
      SetInfo info = info_of(manifest, path);
      if (!cipher) return fail(std::move(cipher).error());
      if (level == nullptr)
        memory_->proven.insert(restore_key(info.name, command.at(3)));
      else
        info.name = level->name() + "/" + info.name;
      return RestoreResult{std::move(info), level == nullptr ? "" : level->name(),
                           make_set_reader(std::move(manifest), path, std::move(*cipher))};
    }
    auto checked = [&]() -> Result<void> {
      if (level == nullptr) {
        SOVREN_DO(gather_results(comm, check_share(comm, path, manifest, cipher)));
        return {};
      }
      SOVREN_TRY(there, level->gather(comm, command.at(3)));
      gathered = std::move(there);
      return {};
    }();
    constexpr std::array no_damage{Code::peer_lost, Code::bug, Code::mismatch};
    if (!checked &&
        std::find(no_damage.begin(), no_damage.end(), checked.error().code) != no_damage.end())
      return fail(std::move(checked).error());
    verdict = checked ? Result<void>() : Result<void>(fail(checked.error()));
  }
}

}  // namespace sovren::storage
