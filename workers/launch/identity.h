// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace sovren::workers {

/// A user of this machine.
struct Identity {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  std::string home;
  std::string shell;
};

/// Whom an attempt of `user` runs as: none, when that is who this process is. Only root may become
/// somebody else. Errors: refused: not root, or no such user here.
Result<std::optional<Identity>> identity_for(const std::string& user);

/// While it lives, the calling thread opens and makes files as that user would (setfsuid): root
/// writing into a folder of a user must not follow where the user's links lead.
class AsUser {
 public:
  explicit AsUser(const std::optional<Identity>& user);
  ~AsUser();
  AsUser(const AsUser&) = delete;
  AsUser& operator=(const AsUser&) = delete;

 private:
  bool is_changed_ = false;
  uid_t uid_before_ = 0;
  gid_t gid_before_ = 0;
};

}  // namespace sovren::workers
