// SPDX-License-Identifier: Apache-2.0
// sovren checkpoints list|show|verify DIR
#include <algorithm>
#include <filesystem>

#include "cli/command.h"
#include "cli/terminal.h"
#include "core/text/json.h"
#include "storage/checkpoint/checkpoint_set.h"
#include "storage/file/file.h"

namespace fs = std::filesystem;

namespace sovren::cli {
namespace {

bool is_set(const fs::path& path) {
  return path.filename().string().starts_with("gen-");
}

// A job directory, its checkpoints folder, or one set -> the checkpoints folder.
Result<fs::path> find_folder(const std::string& operand) {
  std::error_code ignored;
  fs::path path = fs::absolute(operand, ignored).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  if (!fs::is_directory(path, ignored))
    return fail({.code = Code::not_found, .what = "there is no folder '" + operand + "'"});
  if (is_set(path)) return path.parent_path();
  if (fs::is_directory(path / "checkpoints", ignored)) return path / "checkpoints";
  if (path.filename() == "checkpoints") return path;
  return fail(
      {.code = Code::not_found,
       .what = "'" + operand + "' holds no checkpoints folder",
       .hint = "give a job directory (NAME.sovren), its checkpoints folder, or one set (gen-...)"});
}

text::Json to_json(const storage::SetInfo& set) {
  text::Json arrays = text::Json::array();
  for (const ArrayInfo& array : set.arrays)
    arrays.push_back(
        {{"name", array.name}, {"dtype", dtype_name(array.dtype)}, {"shape", array.shape}});
  return {{"name", set.name},
          {"path", set.path},
          {"job", set.header.job.value},
          {"attempt", set.header.attempt},
          {"step", set.header.step},
          {"kind", set.header.kind},
          {"state", "sealed"},
          {"size_bytes", set.size_bytes},
          {"shards", set.shards},
          {"arrays", arrays}};
}

Result<int> list(const fs::path& folder, const Arguments& arguments) {
  std::vector<storage::RejectedSet> rejected;
  SOVREN_TRY(sets, storage::list_sets(folder.string(), rejected));
  text::Json rows = text::Json::array();
  std::vector<std::vector<std::string>> table{
      {"SET", "STEP", "ATTEMPT", "KIND", "SIZE", "SHARDS", "STATE"}};
  for (const storage::SetInfo& set : sets) {
    rows.push_back(to_json(set));
    table.push_back({set.name, std::to_string(set.header.step), std::to_string(set.header.attempt),
                     set.header.kind, format_bytes(static_cast<double>(set.size_bytes)),
                     std::to_string(set.shards), "sealed"});
  }
  for (const storage::RejectedSet& set : rejected) {
    rows.push_back({{"name", set.name}, {"state", "damaged"}, {"why", set.why}});
    table.push_back({set.name, "-", "-", "-", "-", "-", "damaged: " + set.why});
  }
  if (arguments.has("json"))
    return print_text(
        text::dump_json({{"schema", "sovren.checkpoints/1"}, {"checkpoints", rows}}, 2) + "\n");
  return print_text(format_table(table));
}

// The sets that the operand means: the one named, or all, newest first.
Result<std::vector<std::string>> selected(const fs::path& folder, const std::string& operand) {
  fs::path path(operand);
  if (!path.has_filename()) path = path.parent_path();
  if (is_set(path)) return std::vector<std::string>{(folder / path.filename()).string()};
  SOVREN_TRY(names, storage::list_directory(folder.string()));
  std::vector<std::string> paths;
  for (auto name = names.rbegin(); name != names.rend(); ++name)
    if (is_set(*name) && name->find(".tmp") == std::string::npos)
      paths.push_back((folder / *name).string());
  return paths;
}

Result<int> show(const fs::path& folder, const Arguments& arguments) {
  std::vector<storage::RejectedSet> rejected;
  SOVREN_TRY(sets, storage::list_sets(folder.string(), rejected));
  SOVREN_TRY(wanted, selected(folder, arguments.operands[1]));
  const storage::SetInfo* set = nullptr;
  for (const auto& candidate : sets)
    if (set == nullptr && std::find(wanted.begin(), wanted.end(), candidate.path) != wanted.end())
      set = &candidate;
  if (set == nullptr)
    return fail({.code = Code::not_found,
                 .what = "no readable checkpoint set in '" + arguments.operands[1] + "'"});
  if (arguments.has("json")) {
    text::Json json = to_json(*set);
    json["schema"] = "sovren.checkpoint_set/1";
    json["facts"] = set->header.facts;
    return print_text(text::dump_json(json, 2) + "\n");
  }
  std::string text = set->name + ": step " + std::to_string(set->header.step) + " of job " +
                     std::to_string(set->header.job.value) + ", attempt " +
                     std::to_string(set->header.attempt) + ", " + set->header.kind + ", " +
                     format_bytes(static_cast<double>(set->size_bytes)) + " in " +
                     std::to_string(set->shards) + " shards\n\narrays:\n";
  std::vector<std::vector<std::string>> rows;
  for (const ArrayInfo& array : set->arrays) {
    std::string shape;
    for (const auto extent : array.shape)
      shape += (shape.empty() ? "" : " x ") + std::to_string(extent);
    rows.push_back({"  " + array.name, std::string(dtype_name(array.dtype)), shape});
  }
  text += format_table(rows) + "\nof a job with:\n";
  rows.clear();
  for (const auto& [key, value] : set->header.facts) rows.push_back({"  " + key, value});
  return print_text(text + format_table(rows));
}

Result<int> verify(const fs::path& folder, const Arguments& arguments) {
  SOVREN_TRY(paths, selected(folder, arguments.operands[1]));
  if (paths.empty())
    return fail({.code = Code::not_found,
                 .what = "no sealed checkpoint set in '" + arguments.operands[1] + "'"});
  int code = exit_done;
  text::Json rows = text::Json::array();
  std::string lines;
  for (const std::string& path : paths) {
    const auto set = storage::verify_set(path);
    const std::string name = fs::path(path).filename().string();
    rows.push_back(
        {{"name", name}, {"ok", set.has_value()}, {"why", set ? "" : to_text(set.error())}});
    lines += name + (set ? ": ok\n" : ": DAMAGED: " + to_text(set.error()) + "\n");
    if (!set) code = cli_exit_code(set.error().code);
  }
  if (arguments.has("json"))
    lines = text::dump_json({{"schema", "sovren.verify/1"}, {"checkpoints", rows}}, 2) + "\n";
  SOVREN_DO(print_text(lines));
  return code;
}

}  // namespace

Result<int> inspect_checkpoints(const Arguments& arguments) {
  const std::string& verb = arguments.operands[0];
  if (verb != "list" && verb != "show" && verb != "verify")
    return fail({.code = Code::usage,
                 .what = "sovren checkpoints does list, show or verify, not '" + verb + "'",
                 .hint = "sovren checkpoints list DIR"});
  SOVREN_TRY(folder, find_folder(arguments.operands[1]));
  if (verb == "list") return list(folder, arguments);
  return verb == "show" ? show(folder, arguments) : verify(folder, arguments);
}

}  // namespace sovren::cli
