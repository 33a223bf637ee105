// SPDX-License-Identifier: Apache-2.0
#include <optional>

#include "core/text/json.h"

namespace sovren::text {
namespace {

std::optional<Code> code_of(std::string_view text) {
  for (int i = 0; i <= static_cast<int>(Code::bug); ++i)
    if (name(static_cast<Code>(i)) == text) return static_cast<Code>(i);
  return std::nullopt;
}

}  // namespace

Json error_to_json(const Error& error) {
  Json json = {{"code", std::string(name(error.code))}, {"what", error.what}};
  if (!error.hint.empty()) json["hint"] = error.hint;
  if (!error.where.empty()) json["where"] = error.where;
  if (!error.context.empty()) json["context"] = error.context;
  return json;
}

Result<Error> error_from_json(const Json& json) {
  SOVREN_TRY(code_text, get_string(json, "code"));
  Error error;
  // A newer sovren-rank may know more codes: its text still says what happened.
  error.code = code_of(code_text).value_or(Code::bug);
  SOVREN_TRY(what, get_string(json, "what"));
  error.what = std::move(what);
  for (const auto& [key, member] : {std::pair("hint", &error.hint), {"where", &error.where}}) {
    if (!json.contains(key)) continue;
    SOVREN_TRY(text, get_string(json, key));
    *member = std::move(text);
  }
  if (!json.contains("context")) return error;
  SOVREN_TRY(context, get_member(json, "context"));
  if (!context->is_array())
    return fail({.code = Code::data_invalid, .what = "/context must be an array"});
  for (const Json& each : *context) {
    if (!each.is_string())
      return fail({.code = Code::data_invalid, .what = "/context must hold strings"});
    error.context.push_back(each.get<std::string>());
  }
  return error;
}

}  // namespace sovren::text
