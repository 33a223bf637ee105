// SPDX-License-Identifier: Apache-2.0
// scontrol: shows jobs, nodes and partitions, and holds, releases and requeues jobs.
#include <strings.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <optional>

#include "cli/client.h"
#include "cli/listing.h"
#include "cli/scontrol_texts.h"
#include "cli/shims.h"
#include "cli/slurm_columns.h"
#include "cli/slurm_ids.h"
#include "cli/slurm_queue.h"
#include "cli/slurm_words.h"
#include "cli/terminal.h"
#include "core/text/hosts.h"

namespace sovren::cli {
namespace {

using text::Json;
using Words = std::vector<std::string>;

constexpr SlurmOption options[] = {
    {.name = "all", .letter = 'a'},
    {.name = "details", .letter = 'd'},
    {.name = "hide"},
    {.name = "local"},
    {.name = "oneliner", .letter = 'o'},
    {.name = "quiet", .letter = 'Q'},
    {.name = "verbose", .letter = 'v'},
};
constexpr SlurmProgram program{
    .name = "scontrol",
    .operands = "COMMAND",
    .summary =
        "show job|node|partition|config|hostnames|hostlist, hold, release, requeue, "
        "requeuehold, update NodeName=... State=DRAIN|RESUME, ping, version",
    .options = options};

bool is_word(const std::string& text, std::string_view word, std::size_t letters_min = 3) {
  return text.size() >= letters_min && text.size() <= word.size() &&
         strncasecmp(text.c_str(), word.data(), text.size()) == 0;
}

// What scontrol has to say in words of its own.
Error told(const std::string& text) {
  std::fprintf(stderr, "%s\n", printable(text).c_str());
  return already_told();
}

/// The value of NAME=VALUE; none: another word.
std::optional<std::string> value_of(const std::string& word, std::string_view name) {
  const std::size_t equals = word.find('=');
  if (equals != name.size() || strncasecmp(word.c_str(), name.data(), equals) != 0)
    return std::nullopt;
  return word.substr(equals + 1);
}

class Scontrol {
 public:
  Scontrol(SlurmQueue queue, bool is_one_line)
      : queue_(std::move(queue)), is_one_line_(is_one_line) {}

  Result<int> show(const std::string& what, const std::string& which) {
    if (is_word(what, "jobs") || is_word(what, "jobid")) return show_jobs(which);
    if (is_word(what, "nodes")) return show_nodes(which);
    if (is_word(what, "partitions")) return show_partitions(which);
    return fail(told("invalid entity:" + what + " for keyword:show "));
  }

  // hold, release, requeue of "12,13_[1-4]".
  Result<int> act(const std::string& verb, const std::string& list) {
    int code = exit_done;
    for (const std::string& word : slurm_list(list)) {
      const auto id = parse_slurm_id(word);
      const auto done = id ? act_on(*id, verb) : Result<void>(fail(id.error()));
      if (done) continue;
      const bool is_unknown = done.error().code == Code::not_found || !id;
      told((is_unknown ? "Invalid job id specified" : done.error().what) + " for job " + word);
      code = exit_job_failed;
    }
    return code;
  }

  Result<int> ping() {
    SOVREN_DO(queue_.client().get("/healthz"));
    char host[256] = "";
    ::gethostname(host, sizeof(host) - 1);
    return print_text("Slurmctld(primary) at " + std::string(host) + " is UP\n");
  }

