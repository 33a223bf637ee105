// SPDX-License-Identifier: Apache-2.0
// sovren checkpoints list|show|verify DIR...
#include "cli/checkpoints.h"

#include "cli/checkpoint_decrypt.h"
#include "cli/terminal.h"
#include "core/text/json.h"

namespace sovren::cli {

Result<std::optional<storage::MasterKey>> key_of(const Arguments& arguments) {
  if (arguments.has("key-file")) {
    SOVREN_TRY(key, storage::read_key_file(arguments.text("key-file")));
    return key;
  }
  if (!arguments.has("key-env")) return std::nullopt;
  SOVREN_TRY(key, storage::read_key_variable(arguments.text("key-env")));
  return key;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const std::int64_t extent : shape)
    text += (text.empty() ? "" : " x ") + std::to_string(extent);
  return text;
}

namespace {

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

}  // namespace

Result<int> list_checkpoints(const std::vector<CheckpointFolder>& folders,
                             const Arguments& arguments) {
  text::Json rows = text::Json::array();
  std::vector<std::vector<std::string>> table{
      {"SET", "STEP", "ATTEMPT", "KIND", "SIZE", "SHARDS", "STATE"}};
  for (const CheckpointFolder& folder : folders) {
    std::vector<storage::RejectedSet> rejected;
    SOVREN_TRY(sets, storage::list_sets(folder.path, rejected));
    const std::string front = folders.size() > 1 ? folder.path + "/" : "";
    for (const storage::SetInfo& set : sets) {
      rows.push_back(to_json(set));
      table.push_back({front + set.name, std::to_string(set.header.step),
                       std::to_string(set.header.attempt), set.header.kind,
                       format_bytes(static_cast<double>(set.size_bytes)),
                       std::to_string(set.shards), "sealed"});
    }
    for (const storage::RejectedSet& set : rejected) {
      rows.push_back({{"name", set.name},
                      {"path", folder.path + "/" + set.name},
                      {"state", "damaged"},
                      {"why", set.why}});
      table.push_back({front + set.name, "-", "-", "-", "-", "-", "damaged: " + set.why});
    }
  }
  if (arguments.has("json"))
    return print_text(
        text::dump_json({{"schema", "sovren.checkpoints/1"}, {"checkpoints", rows}}, 2) + "\n");
  return print_text(format_table(table));
}

Result<int> inspect_checkpoints(const Arguments& arguments) {
  const std::string& verb = arguments.operands[0];
  if (verb == "decrypt") {
    SOVREN_DO(arguments.only("checkpoints decrypt", {"key-file", "key-env"}));
    return decrypt_checkpoint(arguments);
  }
  if (verb != "list" && verb != "show" && verb != "verify")
    return fail(
        {.code = Code::usage,
         .what = "sovren checkpoints does list, show, verify or decrypt, not '" + verb + "'",
         .hint = "sovren checkpoints list DIR"});
  SOVREN_TRY(folders, find_checkpoints(std::span(arguments.operands).subspan(1)));
  if (verb == "show") {
    SOVREN_DO(arguments.only("checkpoints show", {"json", "quick", "key-file", "key-env"}));
    return show_checkpoint(folders, arguments);
  }
  if (verb == "verify") {
    SOVREN_DO(arguments.only("checkpoints verify", {"json", "jobs", "key-file", "key-env"}));
    return verify_checkpoints(folders, arguments);
  }
  SOVREN_DO(arguments.only("checkpoints list", {"json"}));
  return list_checkpoints(folders, arguments);
}

}  // namespace sovren::cli
