// SPDX-License-Identifier: Apache-2.0
#include "slurm/bridge/chain.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "core/text/json.h"

namespace sovren::slurm {
namespace {

constexpr const char* schema = "sovren.allocation/1";

Error file_error(const char* activity, const std::string& path, int error_number) {
  return {.code = Code::storage_io,
          .what = std::string("cannot ") + activity + ": " + std::strerror(error_number),
          .where = path};
}

text::Json to_json(const Allocation& allocation) {
  text::Json json{{"schema", schema},
                  {"event", allocation.end ? "end" : "begin"},
                  {"site_job", allocation.site_job},
                  {"restart", allocation.restart}};
  if (allocation.end) {
    json["ended_at"] = format_utc(allocation.end->ended_at);
    json["exit_code"] = allocation.end->exit_code;
    json["sealed_step"] = allocation.end->sealed_step;
    return json;
  }
  if (!allocation.continues.empty()) json["continues"] = allocation.continues;
  json["nodes"] = allocation.nodes;
  json["ranks"] = allocation.ranks;
  json["launcher"] = allocation.launcher;
  json["began_at"] = format_utc(allocation.began_at);
  json["step"] = allocation.step;
  return json;
}

Result<Instant> time_in(const text::Json& json, std::string_view key) {
  SOVREN_TRY(text, text::get_string(json, key));
  return parse_utc(text);
}

Result<Allocation> begin_from(const text::Json& json) {
  SOVREN_TRY(site_job, text::get_string(json, "site_job"));
  SOVREN_TRY(restart, text::get_int(json, "restart"));
  SOVREN_TRY(nodes, text::get_int(json, "nodes"));
  SOVREN_TRY(ranks, text::get_int(json, "ranks"));
  SOVREN_TRY(launcher, text::get_string(json, "launcher"));
  SOVREN_TRY(began_at, time_in(json, "began_at"));
  SOVREN_TRY(step, text::get_int(json, "step"));
  Allocation found{.site_job = std::move(site_job),
                   .restart = static_cast<int>(restart),
                   .continues = {},
                   .nodes = static_cast<int>(nodes),
                   .ranks = static_cast<int>(ranks),
                   .launcher = std::move(launcher),
                   .began_at = began_at,
                   .step = step,
                   .end = {}};
  if (json.contains("continues")) {
    SOVREN_TRY(continues, text::get_string(json, "continues"));
    found.continues = std::move(continues);
  }
  return found;
}

Result<Allocation::End> end_from(const text::Json& json) {
  SOVREN_TRY(ended_at, time_in(json, "ended_at"));
  SOVREN_TRY(exit_code, text::get_int(json, "exit_code"));
  SOVREN_TRY(sealed_step, text::get_int(json, "sealed_step"));
  return Allocation::End{ended_at, static_cast<int>(exit_code), sealed_step};
}

/// Puts what the line says to the rest. An end is that of the newest beginning that has none.
Result<void> take_in(const std::string& line, std::vector<Allocation>& chain) {
  SOVREN_TRY(json, text::parse_json(line, "allocations.jsonl"));
  SOVREN_TRY(event, text::get_string(json, "event"));
  if (event == "begin") {
    SOVREN_TRY(begun, begin_from(json));
    chain.push_back(std::move(begun));
  } else if (event == "end") {
    SOVREN_TRY(site_job, text::get_string(json, "site_job"));
    SOVREN_TRY(restart, text::get_int(json, "restart"));
    SOVREN_TRY(end, end_from(json));
    const auto open = std::find_if(chain.rbegin(), chain.rend(), [&](const Allocation& one) {
      return !one.end && one.site_job == site_job && one.restart == restart;
    });
    if (open != chain.rend()) open->end = end;
  }
  return {};
}

/// Does the file end within a line? Then its writer died, and the next line begins a new one.
bool is_torn(int fd) {
  const off_t size = ::lseek(fd, 0, SEEK_END);
  char last = '\n';
  return size > 0 && ::pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

}  // namespace

std::string chain_file(const std::string& job_dir) {
  return job_dir + "/allocations.jsonl";
}

Result<std::vector<Allocation>> read_chain(const std::string& job_dir) {
  const std::string path = chain_file(job_dir);
  std::vector<Allocation> chain;
  if (::access(path.c_str(), F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)) return chain;
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(file_error("open the list of allocations", path, errno));
  for (std::string line; std::getline(file, line);)
    static_cast<void>(take_in(line, chain));  // see the header
  if (file.bad()) return fail(file_error("read the list of allocations", path, EIO));
  return chain;
}

Result<void> append_to_chain(const std::string& job_dir, const Allocation& allocation) {
  const std::string path = chain_file(job_dir);
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0) return fail(file_error("open the list of allocations", path, errno));
  const std::string line = (is_torn(fd) ? "\n" : "") + text::dump_json(to_json(allocation)) + "\n";
  errno = ENOSPC;  // what a short write stands for
  const bool is_written =
      ::write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size()) &&
      ::fsync(fd) == 0;
  const int error = errno;
  ::close(fd);
  if (is_written) return {};
  return fail(file_error("write the list of allocations", path, error));
}

}  // namespace sovren::slurm
