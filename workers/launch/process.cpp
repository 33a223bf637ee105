// SPDX-License-Identifier: Apache-2.0
#include "workers/launch/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "core/base/check.h"

namespace sovren::workers {
namespace {

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

struct ChildSetting {
  char* const* argv;
  char* const* environment;
  int input;
  int log;
  pid_t parent;
};

/// In the child, between vfork and exec: system calls only, the memory is the parent's. Returns
/// errno; errno of the parent must not be touched, and is not: vfork suspends it.
int become(const ChildSetting& setting) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (::getppid() != setting.parent) ::_exit(128 + SIGKILL);  // it died before the line above
  if (::dup2(setting.input, 0) < 0 || ::dup2(setting.log, 1) < 0 || ::dup2(setting.log, 2) < 0)
    return errno;
  // The parent's handlers must not run here, and its ignored signals are not for the child.
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(setting.argv[0], setting.argv, setting.environment);
  return errno;
}

/// The child's pid, or -errno. exec_error: set by the child through the shared memory.
pid_t start_child(const ChildSetting& setting, int& exec_error) {
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  volatile int error_of_child = 0;
  const pid_t pid = ::vfork();
  if (pid == 0) {
    error_of_child = become(setting);
    ::_exit(127);
  }
  const int error_of_vfork = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  exec_error = error_of_child;
  return pid < 0 ? -error_of_vfork : pid;
}

}  // namespace

void Handle::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

Handle watch_end(pid_t pid) {
  // By number: the header of glibc 2.36 declares pidfd_open for C only.
  return Handle(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

Result<Process> Process::start(const Command& command, const std::string& log_path) {
  SOVREN_CHECK(!command.argv.empty(), "a command has a program");
  const Handle log(::open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (!log.is_open())
    return fail({.code = Code::storage_io,
                 .what = std::string("cannot open the log: ") + std::strerror(errno),
                 .where = log_path});
  const Handle input(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!input.is_open())
    return fail({.code = Code::storage_io, .what = "cannot open /dev/null", .where = "/dev/null"});
  const auto argv = pointers_to(command.argv);
  const auto environment = pointers_to(command.environment);
  int exec_error = 0;
  const pid_t pid = start_child({.argv = argv.data(),
                                 .environment = environment.data(),
                                 .input = input.get(),
                                 .log = log.get(),
                                 .parent = ::getpid()},
                                exec_error);
  if (pid < 0 || exec_error != 0) {
    if (pid > 0) ::waitpid(pid, nullptr, 0);
    const int error = pid < 0 ? -pid : exec_error;
    return fail({.code = pid < 0 ? Code::refused : Code::input_missing,
                 .what = std::string("cannot be run: ") + std::strerror(error),
                 .where = command.argv[0]});
  }
  Handle end = watch_end(pid);
  if (!end.is_open()) {
    const int error = errno;
    ::kill(-pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return fail(
        {.code = Code::refused,
         .what = std::string("a started process cannot be watched: ") + std::strerror(error),
         .hint = "pidfd_open needs Linux 5.3 and a free file descriptor"});
  }
  return Process(pid, std::move(end));
}

Process::~Process() {
  if (!end_.is_open() || exit_code_) return;
  kill();
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
}

std::optional<int> Process::exit_code() {
  if (exit_code_) return exit_code_;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  exit_code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return exit_code_;
}

void Process::kill() {
  if (exit_code_) return;
  ::kill(-pid_, SIGKILL);
  ::kill(pid_, SIGKILL);
}

}  // namespace sovren::workers
