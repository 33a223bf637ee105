// SPDX-License-Identifier: Apache-2.0
// sovren doctor: what this machine has, and what to do about what it lacks.
#include <fcntl.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "cli/command.h"
#include "cli/job_directory.h"
#include "cli/subprocess.h"
#include "cli/terminal.h"
#include "core/text/json.h"
#include "workers/launch/machine.h"
#include "workers/launch/programs.h"

namespace sovren::cli {
namespace {

enum class Status { ok, warning, missing };

struct Check {
  std::string name;
  Status status = Status::ok;
  std::string found;
  std::string advice;  ///< empty when all is well
};

std::string_view status_name(Status status) {
  switch (status) {
    case Status::ok:
      return "ok";
    case Status::warning:
      return "warning";
    case Status::missing:
      return "missing";
  }
  return "";
}

// The first line of a program's output; nothing when it is not there or fails.
std::optional<std::string> first_line(const std::vector<std::string>& argv) {
  const auto done = run_program(argv, "", Stderr::drop);
  if (!done || done->exit_code != 0) return std::nullopt;
  return done->output.substr(0, done->output.find('\n'));
}

std::vector<Check> check_machine() {
  const NodeResources node = workers::discover_machine();
  return {{.name = "cores", .found = std::to_string(node.cpus) + " usable by this process"},
          {.name = "memory", .found = format_bytes(static_cast<double>(node.memory_bytes))}};
}

// What sovren-rank was built with and sees.
std::vector<Check> check_rank_program(const std::string& program) {
  const auto done = run_program({program, "--about"}, "", Stderr::pass);
  const auto about = done && done->exit_code == 0
                         ? text::parse_json(done->output, "sovren-rank --about")
                         : Result<text::Json>(fail({.what = "it does not start"}));
  if (!about)
    return {{.name = "sovren-rank",
             .status = Status::missing,
             .found = program + ": " + about.error().what,
             .advice = "run it by hand to see why; ldd " + program +
                       " lists libraries that are missing"}};
  std::vector<Check> checks{{.name = "sovren-rank", .found = program}};
  checks.push_back({.name = "hdf5", .found = about->value("hdf5", "unknown")});
  checks.push_back({.name = "blas", .found = about->value("blas", "unknown")});
  const text::Json cuda = about->value("cuda", text::Json::object());
  if (!cuda.value("compiled", false)) {
    checks.push_back(
        {.name = "cuda",
         .status = Status::missing,
         .found = "not built in",
         .advice =
             "jobs run on the CPU; install the CUDA toolkit and build again to use NVIDIA GPUs"});
  } else if (!cuda.contains("devices") || cuda["devices"].empty()) {
    checks.push_back(
        {.name = "cuda",
         .status = Status::missing,
         .found = "built in, but there is no usable device",
         .advice = "jobs run on the CPU; nvidia-smi shows whether the driver sees a GPU"});
  } else {
    checks.push_back({.name = "cuda", .found = text::dump_json(cuda["devices"])});
  }
  return checks;
}

Check check_mpi(const std::string& mpirun) {
  if (const auto version = first_line({mpirun, "--version"}))
    return {.name = "mpi", .found = mpirun + ": " + *version};
  return {.name = "mpi",
          .status = Status::missing,
          .found = "no mpirun",
          .advice = "only jobs of one rank can run; install openmpi-bin, or set SOVREN_MPIRUN"};
}

Check check_slurm() {
  if (const auto version = first_line({"sbatch", "--version"}))
    return {.name = "slurm", .found = *version};
  return {.name = "slurm", .status = Status::missing, .found = "no sbatch on PATH"};
}

// Median time of a small durable write where jobs of this folder would live.
Check check_disk() {
  std::error_code ignored;
  const std::string folder = std::filesystem::current_path(ignored).string();
  const std::string network = storage::network_file_system(folder);
  if (!network.empty())
    return {.name = "disk",
            .status = Status::warning,
            .found = folder + " is on " + network,
            .advice = "the event log goes to $SOVREN_HOME, which must be on a local disk"};
  const std::string probe = folder + "/.sovren-doctor-" + std::to_string(getpid());
  const int fd = open(probe.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0)
    return {.name = "disk",
            .status = Status::warning,
            .found = folder + " cannot be written",
            .advice = "give job directories another place with --dir"};
  std::vector<double> times_ms;
  for (int i = 0; i < 11; ++i) {
    const auto start = std::chrono::steady_clock::now();
    if (write(fd, "sovren", 6) != 6 || fdatasync(fd) != 0) break;
    times_ms.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
            .count());
  }
  close(fd);
  unlink(probe.c_str());
  if (times_ms.empty())
    return {.name = "disk",
            .status = Status::warning,
            .found = folder + " cannot be synced",
            .advice = "results would not survive power loss; use another file system"};
  std::nth_element(times_ms.begin(),
                   times_ms.begin() + static_cast<std::ptrdiff_t>(times_ms.size() / 2),
                   times_ms.end());
  const auto free = storage::free_bytes(folder);
  return {.name = "disk",
          .found = folder + ": a durable write takes " +
                   std::to_string(times_ms[times_ms.size() / 2]).substr(0, 5) + " ms, " +
                   format_bytes(static_cast<double>(free.value_or(0))) + " free"};
}

Check check_clock() {
  timex status{};
  if (adjtimex(&status) == TIME_ERROR)
    return {.name = "clock",
            .status = Status::warning,
            .found = "not synchronised",
            .advice = "times in logs and reports may be off; run chrony or systemd-timesyncd"};
  return {.name = "clock", .found = "synchronised"};
}

Check check_home() {
  const auto home = sovren_home();
  if (!home)
    return {.name = "state",
            .status = Status::warning,
            .found = home.error().what,
            .advice = home.error().hint};
  return {.name = "state", .found = *home};
}

}  // namespace

Result<int> examine_machine(const Arguments& arguments) {
  std::vector<Check> checks = check_machine();
  const auto programs = workers::find_programs();
  if (programs) {
    for (Check& check : check_rank_program(programs->rank)) checks.push_back(std::move(check));
  } else {
    checks.push_back({.name = "sovren-rank",
                      .status = Status::missing,
                      .found = programs.error().what,
                      .advice = programs.error().hint});
  }
  checks.push_back(check_mpi(programs && !programs->mpirun.empty() ? programs->mpirun : "mpirun"));
  checks.push_back(check_slurm());
  checks.push_back(check_disk());
  checks.push_back(check_clock());
  checks.push_back(check_home());

  text::Json rows = text::Json::array();
  std::vector<std::vector<std::string>> table;
  for (const Check& check : checks) {
    rows.push_back({{"name", check.name},
                    {"status", status_name(check.status)},
                    {"found", check.found},
                    {"advice", check.advice}});
    table.push_back({check.name, std::string(status_name(check.status)), check.found});
    if (!check.advice.empty()) table.push_back({"", "", "-> " + check.advice});
  }
  if (arguments.has("json"))
    return print_text(text::dump_json({{"schema", "sovren.doctor/1"}, {"checks", rows}}, 2) + "\n");
  return print_text(format_table(table));
}

}  // namespace sovren::cli
