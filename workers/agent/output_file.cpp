// SPDX-License-Identifier: Apache-2.0
#include "workers/agent/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/text/file_pattern.h"

namespace sovren::workers {
namespace {

Error open_error(const std::string& path) {
  const bool is_users = errno == ENOENT || errno == ENOTDIR || errno == EACCES || errno == EISDIR ||
                        errno == EPERM || errno == EROFS;
  Error error{.code = is_users ? Code::input_missing : Code::storage_io,
              .what = std::string("cannot open the file for its output: ") + std::strerror(errno),
              .where = path};
  if (errno == ENOENT) error.hint = "its folder must be there before: make it with mkdir -p";
  return error;
}

/// Relative to where the command runs.
std::string resolved(const AttemptOrder& order, const CommandSpec& spec, const std::string& name) {
  if (name.empty() || name.front() == '/') return name;
  return (spec.folder.empty() ? order.dir : spec.folder) + "/" + name;
}

}  // namespace

Result<OutputFile> OutputFile::open(std::string path, const std::optional<Identity>& owner,
                                    Mode mode) {
  const AsUser as_owner(owner);
  // Not to wait for the reader of a pipe.
  Handle file(::open(path.c_str(),
                     O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK |
                         (mode == Mode::truncate ? O_TRUNC : 0),
                     0666));
  if (!file.is_open()) return fail(open_error(path));
  struct stat about {};
  if (::fstat(file.get(), &about) == 0 && (S_ISREG(about.st_mode) || S_ISCHR(about.st_mode)))
    return OutputFile(std::move(path), std::move(file));
  return fail({.code = Code::refused,
               .what = "what a command prints goes to a file, and this is none",
               .hint = "a pipe would hold up all of the node when nobody reads it",
               .where = path});
}

Result<void> OutputFile::append(std::string_view bytes) {
  return write_all(file_, bytes, path_);
}

OutputPaths output_paths(const AttemptOrder& order, const CommandSpec& spec) {
  text::PatternValues values{.job = order.job.value,
                             .array_job = order.array_job.value,
                             .node_name = order.node,
                             .user = order.user,
                             .job_name = order.spec.name};
  if (order.element >= 0) {
    const auto task = spec.environment.find("SLURM_ARRAY_TASK_ID");
    values.array_task =
        task == spec.environment.end() ? std::to_string(order.element) : task->second;
  }
  OutputPaths paths{resolved(order, spec, text::expand_pattern(spec.output, values)),
                    resolved(order, spec, text::expand_pattern(spec.error, values))};
  if (paths.error == paths.output) paths.error.clear();
  return paths;
}

Result<void> write_all(const Handle& file, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail(output_error(path));
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Error output_error(const std::string& path) {
  return {.code = Code::storage_io,
          .what = std::string("the output cannot be kept: ") + std::strerror(errno),
          .where = path};
}

}  // namespace sovren::workers
