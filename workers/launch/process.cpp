// SPDX-License-Identifier: Apache-2.0
#include "workers/launch/process.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "core/base/check.h"
#include "workers/launch/identity.h"

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
  const Command& command;
  char* const* argv;
  char* const* environment;
  int input;
  int output;
  int error;
  pid_t parent;
};

/// Which step failed in the child, and errno of it.
struct ChildError {
  int error = 0;
  const char* step = "";
};

/// By number: glibc's functions would make every thread of this process change its user, and
/// between vfork and exec this process is the parent.
bool become_user(const Identity& user) {
  return ::syscall(SYS_setgroups, user.groups.size(), user.groups.data()) == 0 &&
         ::syscall(SYS_setresgid, user.gid, user.gid, user.gid) == 0 &&
         ::syscall(SYS_setresuid, user.uid, user.uid, user.uid) == 0;
}

bool join_cgroups(const std::vector<int>& procs_fds) {
  for (const int fd : procs_fds)
    if (::write(fd, "0", 1) != 1) return false;
  return true;
}

/// A signal that is ignored stays so in the new program; a handler does not, but must not run here.
void reset_signals() {
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// In the child, between vfork and exec: system calls only, the memory is the parent's. Returns
/// the step that failed; errno of the parent must not be touched, and is not: vfork suspends it.
const char* become(const ChildSetting& setting) {
  const Command& command = setting.command;
  ::setpgid(0, 0);
  if (!join_cgroups(command.cgroup_procs)) return "cannot enter its cgroup";
  if (command.cpus && ::sched_setaffinity(0, sizeof(cpu_set_t), &*command.cpus) != 0)
    return "cannot be bound to its cores";
  if (command.user && !become_user(*command.user)) return "cannot become its user";
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);  // after the change of user, which clears it
  if (::getppid() != setting.parent) ::_exit(128 + SIGKILL);  // it died before the line above
  if (!command.folder.empty() && ::chdir(command.folder.c_str()) != 0)
    return "cannot enter its working folder";
  if (::dup2(setting.input, 0) < 0 || ::dup2(setting.output, 1) < 0 || ::dup2(setting.error, 2) < 0)
    return "cannot get its input and output";
  reset_signals();
  ::execve(setting.argv[0], setting.argv, setting.environment);
  return "cannot be run";
}

/// The child's pid, or -errno. failure: set by the child through the shared memory.
pid_t start_child(const ChildSetting& setting, ChildError& failure) {
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  volatile int error_of_child = 0;
  const char* volatile step_of_child = "";
  const pid_t pid = ::vfork();
  if (pid == 0) {
    step_of_child = become(setting);
    error_of_child = errno;
    ::_exit(127);
  }
  const int error_of_vfork = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  failure = {error_of_child, step_of_child};
  return pid < 0 ? -error_of_vfork : pid;
}

Result<Handle> open_input(const Command& command) {
  const std::string file = command.input.empty() ? "/dev/null" : command.input;
  const AsUser as_user(command.user);
  Handle input(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (input.is_open()) return input;
  return fail({.code = Code::input_missing,
               .what = std::string("cannot open the standard input: ") + std::strerror(errno),
               .where = file});
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

Result<Process> Process::start(const Command& command, int output, int error) {
  SOVREN_CHECK(!command.argv.empty(), "a command has a program");
  SOVREN_TRY(input, open_input(command));
  const auto argv = pointers_to(command.argv);
  const auto environment = pointers_to(command.environment);
  ChildError failure;
  const pid_t pid = start_child({.command = command,
                                 .argv = argv.data(),
                                 .environment = environment.data(),
                                 .input = input.get(),
                                 .output = output,
                                 .error = error < 0 ? output : error,
                                 .parent = ::getpid()},
                                failure);
  if (pid < 0)
    return fail({.code = Code::refused,
                 .what = std::string("no process can be started: ") + std::strerror(-pid),
                 .where = command.argv[0]});
  if (*failure.step != '\0') {
    ::waitpid(pid, nullptr, 0);
    const bool is_missing = failure.error == ENOENT || failure.error == EACCES ||
                            failure.error == ENOEXEC || failure.error == ENOTDIR;
    return fail({.code = is_missing ? Code::input_missing : Code::refused,
                 .what = std::string(failure.step) + ": " + std::strerror(failure.error),
                 .where = command.argv[0]});
  }
  Handle end = watch_end(pid);
  if (end.is_open()) return Process(pid, std::move(end));
  const int why = errno;
  ::kill(-pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  return fail({.code = Code::refused,
               .what = std::string("a started process cannot be watched: ") + std::strerror(why),
               .hint = "pidfd_open needs Linux 5.3 and a free file descriptor"});
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
  signal(SIGKILL);
}

void Process::signal(int number) const {
  if (exit_code_) return;
  if (::kill(-pid_, number) != 0) ::kill(pid_, number);  // it may have left its group
}

void Process::signal_first(int number) const {
  if (!exit_code_) ::kill(pid_, number);
}

}  // namespace sovren::workers
