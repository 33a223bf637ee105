// SPDX-License-Identifier: Apache-2.0
#include "workers/agent/assistant.h"

#include <signal.h>

#include "core/model/state.h"
#include "workers/agent/job_folder.h"
#include "workers/agent/orphans.h"

namespace sovren::workers {

namespace {

Result<Share> share_of(const AssistOrder& order, const AttemptHost& host, const std::string& name) {
  if (host.isolation == nullptr) return Share();
  const Resources per_rank{.cpus_per_rank = order.cpus_per_rank};
  return host.isolation->take({.name = name,
                               .cpus = cpus_held(per_rank, order.ranks, host.resources.cpus),
                               .gpus = order.ranks * order.gpus_per_rank,
                               .memory_bytes = order.ranks * order.memory_per_rank_bytes});
}

}  // namespace

Result<Assistant> Assistant::start(const AssistOrder& order, const AttemptHost& host) {
  const std::string cookie = host.private_dir + "/" + std::to_string(order.job.value) + "-" +
                             std::to_string(order.attempt);
  SOVREN_TRY(user, identity_for(order.user));
  SOVREN_TRY(share, share_of(order, host, group_name(cookie + "-" + order.launch)));
  Command command = make_assist_command(order,
                                        {.programs = host.programs,
                                         .private_dir = cookie + "-" + order.launch,
                                         .cookie = cookie,
                                         .cpus = host.resources.cpus,
                                         .user = user,
                                         .gpus = share.gpus},
                                        host.environment);
  confine(command, share);
  SOVREN_TRY(folder, AttemptFolder::make(cookie + "-" + order.launch, user));
  SOVREN_TRY(log, open_launch_log(order.dir, user));
  SOVREN_TRY(process, Process::start(command, log.get()));
  return Assistant(order, cookie, std::move(share), std::move(folder), std::move(process));
}

bool Assistant::has_ended() const {
  pollfd ended{process_.end_fd(), POLLIN, 0};
  return ::poll(&ended, 1, 0) > 0;
}

void Assistant::kill() {
  if (share_.cgroup) share_.cgroup->kill();
  process_.kill();
}

AssistEnded Assistant::finish(const std::vector<pid_t>& leaders) {
  kill();
  const int exit_code = process_.exit_code().value_or(128 + SIGKILL);
  kill_orphans(cookie_, leaders);
  return {.launch = order_.launch, .exit_code = exit_code, .why = {}};
}

}  // namespace sovren::workers
