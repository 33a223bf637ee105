// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "core/base/result.h"
#include "tests/fault/model/crash_search.h"

namespace sovren::storage {

/// A folder in memory where there is such a file system, removed at the end.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Something that the program does to a folder, and what must be true of the folder whenever the
/// power goes. live tells the trace what the program may rely on from then on.
struct Life {
  std::string name;
  std::function<Result<void>(const std::string& folder)> prepare;
  std::function<Result<void>(const std::string& folder, Trace& trace)> live;
  std::function<Finding(const std::string& folder, const CrashState& state)> check;
};

/// Lets lives be lived in a folder, and looks at what power cuts leave of it.
class CrashLab {
 public:
  /// Makes the folder ready for it.
  Result<void> prepare(const Life& life);
  /// Prepares the folder and lives in it once, noting every operation. Returns the disk as it was
  /// before. Fails when the life does, or when something was done that no operation tells of.
  Result<DiskModel> record(const Life& life, Trace& trace);
  /// The states are rebuilt where the life was lived: some names depend on that.
  CrashTally search(const Life& life, const DiskModel& start, const Trace& trace,
                    const CrashSearch& search);
  /// Both.
  Result<CrashTally> watch(const Life& life, const CrashSearch& search);

  /// The folder.
  std::string root() const { return scratch_.path() + "/root"; }

 private:
  ScratchFolder scratch_;
};

}  // namespace sovren::storage
