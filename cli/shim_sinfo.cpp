// SPDX-License-Identifier: Apache-2.0
// sinfo: partitions and their nodes.
#include <algorithm>
#include <cstdio>

#include "cli/listing.h"
#include "cli/shims.h"
#include "cli/sinfo_fields.h"
#include "cli/slurm_ids.h"
#include "cli/slurm_queue.h"
#include "cli/slurm_words.h"
#include "cli/terminal.h"
#include "core/text/hosts.h"

namespace sovren::cli {
namespace {

using Value = SlurmOption::Value;
using State = SlurmNode::State;

constexpr SlurmOption options[] = {
    {.name = "all", .letter = 'a', .variable = "SINFO_ALL"},
    {.name = "dead", .letter = 'd'},
    {.name = "exact", .letter = 'e'},
    {.name = "format", .letter = 'o', .value = Value::required, .variable = "SINFO_FORMAT"},
    {.name = "Format", .letter = 'O', .value = Value::required},
    {.name = "hide"},
    {.name = "iterate", .letter = 'i', .value = Value::required},
    {.name = "list-reasons", .letter = 'R'},
    {.name = "local"},
    {.name = "long", .letter = 'l'},
    {.name = "noconvert"},
    {.name = "Node", .letter = 'N'},
    {.name = "nodes", .letter = 'n', .value = Value::required},
    {.name = "noheader", .letter = 'h'},
    {.name = "partition", .letter = 'p', .value = Value::required, .variable = "SINFO_PARTITION"},
    {.name = "responding", .letter = 'r'},
    {.name = "states", .letter = 't', .value = Value::required},
    {.name = "summarize", .letter = 's'},
    {.name = "verbose", .letter = 'v'},
};
constexpr SlurmProgram program{
    .name = "sinfo", .operands = "", .summary = "Lists partitions and nodes.", .options = options};

// '#' stands for the width of the longest name.
std::string usual_format(const SlurmWords& words) {
  const bool is_long = words.has("long");
  if (words.has("list-reasons")) return is_long ? "%20E %12U %19H %6t %N" : "%20E %9u %19H %N";
  if (words.has("Node"))
    return is_long ? "%#N %.6D %.#P %.11T %4c %.8z %.6m %.8d %.6w %.8f %20E" : "%#N %.6D %.#P %6t";
  if (words.has("summarize")) return "%#P %.5a %.10l %.16F %N";
  return is_long ? "%#P %.5a %.10l %.10s %.4r %.8h %.10g %.6D %.11T %N"
                 : "%#P %.5a %.10l %.6D %.6t %N";
}

std::string with_widths(std::string format, const std::vector<SlurmPartition>& partitions,
                        const std::vector<SlurmNode>& nodes) {
  std::size_t longest_partition = 9;
  std::size_t longest_node = 9;
  for (const SlurmPartition& each : partitions)
    longest_partition = std::max(longest_partition, each.name.size() + (each.is_default ? 1 : 0));
  for (const SlurmNode& each : nodes) longest_node = std::max(longest_node, each.name.size());
  for (std::size_t at = 0; (at = format.find('#', at)) != std::string::npos;)
    format.replace(at, 1, std::to_string(format[at + 1] == 'N' ? longest_node : longest_partition));
  return format;
}

Result<SlurmFormat<SinfoRow>> format_of(const SlurmWords& words,
                                        const std::vector<SlurmPartition>& partitions,
                                        const std::vector<SlurmNode>& nodes) {
  if (words.has("Format")) return format_of_names(sinfo_fields(), words.text("Format"));
  const std::string format = words.has("format")
                                 ? words.text("format")
                                 : with_widths(usual_format(words), partitions, nodes);
  return format_of_letters(sinfo_fields(), format, [](const std::string& letter) {
    std::fprintf(stderr, "Invalid node format specification: %s\n", printable(letter).c_str());
  });
}

/// Which partitions and nodes are meant.
struct Filter {
  std::vector<std::string> partitions;
  std::vector<std::string> nodes;
  std::vector<State> states;
  bool is_dead = false;
  bool is_responding = false;
  bool has_reason = false;

