// SPDX-License-Identifier: Apache-2.0
#include "workers/launch/cgroup.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

namespace sovren::workers {
namespace {

bool write_text(const std::string& file, const std::string& text) {
  const Handle handle(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  return handle.is_open() && ::write(handle.get(), text.data(), text.size()) == std::ssize(text);
}

std::string text_of(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

/// "key 3" in a file of such lines; 0 when it is not there.
std::int64_t value_in(const std::string& file, const std::string& key) {
  std::ifstream lines(file);
  std::string name;
  for (std::int64_t value = 0; lines >> name >> value;)
    if (name == key) return value;
  return 0;
}

bool has_word(const std::string& text, const std::string& word) {
  std::istringstream words(text);
  for (std::string each; words >> each;)
    if (each == word) return true;
  return false;
}

/// Where this process is in version 2 (empty controller list), or in version 1's `controller`.
std::optional<std::string> own_group(const std::string& root, const std::string& controller) {
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    if ("," + line.substr(first + 1, second - first - 1) + "," != "," + controller + ",") continue;
    const std::string path = line.substr(second + 1);
    return path == "/" ? "" : path;
  }
  return std::nullopt;
}

/// The folder below which version 2 bounds memory, once this process has made room there.
std::optional<std::string> prepare_v2(const std::string& root) {
  const auto path = own_group(root, "");
  if (!path) return std::nullopt;
  const std::string folder = root + "/sys/fs/cgroup" + *path;
  if (!has_word(text_of(folder + "/cgroup.controllers"), "memory")) return std::nullopt;
  const auto enable = [&] {
    return write_text(folder + "/cgroup.subtree_control", "+memory +pids");
  };
  if (enable()) return folder;
  const std::string agent = folder + "/agent";
  if (::mkdir(agent.c_str(), 0755) != 0 && errno != EEXIST) return std::nullopt;
  if (write_text(agent + "/cgroup.procs", "0") && enable()) return folder;
  write_text(folder + "/cgroup.procs", "0");
  ::rmdir(agent.c_str());
  return std::nullopt;
}

std::optional<std::string> prepare_v1(const std::string& root) {
  const auto path = own_group(root, "memory");
  if (!path) return std::nullopt;
  const std::string folder = root + "/sys/fs/cgroup/memory" + *path;
  if (::access((folder + "/memory.limit_in_bytes").c_str(), W_OK) != 0) return std::nullopt;
  return folder;
}

}  // namespace

std::optional<CgroupParent> CgroupParent::find(const std::string& root) {
  if (const auto folder = prepare_v2(root)) return CgroupParent(*folder, 2);
  if (const auto folder = prepare_v1(root)) return CgroupParent(*folder, 1);
  return std::nullopt;
}

Result<Cgroup> CgroupParent::make(const std::string& name, std::int64_t memory_bytes) const {
  const std::string folder = folder_ + "/" + name, bytes = std::to_string(memory_bytes);
  const auto refused = [&](const char* activity) {
    return fail({.code = Code::refused,
                 .what = std::string(activity) + ": " + std::strerror(errno),
                 .where = folder});
  };
  if (::mkdir(folder.c_str(), 0755) != 0) return refused("cannot make a control group");
  Cgroup made(folder, version_);
  const bool is_bounded =
      write_text(folder + (version_ == 2 ? "/memory.max" : "/memory.limit_in_bytes"), bytes);
  if (!is_bounded) return refused("cannot bound the memory of a control group");
  // Without these two it may swap, too: slower, but not wrong. One rank that is killed ends the
  // attempt anyhow: all at once is cleaner.
  write_text(folder + (version_ == 2 ? "/memory.swap.max" : "/memory.memsw.limit_in_bytes"),
             version_ == 2 ? "0" : bytes);
  if (version_ == 2) write_text(folder + "/memory.oom.group", "1");
  made.procs_.reset(::open((folder + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
  if (!made.procs_.is_open()) return refused("cannot enter a control group");
  return made;
}

bool Cgroup::has_run_out_of_memory() const {
  return value_in(folder_ + (version_ == 2 ? "/memory.events" : "/memory.oom_control"),
                  "oom_kill") > 0;
}

void Cgroup::kill() const {
  if (version_ == 2 && write_text(folder_ + "/cgroup.kill", "1")) return;
  std::ifstream procs(folder_ + "/cgroup.procs");
  for (pid_t pid = 0; procs >> pid;)
    if (pid > 1) ::kill(pid, SIGKILL);
}

Cgroup::~Cgroup() {
  if (folder_.empty()) return;
  procs_.reset();
  constexpr int turns_max = 200;  // of 5 ms: what was killed takes a moment to leave
  for (int turn = 0; turn < turns_max && ::rmdir(folder_.c_str()) != 0 && errno == EBUSY; ++turn) {
    kill();
    ::usleep(5000);
  }
}

}  // namespace sovren::workers
