// SPDX-License-Identifier: Apache-2.0
// sovren checkpoints show DIR
#include <array>
#include <cstdio>
#include <ctime>

#include "cli/checkpoints.h"
#include "cli/system_clock.h"
#include "cli/terminal.h"
#include "core/text/json.h"
#include "storage/checkpoint/set_summary.h"

namespace sovren::cli {
namespace {

using storage::ArraySummary;
using storage::SetSummary;
using Table = std::vector<std::vector<std::string>>;

bool is_whole(Dtype dtype) {
  return dtype != Dtype::f32 && dtype != Dtype::f64;
}

std::string number_text(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.6g", value);
  return text.data();
}

std::string number_text(const std::optional<ArraySummary::Number>& value) {
  if (!value) return "-";
  if (const auto* whole = std::get_if<std::int64_t>(&*value)) return std::to_string(*whole);
  return number_text(std::get<double>(*value));
}

text::Json to_json(const std::optional<ArraySummary::Number>& value) {
  if (!value) return nullptr;
  return std::visit([](const auto number) { return text::Json(number); }, *value);
}

// "2026-11-27 10:03:22 +0100, 3 min 20 s ago".
std::string time_text(double at_s) {
  if (at_s <= 0) return "not known";
  const auto seconds = static_cast<std::time_t>(at_s);
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S %z", &parts);
  SystemClock clock;
  const double age_s = static_cast<double>(clock.now().ms) / 1000 - at_s;
  return std::string(text.data()) +
         (age_s < 0 ? ", in the future" : ", " + format_seconds(age_s) + " ago");
}

// The set that was named, or the newest of the folder that can be read.
Result<std::string> wanted_path(const CheckpointFolder& folder, const std::string& operand) {
  if (folder.names.size() == 1) return folder.path + "/" + folder.names.front();
  std::vector<storage::RejectedSet> rejected;
  SOVREN_TRY(sets, storage::list_sets(folder.path, rejected));
  if (!sets.empty()) return sets.front().path;
  return fail({.code = Code::not_found, .what = "no readable checkpoint set in '" + operand + "'"});
}

std::string document(const SetSummary& summary, bool has_ranges) {
  const storage::SetHeader& header = summary.set.header;
  text::Json arrays = text::Json::array();
  for (const ArraySummary& array : summary.arrays) {
    text::Json row{{"name", array.info.name},
                   {"dtype", dtype_name(array.info.dtype)},
                   {"shape", array.info.shape},
                   {"elements", array.elements}};
    if (has_ranges) {
      row["min"] = to_json(array.least);
      row["max"] = to_json(array.greatest);
      row["mean"] = array.least ? text::Json(array.mean) : text::Json(nullptr);
      row["nan"] = array.nans;
      row["inf"] = array.infinities;
      row["constant"] = array.is_constant;
    }
    arrays.push_back(std::move(row));
  }
  text::Json json{{"schema", "sovren.checkpoint_set/1"},
                  {"name", summary.set.name},
                  {"path", summary.set.path},
                  {"job", header.job.value},
                  {"attempt", header.attempt},
                  {"step", header.step},
                  {"kind", header.kind},
                  {"state", "sealed"},
                  {"sealed_at", header.sealed_at_s > 0 ? text::Json(header.sealed_at_s) : nullptr},
                  {"encrypted", summary.is_encrypted},
                  {"size_bytes", summary.set.size_bytes},
                  {"shards", summary.set.shards},
                  {"metrics", header.metrics},
                  {"arrays", arrays},
                  {"facts", header.facts}};
  return text::dump_json(json, 2) + "\n";
}

std::vector<std::string> row_of(const ArraySummary& array) {
  const bool is_count = is_whole(array.info.dtype);
  return {"  " + array.info.name,
          std::string(dtype_name(array.info.dtype)),
          shape_text(array.info.shape),
          number_text(array.least),
          number_text(array.greatest),
          array.least ? number_text(array.mean) : "-",
          is_count ? "-" : std::to_string(array.nans),
          is_count ? "-" : std::to_string(array.infinities),
          array.is_constant ? "constant" : ""};
}

std::string page(const SetSummary& summary, bool has_ranges) {
  const storage::SetHeader& header = summary.set.header;
  Table head{{"set", summary.set.path},
             {"step", std::to_string(header.step)},
             {"sealed", time_text(header.sealed_at_s)},
             {"job", std::to_string(header.job.value) + ", attempt " +
                         std::to_string(header.attempt) + ", " + header.kind},
             {"size", format_bytes(static_cast<double>(summary.set.size_bytes)) + " in " +
                          std::to_string(summary.set.shards) +
                          (summary.set.shards == 1 ? " shard" : " shards") +
                          (summary.is_encrypted ? ", encrypted" : "")}};
  Table metrics, arrays, facts;
  for (const auto& [name, value] : header.metrics)
    metrics.push_back({"  " + name, number_text(value)});
  if (has_ranges)
    arrays.push_back({"  ARRAY", "TYPE", "SHAPE", "MIN", "MAX", "MEAN", "NAN", "INF", ""});
  for (const ArraySummary& array : summary.arrays) {
    std::vector<std::string> row = row_of(array);
    if (!has_ranges) row.resize(3);
    arrays.push_back(std::move(row));
  }
  for (const auto& [key, value] : header.facts) facts.push_back({"  " + key, value});
  std::string text = format_table(head);
  if (!metrics.empty()) text += "\nmetrics:\n" + format_table(metrics);
  return text + "\narrays:\n" + format_table(arrays) + "\nof a job with:\n" + format_table(facts);
}

}  // namespace

Result<int> show_checkpoint(const std::vector<CheckpointFolder>& folders,
                            const Arguments& arguments) {
  const std::string& operand = arguments.operands[1];
  if (folders.size() > 1)
    return fail({.code = Code::usage,
                 .what = "sovren checkpoints show shows one set, and there are sets in " +
                         std::to_string(folders.size()) + " folders",
                 .hint = "choose one of: sovren checkpoints list " + operand});
  SOVREN_TRY(path, wanted_path(folders.front(), operand));
  const bool has_ranges = !arguments.has("quick");
  SOVREN_TRY(key, key_of(arguments));
  SOVREN_TRY(summary, has_ranges ? storage::summarize_set(path, key) : storage::describe_set(path));
  return print_text(arguments.has("json") ? document(summary, has_ranges)
                                          : page(summary, has_ranges));
}

}  // namespace sovren::cli
