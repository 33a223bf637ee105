// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <poll.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/port/reporter.h"
#include "workers/agent/line_reader.h"
#include "workers/agent/output_file.h"
#include "workers/launch/identity.h"
#include "workers/launch/process.h"

namespace sovren::workers {

inline constexpr std::int64_t log_bytes_max_default = std::int64_t{64} << 20;

/// Where what a command prints is kept.
struct LogSetting {
  std::string path;               ///< made, with its folder, when the first byte comes
  std::optional<Identity> owner;  ///< who makes it; none: this process
  std::int64_t bytes_max = log_bytes_max_default;
  OutputPaths copies;  ///< files that it goes to as well, whatever its length
  OutputFile::Mode copies_mode = OutputFile::Mode::append;
};

/// What a command prints, on both its outputs: appended to its log as it comes, up to the limit,
/// and lines that begin with "sovren: " are reports.
///
/// Reports  {"progress": 0.4, "step": 12, "phase": "...", "done": 3, "total": 9, "unit": "frames",
///          "metrics": {"loss": 0.1}}, each member optional and kept until said anew;
///          {"checkpoint": 12}: the state after step 12 is saved; {"warning": "..."}. Other members
///          are ignored. Of progress read at once, only the newest is passed on.
/// Errors   open: those of OutputFile. A line that is no such report is a warning; a file that
///          cannot be written is one warning. The command is never held up for either.
class CommandOutput {
 public:
  static Result<CommandOutput> open(LogSetting setting);

  /// For the command's standard output and error, which are one unless a file of error is kept;
  /// closed by started().
  int write_end() const { return output_.write_end.get(); }
  int error_end() const { return error_ ? error_->write_end.get() : write_end(); }
  void started();
  void add_to(std::vector<pollfd>& wanted) const;

  /// Takes in what is there, without waiting.
  std::vector<RankReport> serve();

  /// Of the newest reports.
  const Progress& progress() const { return progress_; }
  std::optional<std::int64_t> sealed_step() const { return sealed_step_; }

 private:
  /// A pipe, and the file that what comes through it is copied to.
  struct Stream {
    Handle read_end;
    Handle write_end;
    std::optional<OutputFile> copy;
    LineReader lines{std::size_t{64} << 10};
  };
  CommandOutput(LogSetting setting, Stream output, std::optional<Stream> error)
      : setting_(std::move(setting)), output_(std::move(output)), error_(std::move(error)) {}
  static Result<Stream> open_stream(const std::string& copy, const LogSetting& setting);
  void serve(Stream& stream, std::vector<RankReport>& reports);
  void keep(Stream& stream, std::string_view bytes, std::vector<RankReport>& reports);
  Result<void> open_log();
  Result<void> append(std::string_view bytes);
  Result<void> take_report(std::string_view json, std::vector<RankReport>& reports);

  LogSetting setting_;
  Stream output_;
  std::optional<Stream> error_;
  Handle log_;
  std::int64_t log_bytes_ = 0;
  bool is_log_over_ = false;  ///< full, or it cannot be written
  Progress progress_;
  std::optional<std::int64_t> sealed_step_;
  bool is_progress_new_ = false;
};

}  // namespace sovren::workers
