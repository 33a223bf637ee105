// SPDX-License-Identifier: Apache-2.0
#include "workers/launch/programs.h"

#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <sstream>

namespace sovren::workers {
namespace {

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

Result<std::string> from_variable(const char* variable) {
  const char* value = std::getenv(variable);
  if (value == nullptr || *value == '\0') return std::string();
  if (is_program(value)) return std::string(value);
  return fail({.code = Code::input_missing,
               .what = std::string(variable) + " names " + value + ", which is no program",
               .hint = std::string("unset ") + variable + " or let it name an executable file"});
}

}  // namespace

bool is_program(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

std::string program_on_path(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');)
    if (const std::string file = (folder.empty() ? "." : folder) + "/" + name; is_program(file))
      return file;
  return {};
}

std::string running_program() {
  char path[PATH_MAX];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof(path));
  return length > 0 ? std::string(path, static_cast<std::size_t>(length)) : std::string();
}

Result<Programs> find_programs(Programs known) {
  const std::string beside = folder_of(running_program());
  if (known.rank.empty()) {
    SOVREN_TRY(chosen, from_variable("SOVREN_RANK_PROGRAM"));
    known.rank = chosen.empty() ? beside + "/sovren-rank" : chosen;
    if (!is_program(known.rank))
      return fail({.code = Code::input_missing,
                   .what = "the program sovren-rank is not there",
                   .hint = "keep sovren and sovren-rank in one folder, or let "
                           "SOVREN_RANK_PROGRAM name it",
                   .where = known.rank});
  }
  if (known.mpirun.empty()) {
    SOVREN_TRY(chosen, from_variable("SOVREN_MPIRUN"));
    known.mpirun = chosen;
  }
  if (known.mpirun.empty() && is_program(beside + "/mpirun")) known.mpirun = beside + "/mpirun";
  if (known.mpirun.empty()) known.mpirun = program_on_path("mpirun");
  return known;
}

}  // namespace sovren::workers
