// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/submit_body.h"

#include <set>

#include "core/text/json.h"
#include "core/text/script_file.h"

namespace sovren::api {
namespace {

using text::Json;

struct Fields {
  text::SourceText source{.name = "job.toml", .base_dir = "/"};
  std::vector<text::Override> overrides;
  std::string array;
  bool is_held = false;
  bool is_dry_run = false;
};

Error body_error(Code code, std::string what, std::string hint = "") {
  return {.code = code, .what = std::move(what), .hint = std::move(hint), .where = "body"};
}

Result<void> check_known(const Json& json, const std::set<std::string>& known) {
  for (const auto& [key, value] : json.items())
    if (!known.contains(key)) {
      std::string list;
      for (const std::string& each : known) list += (list.empty() ? "" : ", ") + each;
      return fail(body_error(Code::data_invalid, "the member '" + key + "' is not known here",
                             "known are " + list));
    }
  return {};
}

Result<void> take_text(const Json& json, const char* key, std::string& value) {
  if (!json.contains(key)) return {};
  SOVREN_TRY(given, text::get_string(json, key));
  value = std::move(given);
  return {};
}

Result<void> take_flag(const Json& json, const char* key, bool& value) {
  if (!json.contains(key)) return {};
  SOVREN_TRY(given, text::get_bool(json, key));
  value = given;
  return {};
}

Result<void> take_overrides(const Json& json, std::vector<text::Override>& overrides) {
  if (!json.contains("overrides")) return {};
  SOVREN_TRY(list, text::get_member(json, "overrides"));
  if (!list->is_array()) return fail(body_error(Code::data_invalid, "/overrides must be an array"));
  for (const Json& each : *list) {
    if (!each.is_object())
      return fail(body_error(Code::data_invalid, "/overrides must hold objects"));
    SOVREN_DO(check_known(each, {"key", "value"}));
    SOVREN_TRY(key, text::get_string(each, "key"));
    SOVREN_TRY(value, text::get_string(each, "value"));
    overrides.push_back({std::move(key), std::move(value)});
  }
  return {};
}

Result<Fields> read_fields(const Request& request) {
  Fields fields;
  const std::string_view type = request.header("content-type");
  if (type.starts_with("application/toml") || type.starts_with("text/plain")) {
    fields.source.text = request.body;
    return fields;
  }
  SOVREN_TRY(json, text::parse_json(request.body, "body"));
  if (!json.is_object())
    return fail(body_error(Code::data_invalid, "the body is no JSON object",
                           R"(send {"text": "...the job file..."}, or the file itself as )"
                           "application/toml"));
  SOVREN_DO(check_known(
      json, {"text", "name", "base_dir", "overrides", "array", "after", "hold", "dry_run"}));
  SOVREN_TRY(file, text::get_string(json, "text"));
  fields.source.text = std::move(file);
  SOVREN_DO(take_text(json, "name", fields.source.name));
  SOVREN_DO(take_text(json, "base_dir", fields.source.base_dir));
  SOVREN_DO(take_text(json, "array", fields.array));
  SOVREN_DO(take_flag(json, "hold", fields.is_held));
  SOVREN_DO(take_flag(json, "dry_run", fields.is_dry_run));
  SOVREN_DO(take_overrides(json, fields.overrides));
  std::string after;
  SOVREN_DO(take_text(json, "after", after));
  if (!after.empty()) fields.overrides.push_back({"after", "\"" + after + "\""});
  if (!fields.source.base_dir.starts_with('/'))
    return fail(body_error(Code::usage, "base_dir '" + fields.source.base_dir + "' is not absolute",
                           "relative paths of the job file resolve against it"));
  return fields;
}

/// A job file, or a script.
tl::expected<text::ScriptJob, text::Errors> parse_text(const Fields& fields) {
  if (text::is_script(fields.source.text))
    return text::parse_script(fields.source, fields.overrides);
  return text::parse_job_file(fields.source, fields.overrides).map([](JobSpec spec) {
    return text::ScriptJob{.spec = std::move(spec)};
  });
}

}  // namespace

tl::expected<SubmitBody, text::Errors> parse_submit(const Request& request) {
  const auto one = [](Error error) { return tl::unexpected(text::Errors{std::move(error)}); };
  auto fields = read_fields(request);
  if (!fields) return one(std::move(fields).error());
  auto job = parse_text(*fields);
  if (!job) return tl::unexpected(std::move(job).error());
  if (!fields->array.empty()) {
    auto overrides = text::array_overrides(job->spec, fields->array);
    if (!overrides)
      return one(
          body_error(overrides.error().code, overrides.error().what, overrides.error().hint));
    fields->overrides.insert(fields->overrides.end(), overrides->begin(), overrides->end());
    job = parse_text(*fields);
    if (!job) return tl::unexpected(std::move(job).error());
  }
  if (auto checked = text::check_elements(job->spec); !checked)
    return one(std::move(checked).error());
  return SubmitBody{.spec = std::move(job->spec),
                    .is_held = fields->is_held || job->is_held,
                    .is_dry_run = fields->is_dry_run,
                    .warnings = std::move(job->warnings)};
}

}  // namespace sovren::api
