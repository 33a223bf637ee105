// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <span>

#include "workers/rank/attempt.h"
#include "workers/rank/check.h"
#include "workers/rank/options.h"

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
      return sovren::workers::print_about(std::cout);
    case Options::Mode::check:
      return sovren::workers::check_job(options->job_file, std::cout);
    case Options::Mode::run:
      break;
  }
  return sovren::workers::run_attempt(*options);
}
