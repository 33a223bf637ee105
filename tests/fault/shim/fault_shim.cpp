// SPDX-License-Identifier: Apache-2.0
// Preloaded into a program, it does harm at chosen system calls: tests/fault/fault_case.py.
//
// SOVREN_FAULTS  rules, one a line: "CALL PATTERN NTH ACTION [RANK]"
//   CALL     open (that creates), fallocate, write, fsync, close, rename, mkdir, unlink, rmdir,
//   read PATTERN  as of a shell, of the whole path; of a rename the new one NTH      the how
//   many-th such call of the process; "3+": it and all later ones ACTION   an errno (EIO, ENOSPC,
//   EDQUOT): the call fails with it and nothing is done
//            short: a write takes half;   kill, stop, term, int, usr1: that signal, before the call
//            after-kill, after-stop, ...: after it;   jump=SECONDS: the wall clock, from now on
//   RANK     only this rank of MPI's
// SOVREN_FAULT_ONCE  a file that the first process in which a rule holds makes; in any other
//                    process no rule holds from then on. What was hit is appended to it.
// SOVREN_FAULT_LOG   to this file every one of these calls is appended: "CALL PATH"
#include <dlfcn.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <sstream>
#include <string>

namespace {

struct Rule {
  std::string call, pattern, action;
  int nth = 0;
  bool is_lasting = false;
  std::atomic<int> count{0};
};

std::atomic<long> clock_offset_s{0};
thread_local bool is_inside = false;  // of the shim: its own calls are not looked at

std::deque<Rule> read_rules() {
  std::deque<Rule> rules;
  const char* text = std::getenv("SOVREN_FAULTS");
  const char* rank = std::getenv("OMPI_COMM_WORLD_RANK");
  std::istringstream lines(text == nullptr ? "" : text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    Rule& rule = rules.emplace_back();
    std::string nth, only;
    words >> rule.call >> rule.pattern >> nth >> rule.action >> only;
    rule.nth = std::atoi(nth.c_str());
    rule.is_lasting = nth.ends_with('+');
    if (rule.action.empty() || rule.nth < 1 || (!only.empty() && only != (rank ? rank : "0")))
      rules.pop_back();
  }
  return rules;
}

std::deque<Rule>& rules() {
  static std::deque<Rule> all = read_rules();
  return all;
}

template <class Function>
Function next_of(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

bool append_line(const char* path, const std::string& what) {
  const int fd = ::open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  const std::string line = what + "\n";
  const bool is_noted =
      fd >= 0 && ::write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  if (fd >= 0) ::close(fd);
  return is_noted;
}

/// Whether this process is the one that may do harm; notes what it does.
bool claim(const std::string& what) {
  static const char* const path = std::getenv("SOVREN_FAULT_ONCE");
  if (path == nullptr) return true;
  static const bool is_mine = [] {
    const int fd = ::open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0) ::close(fd);
    return fd >= 0;
  }();
  return is_mine && append_line(path, what);
}

/// The action to take at this call; empty: none.
std::string action_at(const char* call, const std::string& path) {
  static const char* const log = std::getenv("SOVREN_FAULT_LOG");
  if (log != nullptr) append_line(log, std::string(call) + " " + path);
  for (Rule& rule : rules()) {
    if (rule.call != call || ::fnmatch(rule.pattern.c_str(), path.c_str(), FNM_PATHNAME) != 0)
      continue;
    const int count = ++rule.count;
    if (count != rule.nth && !(rule.is_lasting && count > rule.nth)) continue;
    if (claim(std::string(call) + " " + path + " " + rule.action)) return rule.action;
  }
  return {};
}

int signal_of(const std::string& name) {
  static const std::map<std::string, int> signals{
      {"kill", SIGKILL}, {"stop", SIGSTOP}, {"term", SIGTERM}, {"int", SIGINT}, {"usr1", SIGUSR1}};
  const auto found = signals.find(name);
  return found == signals.end() ? 0 : found->second;
}

int errno_of(const std::string& name) {
  static const std::map<std::string, int> numbers{{"EIO", EIO},       {"ENOSPC", ENOSPC},
                                                  {"EDQUOT", EDQUOT}, {"EINTR", EINTR},
                                                  {"EROFS", EROFS},   {"EMFILE", EMFILE}};
  const auto found = numbers.find(name);
  return found == numbers.end() ? 0 : found->second;
}

/// Makes the call, or does what a rule says. Half: what a short call takes instead.
template <class Call, class Half>
auto guarded(const char* name, const std::string& path, Call call, Half half) -> decltype(call()) {
  if (is_inside) return call();
  is_inside = true;
  const std::string action = action_at(name, path);
  constexpr const char* after = "after-";
  const bool is_after = action.starts_with(after);
  if (const int number = errno_of(action); number != 0) {
    is_inside = false;
    errno = number;
    return -1;
  }
  if (const int signal = signal_of(action); signal != 0) ::kill(::getpid(), signal);
  if (action.starts_with("jump=")) clock_offset_s += std::atol(action.c_str() + 5);
  const auto result = action == "short" ? half() : call();
  const int error_number = errno;
  if (is_after) ::kill(::getpid(), signal_of(action.substr(6)));
  is_inside = false;
  errno = error_number;
  return result;
}

template <class Call>
auto guarded(const char* name, const std::string& path, Call call) -> decltype(call()) {
  return guarded(name, path, call, call);
}

std::string path_of(int fd) {
  if (is_inside) return {};
  std::array<char, PATH_MAX> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = ::readlink(link.c_str(), path.data(), path.size());
  return {path.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0))};
}

