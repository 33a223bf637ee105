// SPDX-License-Identifier: Apache-2.0
#include "cli/directory_hold.h"

#include <map>
#include <random>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include "cli/terminal.h"
#include "core/text/json.h"

namespace sovren::cli {
namespace {

constexpr auto look_interval = std::chrono::seconds(1);
constexpr std::int64_t owner_bytes_max = 1 << 16;

struct Owner {
  std::string token;
  std::string site_job;
  std::int64_t restart = 0;
  std::string continues;
};

Result<Owner> owner_from(const std::string& text, const std::string& path) {
  SOVREN_TRY(json, text::parse_json(text, path));
  SOVREN_TRY(token, text::get_string(json, "token"));
  SOVREN_TRY(site_job, text::get_string(json, "site_job"));
  SOVREN_TRY(restart, text::get_int(json, "restart"));
  SOVREN_TRY(continues, text::get_string(json, "continues"));
  return Owner{std::move(token), std::move(site_job), restart, std::move(continues)};
}

/// None: nobody has written it, or it cannot be made out, so that it keeps nobody away.
std::optional<Owner> read_owner(const std::string& path) {
  const auto text = storage::read_file(path, owner_bytes_max);
  if (!text) return std::nullopt;
  auto owner = owner_from(*text, path);
  return owner ? std::optional(*std::move(owner)) : std::nullopt;
}

std::string new_token() {
  std::random_device device;
  std::ostringstream text;
  for (int i = 0; i < 4; ++i) text << std::hex << device();
  return text.str();
}

/// The site jobs that `job` continues, whether directly or not.
std::set<std::string> ancestors(const std::string& job,
                                const std::map<std::string, std::string>& continues) {
  std::set<std::string> found;
  for (auto next = continues.find(job); next != continues.end() && !next->second.empty();
       next = continues.find(next->second))
    if (!found.insert(next->second).second) break;
  return found;
}

enum class Age { newer, older, unrelated };

/// Of the allocation, seen from the owner's. Times do not count: clocks of nodes differ.
Age age_of(const slurm::AllocationHere& ours, const Owner& theirs,
           const std::vector<slurm::Allocation>& chain) {
  if (ours.site_job == theirs.site_job)
    return ours.restart > theirs.restart   ? Age::newer
           : ours.restart < theirs.restart ? Age::older
                                           : Age::unrelated;
  std::map<std::string, std::string> continues;
  for (const slurm::Allocation& one : chain) continues[one.site_job] = one.continues;
  continues[theirs.site_job] = theirs.continues;
  continues[ours.site_job] = ours.continues;
  if (ancestors(ours.site_job, continues).contains(theirs.site_job)) return Age::newer;
  if (ancestors(theirs.site_job, continues).contains(ours.site_job)) return Age::older;
  return Age::unrelated;
}

Error taken_over(const Owner& owner, const std::string& dir, const std::string& file) {
  return {.code = Code::fenced,
          .what = "a newer allocation has taken '" + dir + "' over: site job " + owner.site_job +
                  (owner.restart > 0 ? ", restart " + std::to_string(owner.restart) : ""),
          .hint =
              "that one goes on from the newest checkpoint; if no other run uses the folder, "
              "delete '" +
              file + "'",
          .where = dir};
}

}  // namespace

Result<DirectoryHold> DirectoryHold::take(const JobDirectory& directory,
                                          const std::optional<SiteRun>& site) {
  DirectoryHold hold(directory, site ? new_token() : "");
  if (site) {
    SOVREN_DO(hold.take_as(site->allocation));
  } else {
    SOVREN_TRY(lock, directory.take());
    hold.lock_.emplace(std::move(lock));
  }
  return hold;
}

Result<void> DirectoryHold::take_as(const slurm::AllocationHere& allocation) {
  SOVREN_TRY(chain, slurm::read_chain(directory_.path()));
  const auto owner = read_owner(owner_file());
  const Age age = owner ? age_of(allocation, *owner, chain) : Age::unrelated;
  if (age == Age::older) return fail(taken_over(*owner, directory_.path(), owner_file()));
  // The older one ends when it sees this.
  if (age == Age::newer) SOVREN_DO(write_owner(allocation));
  auto lock = directory_.take(age == Age::newer ? takeover_wait_s : 0);
  if (lock) {
    lock_.emplace(std::move(*lock));
  } else if (age == Age::newer && lock.error().code == Code::storage_busy) {
    print_warning("the run of site job " + owner->site_job +
                  " does not answer: going on without it; its checkpoints and results are refused");
  } else {
    return fail(std::move(lock).error());
  }
  if (age != Age::newer) SOVREN_DO(write_owner(allocation));
  return check(Look::now);
}

Result<void> DirectoryHold::write_owner(const slurm::AllocationHere& allocation) const {
  const text::Json json{{"schema", "sovren.owner/1"},
                        {"token", token_},
                        {"site_job", allocation.site_job},
                        {"restart", allocation.restart},
                        {"continues", allocation.continues}};
  SOVREN_DO(storage::make_directories(directory_.path()));
  return storage::write_file_atomic(owner_file(), text::dump_json(json) + "\n");
}

Result<std::unique_ptr<storage::DurableLog>> DirectoryHold::open_log() const {
  SOVREN_TRY(path, directory_.event_log());
  auto log = storage::open_event_log(path);
  if (log || lock_ || log.error().code != Code::storage_busy) return log;
  return storage::open_event_log(path.substr(0, path.rfind('/')) + "/events-" + token_ + ".db");
}

Result<void> DirectoryHold::check(Look look) {
  if (lost_) return fail(*lost_);
  if (token_.empty()) return {};
  const auto now = std::chrono::steady_clock::now();
  if (look == Look::now_and_then && now - looked_at_ < look_interval) return {};
  looked_at_ = now;
  // A file that cannot be read now says nothing.
  const auto owner = read_owner(owner_file());
  if (!owner || owner->token == token_) return {};
  lost_ = taken_over(*owner, directory_.path(), owner_file());
  return fail(*lost_);
}

}  // namespace sovren::cli
