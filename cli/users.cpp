// SPDX-License-Identifier: Apache-2.0
#include "cli/users.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <charconv>

namespace sovren::cli {
namespace {

std::string name_of(uid_t uid) {
  const passwd* const user = getpwuid(uid);
  return user == nullptr ? std::to_string(uid) : user->pw_name;
}

}  // namespace

std::string own_user() {
  return name_of(geteuid());
}

UserIds user_ids(const std::string& user) {
  const passwd* const found = getpwnam(user.c_str());
  if (found == nullptr) return {};
  UserIds ids{.uid = found->pw_uid, .gid = found->pw_gid, .group = ""};
  const group* const own = getgrgid(found->pw_gid);
  ids.group = own == nullptr ? std::to_string(ids.gid) : own->gr_name;
  return ids;
}

std::string user_named(const std::string& name_or_number) {
  uid_t uid = 0;
  const char* const last = name_or_number.data() + name_or_number.size();
  const auto [end, error] = std::from_chars(name_or_number.data(), last, uid);
  return error == std::errc() && end == last ? name_of(uid) : name_or_number;
}

}  // namespace sovren::cli
