// SPDX-License-Identifier: Apache-2.0
#include "workers/launch/step_task.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "core/base/check.h"
#include "workers/launch/process.h"

namespace sovren::workers {
namespace {

[[noreturn]] void give_up(const char* activity, const std::string& name) {
  const int why = errno;
  std::fprintf(stderr, "srun: error: %s: %s: %s\n", activity, name.c_str(), std::strerror(why));
  std::fflush(stderr);
  ::_exit(why);
}

void redirect(int stream, const std::string& file, int flags) {
  const int fd = ::open(file.c_str(), flags | O_CLOEXEC | O_NOCTTY, 0666);
  if (fd < 0 || ::dup2(fd, stream) < 0) give_up("cannot open", file);
  ::close(fd);
}

/// srun has emptied the files that are to be: tasks append, for several may have one file.
void redirect_output(const StepPlan& plan, int stream, const StepStream& to, int task) {
  if (to.only_task >= 0 && to.only_task != task) return redirect(stream, "/dev/null", O_WRONLY);
  if (!to.file.empty())
    redirect(stream, file_of_task(plan, to.file, task), O_WRONLY | O_CREAT | O_APPEND);
}

void redirect_input(const StepPlan& plan, int task) {
  if (plan.input.only_task >= 0 && plan.input.only_task != task)
    return redirect(0, "/dev/null", O_RDONLY);
  if (!plan.input.file.empty()) redirect(0, file_of_task(plan, plan.input.file, task), O_RDONLY);
}

std::array<int, 2> new_pipe() {
  std::array<int, 2> ends{-1, -1};
  SOVREN_CHECK(::pipe2(ends.data(), O_CLOEXEC) == 0, "a process can have a pipe");
  return ends;
}

/// Lines of one stream, each to be written at once with the task's number.
class LabelledStream {
 public:
  LabelledStream(Handle from, int to, std::string label)
      : from_(std::move(from)), to_(to), label_(std::move(label)) {}
  bool is_open() const { return from_.is_open(); }
  int fd() const { return from_.get(); }
  void pass_on() {
    std::array<char, 65536> buffer;
    const ssize_t got = ::read(from_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) return;
    if (got > 0) rest_.append(buffer.data(), static_cast<std::size_t>(got));
    if (got <= 0 && !rest_.empty()) rest_ += '\n';
    std::string text;
    std::size_t begin = 0;
    for (std::size_t end = rest_.find('\n'); end != rest_.npos; end = rest_.find('\n', begin)) {
      text += label_ + rest_.substr(begin, end + 1 - begin);
      begin = end + 1;
    }
    rest_.erase(0, begin);
    for (std::string_view left = text; !left.empty();) {
      const ssize_t written = ::write(to_, left.data(), left.size());
      if (written < 0 && errno != EINTR) break;
      if (written > 0) left.remove_prefix(static_cast<std::size_t>(written));
    }
    if (got <= 0) from_.reset();
  }

 private:
  Handle from_;
  int to_;
  std::string label_;
  std::string rest_;
};

std::string label_of(const StepPlan& plan, int task) {
  const std::size_t width = std::to_string(plan.layout.tasks - 1).size();
  const std::string number = std::to_string(task);
  return std::string(width - number.size(), ' ') + number + ": ";
}

}  // namespace

void become_task(const StepPlan& plan, int task, const std::vector<std::string>& argv) {
  for (const auto& variables : {step_variables(plan), task_variables(plan, task)})
    for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
  ::setenv("SLURM_TASK_PID", std::to_string(::getpid()).c_str(), 1);
  ::unsetenv(std::string(step_variable).c_str());
  const int place = plan.layout.nodes[node_of_task(plan, task)].place;
  const bool has_gpus = plan.allocation.nodes[static_cast<std::size_t>(place)].gpus > 0;
  if (const char* visible = std::getenv("CUDA_VISIBLE_DEVICES"); visible != nullptr && has_gpus)
    ::setenv("CUDA_VISIBLE_DEVICES", gpus_of_task(plan, task, visible).c_str(), 1);
  if (!plan.folder.empty() && ::chdir(plan.folder.c_str()) != 0)
    give_up("cannot enter the folder", plan.folder);
  redirect_input(plan, task);
  const bool has_own_error = !plan.error.file.empty() || plan.error.only_task >= 0;
  redirect_output(plan, 1, plan.output, task);
  if (has_own_error)
    redirect_output(plan, 2, plan.error, task);
  else if (!plan.output.file.empty() || plan.output.only_task >= 0)
    ::dup2(1, 2);
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  ::execvp(words[0], words.data());
  give_up("execve()", argv[0]);
}

int watch_task(const StepPlan& plan, int task, const std::vector<std::string>& argv) {
  std::vector<LabelledStream> streams;
  std::array<int, 2> out{-1, -1}, error{-1, -1};
  if (plan.is_labelled) {
    out = new_pipe();
    error = new_pipe();
  }
  sigset_t all, before;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &before);
  const pid_t watcher = ::getpid();
  const pid_t pid = ::fork();
  SOVREN_CHECK(pid >= 0, "a process can be started");
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (::getppid() != watcher) ::_exit(128 + SIGKILL);
    if (plan.is_labelled && (::dup2(out[1], 1) < 0 || ::dup2(error[1], 2) < 0)) ::_exit(errno);
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    become_task(plan, task, argv);
  }
  if (plan.is_labelled) {
    ::close(out[1]);
    ::close(error[1]);
    streams.emplace_back(Handle(out[0]), 1, label_of(plan, task));
    streams.emplace_back(Handle(error[0]), 2, label_of(plan, task));
  }
  while (!streams.empty()) {
    std::vector<pollfd> wanted;
    for (const LabelledStream& stream : streams) wanted.push_back({stream.fd(), POLLIN, 0});
    if (::poll(wanted.data(), wanted.size(), -1) < 0) continue;
    for (std::size_t i = 0; i < wanted.size(); ++i)
      if (wanted[i].revents != 0) streams[i].pass_on();
    std::erase_if(streams, [](const LabelledStream& stream) { return !stream.is_open(); });
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  return status;
}

}  // namespace sovren::workers
