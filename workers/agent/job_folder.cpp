// SPDX-License-Identifier: Apache-2.0
#include "workers/agent/job_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "core/text/job_file.h"
#include "workers/launch/command.h"

namespace sovren::workers {
namespace {

Error file_error(const char* activity, const std::string& path) {
  return {.code = Code::storage_io,
          .what = std::string(activity) + ": " + std::strerror(errno),
          .where = path};
}

bool holds(const std::string& path, const std::string& text) {
  const Handle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY));
  struct stat about {};
  if (!file.is_open() || ::fstat(file.get(), &about) != 0 || about.st_size != std::ssize(text))
    return false;
  std::string found(text.size(), '\0');
  return ::pread(file.get(), found.data(), found.size(), 0) == std::ssize(text) && found == text;
}

Result<void> write_new(const std::string& path, const std::string& text, mode_t mode) {
  const Handle file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
  if (!file.is_open()) return fail(file_error("cannot make the file", path));
  const ssize_t written = ::write(file.get(), text.data(), text.size());
  if (written >= 0 && written < std::ssize(text)) errno = ENOSPC;
  if (written != std::ssize(text)) return fail(file_error("cannot write the file", path));
  return {};
}

/// Under another name first: ranks on other nodes must not see a part of it. Not made durable: it
/// is written anew by the next attempt.
Result<void> put_file(const std::string& path, const std::string& text, mode_t mode) {
  if (holds(path, text)) return {};
  const std::string part = path + ".new";
  ::unlink(part.c_str());
  SOVREN_DO(write_new(part, text, mode));
  if (::rename(part.c_str(), path.c_str()) == 0) return {};
  return fail(file_error("cannot name the file", path));
}

}  // namespace

Result<void> make_folders(const std::string& path) {
  if (::mkdir(path.c_str(), 0777) == 0 || errno == EEXIST) return {};
  const auto slash = path.rfind('/');
  if (errno == ENOENT && slash != std::string::npos && slash > 0) {
    SOVREN_DO(make_folders(path.substr(0, slash)));
    if (::mkdir(path.c_str(), 0777) == 0 || errno == EEXIST) return {};
  }
  return fail(file_error("cannot make the folder", path));
}

Result<Handle> open_launch_log(const std::string& dir, const std::optional<Identity>& user) {
  const AsUser as_user(user);
  SOVREN_DO(make_folders(dir + "/logs"));
  const std::string path = dir + "/logs/launch.log";
  Handle log(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY,
                    0666));
  if (log.is_open()) return log;
  return fail(file_error("cannot open the log", path));
}

std::string script_file(const AttemptOrder& order) {
  return order.dir + "/script";
}

namespace {

/// Whose folder is there already must be the job's user: in a folder that is open to all, anybody
/// could have made the next job's to put a script of their own there.
Result<void> check_owner(const std::string& dir, const std::optional<Identity>& user) {
  struct stat about {};
  if (::lstat(dir.c_str(), &about) != 0) return fail(file_error("cannot look at the folder", dir));
  if (S_ISDIR(about.st_mode) && (!user || about.st_uid == user->uid)) return {};
  return fail({.code = Code::refused,
               .what = "there is something else under the name of the job's folder: " +
                       (S_ISDIR(about.st_mode) ? "a folder of user " + std::to_string(about.st_uid)
                                               : std::string("no folder")),
               .hint = "an administrator should find out who made it, and remove it",
               .where = dir});
}

/// True when it was not there. Where the user may not make it, root does in the user's place: the
/// scheduler chose the name, and nobody else can have put something there.
Result<bool> make_job_folder(const std::string& dir, const std::optional<Identity>& user) {
  {
    const AsUser as_user(user);
    if (::mkdir(dir.c_str(), 0777) == 0) return true;
    if (errno == EEXIST) {
      SOVREN_DO(check_owner(dir, user));
      return false;
    }
  }
  SOVREN_DO(make_folders(dir));
  if (!user) return true;
  const Handle folder(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (folder.is_open() && ::fchown(folder.get(), user->uid, user->gid) == 0) return true;
  return fail(file_error("cannot hand the folder over to its user", dir));
}

}  // namespace

Result<void> prepare_job_folder(const AttemptOrder& order, const std::optional<Identity>& user) {
  auto is_new = make_job_folder(order.dir, user);
  if (!is_new && user && is_new.error().code != Code::refused)
    is_new.error().hint = "root may not make it for " + user->name +
                          ": let the folder above be open to all as /tmp is (mode 1777)";
  if (!is_new) return fail(std::move(is_new).error());
  // The array's pictures come together in the folder of its first job, which may be yet to start.
  const std::string sequence = sequence_folder(order);
  if (!sequence.empty()) SOVREN_DO(make_job_folder(sequence.substr(0, sequence.rfind('/')), user));
  const AsUser as_user(user);
  if (!sequence.empty()) SOVREN_DO(make_folders(sequence));
  const auto* command = std::get_if<CommandSpec>(&order.spec.kind);
  SOVREN_DO(make_folders(order.dir + (command == nullptr ? "/logs" : "/checkpoints")));
  const std::string job_file = order.dir + "/job.toml", text = text::print_job_file(order.spec);
  // What a user's environment holds (tokens, passwords) is for nobody else.
  const bool is_private = command != nullptr && !command->environment.empty();
  const mode_t mode = is_private ? 0600 : 0666;
  if (*is_new)  // nobody looks at it yet
    SOVREN_DO(write_new(job_file, text, mode));
  else
    SOVREN_DO(put_file(job_file, text, mode));
  if (command != nullptr && !command->script.empty())
    SOVREN_DO(put_file(script_file(order), command->script, 0700));
  return {};
}

}  // namespace sovren::workers
