// SPDX-License-Identifier: Apache-2.0
#include "cli/listing.h"

#include <unistd.h>

#include <array>
#include <ctime>
#include <utility>

#include "cli/system_clock.h"
#include "cli/terminal.h"
#include "core/model/state.h"

namespace sovren::cli {
namespace {

using text::Json;

const Json* find(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  if (key.starts_with('/')) {
    const Json::json_pointer pointer{std::string(key)};
    return object.contains(pointer) ? &object[pointer] : nullptr;
  }
  const auto found = object.find(std::string(key));
  return found == object.end() ? nullptr : &*found;
}

bool is_empty(const Json& value) {
  return value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty()) ||
         ((value.is_array() || value.is_object()) && value.empty());
}

// How long it has been running, or ran.
std::string run_time(const Json& job, Instant now) {
  double seconds = number_of(job, "run_s");
  if (text_of(job, "state") == "RUNNING")
    if (const auto start = parse_utc(text_of(job, "started_at")))
      seconds = std::max(seconds, now - *start);
  return seconds > 0 ? format_seconds(seconds) : "";
}

std::string share_done(const Json& job) {
  const Json* fraction = find(job, "/progress/fraction");
  if (fraction == nullptr || !fraction->is_number()) return "";
  return std::to_string(static_cast<int>(100 * fraction->get<double>())) + " %";
}

std::string names_of(const Json& job) {
  const Json* nodes = find(job, "nodes");
  std::string names;
  if (nodes == nullptr || !nodes->is_array()) return names;
  for (const Json& slot : *nodes) names += (names.empty() ? "" : " ") + text_of(slot, "node");
  return names;
}

// One line for all elements of an array.
std::vector<std::string> array_row(const Json& job, const Json& array) {
  const ArraySummary all = array_summary(array);
  const std::string why = all.is_waiting ? text_of(job, "reason") : "";
  return {text_of(job, "array_job") + "_[0-" + std::to_string(all.elements - 1) + "]",
          text_of(job, "name"),
          text_of(job, "user"),
          all.state,
          "",
          "",
          std::to_string(all.done) + "/" + std::to_string(all.elements),
          "",
          all.counts + (why.empty() ? "" : ": " + why)};
}

std::string labels_of(const Json& node) {
  const Json* labels = find(node, "labels");
  std::string text;
  if (labels == nullptr || !labels->is_object()) return text;
  for (const auto& [name, value] : labels->items())
    text += (text.empty() ? "" : " ") + name + "=" +
            printable(value.is_string() ? value.get<std::string>() : value.dump());
  return text;
}

std::string used(const Json& node, const std::string& what) {
  return text_of(node, what + "_used") + "/" + text_of(node, what);
}

void add_members(const Json& value, const std::string& name, Rows& rows) {
  if (is_empty(value)) return;
  if (value.is_object()) {
    for (const auto& [key, member] : value.items())
      add_members(member, name.empty() ? key : name + "." + key, rows);
  } else if (value.is_array() && value.front().is_object()) {
    for (std::size_t i = 0; i < value.size(); ++i)
      add_members(value[i], name + "[" + std::to_string(i) + "]", rows);
  } else {
    rows.push_back({name, printable(value.is_string() ? value.get<std::string>() : value.dump())});
  }
}

}  // namespace

ArraySummary array_summary(const Json& array) {
  std::int64_t waiting = 0, running = 0, done = 0, cancelled = 0, failed = 0;
  if (const Json* states = find(array, "states"); states != nullptr && states->is_object())
    for (const auto& [name, count] : states->items()) {
      const auto jobs = count.is_number_integer() ? count.get<std::int64_t>() : 0;
      const auto state = state_of(name);
      (state == JobState::completed   ? done
       : state == JobState::pending   ? waiting
       : state == JobState::cancelled ? cancelled
       : state && is_final(*state)    ? failed
                                      : running) += jobs;
    }
  ArraySummary all{.elements = static_cast<std::int64_t>(number_of(array, "elements")),
                   .done = done,
                   .is_waiting = running == 0 && waiting > 0,
                   .counts = std::to_string(done) + " done"};
  for (const auto& [count, what] : {std::pair{running, " running"},
                                    {waiting, " waiting"},
                                    {failed, " failed"},
                                    {cancelled, " cancelled"}})
    if (count > 0) all.counts += ", " + std::to_string(count) + what;
  all.state = running > 0     ? "RUNNING"
              : waiting > 0   ? "PENDING"
              : failed > 0    ? "FAILED"
              : cancelled > 0 ? "CANCELLED"
                              : "COMPLETED";
  return all;
}

