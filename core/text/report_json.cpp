// SPDX-License-Identifier: Apache-2.0
#include "core/text/report_json.h"

#include <array>

#include "core/text/json_fields.h"
#include "core/text/model_fields.h"
#include "core/text/report_value.h"

namespace sovren::text {
// Outside the unnamed namespace, where Writer and Reader find them by their argument.
static void fields(auto& io, ReportStarted& r) {
  io.required("backend", r.backend);
  io.optional("devices", r.devices);
  io.required("ranks", r.ranks);
}
static void fields(auto& io, ReportProgress& r) {
  io.required("step", r.progress.step);
  io.required("fraction", r.progress.fraction);
  io.optional("phase", r.progress.phase);
  io.optional("done", r.progress.done);
  io.optional("total", r.progress.total);
  io.optional("unit", r.progress.unit);
  io.optional("metrics", r.progress.metrics);
}
static void fields(auto& io, ReportSealed& r) {
  io.required("step", r.step);
  io.optional("size_bytes", r.size_bytes);
  io.optional("seal_s", r.seal_s);
  io.optional("blocked_s", r.blocked_s);
  io.unless("slowdown_s", r.slowdown_s, 0.0);
  io.unless("skipped", r.skipped, std::int64_t{0});
  fields(io, r.plan);
}
static void fields(auto& io, ReportRestored& r) {
  io.required("step", r.step);
  io.optional("set", r.set);
  io.optional("restore_s", r.restore_s);
}
static void fields(auto& io, ReportRejected& r) {
  io.required("set", r.set);
  io.optional("why", r.why);
}
static void fields(auto& io, ReportWarning& r) {
  io.required("text", r.text);
}
static void fields(auto& io, ReportFailed& r) {
  io.required("error", r.error);
}
static void fields(auto& io, ReportFinished& r) {
  io.required("steps", r.steps);
  io.required("digest", r.digest);
  io.optional("metrics", r.metrics);
}
static void fields(auto& io, ReportPreview& r) {
  io.required("path", r.path);
}

namespace {

constexpr int version = 1;

// In the order of RankReport's alternatives.
constexpr std::array<std::string_view, std::variant_size_v<RankReport>> names{
    "started", "progress", "sealed",   "restored", "rejected",
    "warning", "failed",   "finished", "preview"};

tl::unexpected<Error> invalid(std::string what) {
  return fail({.code = Code::data_invalid, .what = "a rank's report: " + std::move(what)});
}

// Tries the alternatives of RankReport by name.
template <std::size_t index = 0>
Result<RankReport> read_report(const std::string& name, const Json& json) {
  if constexpr (index == std::variant_size_v<RankReport>) {
    return invalid("'" + name + "' is not known to this version");
  } else {
    if (names[index] != name) return read_report<index + 1>(name, json);
    RankReport report(std::in_place_index<index>);
    Reader reader(json);
    fields(reader, std::get<index>(report));
    if (reader.error()) return invalid(name + ": " + reader.error()->what);
    return report;
  }
}

}  // namespace

Json report_to_value(const RankReport& report) {
  Json json = {{"v", version}, {"report", std::string(names.at(report.index()))}};
  Writer writer(json);
  std::visit([&](const auto& each) { writer.all(each); }, report);
  return json;
}

Result<RankReport> report_from_value(const Json& json) {
  const auto stored_version = get_int(json, "v");
  const auto name = get_string(json, "report");
  if (!stored_version) return invalid(stored_version.error().what);
  if (!name) return invalid(name.error().what);
  if (*stored_version != version)
    return invalid("version " + std::to_string(*stored_version) + " is not known; this reads " +
                   std::to_string(version));
  return read_report(*name, json);
}

std::string report_to_json(const RankReport& report) {
  return dump_json(report_to_value(report));
}

Result<RankReport> report_from_json(std::string_view line) {
  const auto json = parse_json(line, "report");
  if (!json) return invalid(to_text(json.error()));
  return report_from_value(*json);
}

}  // namespace sovren::text
