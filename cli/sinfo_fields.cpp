// SPDX-License-Identifier: Apache-2.0
// What sinfo can print of nodes that are alike.
#include "cli/sinfo_fields.h"

#include <algorithm>
#include <array>
#include <map>

#include "core/text/hosts.h"

namespace sovren::cli {
namespace {

using Row = SinfoRow;
using State = SlurmNode::State;

const SlurmNode* first(const Row& row) {
  return row.nodes.empty() ? nullptr : row.nodes.front();
}

std::string names_of(const Row& row) {
  std::vector<std::string> names;
  for (const SlurmNode* node : row.nodes) names.push_back(node->name);
  return text::compress_hosts(names);
}

std::string text_of_first(const Row& row, std::string (*text)(const SlurmNode&)) {
  const SlurmNode* const node = first(row);
  return node == nullptr ? "n/a" : text(*node);
}

// Allocated, idle, other, in all.
std::array<std::int64_t, 4> node_counts(const Row& row) {
  std::array<std::int64_t, 4> counts{};
  for (const SlurmNode* node : row.nodes) {
    const bool is_used = node->cpus_used > 0 || node->state == State::allocated;
    ++counts[node->is_away() ? 2 : is_used ? 0 : node->state == State::idle ? 1 : 2];
    ++counts[3];
  }
  return counts;
}

std::array<std::int64_t, 4> cpu_counts(const Row& row) {
  std::array<std::int64_t, 4> counts{};
  for (const SlurmNode* node : row.nodes) {
    const std::int64_t free = node->cpus - node->cpus_used;
    counts[0] += node->cpus_used;
    counts[node->is_away() || node->state == State::draining ? 2 : 1] += free;
    counts[3] += node->cpus;
  }
  return counts;
}

std::string with_bars(const std::array<std::int64_t, 4>& counts, std::size_t length) {
  std::string text;
  for (std::size_t i = 0; i < length; ++i) text += (i == 0 ? "" : "/") + std::to_string(counts[i]);
  return text;
}

std::string reason_text(const SlurmNode& node) {
  return node.why.empty() ? "none" : node.why;
}

template <char letter>
std::string constant(const Row&, Instant) {
  switch (letter) {
    case 'd':
      return "0";
    case 'w':
    case 'I':
    case 'Y':
    case 'Z':
      return "1";
    case 'r':
      return "no";
    case 'h':
      return "NO";
    case 'g':
    case 'S':
      return "all";
    case 's':
      return "1-infinite";
    case 'B':
      return "UNLIMITED";
    case 'M':
      return "REQUEUE";
    case 'H':
      return "Unknown";
    default:
      return "N/A";
  }
}

constexpr SlurmField<Row> fields[] = {
    {'a', "available", "AVAIL",
     [](const Row& row, Instant) { return std::string(row.partition->is_up ? "up" : "down"); }},
    {'A', "nodeai", "NODES(A/I)",
     [](const Row& row, Instant) { return with_bars(node_counts(row), 2); }},
    {'b', "features_act", "ACTIVE_FEATURES",
     [](const Row& row, Instant) {
       return text_of_first(row, [](const SlurmNode& node) {
         return node.features.empty() ? "(null)" : node.features;
       });
     }},
    {'B', "maxcpuspernode", "MAX_CPUS_PER_NODE", constant<'B'>},
    {'c', "cpus", "CPUS",
     [](const Row& row, Instant) {
       return text_of_first(row, [](const SlurmNode& node) { return std::to_string(node.cpus); });
     }},
    {'C', "cpusstate", "CPUS(A/I/O/T)",
     [](const Row& row, Instant) { return with_bars(cpu_counts(row), 4); }},
    {'d', "disk", "TMP_DISK", constant<'d'>},
    {'D', "nodes", "NODES",
     [](const Row& row, Instant) { return std::to_string(row.nodes.size()); }},
    {'e', "freemem", "FREE_MEM",
     [](const Row& row, Instant) {
       return text_of_first(row, [](const SlurmNode& node) {
         return std::to_string(node.memory_mib - node.memory_used_mib);
       });
     }},
    {'E', "reason", "REASON",
     [](const Row& row, Instant) { return text_of_first(row, reason_text); }},
    {'f', "features", "AVAIL_FEATURES",
     [](const Row& row, Instant) {
       return text_of_first(row, [](const SlurmNode& node) {
         return node.features.empty() ? "(null)" : node.features;
       });
     }},
    {'F', "nodeaiot", "NODES(A/I/O/T)",
     [](const Row& row, Instant) { return with_bars(node_counts(row), 4); }},
    {'g', "groups", "GROUPS", constant<'g'>},
    {'G', "gres", "GRES", [](const Row& row, Instant) { return text_of_first(row, gres_text); }},
    {'h', "oversubscribe", "OVERSUBSCRIBE", constant<'h'>},
    {'H', "timestamp", "TIMESTAMP", constant<'H'>},
    {'I', "priorityjobfactor", "PRIO_JOB_FACTOR", constant<'I'>},
    {'l', "time", "TIMELIMIT",
     [](const Row& row, Instant) { return limit_or(row.partition->time_limit_s, "infinite"); }},
    {'L', "defaulttime", "DEFAULTTIME",
     [](const Row& row, Instant) { return limit_or(row.partition->default_time_limit_s, "n/a"); }},
    {'m', "memory", "MEMORY",
     [](const Row& row, Instant) {
       return text_of_first(row,
                            [](const SlurmNode& node) { return std::to_string(node.memory_mib); });
     }},
    {'M', "preemptmode", "PREEMPT_MODE", constant<'M'>},
    {'n', "nodehost", "HOSTNAMES", [](const Row& row, Instant) { return names_of(row); }},
    {'N', "nodelist", "NODELIST", [](const Row& row, Instant) { return names_of(row); }},
    {'o', "nodeaddr", "NODE_ADDR", [](const Row& row, Instant) { return names_of(row); }},
    {'O', "cpusload", "CPU_LOAD", constant<'O'>},
    {'p', "prioritytier", "PRIO_TIER",
     [](const Row& row, Instant) { return std::to_string(row.partition->priority); }},
    {'P', "partition", "PARTITION",
     [](const Row& row, Instant) {
       return row.partition->name + (row.partition->is_default ? "*" : "");
     }},
    {'r', "root", "ROOT", constant<'r'>},
    {'R', "partitionname", "PARTITION",
     [](const Row& row, Instant) { return row.partition->name; }},
    {'s', "size", "JOB_SIZE", constant<'s'>},
    {'S', "allocnodes", "ALLOCNODES", constant<'S'>},
    {'t', "statecompact", "STATE",
     [](const Row& row, Instant) {
       return text_of_first(
           row, [](const SlurmNode& node) { return std::string(short_node_state(node.state)); });
     }},
    {'T', "statelong", "STATE",
     [](const Row& row, Instant) {
       return text_of_first(
           row, [](const SlurmNode& node) { return std::string(long_node_state(node.state)); });
     }},
    {'u', "user", "USER",
     [](const Row& row, Instant) {
       return text_of_first(
           row, [](const SlurmNode& node) { return node.by.empty() ? "Unknown" : node.by; });
     }},
    {'U', "userlong", "USER",
     [](const Row& row, Instant) {
       return text_of_first(
           row, [](const SlurmNode& node) { return node.by.empty() ? "Unknown" : node.by; });
     }},
    {'V', "cluster", "CLUSTER", constant<'V'>},
    {'w', "weight", "WEIGHT", constant<'w'>},
    {'X', "sockets", "SOCKETS",
     [](const Row& row, Instant) {
       return text_of_first(row, [](const SlurmNode& node) { return std::to_string(node.cpus); });
     }},
    {'Y', "cores", "CORES", constant<'Y'>},
    {'z', "socketcorethread", "S:C:T",
     [](const Row& row, Instant) {
       return text_of_first(
           row, [](const SlurmNode& node) { return std::to_string(node.cpus) + ":1:1"; });
     }},
    {'Z', "threads", "THREADS", constant<'Z'>},
    {'\0', "gresused", "GRES_USED",
     [](const Row& row, Instant) {
       return text_of_first(row, [](const SlurmNode& node) {
         return node.gpus == 0 ? "(null)" : "gpu:" + std::to_string(node.gpus_used);
       });
     }},
    {'\0', "allocmem", "ALLOCMEM",
     [](const Row& row, Instant) {
       return text_of_first(
           row, [](const SlurmNode& node) { return std::to_string(node.memory_used_mib); });
     }},
};

}  // namespace

std::span<const SlurmField<SinfoRow>> sinfo_fields() {
  return fields;
}

bool parts_nodes(const SlurmField<SinfoRow>& field) {
  constexpr std::string_view of_nodes = "bceEfGmnotTuUXz";
  return field.letter == '\0' || of_nodes.find(field.letter) != std::string_view::npos;
}

std::vector<SinfoRow> sinfo_rows(const SlurmPartition& partition,
                                 std::vector<const SlurmNode*> nodes,
                                 const SlurmFormat<SinfoRow>& format, Instant now) {
  std::ranges::stable_sort(nodes, {}, &SlurmNode::state);
  std::vector<SinfoRow> rows;
  std::map<std::string, std::size_t> row_of;
  for (const SlurmNode* node : nodes) {
    const SinfoRow alone{&partition, {node}};
    std::string key;
    for (const auto& column : format.columns)
      if (parts_nodes(*column.field)) key += column.field->text(alone, now) + '\n';
    const auto [found, is_new] = row_of.try_emplace(key, rows.size());
    if (is_new) rows.push_back({&partition, {}});
    rows[found->second].nodes.push_back(node);
  }
  if (rows.empty()) rows.push_back({&partition, {}});
  return rows;
}

}  // namespace sovren::cli
