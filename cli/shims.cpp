// SPDX-License-Identifier: Apache-2.0
#include "cli/shims.h"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>

#include "cli/slurm.h"
#include "cli/slurm_words.h"
#include "cli/terminal.h"
#include "slurm/script/shell.h"
#include "workers/launch/programs.h"

namespace sovren::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::array table{
    Shim{"sacct", run_sacct},       Shim{"sbatch", run_sbatch}, Shim{"scancel", run_scancel},
    Shim{"scontrol", run_scontrol}, Shim{"sinfo", run_sinfo},   Shim{"squeue", run_squeue},
    Shim{"srun", run_srun},
};

Error link_error(const std::string& path, const std::error_code& error) {
  return {.code = Code::storage_io,
          .what = "cannot be made: " + error.message(),
          .hint = "",
          .where = path};
}

// Nothing is there, or a link to some version of this program.
bool may_be_replaced(const fs::path& path, const std::string& target) {
  std::error_code error;
  const auto status = fs::symlink_status(path, error);
  if (status.type() == fs::file_type::not_found) return true;
  if (status.type() != fs::file_type::symlink) return false;
  const fs::path to = fs::read_symlink(path, error);
  return !error && to.filename() == fs::path(target).filename();
}

}  // namespace

std::span<const Shim> shims() {
  return table;
}

const Shim* find_shim(std::string_view called_as) {
  const std::string_view name = called_as.substr(called_as.rfind('/') + 1);
  for (const Shim& shim : table)
    if (shim.name == name) return &shim;
  return nullptr;
}

int run_shim(const Shim& shim, const std::vector<std::string>& words) {
  const auto code = shim.run(words);
  if (code) return *code;
  const Error& error = code.error();
  if (!is_told(error)) {
    const std::string hint = error.hint.empty() ? "" : " (" + error.hint + ")";
    std::fprintf(stderr, "%s: error: %s%s\n", std::string(shim.name).c_str(),
                 printable(error.what).c_str(), printable(hint).c_str());
  }
  return exit_job_failed;
}

Result<void> link_shims(const std::string& dir, const std::string& target) {
  std::error_code error;
  fs::create_directories(dir, error);
  if (error) return fail(link_error(dir, error));
  for (const Shim& shim : table) {
    const fs::path path = fs::path(dir) / shim.name;
    if (may_be_replaced(path, target)) continue;
    return fail({.code = Code::refused,
                 .what = "is there already, and is no link to this program",
                 .hint = "name a folder of its own, e.g. ~/.local/lib/sovren-slurm",
                 .where = path.string()});
  }
  for (const Shim& shim : table) {
    const fs::path path = fs::path(dir) / shim.name;
    const fs::path fresh = path.string() + ".new-" + std::to_string(::getpid());
    fs::create_symlink(target, fresh, error);
    if (!error) fs::rename(fresh, path, error);
    if (error) return fail(link_error(path.string(), error));
  }
  return {};
}

Result<int> make_shims(const Arguments& arguments) {
  SOVREN_DO(arguments.only("slurm shims", {}));
  if (arguments.operands.size() != 2)
    return fail({.code = Code::usage,
                 .what = "sovren slurm shims takes one DIR",
                 .hint = "sovren slurm shims ~/.local/lib/sovren-slurm"});
  std::error_code error;
  const std::string dir = fs::absolute(arguments.operands[1], error).lexically_normal().string();
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  if (error) return fail(link_error("/proc/self/exe", error));
  SOVREN_DO(link_shims(dir, self.string()));
  return print_text("export PATH=" + slurm::shell_quoted(dir) + ":$PATH\n");
}

Result<void> link_own_shims(const std::string& dir) {
  return link_shims(dir, workers::running_program());
}

}  // namespace sovren::cli
