// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "storage/file/system.h"

namespace sovren::storage {

/// What a disk may hold after a power cut, by the weakest reading of POSIX: bytes written since the
/// last fsync of their file are there, are not there, are zeros, or are cut at a sector; each new,
/// renamed or deleted name since the last fsync of its folder is there or not, independently.
///
/// Model    Folders and files by number. A folder has names that are durable and changes that are
///          not yet; a file has durable bytes and writes that are not yet.
/// Source   the protocol table of shared facts (SQLite's and LevelDB's crash tests do the same).
class DiskModel {
 public:
  /// A copy of a folder, all of it durable.
  explicit DiskModel(const std::string& root);

  // What was done, by path below the root.
  int create(const std::string& path);
  void make_folder(const std::string& path);
  void write(int file, std::string bytes);
  void sync(int node);
  void rename(const std::string& from, const std::string& to);
  void remove(const std::string& path);
  /// The number of a path as a running system sees it; -1 when it is not there.
  int find(const std::string& path) const;

  /// Writes one of the states that a power cut now could leave into an empty folder. chance: in
  /// [0,1), a fresh one at each call.
  void cut(const std::string& target, const std::function<double()>& chance) const;

 private:
  struct Change {
    std::string removed;  ///< a name that goes away, if any
    std::string added;    ///< a name that comes, if any
    int node = -1;
  };
  struct Node {
    bool is_folder = false;
    std::map<std::string, int> names;  ///< as seen now
    std::map<std::string, int> durable_names;
    std::vector<Change> changes;  ///< from durable_names to names
    std::string durable_bytes;
    std::vector<std::string> writes;  ///< appended after durable_bytes
  };

  int load(const std::string& path);
  int add(bool is_folder);
  void change(int folder, const Change& change);
  int parent_of(const std::string& path, std::string& name) const;
  void cut_node(int number, const std::string& target, const std::function<double()>& chance) const;

  std::vector<Node> nodes_;
  int root_ = 0;
};

/// The real system calls but fsync, and after each that succeeds the same in a model of the disk.
class RecordingSystem : public System {
 public:
  /// after: called after every recorded call.
  RecordingSystem(std::string root, DiskModel& model, std::function<void()> after);
  RecordingSystem(const RecordingSystem&) = delete;
  RecordingSystem& operator=(const RecordingSystem&) = delete;
  ~RecordingSystem() override;

  int open(const char* path, int flags, mode_t mode) override;
  ssize_t write(int fd, const void* data, std::size_t size) override;
  int fsync(int fd) override;
  int close(int fd) override;
  int rename(const char* from, const char* to) override;
  int mkdir(const char* path, mode_t mode) override;
  int unlink(const char* path) override;
  int rmdir(const char* path) override;

 private:
  std::string below(const char* path) const;

  std::string root_;
  DiskModel& model_;
  std::function<void()> after_;
  std::map<int, int> nodes_;  ///< by descriptor
};

}  // namespace sovren::storage
