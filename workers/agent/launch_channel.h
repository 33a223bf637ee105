// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <poll.h>

#include <list>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/port/launcher.h"
#include "workers/agent/line_reader.h"
#include "workers/launch/identity.h"
#include "workers/launch/process.h"

namespace sovren::workers {

/// The agent's end of the socket on which `sovren rsh-agent` asks for a command line to be run on
/// another node of the attempt: {"node":"n2","command":"orted ..."} comes in,
/// {"exit_code":0,"why":""} goes out once it has ended there. docs/adr/0007 has the whole way.
class LaunchChannel {
 public:
  static Result<LaunchChannel> listen(const std::string& path, const std::optional<Identity>& user);

  void add_to(std::vector<pollfd>& wanted) const;
  /// Accepts and reads what is there.
  std::vector<AssistAsked> serve();
  void answer(const AssistEnded& ended);

 private:
  struct Asker {
    Handle socket;
    std::string launch;
    LineReader reader{std::size_t{1} << 20};
  };
  LaunchChannel(Handle listener, uid_t user) : listener_(std::move(listener)), user_(user) {}
  /// False when the asker is gone.
  static bool receive(Asker& asker, std::vector<AssistAsked>& asked);

  Handle listener_;
  uid_t user_;
  std::list<Asker> askers_;
  int last_launch_ = 0;
};

/// Asks on the socket of the attempt, and waits until the command has ended: its exit code. Errors:
/// unreachable, data_invalid; refused: it could not be run there.
Result<int> ask_for_launch(const std::string& socket, const std::string& node,
                           const std::string& command);

}  // namespace sovren::workers
