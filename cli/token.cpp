// SPDX-License-Identifier: Apache-2.0
// sovren token create|list|revoke: who may use the scheduler over TLS.
#include "cli/command.h"
#include "cli/job_directory.h"
#include "cli/listing.h"
#include "cli/terminal.h"
#include "cli/users.h"
#include "scheduler/api/tokens.h"

namespace sovren::cli {
namespace {

using api::TokenFile;
using text::Json;

std::string name_of(const Arguments& arguments, const std::string& otherwise) {
  return arguments.operands.size() > 1 ? arguments.operands[1] : otherwise;
}

Result<int> create(const std::string& path, const Arguments& arguments) {
  api::TokenOwner owner{.user = arguments.has("user") ? arguments.text("user") : own_user()};
  owner.name = name_of(arguments, owner.user);
  SOVREN_TRY(scopes,
             api::parse_scopes(arguments.has("scope") ? arguments.text("scope") : "read,submit"));
  owner.scopes = std::move(scopes);
  std::optional<Instant> expires;
  if (arguments.has("expires")) {
    auto after_s = parse_duration_s(arguments.text("expires"));
    if (!after_s) {
      after_s.error().code = Code::usage;
      return fail(std::move(after_s).error().within("reading --expires"));
    }
    expires = now() + *after_s;
  }
  SOVREN_TRY(token, TokenFile::create(path, owner, expires));
  if (!arguments.has("json")) return print_text(token + "\n");
  return print_text(
      text::dump_json({{"schema", "sovren.token/1"}, {"name", owner.name}, {"token", token}}, 2) +
      "\n");
}

Json view_of(const TokenFile::Entry& entry) {
  Json scopes = Json::array();
  for (const api::Scope scope : entry.owner.scopes) scopes.push_back(api::name(scope));
  return {{"name", entry.owner.name},
          {"user", entry.owner.user},
          {"scopes", scopes},
          {"expires_at", entry.expires ? Json(format_utc(*entry.expires)) : Json(nullptr)}};
}

Result<int> list(const std::string& path, const Arguments& arguments) {
  SOVREN_TRY(entries, TokenFile::list(path));
  Json tokens = Json::array();
  Rows rows{{"NAME", "USER", "SCOPES", "EXPIRES"}};
  for (const TokenFile::Entry& entry : entries) {
    const Json view = view_of(entry);
    std::string scopes;
    for (const Json& scope : view["scopes"])
      scopes += (scopes.empty() ? "" : ",") + scope.get<std::string>();
    rows.push_back({entry.owner.name, entry.owner.user, scopes,
                    entry.expires ? time_of(view, "expires_at") : "never"});
    tokens.push_back(view);
  }
  return print_answer(arguments, {{"schema", "sovren.tokens/1"}, {"tokens", tokens}}, rows);
}

}  // namespace

Result<int> manage_tokens(const Arguments& arguments) {
  std::string path = arguments.text("file");
  if (path.empty()) {
    SOVREN_TRY(home, sovren_home());
    path = home + "/tokens";
  }
  const std::string& verb = arguments.operands[0];
  if (verb == "create") return create(path, arguments);
  if (verb == "list" && arguments.operands.size() == 1) return list(path, arguments);
  if (verb == "revoke" && arguments.operands.size() == 2) {
    SOVREN_DO(TokenFile::revoke(path, arguments.operands[1]));
    return exit_done;
  }
  return fail({.code = Code::usage,
               .what = "sovren token does create [NAME], list, or revoke NAME",
               .hint = "sovren token --help"});
}

}  // namespace sovren::cli
