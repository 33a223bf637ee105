// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/port/launcher.h"
#include "workers/launch/identity.h"
#include "workers/launch/process.h"

namespace sovren::workers {

/// A file of the user's own that what a command prints goes to, besides the job's log.
///
/// Errors   input_missing: its folder is not there (it is not made: Slurm does not either), or the
///          user may not write it; refused: neither a file nor a device such as /dev/null;
///          storage_io.
class OutputFile {
 public:
  using Mode = CommandSpec::OpenMode;
  /// Opened, or made, by the owner.
  static Result<OutputFile> open(std::string path, const std::optional<Identity>& owner, Mode mode);
  Result<void> append(std::string_view bytes);

 private:
  OutputFile(std::string path, Handle file) : path_(std::move(path)), file_(std::move(file)) {}
  std::string path_;
  Handle file_;
};

/// Where what an attempt of a command prints goes to, besides its log; empty: nowhere. Without an
/// `error`, all of it goes to output.
struct OutputPaths {
  std::string output;
  std::string error;
};

/// With their patterns replaced. %N is the head and %t is 0, also of a command that is started once
/// for each rank. One file for both is only named as output.
OutputPaths output_paths(const AttemptOrder& order, const CommandSpec& spec);

/// Writes all of it. Errors: storage_io, which names `path`.
Result<void> write_all(const Handle& file, std::string_view bytes, const std::string& path);

/// "the output cannot be kept: ..." with errno's reason: storage_io.
Error output_error(const std::string& path);

}  // namespace sovren::workers
