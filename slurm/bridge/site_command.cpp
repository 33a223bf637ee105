// SPDX-License-Identifier: Apache-2.0
#include "slurm/bridge/site_command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "core/base/units.h"
#include "slurm/bridge/descriptor.h"

extern char** environ;

namespace sovren::slurm {
namespace {

using Steady = std::chrono::steady_clock;

Error system_error(const std::string& what) {
  return {.code = Code::storage_io, .what = what + ": " + std::strerror(errno)};
}

// Through a memory file, so that writing it cannot block.
Result<void> fill(Descriptor& file, std::string_view content) {
  file.reset(::memfd_create("sovren-input", MFD_CLOEXEC));
  if (file.get() < 0) return fail(system_error("a memory file cannot be made"));
  while (!content.empty()) {
    const ssize_t n = ::write(file.get(), content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return fail(system_error("a memory file cannot be written"));
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  ::lseek(file.get(), 0, SEEK_SET);
  return {};
}

struct Pipe {
  Descriptor read, write;
  Result<void> open() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(system_error("a pipe cannot be made"));
    read.reset(ends[0]);
    write.reset(ends[1]);
    return {};
  }
};

// What a user's shell sets for their own eyes (SQUEUE_PARTITION, SACCT_FORMAT) would hide jobs from
// us; a list of array elements is wanted whole.
std::vector<char*> environment() {
  static char whole_lists[] = "SLURM_BITSTR_LEN=0";
  std::vector<char*> kept{whole_lists};
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    if (!text.starts_with("SQUEUE_") && !text.starts_with("SACCT_") &&
        !text.starts_with("SLURM_BITSTR_LEN="))
      kept.push_back(*variable);
  }
  kept.push_back(nullptr);
  return kept;
}

// The program on PATH that is not this one: in a folder of `sovren slurm shims`, sbatch is a link
// to ourselves.
Result<std::string> site_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  std::error_code failed;
  const auto self = std::filesystem::canonical("/proc/self/exe", failed);
  const char* path = std::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "/usr/bin:/bin");
  bool is_ours = false;
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string file = (folder.empty() ? "." : folder) + "/" + name;
    if (::access(file.c_str(), X_OK) != 0 || std::filesystem::is_directory(file, failed)) continue;
    if (std::filesystem::canonical(file, failed) != self) return file;
    is_ours = true;
  }
  return fail({.code = Code::not_found,
               .what = "'" + name + "' is not on PATH" + (is_ours ? ", but for our own" : ""),
               .hint = "is this a machine of the Slurm site, with its programs on PATH?"});
}

Result<pid_t> spawn(const std::vector<std::string>& argv, int in, int out, int err) {
  SOVREN_TRY(program, site_program(argv[0]));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setpgroup(&attributes, 0);  // killed with what it started
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  pid_t pid = 0;
  const int failed = ::posix_spawn(&pid, program.c_str(), &actions, &attributes, words.data(),
                                   environment().data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failed == 0) return pid;
  return fail({.code = Code::not_found,
               .what = "'" + program + "' cannot be started: " + std::strerror(failed)});
}

// False: the deadline came first.
bool read_both(Pipe& out, Pipe& err, SiteAnswer& answer, Steady::time_point deadline) {
  std::array<pollfd, 2> wanted{pollfd{out.read.get(), POLLIN, 0},
                               pollfd{err.read.get(), POLLIN, 0}};
  const std::array<std::string*, 2> texts{&answer.output, &answer.errors};
  std::array<char, 65536> buffer{};
  while (wanted[0].fd >= 0 || wanted[1].fd >= 0) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Steady::now()).count();
    if (left <= 0) return false;
    const int ready = ::poll(wanted.data(), wanted.size(), static_cast<int>(left));
    if (ready < 0 && errno != EINTR) return false;
    if (ready <= 0) continue;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (wanted[i].fd < 0 || wanted[i].revents == 0) continue;
      const ssize_t n = ::read(wanted[i].fd, buffer.data(), buffer.size());
      if (n > 0) texts[i]->append(buffer.data(), static_cast<std::size_t>(n));
      if (n == 0 || (n < 0 && errno != EINTR)) wanted[i].fd = -1;
    }
  }
  return true;
}

Result<SiteAnswer> run(const std::vector<std::string>& argv, const std::string& input,
                       double patience_s) {
  Descriptor in;
  Pipe out, err;
  SOVREN_DO(fill(in, input));
  SOVREN_DO(out.open());
  SOVREN_DO(err.open());
  SOVREN_TRY(pid, spawn(argv, in.get(), out.write.get(), err.write.get()));
  out.write.reset();
  err.write.reset();
  SiteAnswer answer;
  const auto patience = std::chrono::duration<double>(patience_s);
  const bool is_in_time = read_both(
      out, err, answer, Steady::now() + std::chrono::duration_cast<Steady::duration>(patience));
  if (!is_in_time) ::kill(-pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  answer.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  if (is_in_time) return answer;
  return fail({.code = Code::timed_out,
               .what = "'" + argv[0] + "' has not answered within " + format_duration(patience_s),
               .hint = "slurmctld may be busy or down: sinfo, scontrol ping"});
}

}  // namespace

SiteCommand site_command(double patience_s) {
  return [patience_s](const std::vector<std::string>& argv, const std::string& input) {
    return run(argv, input, patience_s);
  };
}

}  // namespace sovren::slurm
