// SPDX-License-Identifier: Apache-2.0
#include "slurm/bridge/allocation_here.h"

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/text/hosts.h"

namespace sovren::slurm {
namespace {

constexpr std::int64_t count_max = 1'000'000'000;

std::optional<std::int64_t> count_of(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count < 0 || count > count_max)
    return std::nullopt;
  return count;
}

Error wrong(const std::string& name, const std::string& value) {
  return {.code = Code::usage,
          .what = name + " is '" + value + "', which is not as Slurm writes it",
          .hint = "start sovren run in a batch script, or let --launcher be local"};
}

Result<std::int64_t> number(const Variable& variable, const std::string& name,
                            std::int64_t otherwise) {
  const auto value = variable(name);
  if (!value) return otherwise;
  const auto count = count_of(*value);
  if (!count) return fail(wrong(name, *value));
  return *count;
}

/// "n[1-3],m2" -> n1.
Result<std::string> first_host(const std::string& list) {
  const auto bracket = list.find('['), comma = list.find(',');
  const auto end = comma < bracket ? comma : list.find(',', list.find(']'));
  SOVREN_TRY(names, text::expand_hosts(list.substr(0, end)));
  return names.front();
}

/// Rank 0 reports to this process through a socket of this machine.
Result<void> check_place(const Variable& variable) {
  const auto list = variable("SLURM_JOB_NODELIST");
  if (!list) return {};
  const auto first = first_host(*list);
  if (!first) return fail(wrong("SLURM_JOB_NODELIST", *list));
  const auto here = variable("SLURMD_NODENAME");
  if (here == *first) return {};
  return fail(
      {.code = Code::usage,
       .what = "sovren run --launcher must be started on the first node of the allocation, " +
               *first + ", and this is " + (here ? "node " + *here : "no node of it"),
       .hint = here ? "no --batch that chooses another node for the script"
                    : "with salloc: srun --overlap --nodes=1 --ntasks=1 sovren run ..."});
}

Result<std::int64_t> memory_of(const Variable& variable, const AllocationHere& here) {
  constexpr std::int64_t mib = std::int64_t{1} << 20;
  SOVREN_TRY(per_node, number(variable, "SLURM_MEM_PER_NODE", 0));
  SOVREN_TRY(per_cpu, number(variable, "SLURM_MEM_PER_CPU", 0));
  SOVREN_TRY(per_gpu, number(variable, "SLURM_MEM_PER_GPU", 0));
  return (per_node * here.nodes + per_cpu * here.resources.cpus + per_gpu * here.resources.gpus) *
         mib;
}

}  // namespace

std::optional<std::string> own_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr || *value == '\0' ? std::nullopt : std::optional<std::string>(value);
}

Result<int> sum_over_nodes(const std::string& list) {
  std::int64_t sum = 0;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    std::string_view part = std::string_view(list).substr(begin, end - begin);
    std::optional<std::int64_t> times = 1;
    if (const auto bracket = part.find("(x"); bracket != part.npos && part.ends_with(')')) {
      times = count_of(part.substr(bracket + 2, part.size() - bracket - 3));
      part = part.substr(0, bracket);
    }
    const auto each = count_of(part);
    if (!each || !times || *times > count_max / (*each + 1) || sum + *each * *times > count_max)
      return fail(wrong("a list of the nodes' numbers", list));
    sum += *each * *times;
    begin = end + 1;
  }
  return static_cast<int>(sum);
}

Result<AllocationHere> allocation_here(const Variable& variable) {
  const auto job = variable("SLURM_JOB_ID");
  if (!job)
    return fail({.code = Code::usage,
                 .what = "--launcher srun and mpirun start ranks in an allocation of Slurm's, and "
                         "SLURM_JOB_ID is not set here",
                 .hint = "sovren submit --to slurm, or sovren run without --launcher"});
  SOVREN_DO(check_place(variable));
  AllocationHere here{.site_job = *job, .restart = 0, .continues = {}, .nodes = 1, .resources = {}};
  const auto array_job = variable("SLURM_ARRAY_JOB_ID"), task = variable("SLURM_ARRAY_TASK_ID");
  if (array_job && task) here.site_job = *array_job + "_" + *task;
  here.continues = variable("SOVREN_CONTINUES").value_or("");
  SOVREN_TRY(restart, number(variable, "SLURM_RESTART_COUNT", 0));
  SOVREN_TRY(nodes, number(variable, "SLURM_JOB_NUM_NODES", 1));
  SOVREN_TRY(gpus_on_node, number(variable, "SLURM_GPUS_ON_NODE", 0));
  SOVREN_TRY(cpus, sum_over_nodes(variable("SLURM_JOB_CPUS_PER_NODE").value_or("1")));
  here.restart = static_cast<int>(restart);
  here.nodes = static_cast<int>(nodes);
  here.resources.cpus = cpus;
  here.resources.gpus = static_cast<int>(gpus_on_node * nodes);
  SOVREN_TRY(memory_bytes, memory_of(variable, here));
  here.resources.memory_bytes = memory_bytes;
  return here;
}

}  // namespace sovren::slurm
