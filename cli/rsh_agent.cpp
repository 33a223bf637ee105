// SPDX-License-Identifier: Apache-2.0
// sovren rsh-agent NODE COMMAND...: what mpirun calls where others have it call ssh.
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "cli/command.h"
#include "workers/agent/launch_channel.h"
#include "workers/launch/command.h"

namespace sovren::cli {
namespace {

std::string variable(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  return value == nullptr ? "" : value;
}

}  // namespace

Result<int> launch_on_node(const Arguments& arguments) {
  const std::string& node = arguments.operands[0];
  std::string command;
  for (std::size_t i = 1; i < arguments.operands.size(); ++i)
    command += (i == 1 ? "" : " ") + arguments.operands[i];
  const std::string socket = variable(workers::launch_socket_variable);
  if (socket.empty())
    return fail({.code = Code::usage,
                 .what = "sovren rsh-agent is called by the mpirun of a job on several nodes, and "
                         "by nobody else"});
  if (node != variable(workers::head_variable))
    return workers::ask_for_launch(socket, node, command);
  // This is the head: the daemon is a process of the attempt as any other.
  ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
  return fail({.code = Code::input_missing,
               .what = std::string("cannot run /bin/sh: ") + std::strerror(errno)});
}

}  // namespace sovren::cli
