// SPDX-License-Identifier: Apache-2.0
// sovren checkpoints verify DIR...
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <future>
#include <utility>

#include "cli/checkpoints.h"
#include "cli/terminal.h"
#include "core/text/json.h"
#include "storage/file/file.h"

namespace sovren::cli {
namespace {

struct Task {
  std::string path;
  std::string label;  ///< for people
};

std::vector<Task> tasks_of(const std::vector<CheckpointFolder>& folders) {
  std::vector<Task> tasks;
  for (const CheckpointFolder& folder : folders)
    for (const std::string& name : folder.names)
      tasks.push_back(
          {folder.path + "/" + name, folders.size() > 1 ? folder.path + "/" + name : name});
  return tasks;
}

/// A key that is missing, or a disk that does not answer, says nothing of the set.
std::string verdict_on(const Result<storage::SetInfo>& set) {
  if (set) return "ok";
  const bool is_damaged = set.error().code == Code::storage_corrupt;
  return (is_damaged ? "DAMAGED: " : "NOT VERIFIED: ") + to_text(set.error());
}

/// How many sets were good and how much was read; on a terminal, shown while it goes on.
class Sum {
 public:
  explicit Sum(std::size_t total)
      : total_(total), is_shown_(total > 1 && ::isatty(STDERR_FILENO)) {}
  ~Sum() { clear(); }

  void add(const Result<storage::SetInfo>& set) {
    ++done_;
    if (set) {
      bytes_ += set->size_bytes;
      return;
    }
    ++damaged_;
    // Damage counts for more than a set that cannot be read.
    if (code_ != cli_exit_code(Code::storage_corrupt)) code_ = cli_exit_code(set.error().code);
  }
  void leave_out() { --total_; }
  void show() const {
    if (!is_shown_ || done_ == total_) return;
    std::fprintf(stderr, "\r\x1b[Kverified %zu of %zu sets, %s", done_, total_,
                 format_bytes(static_cast<double>(bytes_)).c_str());
  }
  void clear() const {
    if (is_shown_) std::fputs("\r\x1b[K", stderr);
  }
  std::string text(std::size_t folders) const {
    return std::to_string(total_) + " sets in " + std::to_string(folders) +
           (folders == 1 ? " folder, " : " folders, ") + format_bytes(static_cast<double>(bytes_)) +
           ": " + (damaged_ == 0 ? "all are good" : std::to_string(damaged_) + " not good") + "\n";
  }
  std::size_t sets() const { return total_; }
  std::int64_t bytes() const { return bytes_; }
  std::size_t damaged() const { return damaged_; }
  int exit_code() const { return code_; }

 private:
  std::size_t total_;
  bool is_shown_;
  std::size_t done_ = 0;
  std::size_t damaged_ = 0;
  std::int64_t bytes_ = 0;
  int code_ = exit_done;
};

}  // namespace

Result<int> verify_checkpoints(const std::vector<CheckpointFolder>& folders,
                               const Arguments& arguments) {
  constexpr std::int64_t jobs_max = 64;
  SOVREN_TRY(jobs, arguments.number("jobs", 1, 1, jobs_max));
  SOVREN_TRY(key, key_of(arguments));
  const std::vector<Task> tasks = tasks_of(folders);
  if (tasks.empty())
    return fail({.code = Code::not_found,
                 .what = "no sealed checkpoint set in '" + arguments.operands[1] + "'"});
  const bool is_json = arguments.has("json");
  Sum sum(tasks.size());
  text::Json rows = text::Json::array();
  // So many ahead of the one that is waited for; answers come in order.
  std::vector<std::future<Result<storage::SetInfo>>> running(tasks.size());
  const auto start = [&](std::size_t i) {
    if (i < tasks.size())
      running[i] = std::async(std::launch::async, [&path = tasks[i].path, &key] {
        return storage::verify_set(path, key);
      });
  };
  for (std::size_t i = 0; std::cmp_less(i, jobs); ++i) start(i);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    sum.show();
    const auto set = running[i].get();
    start(i + static_cast<std::size_t>(jobs));
    if (!set && !storage::path_exists(tasks[i].path)) {
      sum.leave_out();  // a running job deleted it: that is no damage
      continue;
    }
    sum.add(set);
    const std::string name = tasks[i].path.substr(tasks[i].path.rfind('/') + 1);
    rows.push_back({{"name", name},
                    {"ok", set.has_value()},
                    {"why", set ? "" : to_text(set.error())},
                    {"path", tasks[i].path}});
    sum.clear();
    if (!is_json) SOVREN_DO(print_text(tasks[i].label + ": " + verdict_on(set) + "\n"));
  }
  if (is_json)
    SOVREN_DO(print_text(text::dump_json({{"schema", "sovren.verify/1"},
                                          {"checkpoints", rows},
                                          {"sets", sum.sets()},
                                          {"damaged", sum.damaged()},
                                          {"size_bytes", sum.bytes()}},
                                         2) +
                         "\n"));
  else if (sum.sets() > 1)
    SOVREN_DO(print_text(sum.text(folders.size())));
  return sum.exit_code();
}

}  // namespace sovren::cli
