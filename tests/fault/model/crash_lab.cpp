// SPDX-License-Identifier: Apache-2.0
#include "tests/fault/model/crash_lab.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "core/base/check.h"
#include "storage/file/file.h"

namespace sovren::storage {

ScratchFolder::ScratchFolder() {
  const char* const memory = "/dev/shm";
  std::string path =
      ::access(memory, W_OK | X_OK) == 0 ? memory : std::filesystem::temp_directory_path().string();
  path += "/sovren-crash-XXXXXX";
  SOVREN_CHECK(::mkdtemp(path.data()) != nullptr, "a folder can be made");
  path_ = path;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Result<void> CrashLab::prepare(const Life& life) {
  UnsyncedSystem unsynced;
  const Using using_it(unsynced);
  SOVREN_DO(remove_tree(root()));
  SOVREN_DO(make_directories(root()));
  return life.prepare(root());
}

Result<DiskModel> CrashLab::record(const Life& life, Trace& trace) {
  SOVREN_DO(prepare(life));
  DiskModel start(root());
  {
    RecordingSystem recorder(root(), trace);
    SOVREN_DO(life.live(root(), trace));
  }
  if (const std::string what = unrecorded(start, trace, root()); !what.empty())
    return fail({.code = Code::bug, .what = life.name + ": " + what});
  return start;
}

CrashTally CrashLab::search(const Life& life, const DiskModel& start, const Trace& trace,
                            const CrashSearch& search) {
  UnsyncedSystem unsynced;
  const Using using_it(unsynced);
  CrashTally tally = search_crash_states(start, trace, search, [&](const CrashState& state) {
    write_image(state.image, root());
    return life.check(root(), state);
  });
  tally.path = life.name;
  return tally;
}

Result<CrashTally> CrashLab::watch(const Life& life, const CrashSearch& search) {
  Trace trace;
  SOVREN_TRY(start, record(life, trace));
  return this->search(life, start, trace, search);
}

}  // namespace sovren::storage
