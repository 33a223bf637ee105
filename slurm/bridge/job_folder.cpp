// SPDX-License-Identifier: Apache-2.0
#include "slurm/bridge/job_folder.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "core/base/error.h"
#include "core/model/event.h"
#include "core/text/json_fields.h"
#include "slurm/bridge/chain.h"

namespace sovren::slurm {

static void fields(auto& io, FolderProgress& e) {
  io.required("step", e.step);
  io.optional("fraction", e.fraction);
  io.optional("metrics", e.metrics);
  io.optional("sealed_step", e.sealed_step);
  io.optional("attempt", e.attempt);
  io.optional("at", e.at);
}

namespace {

std::optional<text::Json> read_document(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  const std::string text = (std::ostringstream() << file.rdbuf()).str();
  auto json = text::parse_json(text, path);
  if (!json) return std::nullopt;
  return *std::move(json);
}

JobState state_of_exit(int exit_code) {
  if (exit_code == exit_done) return JobState::completed;
  if (exit_code == cli_exit_code(Code::timed_out)) return JobState::timeout;
  return JobState::failed;
}

std::optional<Allocation> last_allocation(const std::string& dir, const std::string& task) {
  auto chain = read_chain(dir);
  if (!chain) return std::nullopt;
  const auto last = std::find_if(chain->rbegin(), chain->rend(), [&](const Allocation& allocation) {
    return allocation.site_job == task;
  });
  if (last == chain->rend()) return std::nullopt;
  return std::move(*last);
}

// What the report says of an end that was not good.
std::string reason_in_report(const std::string& dir) {
  const auto report = read_document(dir + "/report.json");
  if (!report) return "";
  return text::get_string(*report, "reason").value_or("");
}

}  // namespace

Result<void> write_progress(const std::string& dir, const FolderProgress& progress) {
  text::Json json{{"schema", "sovren.progress/1"}};
  text::Writer(json).all(progress);
  const std::string path = dir + "/" + std::string(progress_file_name);
  const std::string fresh = path + ".tmp";
  std::ofstream file(fresh, std::ios::binary | std::ios::trunc);
  file << text::dump_json(json) << "\n";
  file.close();
  if (!file || std::rename(fresh.c_str(), path.c_str()) != 0)
    return fail({.code = Code::storage_io, .what = "cannot be written", .where = path});
  return {};
}

std::optional<FolderProgress> read_progress(const std::string& dir) {
  const auto json = read_document(dir + "/" + std::string(progress_file_name));
  if (!json) return std::nullopt;
  FolderProgress progress;
  text::Reader reader(*json);
  fields(reader, progress);
  if (reader.error()) return std::nullopt;
  return progress;
}

std::optional<Instant> end_time_in_folder(const std::string& dir, const std::string& task) {
  const auto last = last_allocation(dir, task);
  if (!last || !last->end) return std::nullopt;
  return last->end->ended_at;
}

std::optional<SiteEnd> end_by_folder(const std::string& dir, const std::string& task) {
  const auto last = last_allocation(dir, task);
  if (!last) return std::nullopt;
  if (!last->end)
    return SiteEnd{
        .state = std::string(vanished),
        .why = "its last allocation ended without a word, and the site has forgotten it"};
  if (last->end->exit_code == exit_checkpointed)
    return SiteEnd{.state = std::string(vanished),
                   .exit_code = exit_checkpointed,
                   .why = "it stopped after checkpoint " + std::to_string(last->end->sealed_step) +
                          ", and nothing goes on with it"};
  return SiteEnd{.state = std::string(state_name(state_of_exit(last->end->exit_code))),
                 .exit_code = last->end->exit_code,
                 .why = last->end->exit_code == exit_done ? "" : reason_in_report(dir)};
}

}  // namespace sovren::slurm
