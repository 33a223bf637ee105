// SPDX-License-Identifier: Apache-2.0
#include "slurm/script/agent_script.h"

#include <vector>

#include "core/base/units.h"
#include "core/model/state.h"
#include "slurm/script/shell.h"

namespace sovren::slurm {

std::string agent_script(const NodeWish& wish) {
  const std::string id = std::to_string(wish.allocation.value);
  const Pool& pool = wish.pool;
  std::vector<std::string> words{pool.program, "worker",
                                 "--connect",  pool.connect,
                                 "--node",     pool.name + "-" + id,
                                 "--label",    std::string(pool_label) + "=" + pool.name,
                                 "--label",    std::string(allocation_label) + "=" + id,
                                 "--cpus",     std::to_string(pool.cpus),
                                 "--gpus",     std::to_string(pool.gpus)};
  const auto add = [&](const char* option, const std::string& value) {
    if (!value.empty()) words.insert(words.end(), {option, value});
  };
  add("--memory", pool.memory_bytes > 0 ? format_size(pool.memory_bytes) : "");
  add("--token-file", pool.token_file);
  add("--ca", pool.ca_file);
  add("--certificate", pool.certificate_file);
  std::string command = "exec";
  for (const std::string& word : words) command += " " + shell_quoted(word);
  return "#!/bin/sh\n# The agent of allocation " + id + " of sovren pool " + pool.name + ".\n" +
         (pool.setup.empty() ? "" : pool.setup + "\n") + command + "\n";
}

}  // namespace sovren::slurm
