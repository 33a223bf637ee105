// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <span>
#include <string>
#include <system_error>

#include "kernels/linalg/blas.h"
#include "workers/rank/attempt.h"
#include "workers/rank/check.h"
#include "workers/rank/generate.h"
#include "workers/rank/options.h"
#include "workers/rank/scene_tool.h"
#include "workers/rank/scrub_tool.h"
#include "workers/rank/tokenizer_tool.h"

namespace {

/// OpenBLAS picks its kernels before main(): where it picked badly, the program begins again with
/// the name of better ones. A choice of the user's stands. Where that fails, slow ones do.
void begin_with_fitting_blas(char** argv) {
  constexpr const char* variable = "OPENBLAS_CORETYPE";
  const std::string core = sovren::kernels::better_blas_core();
  if (core.empty() || std::getenv(variable) != nullptr) return;
  std::error_code failed;
  const std::string program = std::filesystem::read_symlink("/proc/self/exe", failed);
  if (failed) return;
  ::setenv(variable, core.c_str(), 1);
  ::execv(program.c_str(), argv);  // by its own name, so that ps shows that
}

}  // namespace

int main(int argc, char** argv) {
  using sovren::workers::Options;
  const auto options = sovren::workers::parse_options(
      std::span<const char* const>(argv, argc).subspan(1), std::getenv("SOVREN_PEER_DEADLINE_S"));
  if (!options) {
    std::fprintf(stderr, "%s\n", sovren::to_text(options.error()).c_str());
    return sovren::rank_exit_code(options.error().code);
  }
  switch (options->mode) {
    case Options::Mode::help:
      std::cout << sovren::workers::usage_text();
      return sovren::exit_done;
    case Options::Mode::about:
      begin_with_fitting_blas(argv);
      return sovren::workers::print_about(std::cout);
    case Options::Mode::check:
      return sovren::workers::check_job(options->job_file, std::cout);
    case Options::Mode::generate:
      return sovren::workers::generate_text(std::cin, std::cout,
                                            ::isatty(STDOUT_FILENO) == 1
                                                ? sovren::workers::Sink::terminal
                                                : sovren::workers::Sink::other,
                                            std::cerr);
    case Options::Mode::tokenizer:
      return sovren::workers::use_tokenizer(std::cin, std::cout, std::cerr);
    case Options::Mode::scene:
      return sovren::workers::make_scene(std::cin, std::cerr);
    case Options::Mode::scrub:
      return sovren::workers::scrub_job(options->dir, std::cout, std::cerr);
    case Options::Mode::run:
      begin_with_fitting_blas(argv);
      break;
  }
  return sovren::workers::run_attempt(*options);
}
