// SPDX-License-Identifier: Apache-2.0
// sovren-rank with a job kind that does what DIR/plan says: "steps N", "step_ms N", "rows N",
// "hang_at N" (rank 1 stops itself with SIGSTOP), "die_at N" (rank 1 kills itself with signal 9),
// "poison 9" (the last rank dies when there are two sets, and whenever it restores the set that was
// the newest then: by this signal; "poison 0": it fails to restore that set).
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>

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

/// A set that kills whoever restores it. DIR/died: the first death has been; DIR/poisoned: step of
/// the set.
class Poison {
 public:
  Poison(std::string dir, std::int64_t signal) : dir_(std::move(dir)), signal_(signal) {}

  void step() const {
    namespace fs = std::filesystem;
    if (fs::exists(dir_ + "/died") || !fs::exists(dir_ + "/checkpoints")) return;
    int sets = 0;
    for (const auto& entry : fs::directory_iterator(dir_ + "/checkpoints"))
      sets += entry.path().filename().string().size() == std::string("gen-000000").size() ? 1 : 0;
    if (sets < 2) return;
    std::ofstream(dir_ + "/died") << "once";
    ::raise(SIGKILL);
  }

  Result<void> restored(std::int64_t step) const {
    std::int64_t poisoned = -1;
    if (!(std::ifstream(dir_ + "/poisoned") >> poisoned)) {
      poisoned = step;
      std::ofstream(dir_ + "/poisoned") << step;
    }
    if (step != poisoned) return {};
    std::ofstream(dir_ + "/tries", std::ios::app) << "x";
    if (signal_ != 0) ::raise(static_cast<int>(signal_));
    return fail({.code = Code::storage_corrupt, .what = "the state makes no sense"});
  }

 private:
  std::string dir_;
  std::int64_t signal_;
};

Result<std::unique_ptr<jobs::JobKind>> make_kind(const std::string& dir, Communicator& comm) {
  auto plan = read_plan(dir);
  const bool is_victim = comm.rank() == comm.size() - 1;
  std::optional<Poison> poison;
  if (is_victim && plan.contains("poison")) poison.emplace(dir, plan["poison"]);
  return std::make_unique<CountingKind>(
      comm, CountingKind::Plan{.steps = plan["steps"],
                               .rows = plan["rows"] + 1,
                               .hook = [=](std::int64_t step) mutable -> Result<void> {
                                 if (is_victim && step == plan["hang_at"]) ::raise(SIGSTOP);
                                 if (is_victim && step == plan["die_at"]) ::raise(SIGKILL);
                                 if (poison) poison->step();
                                 ::usleep(static_cast<useconds_t>(plan["step_ms"] * 1000));
                                 return {};
                               },
                               .preview_hook = [] {},
                               .restored =
                                   [=](std::int64_t step) {
                                     return poison ? poison->restored(step) : Result<void>();
                                   }});
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
