// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace sovren::storage {

/// One thing that was done to a disk, by path below the root. Files are written through handles,
/// which a trace numbers from 0 in the order in which they were opened.
struct Operation {
  enum class Kind {
    open,  ///< a file or a folder; creates: a new file
    write,
    truncate,
    sync,
    rename,
    link,
    make_folder,
    remove,
    promise,  ///< nothing was done to the disk: from here on the program may rely on something
  };
  Kind kind = Kind::open;
  std::string path = {};  ///< promise: what of
  std::string to = {};
  int handle = -1;
  bool creates = false;
  std::int64_t offset = 0;  ///< truncate: the new size
  std::string bytes = {};
  std::vector<std::int64_t> numbers = {};  ///< of a promise
};

/// What is on a disk: for each path below the root its bytes, or that it is a folder.
struct DiskImage {
  struct Entry {
    bool is_folder = false;
    std::string bytes;
    bool operator==(const Entry&) const = default;
  };
  std::map<std::string, Entry> entries;
  bool operator==(const DiskImage&) const = default;
  std::size_t hash() const;
};

/// Makes the folder hold exactly this. Folders are the user's alone: modes are not modelled.
void write_image(const DiskImage& image, const std::string& folder);
/// What a folder holds, but paths that `is_ignored`.
DiskImage read_image(const std::string& folder,
                     const std::function<bool(const std::string&)>& is_ignored);

/// Decides what a power cut leaves of what was not synced.
class Fate {
 public:
  enum class Data { whole, lost, zeros, torn };
  virtual ~Fate() = default;
  virtual bool keeps() = 0;  ///< a change of a name or of a size
  virtual Data data() = 0;   ///< of one write
  virtual std::size_t below(std::size_t bound) = 0;
};

/// The same for all.
class FixedFate : public Fate {
 public:
  FixedFate(bool keeps_names, Data data) : keeps_(keeps_names), data_(data) {}
  bool keeps() override { return keeps_; }
  Data data() override { return data_; }
  std::size_t below(std::size_t bound) override { return bound / 2; }

 private:
  bool keeps_;
  Data data_;
};

class RandomFate : public Fate {
 public:
  explicit RandomFate(std::uint64_t seed) : random_(seed) {}
  bool keeps() override { return below(2) != 0; }
  Data data() override;
  std::size_t below(std::size_t bound) override { return random_() % bound; }

 private:
  std::mt19937_64 random_;
};

/// What a disk may hold after a power cut, by the weakest reading of POSIX: of the bytes written
/// since the last fsync of their file each write is there, is not there, is zeros, or is there in
/// some of its 512-byte sectors, whatever became of the others; each new, renamed or deleted name
/// since the last fsync of its folder is there or not, independently.
///
/// Model    Folders and files by number. A folder has names that are durable and changes that are
///          not yet; a file has durable bytes and changes that are not yet.
/// Source   the protocol table of shared facts (SQLite's and LevelDB's crash tests do the same).
class DiskModel {
 public:
  DiskModel();
  /// A copy of a folder, all of it durable.
  explicit DiskModel(const std::string& root);

  void apply(const Operation& operation);
  /// As a running system sees it.
  DiskImage now() const;
  /// One of the states that a power cut now could leave.
  DiskImage cut(Fate& fate) const;

 private:
  struct NameChange {
    std::string removed;  ///< a name that goes away, if any
    std::string added;    ///< a name that comes, if any
    int node = -1;
  };
  struct DataChange {
    std::int64_t offset = 0;  ///< of a truncation: the new size
    std::string bytes;
    bool truncates = false;
  };
  struct Node {
    bool is_folder = false;
    std::map<std::string, int> names;  ///< as seen now
    std::map<std::string, int> durable_names;
    std::vector<NameChange> name_changes;  ///< from durable_names to names
    std::string durable_bytes;
    std::vector<DataChange> data_changes;  ///< after durable_bytes
  };

  int load(const std::string& path);
  int add(bool is_folder);
  Node& node(int number) { return nodes_[static_cast<std::size_t>(number)]; }
  const Node& node(int number) const { return nodes_[static_cast<std::size_t>(number)]; }
  int find(const std::string& path) const;
  int parent_of(const std::string& path, std::string& name) const;
  void change(int folder, const NameChange& change);
  void add_name(const std::string& path, int number);
  void open(const Operation& operation);
  void sync(int number);
  void rename(const std::string& from, const std::string& to);
  void remove(const std::string& path);
  void cut_node(int number, const std::string& path, Fate& fate, DiskImage& image) const;
  static std::string cut_bytes(const Node& file, Fate& fate);

  std::vector<Node> nodes_;
  std::vector<int> handles_;  ///< node of each
  int root_ = 0;
};

}  // namespace sovren::storage
