// SPDX-License-Identifier: Apache-2.0
// `squeue --json` without a document in between: a site with 10,000 jobs answers with 100 MB, of
// which we want a thousandth. Members that have had several shapes (Slurm 21.08 to 26):
//   job_state       "RUNNING", ["RUNNING"], ["COMPLETED", "COMPLETING"]
//   numbers         7, null, {"set": true, "infinite": false, "number": 7}
//   exit_code       a wait status in either shape, {"status": [...], "return_code": {number},
//                   "signal": {"id": {number}}}; "signal_id" in 23.11's first releases
#include <array>
#include <limits>

#include "core/text/json.h"
#include "slurm/bridge/site_row.h"

namespace sovren::slurm {
namespace {

constexpr std::int64_t unset = -1;

// What is picked from one job.
struct Picked {
  std::int64_t job_id = unset, array_job_id = unset, array_task_id = unset, restarts = unset;
  std::int64_t status = unset, return_code = unset, signal = unset;
  bool is_task_set = true;
  std::string array_tasks, state, reason, nodes, comment;
};

class Handler : public nlohmann::json_sax<nlohmann::json> {
 public:
  std::vector<SiteRow> rows;
  bool has_jobs = false;
  std::string error;         // the first that the answer tells of
  std::string syntax_error;  // of the document

  bool key(std::string& name) override {
    if (depth_ == 1) member_ = name;
    if (depth_ == 3) path_ = name;
    if (depth_ > 3) {
      path_.resize(lengths_[level()]);
      path_ += '/';
      path_ += name;
    }
    if (depth_ == 3 && member_ == "errors")
      is_error_text_ = name == "error" || name == "description";
    return true;
  }
  bool start_object(std::size_t) override {
    if (depth_ == 2 && member_ == "jobs") picked_ = {};
    enter();
    return true;
  }
  bool end_object() override {
    leave();
    if (depth_ == 2 && member_ == "jobs") add();
    return true;
  }
  bool start_array(std::size_t) override {
    if (depth_ == 1 && member_ == "jobs") has_jobs = true;
    enter();
    return true;
  }
  bool end_array() override {
    leave();
    return true;
  }

  bool null() override { return true; }
  bool boolean(bool value) override {
    if (is_in_job() && path_ == "array_task_id/set") picked_.is_task_set = value;
    return true;
  }
  bool number_integer(number_integer_t value) override {
    if (is_in_job()) take_number(value);
    return true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (is_in_job() && value <= std::numeric_limits<std::uint32_t>::max())
      take_number(static_cast<std::int64_t>(value));
    return true;
  }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t& value) override {
    if (is_in_job()) take_text(value);
    if (depth_ == 3 && member_ == "errors" && is_error_text_ && error.empty()) error = value;
    return true;
  }
  bool binary(binary_t&) override { return true; }
  bool parse_error(std::size_t, const std::string&,
                   const nlohmann::detail::exception& problem) override {
    syntax_error = problem.what();
    return false;
  }

 private:
  static constexpr std::size_t levels_max = 8;  // deeper ones are of no interest

  std::size_t level() const { return std::min<std::size_t>(depth_ - 3, levels_max - 1); }
  bool is_in_job() const { return depth_ >= 3 && member_ == "jobs"; }
  void enter() {
    ++depth_;
    if (depth_ > 3) lengths_[level()] = path_.size();
  }
  void leave() {
    if (depth_ > 3) path_.resize(std::min(path_.size(), lengths_[level()]));
    --depth_;
  }

  void take_number(std::int64_t value) {
    const std::pair<std::string_view, std::int64_t*> places[] = {
        {"job_id", &picked_.job_id},
        {"array_job_id", &picked_.array_job_id},
        {"array_task_id", &picked_.array_task_id},
        {"restart_cnt", &picked_.restarts},
        {"exit_code", &picked_.status},
        {"exit_code/return_code", &picked_.return_code},
        {"exit_code/signal/id", &picked_.signal},
        {"exit_code/signal/signal_id", &picked_.signal},
    };
    std::string_view path = path_;
    if (path.ends_with("/number")) path.remove_suffix(7);
    for (const auto& [name, place] : places)
      if (path == name) *place = value;
  }

  void take_text(std::string& value) {
    if (path_ == "job_state")
      picked_.state += (picked_.state.empty() ? "" : "+") + value;
    else if (path_ == "array_task_string")
      picked_.array_tasks = std::move(value);
    else if (path_ == "state_reason")
      picked_.reason = value == "None" ? "" : std::move(value);
    else if (path_ == "nodes")
      picked_.nodes = std::move(value);
    else if (path_ == "comment")
      picked_.comment = std::move(value);
  }

  void add() {
    Picked& job = picked_;
    if (job.job_id <= 0 || job.state.empty()) return;
    SiteRow row{.state = std::move(job.state),
                .reason = std::move(job.reason),
                .nodes = std::move(job.nodes),
                .comment = std::move(job.comment)};
    const bool is_array = job.array_job_id > 0;
    row.site_job = std::to_string(is_array ? job.array_job_id : job.job_id);
    if (is_array && !job.array_tasks.empty()) {
      if (!read_tasks(job.array_tasks, row)) return;
    } else if (is_array && job.is_task_set && job.array_task_id >= 0) {
      row.tasks = {{job.array_task_id, job.array_task_id}};
    }
    if (job.restarts >= 0) row.restarts = static_cast<int>(job.restarts);
    if (job.signal > 0)
      row.exit_code = 128 + static_cast<int>(job.signal);
    else if (job.return_code >= 0)
      row.exit_code = static_cast<int>(job.return_code);
    else if (job.status >= 0)
      row.exit_code = exit_code_of_status(job.status);
    rows.push_back(std::move(row));
  }

  std::size_t depth_ = 0;  // 1: in the document, 2: in "jobs", 3: in a job, more: in its members
  std::string member_;     // of the document
  std::string path_;       // in the job
  std::array<std::size_t, levels_max> lengths_{};  // of path_ where each level began
  bool is_error_text_ = false;
  Picked picked_;
};

Error not_jobs(const std::string& why) {
  return {.code = Code::data_invalid, .what = "squeue --json answers with no list of jobs: " + why};
}

}  // namespace

Result<std::vector<SiteRow>> read_squeue_json(std::string_view text) {
  // Warnings may stand before it.
  std::size_t start = text.starts_with('{') ? 0 : text.find("\n{");
  if (start == std::string_view::npos)
    return fail(not_jobs("'" + std::string(text.substr(0, 80)) + "'"));
  Handler handler;
  nlohmann::json::sax_parse(text.substr(start), &handler);
  if (!handler.syntax_error.empty()) return fail(not_jobs(handler.syntax_error));
  if (!handler.error.empty() && handler.rows.empty()) return fail(not_jobs(handler.error));
  if (!handler.has_jobs) return fail(not_jobs("'jobs' is missing"));
  return std::move(handler.rows);
}

}  // namespace sovren::slurm
