// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/level_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <system_error>

#include "core/text/digest.h"
#include "storage/checkpoint/seal_parts.h"
#include "storage/file/file.h"
#include "storage/file/system.h"

namespace sovren::storage {
namespace {

constexpr std::size_t id_digits = 16;

bool is_id(const std::string& text) {
  return text.size() == id_digits && text.find_first_not_of("0123456789abcdef") == text.npos;
}

/// Others can make folders in /dev/shm too: one of theirs could hand this job a state.
Result<void> make_private(const std::string& path) {
  struct stat status {};
  if (system_calls().mkdir(path.c_str(), 0700) == 0) return {};
  if (errno != EEXIST) return fail(io_error("make the folder", path, errno));
  if (::lstat(path.c_str(), &status) != 0) return fail(io_error("look at", path, errno));
  constexpr mode_t others = 077;
  if (S_ISDIR(status.st_mode) && status.st_uid == ::geteuid() && (status.st_mode & others) == 0)
    return {};
  return fail({.code = Code::storage_io,
               .what = "'" + path + "' is not a folder that only this user can use",
               .hint = "delete it, or let whoever owns it",
               .where = path});
}

double age_s(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return 0;
  const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
  return now.count() - static_cast<double>(status.st_mtim.tv_sec);
}

}  // namespace

Result<std::string> level_id(const std::string& checkpoint_dir) {
  const std::string path = checkpoint_dir + "/NODES";
  if (path_exists(path)) {
    SOVREN_TRY(text, read_file(path, 4096));
    text.resize(std::min(text.size(), id_digits));
    if (is_id(text)) return text;
  }
  const std::string id = nonce() + nonce();
  SOVREN_DO(write_file_atomic(path, id + "\n"));
  return id;
}

Result<std::string> level_folder(const std::string& base, const std::string& checkpoint_dir,
                                 const std::string& id) {
  std::error_code failed;
  const std::string path = std::filesystem::canonical(checkpoint_dir, failed);
  if (failed) return fail(io_error("look at", checkpoint_dir, failed.value()));
  return base + "/sovren-checkpoints-" + std::to_string(::geteuid()) + "/" +
         text::sha256_hex(path).substr(0, id_digits) + "-" + id;
}

Result<void> prepare_level_folder(const std::string& folder) {
  const std::string all = parent_directory(folder);
  SOVREN_DO(make_directories(parent_directory(all)));
  SOVREN_DO(make_private(all));
  SOVREN_DO(sync_directory(parent_directory(all)));  // also where one that died had made it
  const std::string mine = folder.substr(all.size() + 1);
  SOVREN_TRY(names, list_directory(all));
  for (const std::string& name : names) {
    if (name == mine) continue;
    const std::string path = all + "/" + name;
    const bool is_predecessor = name.substr(0, id_digits) == mine.substr(0, id_digits);
    // A running job seals long before that, and others of this user may sweep at the same time.
    if (is_predecessor || age_s(path) > abandoned_s) static_cast<void>(remove_tree(path));
  }
  SOVREN_DO(make_private(folder));
  // Restarts count as use.
  if (::utimensat(AT_FDCWD, folder.c_str(), nullptr, 0) != 0)
    return fail(io_error("touch", folder, errno));
  return sync_directory(all);
}

}  // namespace sovren::storage
