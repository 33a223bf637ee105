// SPDX-License-Identifier: Apache-2.0
#include "cli/subprocess.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

extern char** environ;

namespace sovren::cli {
namespace {

// A file descriptor that closes itself.
struct Fd {
  int value = -1;
  ~Fd() { reset(); }
  void reset() {
    if (value >= 0) close(value);
    value = -1;
  }
};

Error system_error(const std::string& what) {
  return {.code = Code::storage_io, .what = what + ": " + std::strerror(errno)};
}

Result<int> memory_file(const std::string& content) {
  const int fd = memfd_create("sovren-input", MFD_CLOEXEC);
  if (fd < 0) return fail(system_error("a memory file cannot be made"));
  for (std::size_t done = 0; done < content.size();) {
    const ssize_t n = write(fd, content.data() + done, content.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      close(fd);
      return fail(system_error("a memory file cannot be written"));
    }
    done += static_cast<std::size_t>(n);
  }
  lseek(fd, 0, SEEK_SET);
  return fd;
}

std::string read_to_end(int fd) {
  std::string text;
  std::array<char, 4096> buffer{};
  while (true) {
    const ssize_t n = read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
}

}  // namespace

Result<Finished> run_program(const std::vector<std::string>& argv, const std::string& input,
                             Stderr errors) {
  SOVREN_TRY(input_fd, memory_file(input));
  Fd in{input_fd}, out_read, out_write;
  std::array<int, 2> pipe_fds{};
  if (pipe2(pipe_fds.data(), O_CLOEXEC) != 0) return fail(system_error("a pipe cannot be made"));
  out_read.value = pipe_fds[0];
  out_write.value = pipe_fds[1];

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.value, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out_write.value,
                                   errors == Stderr::take ? STDERR_FILENO : STDOUT_FILENO);
  if (errors == Stderr::drop)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);

  pid_t pid = 0;
  const int failed = posix_spawnp(&pid, words[0], &actions, &attributes, words.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  out_write.reset();
  if (failed != 0) {
    errno = failed;
    return fail({.code = Code::not_found,
                 .what = "'" + argv[0] + "' cannot be started: " + std::strerror(failed)});
  }
  Finished finished{.output = read_to_end(out_read.value)};
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  finished.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return finished;
}

}  // namespace sovren::cli
