// SPDX-License-Identifier: Apache-2.0
// sovren-rank with a job kind that does what DIR/plan says: "steps N", "step_ms N", "rows N",
// "hang_at N" (rank 1 stops itself with SIGSTOP), "die_at N" (rank 1 kills itself with signal 9).
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <span>

#include "tests/unit/rank/counting_kind.h"
#include "workers/rank/attempt.h"

namespace sovren::workers {
namespace {

std::map<std::string, std::int64_t> read_plan(const std::string& dir) {
  std::ifstream file(dir + "/plan");
  std::map<std::string, std::int64_t> plan;
  std::string key;
  for (std::int64_t value = 0; file >> key >> value;) plan[key] = value;
  return plan;
}

Result<std::unique_ptr<jobs::JobKind>> make_kind(const std::string& dir, Communicator& comm) {
  auto plan = read_plan(dir);
  const bool is_victim = comm.rank() == comm.size() - 1;
  return std::make_unique<CountingKind>(
      comm, CountingKind::Plan{.steps = plan["steps"],
                               .rows = plan["rows"] + 1,
                               .hook = [=](std::int64_t step) mutable -> Result<void> {
                                 if (is_victim && step == plan["hang_at"]) ::raise(SIGSTOP);
                                 if (is_victim && step == plan["die_at"]) ::raise(SIGKILL);
                                 ::usleep(static_cast<useconds_t>(plan["step_ms"] * 1000));
                                 return {};
                               },
                               .preview_hook = [] {}});
}

int run(int argc, char** argv) {
  const auto options = parse_options(std::span<const char* const>(argv, argc).subspan(1),
                                     std::getenv("SOVREN_PEER_DEADLINE_S"));
  if (!options) return 78;
  return run_attempt(*options, [&](const JobSpec&, const jobs::Setting& setting) {
    return make_kind(options->dir, setting.comm);
  });
}

}  // namespace
}  // namespace sovren::workers

int main(int argc, char** argv) {
  return sovren::workers::run(argc, argv);
}
