// SPDX-License-Identifier: Apache-2.0
#include "workers/launch/identity.h"

#include <grp.h>
#include <pwd.h>
#include <sys/fsuid.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace sovren::workers {
namespace {

/// The entry of the user database; nothing when there is none.
Result<std::optional<Identity>> look_up(const std::string& user) {
  std::vector<char> buffer(16'384);
  passwd entry{};
  passwd* found = nullptr;
  int error = 0;
  while ((error = ::getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found)) ==
             ERANGE &&
         buffer.size() < (1U << 24))
    buffer.resize(buffer.size() * 2);
  if (found == nullptr && error == 0) return std::optional<Identity>();
  if (found == nullptr)
    return fail({.code = Code::refused,
                 .what = "the user " + user + " cannot be looked up: " + std::strerror(error)});
  Identity identity{.name = user,
                    .uid = entry.pw_uid,
                    .gid = entry.pw_gid,
                    .groups = {},
                    .home = entry.pw_dir,
                    .shell = entry.pw_shell};
  int count = 32;
  identity.groups.resize(static_cast<std::size_t>(count));
  while (::getgrouplist(user.c_str(), identity.gid, identity.groups.data(), &count) < 0)
    identity.groups.resize(static_cast<std::size_t>(count));
  identity.groups.resize(static_cast<std::size_t>(count));
  return std::optional<Identity>(std::move(identity));
}

/// The name of who this process is; looked up once, for most jobs are theirs.
const std::string& own_name() {
  static const std::string name = [] {
    const passwd* entry = ::getpwuid(::geteuid());
    return entry == nullptr ? std::to_string(::geteuid()) : std::string(entry->pw_name);
  }();
  return name;
}

}  // namespace

Result<std::optional<Identity>> identity_for(const std::string& user) {
  if (user.empty() || user == own_name()) return std::optional<Identity>();
  SOVREN_TRY(found, look_up(user));
  const std::string own = std::to_string(::geteuid());
  if (!found)
    return fail({.code = Code::refused,
                 .what = "there is no user " + user + " on this node",
                 .hint = "every node must know the users of its jobs"});
  if (found->uid == ::geteuid()) return std::optional<Identity>();
  if (::geteuid() == 0) return found;
  return fail({.code = Code::refused,
               .what = "this agent runs as user " + own + " and cannot run jobs of " + user,
               .hint = "an agent that is to run jobs of many users is started as root"});
}

AsUser::AsUser(const std::optional<Identity>& user) {
  if (!user) return;
  is_changed_ = true;
  gid_before_ = static_cast<gid_t>(::setfsgid(user->gid));
  uid_before_ = static_cast<uid_t>(::setfsuid(user->uid));
}

AsUser::~AsUser() {
  if (!is_changed_) return;
  ::setfsuid(uid_before_);
  ::setfsgid(gid_before_);
}

}  // namespace sovren::workers
