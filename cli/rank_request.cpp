// SPDX-License-Identifier: Apache-2.0
#include "cli/rank_request.h"

#include "cli/subprocess.h"
#include "workers/launch/programs.h"

namespace sovren::cli {
namespace {

/// What the program said last on standard error; before that, what libraries say.
std::string last_line(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

}  // namespace

Result<text::Json> ask_rank(const std::string& mode, const text::Json& request) {
  SOVREN_TRY(programs, workers::find_programs());
  SOVREN_TRY(done, run_program({programs.rank, mode}, text::dump_json(request), Stderr::take));
  const auto answer = text::parse_json(last_line(done.output), "sovren-rank");
  if (done.exit_code == exit_done) return answer ? *answer : text::Json::object();
  if (answer)
    if (auto error = text::error_from_json(*answer)) return fail(std::move(*error));
  return fail(
      {.code = Code::bug,
       .what = "sovren-rank " + mode + " ended with exit code " + std::to_string(done.exit_code) +
               " and said: " + (done.output.empty() ? "nothing" : done.output.substr(0, 500)),
       .hint = "sovren doctor checks the installation"});
}

}  // namespace sovren::cli
