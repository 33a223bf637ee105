// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace sovren::cli {

/// The user that this process acts as: by name, or where it has none by number.
std::string own_user();

/// A user of this machine. uid and gid are -1 where the name is not known here.
struct UserIds {
  std::int64_t uid = -1;
  std::int64_t gid = -1;
  std::string group;
};
UserIds user_ids(const std::string& user);

/// The name behind a number, "1000"; what is no such number stands for itself.
std::string user_named(const std::string& name_or_number);

}  // namespace sovren::cli
