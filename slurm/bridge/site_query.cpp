// SPDX-License-Identifier: Apache-2.0
#include "slurm/bridge/site_query.h"

#include <algorithm>
#include <string_view>

namespace sovren::slurm {
namespace {

// The first line of what it said on standard error.
std::string complaint(const SiteAnswer& answer, const std::string& program) {
  const std::string line = answer.errors.substr(0, answer.errors.find('\n'));
  return line.empty() ? program + " ended with exit code " + std::to_string(answer.exit_code)
                      : line;
}

Error no_answer(const SiteAnswer& answer, const std::string& program) {
  return {.code = Code::unreachable,
          .what = complaint(answer, program),
          .hint = "is slurmctld up? scontrol ping"};
}

// Does squeue not know what it is asked for? Else it has no answer.
bool is_other_form_worth_it(const SiteAnswer& answer) {
  return std::ranges::any_of(
      std::initializer_list<std::string_view>{"nvalid", "nrecognized", "nknown", "option"},
      [&](std::string_view word) { return answer.errors.find(word) != std::string::npos; });
}

std::string joined(const auto& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ",") + word;
  return text;
}

}  // namespace

Result<std::vector<SiteRow>> SiteQuery::queue_as(Form form, const std::set<std::string>& users) {
  std::vector<std::string> words{"squeue", "--noheader", "--all", "--states=all"};
  if (!users.empty()) words.push_back("--user=" + joined(users));
  switch (form) {
    case Form::fields:
      words.push_back("--Format=" + std::string(squeue_fields));
      break;
    case Form::format:
      words.push_back("--format=" + std::string(squeue_format));
      break;
    case Form::json:
      words.push_back("--json");
      break;
  }
  SOVREN_TRY(answer, command_(words, ""));
  answer_bytes_ = answer.output.size();
  // "Invalid user" ends well, with nothing.
  const bool is_empty = answer.output.find_first_not_of(" \n") == std::string::npos;
  if (answer.exit_code != 0 || (is_empty && !answer.errors.empty())) {
    Error error = no_answer(answer, "squeue");
    if (is_other_form_worth_it(answer)) error.code = Code::data_invalid;
    return fail(std::move(error));
  }
  switch (form) {
    case Form::fields:
      return read_squeue_fields(answer.output);
    case Form::format:
      return read_squeue_format(answer.output);
    case Form::json:
      return read_squeue_json(answer.output);
  }
  return {};
}

Result<std::vector<SiteRow>> SiteQuery::queue(const std::set<std::string>& users) {
  auto rows = queue_as(form_, users);
  if (is_form_known_ || rows) {
    // An empty answer says nothing of the form.
    is_form_known_ = is_form_known_ || (rows && !rows->empty());
    return rows;
  }
  // A slurmctld that is away would be waited for again.
  if (rows.error().code != Code::data_invalid) return rows;
  for (const Form other : {Form::format, Form::json}) {
    auto others = queue_as(other, users);
    if (!others) continue;
    form_ = other;
    is_form_known_ = true;
    return others;
  }
  return rows;
}

Result<std::vector<SiteRow>> SiteQuery::accounts(const std::vector<std::string>& site_jobs) {
  if (!has_accounting_ || site_jobs.empty()) return std::vector<SiteRow>{};
  auto answer = command_({"sacct", "--noheader", "--parsable2", "--allusers",
                          "--format=" + std::string(sacct_format), "--jobs=" + joined(site_jobs)},
                         "");
  if (!answer && answer.error().code != Code::not_found) return fail(std::move(answer).error());
  if (!answer || answer->errors.find("accounting storage is disabled") != std::string::npos) {
    has_accounting_ = false;
    return std::vector<SiteRow>{};
  }
  if (answer->exit_code != 0) return fail(no_answer(*answer, "sacct"));
  return read_sacct(answer->output);
}

}  // namespace sovren::slurm
