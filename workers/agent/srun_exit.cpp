// SPDX-License-Identifier: Apache-2.0
#include "workers/agent/srun_exit.h"

#include <charconv>

namespace sovren::workers {

int exit_code_of_srun(int exit_code, std::string_view said) {
  constexpr std::string_view front = "srun: error: ", words = ": Exited with exit code ";
  while (!said.empty()) {
    const std::string_view line = said.substr(0, said.find('\n'));
    said.remove_prefix(line.size() == said.size() ? line.size() : line.size() + 1);
    const auto task = line.find(": task");
    if (!line.starts_with(front) || task == line.npos) continue;
    const auto at = line.find(words, task);
    if (at == line.npos) return exit_code;  // the first was killed
    const std::string_view number = line.substr(at + words.size());
    int code = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), code);
    return error == std::errc() && code > 0 ? code : exit_code;
  }
  return exit_code;
}

}  // namespace sovren::workers
