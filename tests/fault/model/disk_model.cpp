// SPDX-License-Identifier: Apache-2.0
#include "tests/fault/model/disk_model.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "core/base/check.h"

namespace sovren::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t sector_bytes = 512;

void put(std::string& file, std::int64_t offset, std::string_view bytes) {
  const auto first = static_cast<std::size_t>(offset);
  if (file.size() < first + bytes.size()) file.resize(first + bytes.size(), '\0');
  file.replace(first, bytes.size(), bytes);
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Some of the sectors that a write touches: the first ones, or any.
void put_torn(std::string& file, std::int64_t offset, std::string_view bytes, Fate& fate) {
  std::vector<std::string_view> pieces;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::int64_t place = offset + static_cast<std::int64_t>(at);
    const auto room = static_cast<std::size_t>(sector_bytes - place % sector_bytes);
    pieces.push_back(bytes.substr(at, room));
    at += pieces.back().size();
  }
  const bool is_prefix = fate.below(2) != 0;
  const std::size_t count = is_prefix ? fate.below(pieces.size() + 1) : pieces.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (is_prefix || fate.keeps()) put(file, offset, pieces[i]);
    offset += static_cast<std::int64_t>(pieces[i].size());
  }
}

}  // namespace

std::size_t DiskImage::hash() const {
  std::size_t sum = 0;
  for (const auto& [path, entry] : entries)
    for (const std::size_t each :
         {std::hash<std::string>()(path), std::hash<std::string>()(entry.bytes)})
      sum = sum * 0x9E3779B97F4A7C15U + each;
  return sum;
}

void write_image(const DiskImage& image, const std::string& folder) {
  fs::remove_all(folder);
  fs::create_directories(folder);
  for (const auto& [path, entry] : image.entries) {  // a folder comes before what is in it
    const std::string target = folder + "/" + path;
    if (entry.is_folder)
      SOVREN_CHECK(::mkdir(target.c_str(), 0700) == 0, "it is in a folder that was just made");
    else
      std::ofstream(target, std::ios::binary) << entry.bytes;
  }
}

DiskImage read_image(const std::string& folder,
                     const std::function<bool(const std::string&)>& is_ignored) {
  DiskImage image;
  for (const auto& each : fs::recursive_directory_iterator(folder)) {
    const std::string path = each.path().lexically_relative(folder).string();
    if (is_ignored(path)) continue;
    const bool is_folder = each.is_directory();
    image.entries[path] = {is_folder, is_folder ? "" : bytes_of(each.path().string())};
  }
  return image;
}

Fate::Data RandomFate::data() {
  constexpr Data by_tenth[] = {Data::whole, Data::whole, Data::whole, Data::whole, Data::zeros,
                               Data::zeros, Data::torn,  Data::torn,  Data::lost,  Data::lost};
  return by_tenth[below(std::size(by_tenth))];
}

DiskModel::DiskModel() {
  root_ = add(true);
}

DiskModel::DiskModel(const std::string& root) {
  root_ = load(root);
}

int DiskModel::add(bool is_folder) {
  nodes_.push_back({});
  nodes_.back().is_folder = is_folder;
  return static_cast<int>(nodes_.size()) - 1;
}

int DiskModel::load(const std::string& path) {
  const int number = add(fs::is_directory(path));
  if (!node(number).is_folder) {
    node(number).durable_bytes = bytes_of(path);
    return number;
  }
  for (const auto& entry : fs::directory_iterator(path)) {
    const int child = load(entry.path().string());
    node(number).names[entry.path().filename().string()] = child;
  }
  node(number).durable_names = node(number).names;
  return number;
}

