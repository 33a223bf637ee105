// SPDX-License-Identifier: Apache-2.0
#include "tests/fault/checkpoint/disk_model.h"

#include <fcntl.h>

#include <filesystem>
#include <fstream>

#include "core/base/check.h"
#include "storage/file/file.h"

namespace sovren::storage {

namespace fs = std::filesystem;

DiskModel::DiskModel(const std::string& root) : root_(load(root)) {}

int DiskModel::add(bool is_folder) {
  nodes_.push_back({});
  nodes_.back().is_folder = is_folder;
  return static_cast<int>(nodes_.size()) - 1;
}

int DiskModel::load(const std::string& path) {
  const int number = add(fs::is_directory(path));
  if (fs::is_directory(path)) {
    for (const auto& entry : fs::directory_iterator(path)) {
      const int child = load(entry.path().string());
      nodes_[static_cast<std::size_t>(number)].names[entry.path().filename().string()] = child;
    }
    Node& node = nodes_[static_cast<std::size_t>(number)];
    node.durable_names = node.names;
  } else {
    nodes_[static_cast<std::size_t>(number)].durable_bytes = read_file(path).value();
  }
  return number;
}

int DiskModel::find(const std::string& path) const {
  int number = root_;
  for (const auto& part : fs::path(path)) {
    const auto& names = nodes_[static_cast<std::size_t>(number)].names;
    const auto found = names.find(part.string());
    if (found == names.end()) return -1;
    number = found->second;
  }
  return number;
}

int DiskModel::parent_of(const std::string& path, std::string& name) const {
  const fs::path parts(path);
  name = parts.filename().string();
  const int parent = find(parts.parent_path().string());
  SOVREN_CHECK(parent >= 0, "the real call succeeded, so the folder is there");
  return parent;
}

void DiskModel::change(int folder, const Change& change) {
  Node& node = nodes_[static_cast<std::size_t>(folder)];
  if (!change.removed.empty()) node.names.erase(change.removed);
  if (!change.added.empty()) node.names[change.added] = change.node;
  node.changes.push_back(change);
}

int DiskModel::create(const std::string& path) {
  std::string name;
  const int parent = parent_of(path, name);
  const int number = add(false);
  change(parent, {"", name, number});
  return number;
}

void DiskModel::make_folder(const std::string& path) {
  std::string name;
  const int parent = parent_of(path, name);
  const int number = add(true);
  change(parent, {"", name, number});
}

void DiskModel::write(int file, std::string bytes) {
  nodes_[static_cast<std::size_t>(file)].writes.push_back(std::move(bytes));
}

void DiskModel::sync(int number) {
  Node& node = nodes_[static_cast<std::size_t>(number)];
  node.durable_names = node.names;
  node.changes.clear();
  for (const std::string& bytes : node.writes) node.durable_bytes += bytes;
  node.writes.clear();
}

void DiskModel::rename(const std::string& from, const std::string& to) {
  std::string old_name;
  std::string new_name;
  const int from_parent = parent_of(from, old_name);
  const int to_parent = parent_of(to, new_name);
  const int number = find(from);
  if (from_parent == to_parent) {
    change(from_parent, {old_name, new_name, number});
  } else {
    change(to_parent, {"", new_name, number});
    change(from_parent, {old_name, "", -1});
  }
}

void DiskModel::remove(const std::string& path) {
  std::string name;
  const int parent = parent_of(path, name);
  change(parent, {name, "", -1});
}

void DiskModel::cut(const std::string& target, const std::function<double()>& chance) const {
  fs::remove_all(target);
  cut_node(root_, target, chance);
}

void DiskModel::cut_node(int number, const std::string& target,
                         const std::function<double()>& chance) const {
  const Node& node = nodes_[static_cast<std::size_t>(number)];
  if (node.is_folder) {
    fs::create_directory(target);
    std::map<std::string, int> names = node.durable_names;
    for (const Change& each : node.changes) {
      if (chance() < 0.5) continue;
      if (!each.removed.empty()) names.erase(each.removed);
      if (!each.added.empty()) names[each.added] = each.node;
    }
    for (const auto& [name, child] : names) cut_node(child, target + "/" + name, chance);
    return;
  }
  std::string bytes = node.durable_bytes;
  for (const std::string& each : node.writes) {
    const double fate = chance();
    if (fate < 0.4) {
      bytes += each;
    } else if (fate < 0.6) {
      bytes.append(each.size(), '\0');
    } else if (fate < 0.8) {
      constexpr std::size_t sector_bytes = 512;
      const auto sectors = static_cast<double>(each.size() / sector_bytes + 1);
      bytes += each.substr(0, static_cast<std::size_t>(chance() * sectors) * sector_bytes);
      break;
    } else {
      break;
    }
  }
  std::ofstream(target, std::ios::binary) << bytes;
}

RecordingSystem::RecordingSystem(std::string root, DiskModel& model, std::function<void()> after)
    : root_(std::move(root)), model_(model), after_(std::move(after)) {
  replace_system_calls(this);
}

RecordingSystem::~RecordingSystem() {
  replace_system_calls(nullptr);
}

std::string RecordingSystem::below(const char* path) const {
  return fs::path(path).lexically_relative(root_).string();
}

int RecordingSystem::open(const char* path, int flags, mode_t mode) {
  const int fd = System::open(path, flags, mode);
  const std::string name = below(path);
  if (fd < 0 || name.starts_with("..")) return fd;
  const bool is_new = (flags & O_CREAT) != 0 && model_.find(name) < 0;
  nodes_[fd] = is_new ? model_.create(name) : name == "." ? model_.find("") : model_.find(name);
  if (is_new) after_();
  return fd;
}

ssize_t RecordingSystem::write(int fd, const void* data, std::size_t size) {
  // Small pieces, so that there are moments between them.
  const ssize_t written = System::write(fd, data, std::min<std::size_t>(size, 1500));
  if (written > 0 && nodes_.contains(fd)) {
    model_.write(nodes_.at(fd),
                 std::string(static_cast<const char*>(data), static_cast<std::size_t>(written)));
    after_();
  }
  return written;
}

int RecordingSystem::fsync(int fd) {
  if (nodes_.contains(fd)) {
    model_.sync(nodes_.at(fd));
    after_();
  }
  return 0;
}

int RecordingSystem::close(int fd) {
  nodes_.erase(fd);
  return System::close(fd);
}

int RecordingSystem::rename(const char* from, const char* to) {
  const int done = System::rename(from, to);
  if (done == 0) {
    model_.rename(below(from), below(to));
    after_();
  }
  return done;
}

int RecordingSystem::mkdir(const char* path, mode_t mode) {
  const int done = System::mkdir(path, mode);
  if (done == 0) {
    model_.make_folder(below(path));
    after_();
  }
  return done;
}

int RecordingSystem::unlink(const char* path) {
  const int done = System::unlink(path);
  if (done == 0) {
    model_.remove(below(path));
    after_();
  }
  return done;
}

int RecordingSystem::rmdir(const char* path) {
  const int done = System::rmdir(path);
  if (done == 0) {
    model_.remove(below(path));
    after_();
  }
  return done;
}

}  // namespace sovren::storage
