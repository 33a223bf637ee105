// SPDX-License-Identifier: Apache-2.0
#include "cli/version.h"

#include "cli/command.h"
#include "cli/terminal.h"
#include "core/text/json.h"

namespace sovren::cli {

std::string_view version() {
  return SOVREN_VERSION;
}

Result<int> print_version(const Arguments& arguments) {
  if (!arguments.has("json")) return print_text("sovren " + std::string(version()) + "\n");
  const text::Json json{{"schema", "sovren.version/1"},
                        {"version", version()},
                        {"compiler", __VERSION__},
                        {"formats", {{"job_file", 1}, {"checkpoint", 1}, {"event", 1}}}};
  return print_text(text::dump_json(json, 2) + "\n");
}

}  // namespace sovren::cli