std::string text_of(const Json& object, std::string_view key) {
  const Json* value = find(object, key);
  if (value == nullptr || value->is_null()) return "";
  return printable(value->is_string() ? value->get<std::string>() : value->dump());
}

double number_of(const Json& object, std::string_view key) {
  const Json* value = find(object, key);
  return value == nullptr || !value->is_number() ? 0 : value->get<double>();
}

std::string time_of(const Json& object, std::string_view key) {
  const Json* value = find(object, key);
  const bool is_of_the_log = value != nullptr && value->is_number_integer();
  const auto at = is_of_the_log ? Result<Instant>(Instant{value->get<std::int64_t>()})
                                : parse_utc(text_of(object, key));
  if (!at) return "";
  const std::time_t seconds = at->ms / 1000;
  std::tm local{};
  std::array<char, 32> buffer{};
  ::localtime_r(&seconds, &local);
  return {buffer.data(), std::strftime(buffer.data(), buffer.size(), "%Y-%m-%d %H:%M:%S", &local)};
}

Rows job_rows(const Json& jobs, Instant now) {
  Rows rows{{"JOB", "NAME", "USER", "STATE", "TRY", "TIME", "DONE", "NODES", "WHY"}};
  for (const Json& job : jobs) {
    if (const Json* array = find(job, "array"); array != nullptr) {
      rows.push_back(array_row(job, *array));
      continue;
    }
    std::string id = text_of(job, "id");
    if (find(job, "element") != nullptr)
      id += " = " + text_of(job, "array_job") + "_" + text_of(job, "element");
    std::string why = text_of(job, "why");
    if (const std::string reason = text_of(job, "reason"); !reason.empty())
      why = reason + (why.empty() ? "" : ": " + why);
    rows.push_back({id, text_of(job, "name"), text_of(job, "user"), text_of(job, "state"),
                    text_of(job, "attempts"), run_time(job, now), share_done(job), names_of(job),
                    why});
  }
  return rows;
}

Rows node_rows(const Json& nodes) {
  Rows rows{{"NODE", "STATE", "JOBS", "CPUS", "GPUS", "MEMORY", "LABELS", "WHY"}};
  for (const Json& node : nodes) {
    std::string why = text_of(node, "why");
    if (const std::string by = text_of(node, "drained_by"); !by.empty()) why += " (" + by + ")";
    rows.push_back({text_of(node, "name"), text_of(node, "state"), text_of(node, "attempts"),
                    used(node, "cpus"), used(node, "gpus"),
                    format_bytes(number_of(node, "memory_used_bytes")) + "/" +
                        format_bytes(number_of(node, "memory_bytes")),
                    labels_of(node), why});
  }
  return rows;
}

Rows member_rows(const Json& object) {
  Rows rows;
  add_members(object, "", rows);
  return rows;
}

Result<int> print_rows(const Rows& rows) {
  return print_text(isatty(STDOUT_FILENO) == 1
                        ? clip_lines(format_table(rows), terminal_width(STDOUT_FILENO))
                        : format_table(rows));
}

Result<int> print_answer(const Arguments& arguments, const Json& answer, const Rows& rows) {
  if (arguments.has("json")) return print_text(text::dump_json(answer, 2) + "\n");
  return print_rows(rows);
}

Instant now() {
  return SystemClock().now();
}

}  // namespace sovren::cli
