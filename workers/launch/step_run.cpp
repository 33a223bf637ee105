// SPDX-License-Identifier: Apache-2.0
#include "workers/launch/step_run.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>

#include "workers/launch/process.h"
#include "workers/launch/step_mpirun.h"
#include "workers/launch/step_task.h"

namespace sovren::workers {
namespace {

// Between SIGTERM and SIGKILL to tasks that are to end, as Slurm's KillWait.
constexpr double kill_wait_s = 5;
constexpr double never_s = std::numeric_limits<double>::infinity();

constexpr int passed_on[] = {SIGINT,  SIGTERM, SIGHUP,  SIGQUIT, SIGUSR1,
                             SIGUSR2, SIGALRM, SIGCONT, SIGURG};

double steady_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// A child that runs a task, or mpirun for all of them.
struct StepProcess {
  pid_t pid = 0;
  int task = 0;  ///< -1: mpirun
  bool is_over = false;
};

int code_of(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/// CPUs of the step among those that this process may use; all, when these are not the attempt's.
void bind_to(const std::vector<int>& numbers, int cpus_of_attempt) {
  cpu_set_t mine, chosen;
  CPU_ZERO(&chosen);
  if (numbers.empty() || ::sched_getaffinity(0, sizeof mine, &mine) != 0 ||
      CPU_COUNT(&mine) != cpus_of_attempt)
    return;
  int seen = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &mine) && std::find(numbers.begin(), numbers.end(), seen++) != numbers.end())
      CPU_SET(cpu, &chosen);
  ::sched_setaffinity(0, sizeof chosen, &chosen);
}

/// Ends as its child has ended.
[[noreturn]] void end_as(int status) {
  if (WIFSIGNALED(status)) {
    ::signal(WTERMSIG(status), SIG_DFL);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::raise(WTERMSIG(status));
  }
  ::_exit(code_of(status));
}

/// The children of a step from their start to their end.
class StepChildren {
 public:
  StepChildren(const StepPlan& plan, const StepRun& run) : plan_(plan), run_(run) {
    ::sigemptyset(&signals_);
    for (const int signal : passed_on) ::sigaddset(&signals_, signal);
    ::sigaddset(&signals_, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &signals_, &before_);
    inbox_ = Handle(::signalfd(-1, &signals_, SFD_CLOEXEC | SFD_NONBLOCK));
  }

  /// In the child, `become` never returns.
  Result<void> start(int task, const std::function<void()>& become) {
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0)
      return fail({.code = Code::refused,
                   .what = std::string("no process can be started: ") + std::strerror(errno)});
    if (pid == 0) {
      ::setpgid(0, 0);
      ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
      if (::getppid() != parent) ::_exit(128 + SIGKILL);
      bind_to(run_.cpus, plan_.allocation.nodes[0].cpus);
      ::sigprocmask(SIG_SETMASK, &before_, nullptr);
      become();
    }
    ::setpgid(pid, pid);  // whoever is first: it must be there before a signal
    processes_.push_back({.pid = pid, .task = task});
    return {};
  }

  /// The highest exit code.
  int wait_for_all() {
    const double begun_s = steady_s();
    if (run_.time_limit_s > 0) end_at_s_ = begun_s + run_.time_limit_s;
    while (std::any_of(processes_.begin(), processes_.end(),
                       [](const StepProcess& one) { return !one.is_over; })) {
      pollfd wanted{inbox_.get(), POLLIN, 0};
      const double next_s = std::min(end_at_s_, kill_at_s_);
      const double left_ms = std::clamp(std::ceil((next_s - steady_s()) * 1000), 0.0, 3'600'000.0);
      ::poll(&wanted, 1, static_cast<int>(left_ms));
      signalfd_siginfo info;
      while (::read(inbox_.get(), &info, sizeof info) == sizeof info)
        if (info.ssi_signo != SIGCHLD) pass_on(static_cast<int>(info.ssi_signo));
      reap();
      if (steady_s() >= end_at_s_) end_all();
      if (steady_s() >= kill_at_s_) {
        signal_all(SIGKILL);
        kill_at_s_ = never_s;
      }
    }
    return is_told_to_end_ && code_ != 0 ? std::max(code_, 128 + last_signal_) : code_;
  }

 private:
  void signal_all(int signal) {
    for (const StepProcess& process : processes_) {
      if (process.is_over) continue;
      // mpirun passes it on itself; its helpers are none of the tasks.
      ::kill(process.task < 0 && signal != SIGKILL ? process.pid : -process.pid, signal);
    }
  }
  void pass_on(int signal) {
    signal_all(signal);
    // Of mpirun's exit code one could not tell.
    if (processes_[0].task < 0 && (signal == SIGTERM || signal == SIGINT)) {
      is_told_to_end_ = true;
      last_signal_ = signal;
    }
  }
  void end_all() {
    end_at_s_ = never_s;
    if (kill_at_s_ == never_s) kill_at_s_ = steady_s() + kill_wait_s;
    signal_all(SIGCONT);
    pass_on(SIGTERM);
  }
  void reap() {
    int status = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      const auto process =
          std::find_if(processes_.begin(), processes_.end(),
                       [&](const StepProcess& one) { return one.pid == pid && !one.is_over; });
      if (process == processes_.end()) continue;
      process->is_over = true;
      const int code = code_of(status);
      code_ = std::max(code_, code);
      if (process->task < 0) continue;
      if (code != 0 && !run_.is_quiet) tell_failure(plan_, process->task, code);
      if (code != 0 && run_.is_ended_by_failure) end_at_s_ = 0;
      if (run_.wait_s > 0) end_at_s_ = std::min(end_at_s_, steady_s() + run_.wait_s);
    }
  }

  const StepPlan& plan_;
  const StepRun& run_;
  sigset_t signals_, before_;
  Handle inbox_;
  std::vector<StepProcess> processes_;
  double end_at_s_ = never_s;
  double kill_at_s_ = never_s;
  int code_ = 0;
  bool is_told_to_end_ = false;
  int last_signal_ = 0;
};

