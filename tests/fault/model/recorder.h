// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "tests/fault/model/disk_model.h"
#include "tests/fault/model/hooked_system.h"

namespace sovren::storage {

/// What was done to a folder's disk, in the order in which it happened. Any thread may add to it.
class Trace {
 public:
  void add(Operation operation);
  /// From here on the program that is watched may rely on this; it takes the place of an earlier
  /// promise of the same name.
  void promise(const std::string& name, std::vector<std::int64_t> numbers);
  int next_handle();
  const std::vector<Operation>& operations() const { return operations_; }
  std::vector<Operation>& operations() { return operations_; }

 private:
  std::mutex mutex_;
  std::vector<Operation> operations_;
  int handles_ = 0;
};

/// The real calls but fsync, each that succeeds below `root` noted in the trace. Writes are cut
/// short, so that there are moments between their parts.
class RecordingSystem : public HookedSystem {
 public:
  RecordingSystem(std::string root, Trace& trace);
  RecordingSystem(const RecordingSystem&) = delete;
  RecordingSystem& operator=(const RecordingSystem&) = delete;
  ~RecordingSystem() override;

 protected:
  ssize_t on(const SystemCall& call) override;

 private:
  struct File {
    int handle = -1;
    std::int64_t position = 0;
  };
  std::string below(const char* path) const;
  ssize_t open(const SystemCall& call);
  void note_path(Operation::Kind kind, const SystemCall& call);

  std::string root_;
  Trace& trace_;
  std::mutex mutex_;
  std::map<int, File> files_;  ///< by descriptor
};

}  // namespace sovren::storage