  // NodeName=n[1-2] State=DRAIN Reason=disk
  Result<int> update_nodes(const std::string& names, const Words& words) {
    std::string state;
    std::string reason;
    for (const std::string& word : words) {
      if (value_of(word, "NodeName")) continue;
      if (const auto value = value_of(word, "State"))
        state = *value;
      else if (const auto why = value_of(word, "Reason"))
        reason = *why;
      else
        return fail(
            told("Update of this parameter is not supported: " + word + "\nRequest aborted"));
    }
    const bool is_drain = is_word(state, "DRAIN");
    if (!is_drain && !is_word(state, "RESUME") && !is_word(state, "UNDRAIN"))
      return fail(told("Invalid node state specified: " + state +
                       " (DRAIN and RESUME are what this scheduler knows)"));
    if (is_drain && reason.empty())
      return fail(
          told("You must specify a reason when DOWNING or DRAINING a node. Request denied"));
    SOVREN_TRY(nodes, text::expand_host_list(names));
    for (const std::string& node : nodes)
      SOVREN_DO(queue_.client().post(
          target_of("/v1/nodes/" + percent_encoded(node) + (is_drain ? "/drain" : "/resume"),
                    {{"why", is_drain ? reason : ""}})));
    return exit_done;
  }

 private:
  Result<int> show_jobs(const std::string& which) {
    SlurmSelection selection;
    if (!which.empty()) {
      const auto id = parse_slurm_id(which);
      if (!id) return fail(told("slurm_load_jobs error: Invalid job id specified"));
      selection.ids = {*id};
    }
    SOVREN_TRY(jobs, queue_.jobs(selection));
    if (jobs.empty()) {
      if (which.empty()) return print_text("No jobs in the system\n");
      return fail(told("slurm_load_jobs error: Invalid job id specified"));
    }
    const bool is_folded = selection.ids.empty() || selection.ids.front().tasks.empty();
    if (is_folded) jobs = folded(std::move(jobs), 0);
    std::string text;
    for (const SlurmJob& job : jobs) text += job_text(job, now(), is_one_line_);
    return print_text(text);
  }

  Result<int> show_nodes(const std::string& which) {
    SOVREN_TRY(nodes, queue_.nodes());
    SOVREN_TRY(partitions, queue_.partitions());
    std::vector<std::string> names;
    if (which.empty()) {
      for (const SlurmNode& node : nodes) names.push_back(node.name);
    } else {
      SOVREN_TRY(asked, text::expand_host_list(which));
      names = asked;
    }
    std::string text;
    for (const std::string& name : names) {
      const auto node = std::ranges::find(nodes, name, &SlurmNode::name);
      if (node == nodes.end()) return fail(told("Node " + name + " not found"));
      text += node_text(*node, partitions, is_one_line_);
    }
    return print_text(text);
  }

  Result<int> show_partitions(const std::string& which) {
    SOVREN_TRY(nodes, queue_.nodes());
    SOVREN_TRY(partitions, queue_.partitions());
    std::string text;
    for (const SlurmPartition& partition : partitions)
      if (which.empty() || which == partition.name)
        text += partition_text(partition, nodes, is_one_line_);
    if (text.empty()) return fail(told("Partition " + which + " not found"));
    return print_text(text);
  }

  Result<void> act_on(const SlurmId& id, const std::string& verb) {
    if (id.tasks.empty()) {
      SOVREN_TRY(is_whole, is_array(queue_.client(), std::to_string(id.job)));
      SOVREN_DO(queue_.client().post("/v1/jobs/" + std::to_string(id.job) + "/" + verb +
                                     (is_whole ? "?array=1" : "")));
      return {};
    }
    SOVREN_TRY(jobs, queue_.jobs({.ids = {id}}));
    if (jobs.empty()) return fail({.code = Code::not_found, .what = "no such job"});
    for (const SlurmJob& job : jobs)
      SOVREN_DO(queue_.client().post("/v1/jobs/" + std::to_string(job.id) + "/" + verb));
    return {};
  }

