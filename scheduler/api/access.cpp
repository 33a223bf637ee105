// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/access.h"

#include <pwd.h>
#include <unistd.h>

#include <array>

namespace sovren::api {

Access::Access(std::vector<std::string> operators, std::string token_file, Clock& clock)
    : operators_(operators.begin(), operators.end()),
      tokens_(std::move(token_file)),
      clock_(clock) {}

const std::string& Access::user_name(std::uint32_t uid) {
  constexpr std::size_t names_max = 10'000;
  if (names_.size() >= names_max) names_.clear();
  const auto [at, is_new] = names_.try_emplace(uid, "uid" + std::to_string(uid));
  if (is_new) {
    std::array<char, 16384> buffer;
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
      at->second = found->pw_name;
  }
  return at->second;
}

Result<Caller> Access::identify(const Identity& identity) {
  if (!identity.bearer.empty()) {
    SOVREN_TRY(owner, tokens_.find(identity.bearer, clock_.now()));
    return Caller{owner.user, owner.scopes};
  }
  if (!identity.peer)
    return fail({.code = Code::refused,
                 .what = "the request bears no token",
                 .hint = "send the header 'Authorization: Bearer TOKEN'"});
  const std::uint32_t uid = identity.peer->uid;
  Caller caller{user_name(uid), {Scope::read, Scope::submit}};
  const bool is_daemon = uid == 0 || uid == ::geteuid();
  if (is_daemon) caller.scopes.insert(Scope::node);
  if (is_daemon || operators_.contains(caller.user)) caller.scopes.insert(Scope::operate);
  return caller;
}

}  // namespace sovren::api