  bool fits(const SlurmPartition& partition) const {
    return partitions.empty() || std::ranges::find(partitions, partition.name) != partitions.end();
  }
  bool fits(const SlurmNode& node) const {
    const bool is_down = node.state == State::down;
    return (nodes.empty() || std::ranges::find(nodes, node.name) != nodes.end()) &&
           (states.empty() || std::ranges::find(states, node.state) != states.end()) &&
           (!is_dead || is_down) && (!is_responding || !is_down) &&
           (!has_reason || !node.why.empty());
  }
};

Result<Filter> filter_of(const SlurmWords& words) {
  Filter filter{.partitions = slurm_list(words.text("partition")),
                .is_dead = words.has("dead"),
                .is_responding = words.has("responding"),
                .has_reason = words.has("list-reasons")};
  if (words.has("nodes")) {
    SOVREN_TRY(names, text::expand_host_list(words.text("nodes")));
    filter.nodes = names;
  }
  for (const std::string& word : slurm_list(words.text("states"))) {
    const auto state = slurm_node_state(word);
    if (!state)
      return fail({.code = Code::usage,
                   .what = "Bad state string: \"" + word + "\"",
                   .hint = "valid states: down, drain, draining, mixed, allocated, idle"});
    filter.states.push_back(*state);
  }
  return filter;
}

std::vector<SinfoRow> rows_of(const std::vector<SlurmPartition>& partitions,
                              const std::vector<SlurmNode>& nodes, const Filter& filter,
                              const SlurmFormat<SinfoRow>& format, bool is_by_node) {
  std::vector<SinfoRow> rows;
  for (const SlurmPartition& partition : partitions) {
    if (!filter.fits(partition)) continue;
    std::vector<const SlurmNode*> own;
    for (const SlurmNode& node : nodes) {
      const bool is_in = std::ranges::find(partition.nodes, node.name) != partition.nodes.end();
      if (is_in && filter.fits(node)) own.push_back(&node);
    }
    if (is_by_node) {
      for (const SlurmNode* node : own) rows.push_back({&partition, {node}});
      continue;
    }
    if (own.empty() && filter.has_reason) continue;
    for (SinfoRow& row : sinfo_rows(partition, std::move(own), format, now()))
      rows.push_back(std::move(row));
  }
  if (is_by_node)
    std::ranges::stable_sort(rows, [](const SinfoRow& a, const SinfoRow& b) {
      return a.nodes.front()->name < b.nodes.front()->name;
    });
  return rows;
}

// A node with a reason is told once, whatever partitions it is in.
void only_once(std::vector<std::string>& lines) {
  std::vector<std::string> seen;
  for (const std::string& line : lines)
    if (std::ranges::find(seen, line) == seen.end()) seen.push_back(line);
  lines = std::move(seen);
}

}  // namespace

Result<int> run_sinfo(const std::vector<std::string>& arguments) {
  SOVREN_TRY(words, read_slurm_words(program, arguments));
  if (words.is_answered) return exit_done;
  if (!words.operands.empty())
    return fail({.code = Code::usage, .what = "Unrecognized option: " + words.operands[0]});
  if (words.has("iterate"))
    return fail({.code = Code::refused,
                 .what = "--iterate is not there",
                 .hint = "sovren top shows nodes and jobs, live"});
  SOVREN_TRY(filter, filter_of(words));
  SOVREN_TRY(queue, SlurmQueue::create());
  SOVREN_TRY(partitions, queue.partitions());
  SOVREN_TRY(nodes, queue.nodes());
  SOVREN_TRY(format, format_of(words, partitions, nodes));
  std::vector<std::string> lines;
  for (const SinfoRow& row : rows_of(partitions, nodes, filter, format, words.has("Node")))
    lines.push_back(format.line(row, now()));
  if (filter.has_reason) only_once(lines);
  std::string text;
  if (!words.has("noheader")) {
    if (words.has("long")) text += slurm_date_line(now());
    text += format.heading();
  }
  for (const std::string& line : lines) text += line;
  return print_text(text);
}

}  // namespace sovren::cli
