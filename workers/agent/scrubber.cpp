// SPDX-License-Identifier: Apache-2.0
#include "workers/agent/scrubber.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>
#include <string_view>

#include "core/text/report_json.h"

namespace sovren::workers {
namespace {

constexpr std::size_t output_bytes_max = 1 << 20;

/// What the program needs to start, and nothing that is the agent's own.
std::vector<std::string> environment_of(const AttemptHost& host) {
  std::vector<std::string> few;
  for (const std::string& variable : host.environment)
    for (const std::string_view name : {"PATH=", "LD_LIBRARY_PATH=", "LANG="})
      if (variable.starts_with(name)) few.push_back(variable);
  return few;
}

std::string read_all(int fd) {
  std::string text(output_bytes_max, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got =
        ::pread(fd, text.data() + size, text.size() - size, static_cast<off_t>(size));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);
  return text;
}

}  // namespace

void ScrubSchedule::note(ScrubPlace place, double now_s) {
  if (interval_s_ <= 0) return;
  const auto [entry, is_new] = places_.try_emplace(place.dir, Turn{place, now_s + interval_s_});
  if (!is_new) entry->second.place = std::move(place);
  if (places_.size() <= places_max) return;
  const auto first =
      std::ranges::min_element(places_, {}, [](const auto& one) { return one.second.place.job; });
  places_.erase(first);
}

std::optional<ScrubPlace> ScrubSchedule::take_due(double now_s) {
  const auto next =
      std::ranges::min_element(places_, {}, [](const auto& one) { return one.second.due_s; });
  if (next == places_.end() || next->second.due_s > now_s) return std::nullopt;
  next->second.due_s = now_s + interval_s_;
  return next->second.place;
}

ReportWarning scrub_trouble(const std::string& why) {
  return {"the checkpoints could not be verified at rest: " + why};
}

Result<Scrub> Scrub::start(ScrubPlace place, const AttemptHost& host) {
  SOVREN_TRY(user, identity_for(place.user));
  const std::string path = host.private_dir + "/scrub";
  Handle output(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!output.is_open())
    return fail({.code = Code::storage_io,
                 .what = "cannot open '" + path + "': " + std::strerror(errno),
                 .hint = "",
                 .where = path});
  const Command command{.argv = {host.programs.rank, "--scrub", place.dir},
                        .environment = environment_of(host),
                        .folder = {},
                        .input = {},
                        .user = user,
                        .cpus = {},
                        .cgroup_procs = {}};
  SOVREN_TRY(process, Process::start(command, output.get()));
  return Scrub(std::move(place), std::move(output), std::move(process));
}

bool Scrub::has_ended() const {
  pollfd ended{process_.end_fd(), POLLIN, 0};
  return ::poll(&ended, 1, 0) > 0;
}

std::vector<RankReport> Scrub::finish() {
  const int exit_code = process_.exit_code().value_or(exit_done);
  std::vector<RankReport> reports;
  std::istringstream lines(read_all(output_.get()));
  std::string other;
  for (std::string line; std::getline(lines, line);) {
    auto report = text::report_from_json(line);
    if (report && std::holds_alternative<ReportRejected>(*report))
      reports.push_back(*std::move(report));
    else if (other.empty())
      other = line;
  }
  if (exit_code != exit_done && reports.empty())
    reports.push_back(
        scrub_trouble(other.empty() ? "exit code " + std::to_string(exit_code) : other));
  return reports;
}

}  // namespace sovren::workers
