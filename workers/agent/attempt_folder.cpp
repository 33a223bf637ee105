// SPDX-License-Identifier: Apache-2.0
#include "workers/agent/attempt_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "workers/agent/output_file.h"

namespace sovren::workers {

Result<AttemptFolder> AttemptFolder::make(const std::string& path,
                                          const std::optional<Identity>& owner) {
  if (::mkdir(path.c_str(), 0700) == 0) {
    AttemptFolder made(path);
    if (!owner || ::chown(path.c_str(), owner->uid, owner->gid) == 0) return made;
  }
  return fail({.code = Code::storage_io,
               .what = std::string("cannot make the attempt's own folder: ") + std::strerror(errno),
               .hint = "let TMPDIR name a folder that you may write to",
               .where = path});
}

AttemptFolder::~AttemptFolder() {
  std::error_code ignored;  // a file that stays in a temporary folder harms nobody
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

Result<void> put_private_file(const std::string& path, const std::string& text,
                              const std::optional<Identity>& owner) {
  const AsUser as_owner(owner);
  const Handle file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.is_open())
    return fail({.code = Code::storage_io,
                 .what = std::string("cannot make the file: ") + std::strerror(errno),
                 .where = path});
  return write_all(file, text, path);
}

}  // namespace sovren::workers
