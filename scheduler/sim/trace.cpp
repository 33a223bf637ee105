// SPDX-License-Identifier: Apache-2.0
#include "scheduler/sim/trace.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

namespace sovren::sim {
namespace {

constexpr std::size_t fields_min = 5;
constexpr std::size_t fields_most = 18;
using Fields = std::array<double, fields_most>;
enum Field {
  id,
  submit,
  wait,
  run,
  allocated,
  cpu,
  memory,
  requested,
  request,
  memory_asked,
  status,
  user
};

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

// How many numbers the line has; -1: something in it is no number. Whole numbers are read as such:
// that is most of the work.
int read_fields(std::string_view line, Fields& fields) {
  fields.fill(-1);
  const char* at = line.data();
  const char* const end = at + line.size();
  int count = 0;
  for (;;) {
    while (at != end && is_blank(*at)) ++at;
    if (at == end) return count;
    std::int64_t whole = 0;
    auto [after, error] = std::from_chars(at, end, whole);
    double value = static_cast<double>(whole);
    if (error != std::errc() || (after != end && !is_blank(*after))) {
      const auto real = std::from_chars(at, end, value);
      if (real.ec != std::errc() || !std::isfinite(value)) return -1;
      after = real.ptr;
      if (after != end && !is_blank(*after)) return -1;
    }
    if (count < static_cast<int>(fields_most)) fields[static_cast<std::size_t>(count)] = value;
    ++count;
    at = after;
  }
}

// "; MaxProcs: 240 (batch partition only)" -> 240
std::optional<int> header_number(std::string_view line, std::string_view key) {
  const std::size_t found = line.find(key);
  if (found == std::string_view::npos) return std::nullopt;
  const char* at = line.data() + found + key.size();
  const char* const end = line.data() + line.size();
  while (at != end && is_blank(*at)) ++at;
  int value = 0;
  const auto read = std::from_chars(at, end, value);
  return read.ec == std::errc() && value > 0 ? std::optional(value) : std::nullopt;
}

TraceJob job_of(const Fields& f) {
  const auto whole = [&](Field field) { return static_cast<std::int64_t>(f[field]); };
  return {.id = whole(id),
          .submit_s = whole(submit),
          .run_s = whole(run),
          .request_s = whole(request),
          .procs = static_cast<int>(std::clamp(std::max(f[allocated], f[requested]), -1.0, 1e9)),
          .user = static_cast<int>(whole(user))};
}

// false: the job is dropped.
bool clean(TraceJob& job, Cleaning cleaning, int machine, Trace& trace) {
  if (cleaning == Cleaning::rlscheduler && job.run_s < 0) job.run_s = 10;
  if (job.run_s <= 0 || job.procs <= 0 || job.procs > machine) return false;
  if (job.request_s <= 0) job.request_s = job.run_s;
  if (cleaning == Cleaning::full && job.run_s > job.request_s) {
    job.run_s = job.request_s;
    ++trace.cut;
  }
  return true;
}

}  // namespace

Result<Trace> parse_swf(std::string_view text, const std::string& name, Cleaning cleaning,
                        int procs) {
  Trace trace{.name = name};
  std::optional<int> max_procs, max_nodes;
  std::vector<TraceJob> jobs;
  Fields fields;
  for (std::size_t begin = 0, number = 1; begin < text.size(); ++number) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
    if (line.empty()) continue;
    if (line.front() == ';') {
      if (const auto value = header_number(line, "MaxProcs:")) max_procs = value;
      if (const auto value = header_number(line, "MaxNodes:")) max_nodes = value;
      continue;
    }
    const int count = read_fields(line, fields);
    if (count < static_cast<int>(fields_min))
      return fail({.code = Code::data_invalid,
                   .what = count < 0
                               ? "a field is no number: '" + std::string(line.substr(0, 60)) + "'"
                               : "a job has " + std::to_string(count) +
                                     " fields; the Standard Workload Format has 18",
                   .hint = "comments begin with ';'",
                   .where = name + ":" + std::to_string(number)});
    if (cleaning == Cleaning::rlscheduler && trace.lines == rlscheduler_lines) break;
    ++trace.lines;
    jobs.push_back(job_of(fields));
  }
  int largest = 0;
  for (const TraceJob& job : jobs) largest = std::max(largest, job.procs);
  trace.procs = procs > 0 ? procs : max_procs.value_or(max_nodes.value_or(largest));
  for (TraceJob& job : jobs)
    if (clean(job, cleaning, trace.procs, trace)) trace.jobs.push_back(job);
  trace.dropped = trace.lines - static_cast<int>(trace.jobs.size());
  if (trace.jobs.empty())
    return fail({.code = Code::data_invalid,
                 .what = "the trace has no job that could run (" + std::to_string(trace.lines) +
                         " lines read)",
                 .hint = "it is to be in the Standard Workload Format: 18 numbers a line",
                 .where = name});
  std::stable_sort(trace.jobs.begin(), trace.jobs.end(),
                   [](const TraceJob& a, const TraceJob& b) { return a.submit_s < b.submit_s; });
  return trace;
}

}  // namespace sovren::sim
