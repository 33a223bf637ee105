// SPDX-License-Identifier: Apache-2.0
// sovren top: nodes and jobs, looked at again every second. q quits; what is no terminal gets one
// look.
#include <unistd.h>

#include "cli/client.h"
#include "cli/full_screen.h"
#include "cli/listing.h"
#include "cli/terminal.h"

namespace sovren::cli {
namespace {

constexpr double look_s = 1;

Result<std::string> look(Client& client, int rows_max) {
  SOVREN_TRY(nodes, client.get("/v1/nodes"));
  std::string text = format_table(node_rows(nodes["nodes"])) + "\n";
  SOVREN_TRY(jobs, jobs_by_state(client, {}, rows_max));
  return text + format_table(job_rows(jobs["jobs"], now()));
}

}  // namespace

Result<int> show_top(const Arguments& arguments) {
  SOVREN_TRY(client, Client::create(arguments));
  if (!FullScreen::is_possible()) {
    SOVREN_TRY(text, look(client, 100));
    return print_text(text);
  }
  SOVREN_TRY(first, look(client, 1));
  FullScreen screen;
  do {
    SOVREN_TRY(text, look(client, terminal_height(STDOUT_FILENO)));
    SOVREN_DO(screen.show(text));
  } while (!screen.pause(look_s));
  return exit_done;
}

}  // namespace sovren::cli
