// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <poll.h>

#include <string>
#include <vector>

#include "core/port/orders.h"
#include "workers/agent/attempt.h"
#include "workers/launch/process.h"

namespace sovren::workers {

/// The part of an attempt that runs here while another node heads it: mpirun's daemon and the ranks
/// that it starts.
class Assistant {
 public:
  /// Errors: refused (the user), input_missing, storage_io.
  static Result<Assistant> start(const AssistOrder& order, const AttemptHost& host);

  const AssistOrder& order() const { return order_; }
  pid_t pid() const { return process_.pid(); }
  void kill();
  void add_to(std::vector<pollfd>& wanted) const {
    wanted.push_back({process_.end_fd(), POLLIN, 0});
  }
  bool has_ended() const;
  /// Ends what is left of it.
  AssistEnded finish(const std::vector<pid_t>& leaders);

 private:
  Assistant(AssistOrder order, std::string cookie, Share share, AttemptFolder folder,
            Process process)
      : order_(std::move(order)),
        cookie_(std::move(cookie)),
        share_(std::move(share)),
        folder_(std::move(folder)),
        process_(std::move(process)) {}

  AssistOrder order_;
  std::string cookie_;
  Share share_;
  AttemptFolder folder_;  ///< for the daemon's own files
  Process process_;
};

}  // namespace sovren::workers
