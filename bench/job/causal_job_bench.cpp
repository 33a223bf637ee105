// SPDX-License-Identifier: Apache-2.0
// What does a whole causal analysis cost on one core, reading and result files included?
// Tigramite 5.2 needs 143.9 CPU s for 100 variables x 500 steps, 5 lags, pc_alpha 0.05
// (129,826 tests) on the machine of facts/causal.md.
//
//   causal_job_bench [VARIABLES STEPS MAX_LAG [RANKS]]   prints a table and, last, a line of JSON
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

#include "jobs/kind/job_kind.h"
#include "tests/unit/jobs/svar.h"
#include "workers/comm/comm.h"

namespace {

using namespace sovren;

struct Size {
  int variables = 100;
  int steps = 500;
  int max_lag = 5;
  int ranks = 1;
};

double cpu_s() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::int64_t peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

using Clock = std::chrono::steady_clock;

/// Wall seconds of rank 0: what ranks share (correlations, search), and what they do not.
struct Phases {
  double load = 0, init = 0, search = 0, finish = 0;
};

double since(Clock::time_point& last) {
  const Clock::time_point now = Clock::now();
  const double seconds = std::chrono::duration<double>(now - std::exchange(last, now)).count();
  return seconds;
}

Result<jobs::Outcome> run(const JobSpec& spec, Communicator& comm, Phases& phases) {
  const jobs::Setting setting{comm, 1, Backend::cpu};
  Clock::time_point last = Clock::now();
  SOVREN_TRY(kind, jobs::make_job_kind(spec, setting));
  SOVREN_DO(kind->load());
  phases.load = since(last);
  SOVREN_DO(kind->init());
  phases.init = since(last);
  while (!kind->done()) SOVREN_DO(kind->step());
  phases.search = since(last);
  auto outcome = kind->finish();
  phases.finish = since(last);
  return outcome;
}

int measure(const Size& size) {
  const std::string folder = std::filesystem::temp_directory_path() / "sovren_causal_job_bench";
  std::filesystem::create_directories(folder);
  jobs::write_csv(jobs::make_svar(size.variables, size.steps, size.max_lag, 1),
                  folder + "/data.csv");
  CausalSpec causal;
  causal.data = folder + "/data.csv";
  causal.max_lag = size.max_lag;
  JobSpec spec;
  spec.name = "bench";
  spec.kind = causal;

  const double cpu_before = cpu_s();
  const Clock::time_point before = Clock::now();
  Phases phases;
  jobs::Outcome outcome;
  std::string failure;
  workers::run_on_threads(size.ranks, 3600, [&](Communicator& comm) {
    Phases mine;
    Result<jobs::Outcome> made = run(spec, comm, comm.rank() == 0 ? phases : mine);
    if (!made && comm.rank() == 0) failure = to_text(made.error());
    if (made && comm.rank() == 0) outcome = std::move(*made);
  });
  const std::chrono::duration<double> wall = Clock::now() - before;
  const double cpu = cpu_s() - cpu_before;
  if (!failure.empty()) {
    std::fprintf(stderr, "%s\n", failure.c_str());
    return 1;
  }
  for (const jobs::ResultFile& file : outcome.files)
    std::ofstream(folder + "/" + file.name, std::ios::binary) << file.bytes;
  const double tests = outcome.metrics["causal_tests"];
  std::printf("variables  steps  lags  ranks  tests       CPU s   wall s  tests/s     peak MiB\n");
  std::printf("%9d  %5d  %4d  %5d  %10.0f  %6.3f  %6.3f  %10.0f  %8lld\n", size.variables,
              size.steps, size.max_lag, size.ranks, tests, cpu, wall.count(), tests / wall.count(),
              static_cast<long long>(peak_bytes() >> 20));
  std::printf("load %.3f s, correlations %.3f s, search %.3f s, model and files %.3f s\n",
              phases.load, phases.init, phases.search, phases.finish);
  std::printf("results in %s\n", folder.c_str());
  std::printf(
      "{\"bench\":\"causal_job\",\"variables\":%d,\"steps\":%d,\"max_lag\":%d,\"ranks\":%d,"
      "\"tests\":%.0f,\"cpu_s\":%.6f,\"wall_s\":%.6f,\"search_s\":%.6f,\"peak_bytes\":%lld,"
      "\"digest\":\"%s\"}\n",
      size.variables, size.steps, size.max_lag, size.ranks, tests, cpu, wall.count(),
      phases.init + phases.search, static_cast<long long>(peak_bytes()), outcome.digest.c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Size size;
  if (argc > 3) size = {std::atoi(argv[1]), std::atoi(argv[2]), std::atoi(argv[3]), 1};
  if (argc > 4) size.ranks = std::atoi(argv[4]);
  if (size.variables < 1 || size.steps < 1 || size.max_lag < 1 || size.ranks < 1) {
    std::fprintf(stderr, "usage: causal_job_bench [VARIABLES STEPS MAX_LAG [RANKS]]\n");
    return 2;
  }
  return measure(size);
}
