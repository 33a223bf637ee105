// SPDX-License-Identifier: Apache-2.0
// srun, inside a job: starts the tasks of a step in the slots that the job's attempt holds.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "cli/shims.h"
#include "cli/srun_options.h"
#include "storage/file/file.h"
#include "workers/launch/programs.h"
#include "workers/launch/step_slots.h"

namespace sovren::cli {
namespace {

constexpr std::int64_t allocation_bytes_max = std::int64_t{16} << 20;

std::string variable(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  return value == nullptr ? "" : value;
}

Result<workers::Allocation> find_allocation(const SlurmWords& words) {
  const std::string file = variable(workers::allocation_variable);
  if (file.empty())
    return fail({.code = Code::refused,
                 .what = "this is no job of Sovren's that is started on its head node, so there "
                         "are no slots to start tasks in",
                 .hint = "submit a script that calls srun: sbatch, or sovren submit"});
  SOVREN_TRY(text, storage::read_file(file, allocation_bytes_max));
  SOVREN_TRY(allocation, workers::parse_allocation(text));
  const std::string job = std::to_string(allocation.job);
  if (words.text("jobid", job) == job) return allocation;
  return fail({.code = Code::refused,
               .what = "a step is started from within its own job, " + job + ", not " +
                       words.text("jobid")});
}

/// What neither the command line nor Slurm's variables say, the allocation does.
void fill_in(workers::StepRequest& request, const workers::Allocation& allocation) {
  if (request.tasks || request.tasks_per_node) return;
  const auto all = static_cast<int>(allocation.nodes.size());
  if (request.nodes && *request.nodes > all) return;
  int tasks = 0;
  for (int i = 0; i < request.nodes.value_or(all); ++i)
    tasks += allocation.nodes[static_cast<std::size_t>(i)].tasks;
  const bool is_part =
      !request.nodelist.empty() || !request.excluded.empty() || request.relative > 0;
  if (!is_part) request.tasks = tasks;
}

/// "[ALL,]NAME[=value],..." or NONE: what the program finds of this environment.
void choose_environment(const std::string& exports) {
  std::vector<std::string> kept, names;
  bool is_all = false;
  for (std::size_t begin = 0; begin <= exports.size();) {
    const std::size_t end = std::min(exports.find(',', begin), exports.size());
    const std::string one = exports.substr(begin, end - begin);
    begin = end + 1;
    if (one == "ALL")
      is_all = true;
    else if (const std::size_t equals = one.find('='); equals != one.npos)
      ::setenv(one.substr(0, equals).c_str(), one.substr(equals + 1).c_str(), 1),
          names.push_back(one.substr(0, equals));
    else
      names.push_back(one);
  }
  if (is_all) return;
  std::vector<std::string> dropped;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string name = std::string(*entry).substr(0, std::strcspn(*entry, "="));
    const bool is_ours = name.starts_with("SLURM_") || name.starts_with("SOVREN_") ||
                         name.starts_with("OMPI_") || name == "TMPDIR" ||
                         name == "CUDA_VISIBLE_DEVICES";
    if (!is_ours && std::find(names.begin(), names.end(), name) == names.end())
      dropped.push_back(name);
  }
  for (const std::string& name : dropped) ::unsetenv(name.c_str());
}

bool is_of_each_task(const std::string& pattern) {
  for (const char* letter : {"t", "n", "N"})
    for (std::size_t at = pattern.find('%'); at != pattern.npos; at = pattern.find('%', at + 1)) {
      const std::size_t end = pattern.find_first_not_of("0123456789", at + 1);
      if (end != pattern.npos && pattern[end] == *letter) return true;
    }
  return false;
}

/// One file of all tasks is this process's own stream; files that tasks have of their own, they
/// open.
Result<void> open_stream(const workers::StepPlan& plan, int fd, workers::StepStream& stream,
                         int flags) {
  if (stream.file.empty()) return {};
  if (stream.file.front() != '/')
    stream.file = (std::filesystem::current_path() / stream.file).string();
  if (is_of_each_task(stream.file)) return {};
  const std::string file = workers::file_of_task(plan, stream.file, 0);
  const int opened = ::open(file.c_str(), flags | O_CLOEXEC | O_NOCTTY, 0666);
  constexpr const char* names[] = {"stdin", "stdout", "stderr"};
  if (opened < 0 || ::dup2(opened, fd) < 0)
    return fail(
        {.code = Code::input_missing,
         .what = std::string("Could not open ") + names[fd] + " file: " + std::strerror(errno),
         .where = file});
  ::close(opened);
  stream.file.clear();
  return {};
}

Result<void> open_streams(workers::StepPlan& plan, bool keeps_files) {
  const int write = O_WRONLY | O_CREAT | O_APPEND | (keeps_files ? 0 : O_TRUNC);
  const bool has_error = !plan.error.file.empty();
  const bool was_named = !plan.output.file.empty();
  SOVREN_DO(open_stream(plan, STDIN_FILENO, plan.input, O_RDONLY));
  SOVREN_DO(open_stream(plan, STDERR_FILENO, plan.error, write));
  SOVREN_DO(open_stream(plan, STDOUT_FILENO, plan.output, write));
  if (was_named && plan.output.file.empty() && !has_error) ::dup2(STDOUT_FILENO, STDERR_FILENO);
  return {};
}

std::vector<int> cpus_here(const workers::HeldStep& held, const SrunStep& step) {
  const bool is_bound = step.is_binding &&
                        step.request.sharing == workers::StepRequest::Sharing::exact &&
                        held.layout.nodes[0].place == 0;
  return is_bound ? held.cpus[0] : std::vector<int>();
}

}  // namespace

Result<int> run_srun(const std::vector<std::string>& words) {
  SOVREN_TRY(given, read_slurm_words(srun_program(), words));
  if (given.is_answered) return exit_done;
  SOVREN_TRY(step, read_srun(given));
  SOVREN_TRY(allocation, find_allocation(given));
  if (given.operands.empty())
    return fail({.code = Code::usage, .what = "No command given to execute."});
  fill_in(step.request, allocation);
  const std::string file = variable(workers::allocation_variable);
  SOVREN_TRY(held, workers::take_step(file.substr(0, file.rfind('/')), allocation, step.request));
  workers::StepPlan plan{
      .allocation = allocation,
      .number = held.number,
      .layout = held.layout,
      .gpus = held.gpus,
      .input = step.input,
      .output = step.output,
      .error = step.error,
      .is_labelled = step.is_labelled,
      .is_overlapping = step.request.sharing == workers::StepRequest::Sharing::overlap,
      .folder = step.folder.empty() ? std::filesystem::current_path().string() : step.folder,
      .name = step.name,
      .cpus_per_task = step.cpus_per_task,
      .gpus_per_task = step.gpus_per_task};
  SOVREN_DO(open_streams(plan, step.run.keeps_files));
  step.run.cpus = cpus_here(held, step);
  step.run.task_program = workers::running_program();
  choose_environment(step.exports);
  return workers::run_step(std::move(plan), given.operands, step.run);
}

}  // namespace sovren::cli