int DiskModel::find(const std::string& path) const {
  int number = root_;
  for (const auto& part : fs::path(path)) {
    if (part == ".") continue;
    const auto& names = node(number).names;
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

void DiskModel::change(int folder, const NameChange& change) {
  Node& changed = node(folder);
  if (!change.removed.empty()) changed.names.erase(change.removed);
  if (!change.added.empty()) changed.names[change.added] = change.node;
  changed.name_changes.push_back(change);
}

void DiskModel::add_name(const std::string& path, int number) {
  std::string name;
  const int parent = parent_of(path, name);
  change(parent, {"", name, number});
}

void DiskModel::apply(const Operation& operation) {
  const auto handle = static_cast<std::size_t>(operation.handle);
  switch (operation.kind) {
    case Operation::Kind::open:
      return open(operation);
    case Operation::Kind::write:
      return node(handles_.at(handle))
          .data_changes.push_back({operation.offset, operation.bytes, false});
    case Operation::Kind::truncate:
      return node(handles_.at(handle)).data_changes.push_back({operation.offset, "", true});
    case Operation::Kind::sync:
      return sync(handles_.at(handle));
    case Operation::Kind::rename:
      return rename(operation.path, operation.to);
    case Operation::Kind::link:
      return add_name(operation.to, find(operation.path));
    case Operation::Kind::make_folder:
      return add_name(operation.path, add(true));
    case Operation::Kind::remove:
      return remove(operation.path);
    case Operation::Kind::promise:
      return;
  }
}

void DiskModel::open(const Operation& operation) {
  const auto handle = static_cast<std::size_t>(operation.handle);
  if (handles_.size() <= handle) handles_.resize(handle + 1, -1);
  int number = find(operation.path);
  if (operation.creates) {
    number = add(false);
    add_name(operation.path, number);
  }
  SOVREN_CHECK(number >= 0, "what was opened was made by a call that the recorder knows");
  handles_[handle] = number;
}

void DiskModel::sync(int number) {
  Node& synced = node(number);
  synced.durable_names = synced.names;
  synced.name_changes.clear();
  FixedFate all(true, Fate::Data::whole);
  synced.durable_bytes = cut_bytes(synced, all);
  synced.data_changes.clear();
}

void DiskModel::rename(const std::string& from, const std::string& to) {
  std::string old_name;
  std::string new_name;
  const int from_parent = parent_of(from, old_name);
  const int to_parent = parent_of(to, new_name);
  const int number = find(from);
  if (number == find(to)) return;  // two names of one file: POSIX leaves both
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

DiskImage DiskModel::now() const {
  FixedFate all(true, Fate::Data::whole);
  return cut(all);
}

DiskImage DiskModel::cut(Fate& fate) const {
  DiskImage image;
  cut_node(root_, "", fate, image);
  return image;
}

void DiskModel::cut_node(int number, const std::string& path, Fate& fate, DiskImage& image) const {
  const Node& cut = node(number);
  if (!path.empty())
    image.entries[path] = {cut.is_folder, cut.is_folder ? "" : cut_bytes(cut, fate)};
  std::map<std::string, int> names = cut.durable_names;
  for (const NameChange& each : cut.name_changes) {
    if (!fate.keeps()) continue;
    if (!each.removed.empty()) names.erase(each.removed);
    if (!each.added.empty()) names[each.added] = each.node;
  }
  for (const auto& [name, child] : names)
    cut_node(child, path.empty() ? name : path + "/" + name, fate, image);
}

std::string DiskModel::cut_bytes(const Node& file, Fate& fate) {
  std::string bytes = file.durable_bytes;
  // Often nothing of what came last has reached the disk.
  std::size_t reached = file.data_changes.size();
  if (reached > 0 && fate.below(2) == 0) reached = fate.below(reached + 1);
  for (std::size_t i = 0; i < reached; ++i) {
    const DataChange& each = file.data_changes[i];
    if (each.truncates) {
      if (fate.keeps()) bytes.resize(static_cast<std::size_t>(each.offset), '\0');
      continue;
    }
    const std::size_t old_size = bytes.size();
    switch (fate.data()) {
      case Fate::Data::whole:
        put(bytes, each.offset, each.bytes);
        break;
      case Fate::Data::zeros:  // the space was taken, the bytes were not written
        bytes.resize(std::max(old_size, static_cast<std::size_t>(each.offset) + each.bytes.size()),
                     '\0');
        break;
      case Fate::Data::torn:
        put_torn(bytes, each.offset, each.bytes, fate);
        break;
      case Fate::Data::lost:
        break;
    }
  }
  return bytes;
}

}  // namespace sovren::storage
