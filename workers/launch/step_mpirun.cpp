// SPDX-License-Identifier: Apache-2.0
#include "workers/launch/step_mpirun.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "workers/launch/command.h"
#include "workers/launch/environment.h"
#include "workers/launch/process_tree.h"

namespace sovren::workers {
namespace {

bool begins_with_any(std::string_view name, std::initializer_list<std::string_view> starts) {
  return std::any_of(starts.begin(), starts.end(),
                     [&](std::string_view start) { return name.starts_with(start); });
}

/// Of this node alone, or of this mpirun.
bool stays_here(std::string_view name) {
  static constexpr std::array<std::string_view, 6> names{
      cookie_variable, launch_socket_variable, "TMPDIR", "HOSTNAME", "PWD", "OLDPWD"};
  return std::find(names.begin(), names.end(), name) != names.end() ||
         begins_with_any(name, {"OMPI_", "PMIX_", "PRTE_", "CUDA_VISIBLE_DEVICES"});
}

bool is_variable_name(std::string_view name) {
  return !name.empty() && name.find_first_not_of(
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwx"
                              "yz0123456789_") == name.npos;
}

Environment environment_of(const StepPlan& plan) {
  Environment environment;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable)
    // The step's nodes are named on the command line; a list besides would be a filter.
    if (!std::string_view(*variable).starts_with("OMPI_MCA_orte_default_hostfile="))
      environment.add(*variable);
  environment.set(step_variable, print_step(plan));
  return environment;
}

}  // namespace

MpirunCall mpirun_call(const StepPlan& plan, const std::vector<std::string>& argv,
                       const StepRun& run) {
  const bool is_here = plan.layout.nodes.size() == 1 && plan.layout.nodes[0].place == 0;
  std::string hosts;
  for (const StepLayout::Node& node : plan.layout.nodes)
    hosts +=
        (hosts.empty() ? "" : ",") +
        (is_here ? "localhost" : plan.allocation.nodes[static_cast<std::size_t>(node.place)].name) +
        ":" + std::to_string(node.tasks.size());
  // Tasks that go round the nodes have other numbers than those that fill one after the other.
  const auto& first = plan.layout.nodes[0].tasks;
  const bool is_cyclic = plan.layout.nodes.size() > 1 && first.size() > 1 && first[1] != 1;
  std::vector<std::string> words{plan.allocation.mpirun,
                                 "-q",
                                 "-n",
                                 std::to_string(plan.layout.tasks),
                                 "--host",
                                 hosts,
                                 "--oversubscribe",
                                 "--bind-to",
                                 "none",
                                 "--map-by",
                                 is_cyclic ? "node" : "slot"};
  const auto set = [&](const char* name, const char* value) {
    words.insert(words.end(), {"--mca", name, value});
  };
  if (is_here) {  // which halves the start-up
    set("pml", "ob1");
    set("btl", "self,vader");
    set("plm", "isolated");
  }
  const bool is_own = plan.input.file.empty();
  words.insert(words.end(), {"--stdin", is_own ? std::to_string(std::max(0, plan.input.only_task))
                                               : std::string("none")});
  Environment environment = environment_of(plan);
  if (!is_here)
    for (const std::string& name : environment.names())
      if (is_variable_name(name) && !stays_here(name)) words.insert(words.end(), {"-x", name});
  words.insert(words.end(), {run.task_program, "srun-task", "--"});
  words.insert(words.end(), argv.begin(), argv.end());
  return {std::move(words), std::move(environment).variables()};
}

void exec_mpirun(const MpirunCall& call) {
  const auto pointers = [](const std::vector<std::string>& texts) {
    std::vector<char*> made;
    for (const std::string& text : texts) made.push_back(const_cast<char*>(text.c_str()));
    made.push_back(nullptr);
    return made;
  };
  const auto argv = pointers(call.argv), environment = pointers(call.environment);
  ::execve(argv[0], argv.data(), environment.data());
  const int why = errno;
  std::fprintf(stderr, "srun: error: %s: %s\n", argv[0], std::strerror(why));
  ::_exit(why);
}

void tell_failure(const StepPlan& plan, int task, int code) {
  const auto place = static_cast<std::size_t>(plan.layout.nodes[node_of_task(plan, task)].place);
  const char* node = plan.allocation.nodes[place].name.c_str();
  if (code > 128)
    std::fprintf(stderr, "srun: error: %s: task %d: %s\n", node, task, ::strsignal(code - 128));
  else
    std::fprintf(stderr, "srun: error: %s: task %d: Exited with exit code %d\n", node, task, code);
}

}  // namespace sovren::workers
