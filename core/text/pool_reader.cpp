// SPDX-License-Identifier: Apache-2.0
#include "core/text/pool_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include "core/model/state.h"
#include "core/text/nearest.h"

namespace sovren::text {
namespace {

using Type = TomlValue::Type;

constexpr std::string_view vias[] = {"slurm"};
constexpr std::int64_t nodes_max = 10'000;
constexpr std::int64_t amount_max = 1'000'000;
constexpr double time_limit_s_min = 120;  ///< less, and a node is gone before it was of use
constexpr double time_limit_s_max = 365 * 86'400.0;

// Of sbatch: what the daemon decides, or what would make something else of an allocation.
constexpr std::string_view taken_options[] = {
    "--array",    "--batch",      "--begin",   "--comment", "--cpus-per-task", "--dependency",
    "--error",    "--gres",       "--help",    "--hold",    "--input",         "--job-name",
    "--mem",      "--no-requeue", "--nodes",   "--ntasks",  "--open-mode",     "--output",
    "--parsable", "--quiet",      "--requeue", "--signal",  "--test-only",     "--time",
    "--time-min", "--usage",      "--version", "--wait",    "--wrap"};

bool is_node_name(std::string_view name) {
  return !name.empty() && name.size() <= 60 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// "queue_seconds > 0.1"
void read_scale_on(TableReader& table, ScaleOn& scale_on) {
  std::string text;
  table.text("scale_on", text);
  if (text.empty()) return;
  const std::size_t sign = text.find('>');
  const std::string_view metric = trimmed(std::string_view(text).substr(0, sign));
  const std::string_view number =
      sign == std::string::npos ? "" : trimmed(std::string_view(text).substr(sign + 1));
  const bool is_name = !metric.empty() && std::all_of(metric.begin(), metric.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
  double above = 0;
  const char* end = number.data() + number.size();
  const auto [read, error] = std::from_chars(number.data(), end, above);
  if (!is_name || error != std::errc() || read != end || !(above >= 0) || above > 1e12)
    return table.report("scale_on",
                        table.qualified("scale_on") +
                            " must be a name, > and a number of at least 0, got \"" + text + "\"",
                        "write: scale_on = \"queue_seconds > 0.1\", \"load > 0.7\", \"pending > "
                        "10\" or a metric of jobs, \"causal_depth > 5\"");
  scale_on = {std::string(metric), above};
}

void read_options(TableReader& table, std::vector<std::string>& options) {
  const TomlEntry* entry = table.take("options");
  if (entry == nullptr) return;
  const std::string hint = "write: options = [\"--account=physics\", \"--qos=low\"]";
  if (entry->value.type != Type::list)
    return table.report("options",
                        table.qualified("options") +
                            " must be a list of options of "
                            "sbatch, got " +
                            describe(entry->value),
                        hint);
  for (const TomlValue& item : entry->value.items) {
    const bool is_option = item.type == Type::text && item.text.starts_with("--") &&
                           item.text.size() > 2 &&
                           item.text.find_first_of("\n\r") == std::string::npos;
    const std::string name = item.text.substr(0, item.text.find('='));
    if (!is_option)
      table.report("options",
                   table.qualified("options") + " holds " + describe(item) +
                       ", which is no long option of sbatch",
                   hint);
    else if (std::find(std::begin(taken_options), std::end(taken_options), name) !=
             std::end(taken_options))
      table.report("options", table.qualified("options") + " holds " + name +
                                  ", which the daemon sets itself");
    else
      options.push_back(item.text);
  }
}

// An address is taken as it is, a path made absolute.
void read_connect(TableReader& table, std::string& connect, std::string_view base_dir) {
  std::string text;
  table.text("connect", text);
  if (text.find("://") == std::string::npos) return table.path("connect", connect, base_dir);
  if (!text.starts_with("https://"))
    table.report("connect", table.qualified("connect") +
                                " must be an https URL or the path of a "
                                "Unix socket, got \"" +
                                text + "\"");
  connect = text;
}

void check(TableReader& table, const Pool& pool) {
  if (!is_node_name(pool.name))
    table.report("",
                 "the pool's name must be made of letters, digits, dots, dashes and "
                 "underscores, at most 60: its nodes are named after it");
  if (pool.min_nodes > pool.max_nodes)
    table.report("min_nodes", table.qualified("min_nodes") +
                                  " is above max_nodes = " + std::to_string(pool.max_nodes));
}

}  // namespace

Pool read_pool(const TomlEntry& entry, TableReader& table, std::string_view base_dir) {
  Pool pool{.name = entry.key};
  table.choice("via", pool.via, vias);
  table.whole("min_nodes", pool.min_nodes, 0, nodes_max);
  table.whole("max_nodes", pool.max_nodes, 1, nodes_max);
  table.whole("pending_max", pool.pending_max, 1, nodes_max);
  read_scale_on(table, pool.scale_on);
  table.duration("idle_timeout", pool.idle_timeout_s, 1);
  table.duration("time_limit", pool.time_limit_s, time_limit_s_min);
  table.whole("cpus", pool.cpus, 1, amount_max);
  table.whole("gpus", pool.gpus, 0, amount_max);
  table.size("memory", pool.memory_bytes);
  read_connect(table, pool.connect, base_dir);
  table.path("token_file", pool.token_file, base_dir);
  table.path("ca_file", pool.ca_file, base_dir);
  table.path("certificate_file", pool.certificate_file, base_dir);
  table.text("program", pool.program);
  read_options(table, pool.options);
  table.text("setup", pool.setup);
  if (pool.time_limit_s > time_limit_s_max)
    table.report("time_limit", table.qualified("time_limit") + " must be at most 365d");
  check(table, pool);
  return pool;
}

void add_pool_partitions(Site& site) {
  if (site.pools.empty()) return;
  if (site.partitions.empty()) site.partitions.push_back({.name = "default", .is_default = true});
  for (const Pool& pool : site.pools) {
    auto partition = std::find_if(site.partitions.begin(), site.partitions.end(),
                                  [&](const Partition& one) { return one.name == pool.name; });
    if (partition == site.partitions.end())
      partition = site.partitions.insert(partition, {.name = pool.name});
    partition->labels[std::string(pool_label)] = pool.name;
  }
}

}  // namespace sovren::text