using Open = int (*)(const char*, int, ...);

int open_by(const char* name, const char* path, int flags, mode_t mode) {
  const auto call = [&] { return next_of<Open>(name)(path, flags, mode); };
  return (flags & O_CREAT) != 0 ? guarded("open", path, call) : call();
}

mode_t mode_in(int flags, va_list arguments) {
  return (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
}

ssize_t write_by(int fd, std::size_t size, const std::function<ssize_t(std::size_t)>& write) {
  return guarded(
      "write", path_of(fd), [&] { return write(size); },
      [&] { return write(std::max<std::size_t>(size / 2, 1)); });
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_in(flags, arguments);
  va_end(arguments);
  return open_by("open", path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_in(flags, arguments);
  va_end(arguments);
  return open_by("open64", path, flags, mode);
}

ssize_t write(int fd, const void* data, std::size_t size) {
  using Function = ssize_t (*)(int, const void*, std::size_t);
  return write_by(fd, size, [&](std::size_t n) { return next_of<Function>("write")(fd, data, n); });
}

ssize_t pwrite(int fd, const void* data, std::size_t size, off_t offset) {
  using Function = ssize_t (*)(int, const void*, std::size_t, off_t);
  return write_by(fd, size,
                  [&](std::size_t n) { return next_of<Function>("pwrite")(fd, data, n, offset); });
}

ssize_t pwrite64(int fd, const void* data, std::size_t size, off64_t offset) {
  using Function = ssize_t (*)(int, const void*, std::size_t, off64_t);
  return write_by(
      fd, size, [&](std::size_t n) { return next_of<Function>("pwrite64")(fd, data, n, offset); });
}

int fsync(int fd) {
  return guarded("fsync", path_of(fd), [&] { return next_of<int (*)(int)>("fsync")(fd); });
}

int fdatasync(int fd) {
  return guarded("fsync", path_of(fd), [&] { return next_of<int (*)(int)>("fdatasync")(fd); });
}

int fallocate(int fd, int mode, off_t offset, off_t size) {
  using Function = int (*)(int, int, off_t, off_t);
  return guarded("fallocate", path_of(fd),
                 [&] { return next_of<Function>("fallocate")(fd, mode, offset, size); });
}

int fallocate64(int fd, int mode, off64_t offset, off64_t size) {
  return fallocate(fd, mode, offset, size);
}

int close(int fd) {
  // As Linux does: the descriptor is gone, whatever close says.
  const std::string path = path_of(fd);
  const int closed = next_of<int (*)(int)>("close")(fd);
  return guarded("close", path, [&] { return closed; });
}

ssize_t read(int fd, void* data, std::size_t size) {
  using Function = ssize_t (*)(int, void*, std::size_t);
  return guarded(
      "read", path_of(fd), [&] { return next_of<Function>("read")(fd, data, size); },
      [&] { return next_of<Function>("read")(fd, data, (size + 1) / 2); });
}

ssize_t pread(int fd, void* data, std::size_t size, off_t offset) {
  using Function = ssize_t (*)(int, void*, std::size_t, off_t);
  return guarded(
      "read", path_of(fd), [&] { return next_of<Function>("pread")(fd, data, size, offset); },
      [&] { return next_of<Function>("pread")(fd, data, (size + 1) / 2, offset); });
}

ssize_t pread64(int fd, void* data, std::size_t size, off64_t offset) {
  return pread(fd, data, size, offset);
}

int rename(const char* from, const char* to) noexcept {
  using Function = int (*)(const char*, const char*);
  return guarded("rename", to, [&] { return next_of<Function>("rename")(from, to); });
}

int mkdir(const char* path, mode_t mode) noexcept {
  using Function = int (*)(const char*, mode_t);
  return guarded("mkdir", path, [&] { return next_of<Function>("mkdir")(path, mode); });
}

int unlink(const char* path) noexcept {
  return guarded("unlink", path, [&] { return next_of<int (*)(const char*)>("unlink")(path); });
}

int rmdir(const char* path) noexcept {
  return guarded("rmdir", path, [&] { return next_of<int (*)(const char*)>("rmdir")(path); });
}

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  using Function = int (*)(clockid_t, timespec*);
  const int result = next_of<Function>("clock_gettime")(clock, time);
  if (clock == CLOCK_REALTIME && result == 0) time->tv_sec += clock_offset_s;
  return result;
}

}  // extern "C"