  SlurmQueue queue_;
  bool is_one_line_;
};

Result<int> print_config() {
  constexpr std::pair<std::string_view, std::string_view> lines[] = {
      {"AccountingStorageType", "accounting_storage/slurmdbd"},
      {"ClusterName", "sovren"},
      {"MaxArraySize", "100001"},
      {"PreemptMode", "REQUEUE"},
      {"SelectType", "select/cons_tres"},
      {"SLURM_VERSION", "22.05.8"}};
  std::string text = "Configuration data as of " + slurm_time(now(), "Unknown") + "\n";
  for (const auto& [name, value] : lines)
    text += fitted(name, {.size = 23}) + " = " + std::string(value) + "\n";
  return print_text(text);
}

Result<int> print_hosts(const std::string& which, const std::string& text) {
  if (is_word(which, "hostnames", 5)) {
    SOVREN_TRY(names, text::expand_host_list(text));
    std::string lines;
    for (const std::string& name : names) lines += name + "\n";
    return print_text(lines);
  }
  SOVREN_TRY(names, text::expand_host_list(text));
  if (is_word(which, "hostlistsorted", 9)) std::ranges::sort(names);
  return print_text(text::compress_hosts(names) + "\n");
}

Result<int> update(Scontrol& scontrol, const Words& words) {
  for (const std::string& word : words) {
    if (const auto names = value_of(word, "NodeName"))
      return scontrol.update_nodes(*names, {words.begin() + 1, words.end()});
    if (value_of(word, "JobId"))
      return fail(told("Update of jobs is not supported: cancel the job and submit it anew"));
  }
  return fail(told("No valid entity in update command\nInput line must include \"NodeName\""));
}

Result<int> run(const SlurmWords& words, Scontrol& scontrol) {
  const Words& given = words.operands;
  const std::string& verb = given[0];
  const std::string what = given.size() > 1 ? given[1] : "";
  if (is_word(verb, "show", 2)) {
    const std::size_t equals = what.find('=');
    if (equals != what.npos) return scontrol.show(what.substr(0, equals), what.substr(equals + 1));
    return scontrol.show(what, given.size() > 2 ? given[2] : "");
  }
  if (is_word(verb, "ping")) return scontrol.ping();
  if (is_word(verb, "update")) return update(scontrol, given);
  for (const char* const each : {"hold", "uhold", "release", "requeue", "requeuehold"}) {
    if (strcasecmp(verb.c_str(), each) != 0) continue;
    if (what.empty()) return fail(told("too few arguments for keyword:" + verb));
    const std::string_view name = each;
    const std::string action = name == "uhold" ? "hold" : std::string(name.substr(0, 7));
    int code = exit_done;
    for (std::size_t i = 1; i < given.size(); ++i) {
      SOVREN_TRY(done, scontrol.act(action, given[i]));
      if (name == "requeuehold" && done == exit_done) {
        SOVREN_TRY(held, scontrol.act("hold", given[i]));
        done = held;
      }
      code = std::max(code, done);
    }
    return code;
  }
  return fail(told("invalid keyword: " + verb));
}

}  // namespace

Result<int> run_scontrol(const std::vector<std::string>& arguments) {
  SOVREN_TRY(words, read_slurm_words(program, arguments));
  if (words.is_answered) return exit_done;
  if (words.operands.empty())
    return fail({.code = Code::usage,
                 .what = "scontrol takes a command here: it does not converse",
                 .hint = "scontrol --help"});
  const Words& given = words.operands;
  if (is_word(given[0], "version")) return print_text(slurm_version_line());
  // What needs no scheduler.
  if (given.size() > 1 && is_word(given[0], "show", 2) && is_word(given[1], "config"))
    return print_config();
  const bool is_hosts = given.size() > 2 && is_word(given[0], "show", 2) &&
                        (is_word(given[1], "hostnames", 5) || is_word(given[1], "hostlist", 5) ||
                         is_word(given[1], "hostlistsorted", 9));
  if (is_hosts) return print_hosts(given[1], given[2]);
  SOVREN_TRY(queue, SlurmQueue::create());
  Scontrol scontrol(std::move(queue), words.has("oneliner"));
  return run(words, scontrol);
}

}  // namespace sovren::cli
