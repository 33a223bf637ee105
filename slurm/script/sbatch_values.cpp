// SPDX-License-Identifier: Apache-2.0
#include "slurm/script/sbatch_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <utility>

#include "core/text/custom_fields.h"

namespace sovren::slurm {
namespace {

constexpr std::int64_t mebi = std::int64_t{1} << 20;
constexpr std::int64_t memory_max = std::int64_t{1} << 50;
constexpr std::int64_t count_max = 1'000'000'000;

std::optional<std::int64_t> digits(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_number = error == std::errc() && end == text.data() + text.size();
  if (!is_number || text.front() == '-') return std::nullopt;
  return value;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equal_but_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == text.npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::string quoted(std::string_view text) {
  return "'" + std::string(text) + "'";
}

tl::unexpected<Error> invalid(std::string what, std::string hint = {}) {
  return fail({.code = Code::spec_invalid, .what = std::move(what), .hint = std::move(hint)});
}

tl::unexpected<Error> refused(std::string what, std::string hint = {}) {
  return fail({.code = Code::refused, .what = std::move(what), .hint = std::move(hint)});
}

// "2k"
std::optional<std::int64_t> scaled(std::string_view text) {
  std::int64_t unit = 1;
  if (!text.empty() && lower(text.back()) == 'k') unit = 1024;
  if (!text.empty() && lower(text.back()) == 'm') unit = mebi;
  if (unit > 1) text.remove_suffix(1);
  const auto value = whole_number(text);
  if (!value || *value > count_max / unit) return std::nullopt;
  return *value * unit;
}

// Adds "A", "A-B" or "A-B:S".
bool add_indices(std::string_view term, std::set<std::int64_t>& indices) {
  const std::size_t dash = term.find('-');
  const std::size_t colon = term.find(':');
  if (dash == term.npos && colon != term.npos) return false;
  const auto first = digits(term.substr(0, dash));
  const auto last = dash == term.npos ? first : digits(term.substr(dash + 1, colon - dash - 1));
  const auto step = colon == term.npos ? 1 : digits(term.substr(colon + 1));
  if (!first || !last || !step || *step < 1 || *last < *first || *last > count_max) return false;
  const auto elements_max = static_cast<std::int64_t>(text::array_elements_max);
  if ((*last - *first) / *step >= elements_max) return false;
  for (std::int64_t index = *first; index <= *last; index += *step) indices.insert(index);
  return indices.size() <= text::array_elements_max;
}

// "1-5,9,20-30:2": runs with one step between their indices.
std::string ranges_of(const std::set<std::int64_t>& all) {
  const std::vector<std::int64_t> indices(all.begin(), all.end());
  std::string text;
  for (std::size_t begin = 0; begin < indices.size();) {
    std::size_t end = begin + 1;
    const std::int64_t step = end < indices.size() ? indices[end] - indices[begin] : 1;
    while (end < indices.size() && indices[end] - indices[end - 1] == step) ++end;
    if (step > 1 && end - begin < 3) end = begin + 1;  // "1,5" is no shorter as a range
    text += (text.empty() ? "" : ",") + std::to_string(indices[begin]);
    if (end - begin > 1) text += "-" + std::to_string(indices[end - 1]);
    if (end - begin > 1 && step > 1) text += ":" + std::to_string(step);
    begin = end;
  }
  return text;
}

struct DependencyType {
  std::string_view slurm, ours;
};
constexpr std::array<DependencyType, 6> dependency_types{{{"after", "after"},
                                                          {"afterany", "any"},
                                                          {"afterburstbuffer", "any"},
                                                          {"aftercorr", "corr"},
                                                          {"afternotok", "notok"},
                                                          {"afterok", "ok"}}};

constexpr std::string_view dependency_hint =
    "write: afterok:12:13, afterany:12, afternotok:12, aftercorr:12, after:12 or singleton, with "
    "commas between them";

Result<void> add_job(std::string_view word, std::string_view type, std::string& after) {
  if (const std::size_t plus = word.find('+'); plus != word.npos) {
    if (digits(word.substr(plus + 1)) != 0)
      return refused("a delay after a job has started (" + quoted(word) + ") is not kept here",
                     "leave it out, and sleep in the script");
    word = word.substr(0, plus);
  }
  if (word.find('_') != word.npos)
    return refused("a dependency on one task of an array (" + quoted(word) + ") is not taken here",
                   "aftercorr waits for the task of the same number, afterok for all of them");
  const auto job = digits(word);
  if (!job || *job < 1)
    return invalid(quoted(word) + " is no job's number", std::string(dependency_hint));
  after += (after.empty() ? "" : ",") + std::string(type) + ":" + std::to_string(*job);
  return {};
}

Result<void> add_term(std::string_view term, std::string& after) {
  if (equal_but_case(term, "singleton")) {
    after += after.empty() ? "singleton" : ",singleton";
    return {};
  }
  auto parts = split(term, ':');
  if (digits(parts.front())) parts.insert(parts.begin(), "afterany");  // "12": the default
  if (equal_but_case(parts.front(), "expand"))
    return refused("expand: a job does not take over the nodes of another here");
  for (const DependencyType& type : dependency_types) {
    if (!equal_but_case(parts.front(), type.slurm)) continue;
    if (parts.size() < 2)
      return invalid(quoted(term) + " names no job", std::string(dependency_hint));
    for (const std::string_view job : std::span(parts).subspan(1))
      SOVREN_DO(add_job(job, type.ours, after));
    return {};
  }
  return invalid(quoted(parts.front()) + " is no type of dependency", std::string(dependency_hint));
}

constexpr std::array<std::pair<std::string_view, int>, 17> signals{{{"HUP", 1},
                                                                    {"INT", 2},
                                                                    {"QUIT", 3},
                                                                    {"ABRT", 6},
                                                                    {"KILL", 9},
                                                                    {"USR1", 10},
                                                                    {"USR2", 12},
                                                                    {"ALRM", 14},
                                                                    {"TERM", 15},
                                                                    {"CONT", 18},
                                                                    {"STOP", 19},
                                                                    {"TSTP", 20},
                                                                    {"TTIN", 21},
                                                                    {"TTOU", 22},
                                                                    {"URG", 23},
                                                                    {"XCPU", 24},
                                                                    {"XFSZ", 25}}};

}  // namespace

std::optional<std::int64_t> whole_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto value = text.empty() ? std::nullopt : digits(text);
  return value && *value <= count_max ? value : std::nullopt;
}

std::optional<NodeRange> node_range(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto min = scaled(text.substr(0, dash));
  const auto max = dash == text.npos ? min : scaled(text.substr(dash + 1));
  if (!min || !max || *max < *min || *max < 1) return std::nullopt;
  return NodeRange{std::max<std::int64_t>(*min, 1), *max};
}

std::optional<std::int64_t> memory_bytes(std::string_view text) {
  const std::size_t letters = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto value = letters == 0 ? std::nullopt : digits(text.substr(0, letters));
  std::string unit;
  for (const char c : text.substr(letters)) unit += lower(c);
  if (unit.size() == 2 && unit[1] == 'b') unit.pop_back();
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> units{
      {{"", mebi}, {"k", 1024}, {"m", mebi}, {"g", mebi << 10}, {"t", mebi << 20}}};
  for (const auto& [name, bytes] : units)
    if (value && unit == name && *value <= memory_max / bytes) return *value * bytes;
  return std::nullopt;
}

Result<GpuWish> gpu_count(std::string_view text) {
  if (text.find(',') != text.npos) return refused("GPUs of several types", "ask for one of them");
  const std::size_t colon = text.rfind(':');
  GpuWish wish{.type = std::string(colon == text.npos ? "" : text.substr(0, colon))};
  const auto count = scaled(colon == text.npos ? text : text.substr(colon + 1));
  if (!count || (colon != text.npos && !text::word_fault(wish.type).empty()))
    return invalid("must be a number of GPUs, or type:number", "write: 2, or a100:2");
  wish.count = *count;
  return wish;
}

Result<GpuWish> gpus_of_gres(std::string_view text) {
  Result<GpuWish> found = GpuWish{};
  for (std::string_view term : split(text, ',')) {
    if (term.starts_with("gres:")) term.remove_prefix(5);
    const std::string_view name = term.substr(0, term.find_first_of(":="));
    if (name.empty()) return invalid("an empty name of a resource");
    if (name == "none") continue;
    if (name != "gpu")
      return refused("there is no resource " + quoted(name) + " here",
                     "gpu is the one that is counted");
    if (found->count > 0) return refused("GPUs of several types", "ask for one of them");
    std::string_view rest = term.substr(name.size());
    if (!rest.empty()) rest.remove_prefix(1);
    const bool is_type_alone = !rest.empty() && rest.find(':') == rest.npos && !scaled(rest);
    if (rest.empty())
      found->count = 1;
    else if (is_type_alone && text::word_fault(rest).empty())
      found = GpuWish{.count = 1, .type = std::string(rest)};
    else
      found = gpu_count(rest);
    if (!found) return found;
  }
  return found;
}

Result<ArrayWish> array_indices(std::string_view text) {
  constexpr std::string_view must_be =
      "indices such as 0-15, 1,3,5-7 or 0-15:4, at most 100000, perhaps with %8 for how many run "
      "at once";
  ArrayWish wish;
  if (const std::size_t percent = text.find('%'); percent != text.npos) {
    const auto running = digits(text.substr(percent + 1));
    if (!running) return invalid(std::string(must_be));
    wish.running_max = *running;
    text = text.substr(0, percent);
  }
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  std::set<std::int64_t> indices;
  for (const std::string_view term : split(text, ','))
    if (!add_indices(term, indices)) return invalid(std::string(must_be));
  wish.axis = ranges_of(indices);
  return wish;
}

Result<std::string> dependency(std::string_view text) {
  if (text.find('?') != text.npos)
    return refused("'?': a job here waits for all of its dependencies, not for any of them",
                   "submit one job that waits with `sovren wait`, or use ','");
  std::string after;
  for (const std::string_view term : split(text, ',')) SOVREN_DO(add_term(term, after));
  return after;
}

std::optional<SignalWish> signal_wish(std::string_view text) {
  SignalWish wish;
  if (const std::size_t colon = text.find(':'); colon != text.npos) {
    for (const char c : text.substr(0, colon)) {
      if (lower(c) != 'b' && lower(c) != 'r') return std::nullopt;
      wish.is_for_script = wish.is_for_script || lower(c) == 'b';
    }
    text.remove_prefix(colon + 1);
  }
  const std::size_t at = text.find('@');
  if (at != text.npos) {
    const auto lead = at + 1 == text.size() ? 0 : digits(text.substr(at + 1));
    if (!lead || *lead > 65535) return std::nullopt;
    wish.lead_s = *lead;
  }
  std::string_view name = text.substr(0, at);
  if (name.size() > 3 && equal_but_case(name.substr(0, 3), "SIG")) name.remove_prefix(3);
  const auto number = digits(name);
  for (const auto& [known, its_number] : signals)
    if (number ? *number == its_number : equal_but_case(name, known)) wish.name = known;
  if (wish.name.empty()) return std::nullopt;
  return wish;
}

Result<std::map<std::string, std::string>> labels_of_constraint(std::string_view text) {
  if (text.find_first_of("|*[]()!") != text.npos)
    return refused("only features that all nodes must have, joined by '&', are taken here",
                   "labels of nodes are compared one by one: write what every node must bear");
  std::map<std::string, std::string> labels;
  for (std::string_view term : split(text, text.find('&') == text.npos ? ',' : '&')) {
    const std::size_t equals = term.find('=');
    const std::string_view name = term.substr(0, equals);
    const std::string_view value = equals == term.npos ? "true" : term.substr(equals + 1);
    if (name.empty() || !text::word_fault(name).empty() || value.empty())
      return invalid(quoted(term) + " is no feature", "write: gpu, or gpu&ssd, or disk=ssd");
    labels[std::string(name)] = value;
  }
  return labels;
}

}  // namespace sovren::slurm