/// Files that tasks open themselves, emptied here: they append to them.
Result<void> make_files(const StepPlan& plan, const StepRun& run) {
  const int mode = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | (run.keeps_files ? 0 : O_TRUNC);
  for (const StepStream* stream : {&plan.output, &plan.error}) {
    if (stream->file.empty()) continue;
    for (int task = 0; task < plan.layout.tasks; ++task) {
      const std::string file = file_of_task(plan, stream->file, task);
      const Handle opened(::open(file.c_str(), mode, 0666));
      if (!opened.is_open())
        return fail({.code = Code::input_missing,
                     .what = std::string("Could not open ") +
                             (stream == &plan.output ? "stdout" : "stderr") +
                             " file: " + std::strerror(errno),
                     .where = file});
    }
  }
  return {};
}

/// Exit codes that tasks under mpirun have left, told; the highest.
int collect_exits(const StepPlan& plan, const StepRun& run) {
  int highest = 0;
  for (int task = 0; task < plan.layout.tasks; ++task) {
    int code = 0;
    std::ifstream file(plan.exit_folder + "/" + std::to_string(task));
    if (!(file >> code)) continue;
    highest = std::max(highest, code);
    if (!run.is_quiet) tell_failure(plan, task, code);
  }
  std::error_code ignored;
  std::filesystem::remove_all(plan.exit_folder, ignored);
  return highest;
}

Result<int> run_under_mpirun(StepPlan& plan, const std::vector<std::string>& argv,
                             const StepRun& run) {
  plan.exit_folder = plan.allocation.job_dir + "/.step-" + std::to_string(plan.number) + "-" +
                     std::to_string(::getpid());
  if (::mkdir(plan.exit_folder.c_str(), 0700) != 0)
    return fail({.code = Code::storage_io,
                 .what = std::string("cannot make a folder: ") + std::strerror(errno),
                 .where = plan.exit_folder});
  plan.is_ended_by_failure = run.is_ended_by_failure;
  const MpirunCall call = mpirun_call(plan, argv, run);
  StepChildren children(plan, run);
  SOVREN_DO(children.start(-1, [&] {
    if (!plan.folder.empty() && ::chdir(plan.folder.c_str()) != 0) ::_exit(errno);
    exec_mpirun(call);
  }));
  const int code = children.wait_for_all();
  return std::max(code, collect_exits(plan, run));
}

Result<int> run_here(const StepPlan& plan, const std::vector<std::string>& argv,
                     const StepRun& run) {
  StepChildren children(plan, run);
  for (const int task : plan.layout.nodes[0].tasks)
    SOVREN_DO(children.start(task, [&] {
      if (plan.is_labelled) end_as(watch_task(plan, task, argv));
      become_task(plan, task, argv);
    }));
  return children.wait_for_all();
}

/// Each reads the file from where srun's own would go on. Of a pipe, the first has it all.
void share_input(StepPlan& plan) {
  if (plan.layout.tasks == 1 || !plan.input.file.empty() || plan.input.only_task >= 0) return;
  struct stat about {};
  std::error_code error;
  const auto file = std::filesystem::read_symlink("/proc/self/fd/0", error);
  const bool is_file = ::fstat(0, &about) == 0 && S_ISREG(about.st_mode) && !error &&
                       ::lseek(0, 0, SEEK_CUR) == 0 && file.string().find('%') == std::string::npos;
  if (is_file || (S_ISCHR(about.st_mode) && file == "/dev/null"))
    plan.input.file = file.string();
  else
    plan.input.only_task = 0;
}

}  // namespace

Result<int> run_step(StepPlan plan, const std::vector<std::string>& argv, const StepRun& run) {
  const bool is_here = plan.layout.nodes.size() == 1 && plan.layout.nodes[0].place == 0;
  const bool has_mpirun = !plan.allocation.mpirun.empty();
  if (!is_here && !has_mpirun)
    return fail({.code = Code::input_missing,
                 .what = "mpirun is not on PATH, and tasks on other nodes need it",
                 .hint = "install openmpi-bin on the nodes"});
  SOVREN_DO(make_files(plan, run));
  share_input(plan);
  const bool wants_mpirun =
      plan.layout.tasks > 1 && has_mpirun && run.mpirun == StepRun::Mpirun::automatic;
  return is_here && !wants_mpirun ? run_here(plan, argv, run) : run_under_mpirun(plan, argv, run);
}

Result<int> run_step_task(const std::vector<std::string>& argv) {
  const char* written = std::getenv(std::string(step_variable).c_str());
  const char* rank = std::getenv("OMPI_COMM_WORLD_RANK");
  if (written == nullptr || rank == nullptr)
    return fail({.code = Code::usage,
                 .what = "sovren srun-task is called by the mpirun of a step, and by nobody else"});
  SOVREN_TRY(plan, parse_step(written));
  const int task = std::atoi(rank);
  if (task < 0 || task >= plan.layout.tasks)
    return fail(
        {.code = Code::data_invalid, .what = "mpirun started more tasks than the step has"});
  const int status = watch_task(plan, task, argv);
  const int code = code_of(status);
  if (code != 0) std::ofstream(plan.exit_folder + "/" + std::to_string(task)) << code << "\n";
  // One that was killed leaves peers that would wait for it: mpirun ends them.
  if (WIFSIGNALED(status)) end_as(status);
  return plan.is_ended_by_failure ? code : 0;
}

}  // namespace sovren::workers
