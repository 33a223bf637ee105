// SPDX-License-Identifier: Apache-2.0
#include "cli/job_directory.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "core/text/digest.h"

namespace sovren::cli {

Result<std::string> JobDirectory::event_log() const {
  const std::string network = storage::network_file_system(path_);
  if (network.empty()) return path_ + "/events.db";
  // SQLite's write-ahead log needs working locks and shared memory, which network file systems do
  // not give.
  SOVREN_TRY(home, sovren_home());
  const std::string folder = home + "/runs/" + text::sha256_hex(path_).substr(0, 16);
  SOVREN_DO(storage::make_directories(folder));
  return folder + "/events.db";
}

Result<storage::FileLock> JobDirectory::take(double wait_s) const {
  SOVREN_DO(storage::make_directories(path_));
  auto lock = storage::FileLock::acquire(
      lock_file(), "pid " + std::to_string(getpid()) + " sovren run\n", wait_s);
  if (!lock && lock.error().code == Code::storage_busy)
    lock.error().hint =
        "wait for that run to end, or stop it; another job of the same name needs another folder: "
        "--dir DIR";
  return lock;
}

std::string job_directory_of(const std::string& job_file, const std::string& job_name,
                             const std::string& dir) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const fs::path folder = job_file == "-"
                              ? fs::current_path(ignored)
                              : fs::absolute(job_file, ignored).lexically_normal().parent_path();
  const fs::path path =
      dir.empty() ? folder / (job_name + ".sovren") : fs::absolute(dir, ignored).lexically_normal();
  const std::string text = path.string();
  return text.size() > 1 && text.ends_with('/') ? text.substr(0, text.size() - 1) : text;
}

Result<std::string> sovren_home() {
  if (const char* home = std::getenv("SOVREN_HOME"); home != nullptr && *home != '\0')
    return std::string(home);
  if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state != '\0')
    return std::string(state) + "/sovren";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0')
    return std::string(home) + "/.local/state/sovren";
  return fail({.code = Code::usage,
               .what = "neither SOVREN_HOME nor HOME is set",
               .hint = "export SOVREN_HOME=/a/local/folder"});
}

}  // namespace sovren::cli
