// SPDX-License-Identifier: Apache-2.0
#include "workers/agent/command_output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <string_view>

#include "core/text/json.h"
#include "workers/agent/job_folder.h"

namespace sovren::workers {
namespace {

constexpr std::string_view report_start = "sovren: ";
constexpr int reads_max = 64;  // of 64 KiB at once: a command that never stops printing must not
                               // keep the agent from the others

void take_number(const text::Json& json, const char* key, std::int64_t& value) {
  const auto found = json.find(key);
  if (found != json.end() && found->is_number_integer()) value = found->get<std::int64_t>();
}

void take_text(const text::Json& json, const char* key, std::string& value) {
  const auto found = json.find(key);
  if (found != json.end() && found->is_string()) value = found->get<std::string>();
}

}  // namespace

Result<CommandOutput::Stream> CommandOutput::open_stream(const std::string& copy,
                                                         const LogSetting& setting) {
  Stream stream;
  if (!copy.empty()) {
    SOVREN_TRY(file, OutputFile::open(copy, setting.owner, setting.copies_mode));
    stream.copy.emplace(std::move(file));
  }
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return fail({.code = Code::refused,
                 .what = std::string("cannot make a pipe: ") + std::strerror(errno)});
  stream.read_end = Handle(ends[0]);
  stream.write_end = Handle(ends[1]);
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return stream;
}

Result<CommandOutput> CommandOutput::open(LogSetting setting) {
  SOVREN_TRY(output, open_stream(setting.copies.output, setting));
  std::optional<Stream> error;
  if (!setting.copies.error.empty()) {
    SOVREN_TRY(stream, open_stream(setting.copies.error, setting));
    error.emplace(std::move(stream));
  }
  return CommandOutput(std::move(setting), std::move(output), std::move(error));
}

void CommandOutput::started() {
  output_.write_end.reset();
  if (error_) error_->write_end.reset();
}

void CommandOutput::add_to(std::vector<pollfd>& wanted) const {
  if (output_.read_end.is_open()) wanted.push_back({output_.read_end.get(), POLLIN, 0});
  if (error_ && error_->read_end.is_open()) wanted.push_back({error_->read_end.get(), POLLIN, 0});
}

std::vector<RankReport> CommandOutput::serve() {
  std::vector<RankReport> reports;
  serve(output_, reports);
  if (error_) serve(*error_, reports);
  if (is_progress_new_) reports.insert(reports.begin(), ReportProgress{progress_});
  is_progress_new_ = false;
  return reports;
}

void CommandOutput::serve(Stream& stream, std::vector<RankReport>& reports) {
  std::array<char, 65536> buffer;
  for (int turn = 0; turn < reads_max && stream.read_end.is_open(); ++turn) {
    const ssize_t got = ::read(stream.read_end.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) break;                     // nothing more now
    if (got == 0) stream.read_end.reset();  // nobody is left to write
    keep(stream, {buffer.data(), static_cast<std::size_t>(got)}, reports);
  }
}

void CommandOutput::keep(Stream& stream, std::string_view bytes, std::vector<RankReport>& reports) {
  if (bytes.empty()) return;
  if (!is_log_over_) {
    if (const auto kept = append(bytes); !kept) {
      is_log_over_ = true;
      reports.push_back(ReportWarning{to_text(kept.error())});
    }
  }
  if (stream.copy) {
    if (const auto kept = stream.copy->append(bytes); !kept) {
      stream.copy.reset();
      reports.push_back(ReportWarning{to_text(kept.error())});
    }
  }
  std::vector<std::string> lines;
  stream.lines.feed(bytes, lines);
  for (const std::string& line : lines) {
    if (!line.starts_with(report_start)) continue;
    if (const auto taken = take_report(std::string_view(line).substr(report_start.size()), reports);
        !taken)
      reports.push_back(ReportWarning{"a line 'sovren: ...' of the output is no report: " +
                                      to_text(taken.error())});
  }
}

Result<void> CommandOutput::open_log() {
  const AsUser as_owner(setting_.owner);
  SOVREN_DO(make_folders(setting_.path.substr(0, setting_.path.rfind('/'))));
  log_.reset(::open(setting_.path.c_str(),
                    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0666));
  struct stat about {};
  if (!log_.is_open() || ::fstat(log_.get(), &about) != 0) return fail(output_error(setting_.path));
  log_bytes_ = about.st_size;
  return {};
}

Result<void> CommandOutput::append(std::string_view bytes) {
  if (!log_.is_open()) SOVREN_DO(open_log());
  const std::int64_t room = std::max<std::int64_t>(0, setting_.bytes_max - log_bytes_);
  const auto fitting = bytes.substr(0, static_cast<std::size_t>(room));
  log_bytes_ += std::ssize(fitting);
  SOVREN_DO(write_all(log_, fitting, setting_.path));
  if (fitting.size() == bytes.size()) return {};
  is_log_over_ = true;
  return write_all(log_,
                   "\nsovren: this log has reached its limit of " +
                       format_size(setting_.bytes_max) +
                       "; what the command prints from here on is not kept\n",
                   setting_.path);
}

Result<void> CommandOutput::take_report(std::string_view line, std::vector<RankReport>& reports) {
  SOVREN_TRY(json, text::parse_json(line, "report"));
  if (!json.is_object())
    return fail({.code = Code::data_invalid, .what = "a report is an object {...}"});
  if (json.contains("warning")) {
    std::string warning;
    take_text(json, "warning", warning);
    reports.push_back(ReportWarning{std::move(warning)});
  }
  if (json.contains("checkpoint")) {
    std::int64_t step = -1;
    take_number(json, "checkpoint", step);
    if (step < 0)
      return fail({.code = Code::data_invalid, .what = "checkpoint is the number of a step"});
    sealed_step_ = step;
    reports.push_back(ReportSealed{.step = step});
  }
  for (const char* member : {"progress", "step", "phase", "done", "total", "unit", "metrics"})
    is_progress_new_ |= json.contains(member);
  take_number(json, "step", progress_.step);
  take_number(json, "done", progress_.done);
  take_number(json, "total", progress_.total);
  take_text(json, "phase", progress_.phase);
  take_text(json, "unit", progress_.unit);
  if (json.contains("progress") && json["progress"].is_number())
    progress_.fraction =
        std::clamp(json["progress"].get<double>(), progress_.fraction, 1.0);  // never falls
  if (json.contains("metrics") && json["metrics"].is_object())
    for (const auto& [name, value] : json["metrics"].items())
      if (value.is_number()) progress_.metrics[name] = value.get<double>();
  return {};
}

}  // namespace sovren::workers
