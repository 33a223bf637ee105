// SPDX-License-Identifier: Apache-2.0
#include "workers/launch/process_tree.h"

#include <dirent.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <string>

namespace sovren::workers {
namespace {

std::vector<pid_t> numbers_in(const char* folder) {
  std::vector<pid_t> numbers;
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(folder), ::closedir);
  while (entries != nullptr) {
    const dirent* entry = ::readdir(entries.get());
    if (entry == nullptr) break;
    if (const long number = std::strtol(entry->d_name, nullptr, 10); number > 0)
      numbers.push_back(static_cast<pid_t>(number));
  }
  return numbers;
}

struct Stat {
  std::string name;
  char state = '?';
  pid_t parent = 0;
  pid_t group = 0;
};

/// The second to the fifth field; the second is the name in brackets, which may hold anything.
Stat stat_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(file, line);
  Stat stat;
  const auto opening = line.find('(');
  const auto closing = line.rfind(')');
  if (opening == std::string::npos || closing == std::string::npos) return stat;
  stat.name = line.substr(opening + 1, closing - opening - 1);
  std::istringstream(line.substr(closing + 1)) >> stat.state >> stat.parent >> stat.group;
  return stat;
}

/// From the kernel's list, which needs no walk over all processes; false where there is none. This
/// thread's children are those that it started; adopted ones are the first thread's.
bool list_children(std::vector<pid_t>& children) {
  std::set<pid_t> threads{::getpid(), static_cast<pid_t>(::syscall(SYS_gettid))};
  for (const pid_t thread : threads) {
    std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/children");
    if (!file) return false;
    for (pid_t child = 0; file >> child;) children.push_back(child);
  }
  return true;
}

}  // namespace

Result<void> adopt_orphans() {
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0) return {};
  return fail({.code = Code::bug,
               .what = std::string("this process cannot adopt orphans: ") + std::strerror(errno)});
}

std::vector<Child> own_children(const std::vector<pid_t>& known) {
  std::vector<pid_t> pids;
  if (!list_children(pids)) {
    pids.clear();
    for (const pid_t pid : numbers_in("/proc"))
      if (stat_of(pid).parent == ::getpid()) pids.push_back(pid);
  }
  std::vector<Child> children;
  for (const pid_t pid : pids)
    if (std::find(known.begin(), known.end(), pid) == known.end())
      children.push_back(Child{.pid = pid, .is_zombie = stat_of(pid).state == 'Z'});
  return children;
}

std::vector<pid_t> step_launchers(pid_t group) {
  std::vector<pid_t> launchers;
  for (const pid_t pid : numbers_in("/proc")) {
    const Stat stat = stat_of(pid);
    if (stat.group == group && (stat.name == "srun" || stat.name == "mpirun"))
      launchers.push_back(pid);
  }
  return launchers;
}

Ownership cookie_ownership(pid_t pid, std::string_view cookie) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/environ", std::ios::binary);
  const std::string wanted = std::string(cookie_variable) + "=" + std::string(cookie);
  bool is_empty = true;
  for (std::string variable; std::getline(file, variable, '\0'); is_empty = false)
    if (variable == wanted) return Ownership::own;
  return is_empty ? Ownership::unknown : Ownership::other;
}

}  // namespace sovren::workers
