// SPDX-License-Identifier: Apache-2.0
#include "slurm/bridge/site_row.h"

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "slurm/bridge/site_state.h"

namespace sovren::slurm {
namespace {

bool read_number(std::string_view text, std::int64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= 0;
}

std::optional<int> small_number(std::string_view text) {
  std::int64_t number = 0;
  if (!read_number(text, number) || number > 1'000'000'000) return std::nullopt;
  return static_cast<int>(number);
}

// Slurm's words for "nothing".
std::string without_nothing(std::string_view text) {
  return text == "None" || text == "(null)" || text == "N/A" ? "" : std::string(text);
}

// What is before the next '|'; the rest of the line is left.
std::optional<std::string_view> next_field(std::string_view& line) {
  const std::size_t end = line.find('|');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view field = line.substr(0, end);
  line.remove_prefix(end + 1);
  return field;
}

enum class Column { job, state, restarts, status, reason, nodes, comment };

bool take_field(Column column, std::string_view field, SiteRow& row) {
  switch (column) {
    case Column::job:
      return read_job_id(field, row);
    case Column::state:
      row.state = field;
      return !field.empty();
    case Column::restarts:
      row.restarts = small_number(field);
      return row.restarts.has_value();
    case Column::status:
      if (const auto status = small_number(field)) row.exit_code = exit_code_of_status(*status);
      return row.exit_code.has_value();
    case Column::reason:
      row.reason = without_nothing(field);
      return true;
    case Column::nodes:
      row.nodes = without_nothing(field);
      return true;
    case Column::comment:
      row.comment = without_nothing(field);
      return true;
  }
  return false;
}

// The comment is last: it may have any character.
bool read_line(std::string_view line, std::initializer_list<Column> columns, SiteRow& row) {
  for (const Column column : columns) {
    auto field = column == Column::comment ? line : next_field(line);
    if (column == Column::comment && field->ends_with('|')) field->remove_suffix(1);
    if (!field || !take_field(column, *field, row)) return false;
  }
  return true;
}

Error not_an_answer(std::string_view program, std::string_view line) {
  return {.code = Code::data_invalid,
          .what = std::string(program) + " answers with what is no list of jobs: '" +
                  std::string(line.substr(0, 80)) + "'"};
}

// Calls read(line) for each line; it says whether that is one of the answer. Others are passed
// over: warnings, the rest of a comment that has lines; but if none is, this is no answer.
template <class Read>
Result<void> read_lines(std::string_view text, std::string_view program, const Read& read) {
  bool is_answer = false;
  std::string_view odd;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    if (end == std::string_view::npos) return fail(not_an_answer(program, line));  // cut short
    if (read(line))
      is_answer = true;
    else if (!line.empty() && !line.starts_with("CLUSTER:"))
      odd = line;
    text.remove_prefix(end + 1);
  }
  if (!is_answer && !odd.empty()) return fail(not_an_answer(program, odd));
  return {};
}

Result<std::vector<SiteRow>> read_table(std::string_view text,
                                        std::initializer_list<Column> columns) {
  std::vector<SiteRow> rows;
  SOVREN_DO(read_lines(text, "squeue", [&](std::string_view line) {
    SiteRow row;
    if (!read_line(line, columns, row)) return false;
    rows.push_back(std::move(row));
    return true;
  }));
  return rows;
}

// "3:0": exit code and signal.
std::optional<int> exit_code_of(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto code = small_number(text.substr(0, colon));
  const auto signal = small_number(text.substr(colon + 1));
  if (!code || !signal) return std::nullopt;
  return *signal != 0 ? 128 + *signal : *code;
}

}  // namespace

int exit_code_of_status(std::int64_t status) {
  const auto signal = static_cast<int>(status & 0x7f);
  return signal != 0 ? 128 + signal : static_cast<int>((status >> 8) & 0xff);
}

bool is_listed(const SiteRow& row, std::int64_t task) {
  return std::ranges::any_of(
      row.tasks, [task](const auto& range) { return range.first <= task && task <= range.second; });
}

bool read_tasks(std::string_view text, SiteRow& row) {
  text = text.substr(0, text.find('%'));
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view part = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (part.ends_with("...")) {  // SLURM_BITSTR_LEN, in the middle of a number
      row.has_more_tasks = true;
      return text.empty();
    }
    std::int64_t step = 1, first = 0, last = 0;
    if (const std::size_t colon = part.find(':'); colon != std::string_view::npos) {
      if (!read_number(part.substr(colon + 1), step) || step == 0) return false;
      part = part.substr(0, colon);
    }
    const std::size_t dash = part.find('-');
    if (!read_number(part.substr(0, dash), first)) return false;
    last = first;
    if (dash != std::string_view::npos && !read_number(part.substr(dash + 1), last)) return false;
    if (last < first || last - first > 100'000'000) return false;
    if (step == 1) row.tasks.emplace_back(first, last);
    for (std::int64_t task = first; step > 1 && task <= last; task += step)
      row.tasks.emplace_back(task, task);
  }
  return row.has_more_tasks || !row.tasks.empty();
}

bool read_job_id(std::string_view text, SiteRow& row) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits == 0) return false;
  row.site_job = text.substr(0, digits);
  std::string_view rest = text.substr(digits);
  if (rest.empty() || rest.starts_with('+')) return true;  // "12+1": part of a heterogeneous job
  if (!rest.starts_with('_')) return false;
  rest.remove_prefix(1);
  if (!rest.starts_with('[')) return read_tasks(rest, row);
  rest.remove_prefix(1);
  if (!rest.ends_with(']')) return false;
  return read_tasks(rest.substr(0, rest.size() - 1), row);
}

Result<std::vector<SiteRow>> read_squeue_fields(std::string_view text) {
  return read_table(text, {Column::job, Column::state, Column::restarts, Column::status,
                           Column::reason, Column::nodes, Column::comment});
}

Result<std::vector<SiteRow>> read_squeue_format(std::string_view text) {
  return read_table(text,
                    {Column::job, Column::state, Column::reason, Column::nodes, Column::comment});
}

Result<std::vector<SiteRow>> read_sacct(std::string_view text) {
  std::vector<SiteRow> rows;
  std::unordered_map<std::string, std::size_t> row_of_job;
  const auto read = [&](std::string_view line) {
    const auto id = next_field(line), state = next_field(line), exit = next_field(line);
    if (!id || !state || !exit || state->empty()) return false;
    const std::size_t dot = id->find('.');
    if (dot != std::string_view::npos) {
      // A step: that it ran out of memory is more than that its script failed.
      const auto job = row_of_job.find(std::string(id->substr(0, dot)));
      if (job != row_of_job.end() && site_state(*state).state == JobState::out_of_memory &&
          site_state(rows[job->second].state).state == JobState::failed)
        rows[job->second].state = *state;
      return true;
    }
    SiteRow row{.state = std::string(*state),
                .nodes = without_nothing(line == "None assigned" ? "" : line),
                .exit_code = exit_code_of(*exit)};
    if (!read_job_id(*id, row)) return false;
    row_of_job[std::string(*id)] = rows.size();
    rows.push_back(std::move(row));
    return true;
  };
  SOVREN_DO(read_lines(text, "sacct", read));
  return rows;
}

}  // namespace sovren::slurm
