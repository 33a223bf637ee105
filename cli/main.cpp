// SPDX-License-Identifier: Apache-2.0
// sovren: the control plane and command line. Reads the words, finds the command in the table,
// prints what went wrong. Called as one of Slurm's programs, it is that (shims.h).
#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/shims.h"
#include "cli/terminal.h"

namespace sovren::cli {
namespace {

Result<int> dispatch(const std::vector<std::string>& words) {
  if (words.empty()) {
    std::fputs(help_of_all().c_str(), stderr);
    return cli_exit_code(Code::usage);
  }
  if (words[0] == "--help" || words[0] == "-h") return print_text(help_of_all());
  if (words[0] == "--version") return print_version({});
  SOVREN_TRY(command, find_command(words[0]));
  SOVREN_TRY(arguments, parse_arguments(*command, std::span(words).subspan(1)));
  if (arguments.has("help")) return print_text(help_of(*command));
  return command->run(arguments);
}

int run(const std::vector<std::string>& words) {
  const auto code = dispatch(words);
  if (code) return *code;
  print_error(code.error());
  return cli_exit_code(code.error().code);
}

}  // namespace
}  // namespace sovren::cli

int main(int argc, char** argv) {
  try {
    const std::vector<std::string> words(argv + std::min(1, argc), argv + argc);
    const auto* const shim = sovren::cli::find_shim(argc > 0 ? argv[0] : "");
    return shim == nullptr ? sovren::cli::run(words) : sovren::cli::run_shim(*shim, words);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sovren: a bug in Sovren: %s\n", error.what());
    return sovren::cli_exit_code(sovren::Code::bug);
  }
}
