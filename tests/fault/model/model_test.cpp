// SPDX-License-Identifier: Apache-2.0
// The model of a disk that forgets is itself right, and nothing passes by its recorder.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <regex>
#include <set>

#include "storage/file/file.h"
#include "tests/fault/model/crash_lab.h"

namespace sovren::storage {
namespace {

using testing::AnyOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using Kind = Operation::Kind;

/// What a file may hold after a power cut, over many of them; "-" where it is not there.
std::set<std::string> outcomes(const DiskModel& disk, const std::string& path) {
  std::set<std::string> found;
  RandomFate chance(5);
  for (int i = 0; i < 2000; ++i) {
    const DiskImage image = disk.cut(chance);
    const auto entry = image.entries.find(path);
    found.insert(entry == image.entries.end() ? "-" : entry->second.bytes);
  }
  return found;
}

DiskModel disk_with(const std::vector<Operation>& operations) {
  DiskModel disk;
  for (const Operation& operation : operations) disk.apply(operation);
  return disk;
}

const Operation create{.kind = Kind::open, .path = "a", .handle = 0, .creates = true};
const Operation open_root{.kind = Kind::open, .path = ".", .handle = 1};
const Operation sync_file{.kind = Kind::sync, .handle = 0};
const Operation sync_root{.kind = Kind::sync, .handle = 1};

Operation write_at(std::int64_t offset, std::string bytes) {
  return {.kind = Kind::write, .handle = 0, .offset = offset, .bytes = std::move(bytes)};
}

TEST(DiskModel, OnlyWhatIsSyncedIsSure) {
  const std::string zeros(3, '\0');
  EXPECT_THAT(outcomes(disk_with({create, write_at(0, "new")}), "a"),
              testing::UnorderedElementsAre("-", "", "new", zeros));
  EXPECT_THAT(outcomes(disk_with({create, write_at(0, "new"), sync_file}), "a"),
              testing::UnorderedElementsAre("-", "new"));
  EXPECT_THAT(outcomes(disk_with({create, open_root, sync_root, write_at(0, "new")}), "a"),
              testing::UnorderedElementsAre("", "new", zeros));
  EXPECT_THAT(
      outcomes(disk_with({create, write_at(0, "new"), sync_file, open_root, sync_root}), "a"),
      ElementsAre("new"));
}

TEST(DiskModel, WritesAreTornAtSectorsAndLostInAnyOrder) {
  const std::string old(1536, 'o');
  const std::string fresh(1536, 'n');
  const DiskModel disk =
      disk_with({create, write_at(0, old), sync_file, open_root, sync_root, write_at(0, fresh)});
  const std::set<std::string> found = outcomes(disk, "a");
  for (const std::string& each : found)
    for (std::size_t at = 0; at < each.size(); ++at)
      EXPECT_EQ(each[at], each[at / 512 * 512]) << "a sector is whole";
  EXPECT_THAT(found, Contains(fresh.substr(0, 512) + old.substr(0, 1024)));
  EXPECT_THAT(found, Contains(old.substr(0, 1024) + fresh.substr(0, 512)));
  EXPECT_EQ(found.size(), 8U) << "each sector old or new";

  const DiskModel two =
      disk_with({create, open_root, sync_root, write_at(0, "a"), write_at(1, "b")});
  EXPECT_THAT(outcomes(two, "a"), Contains(std::string("\0b", 2))) << "the first is lost";
}

TEST(DiskModel, ARenameIsWholeAndATruncationMayBeLost) {
  const Operation rename{.kind = Kind::rename, .path = "a", .to = "b"};
  const DiskModel disk = disk_with({create,
                                    write_at(0, "text"),
                                    sync_file,
                                    open_root,
                                    sync_root,
                                    rename,
                                    {.kind = Kind::truncate, .handle = 0, .offset = 1}});
  EXPECT_THAT(outcomes(disk, "a"), testing::UnorderedElementsAre("-", "text", "t"));
  EXPECT_THAT(outcomes(disk, "b"), testing::UnorderedElementsAre("-", "text", "t"));
  RandomFate chance(6);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(disk.cut(chance).entries.size(), 1U) << "one of the names";
}

TEST(DiskModel, OperationsOfOtherWritersMayComeInAnotherOrder) {
  Trace trace;
  const auto add = [&](int handle, const std::string& bytes) {
    trace.add({.kind = Kind::write, .handle = handle, .bytes = bytes});
  };
  trace.add({.kind = Kind::open, .path = "x", .handle = 0, .creates = true});
  trace.add({.kind = Kind::open, .path = "y", .handle = 1, .creates = true});
  for (int i = 0; i < 5; ++i) add(0, std::to_string(i));
  for (int i = 5; i < 10; ++i) add(1, std::to_string(i));
  trace.promise("done", {1});
  add(0, "last");
  std::set<std::string> orders;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    interleave(
        trace, [](const std::string& path) { return path; }, seed);
    std::string order;
    std::string of_x;
    for (const Operation& each : trace.operations()) {
      order += each.kind == Kind::promise ? "!" : each.bytes;
      if (each.handle == 0) of_x += each.bytes;
    }
    EXPECT_EQ(of_x, "01234last");
    EXPECT_THAT(order, testing::EndsWith("!last")) << "all wait for what has no writer";
    orders.insert(order);
  }
  EXPECT_GT(orders.size(), 5U);
}

TEST(Recorder, KnowsEveryCallOfThePort) {
  const char* const source = std::getenv("SOVREN_SOURCE");
  ASSERT_NE(source, nullptr);
  const std::string port = read_file(std::string(source) + "/storage/file/system.h").value();
  const std::string hooks =
      read_file(std::string(source) + "/tests/fault/model/hooked_system.h").value();
  const std::regex declared("virtual [a-z_]+ ([a-z_]+)\\(");
  int calls = 0;
  for (std::sregex_iterator each(port.begin(), port.end(), declared), end; each != end; ++each) {
    const std::regex hooked("[ ]" + (*each)[1].str() + "\\([^;]*\\) override;");
    EXPECT_TRUE(std::regex_search(hooks, hooked))
        << (*each)[1] << "() passes by the tests of tests/fault: add it to HookedSystem, and to "
        << "RecordingSystem if it changes the disk";
    ++calls;
  }
  EXPECT_GE(calls, 11);
}

/// Calls that change a disk, where they are not made through the port.
std::vector<std::string> calls_beside_the_port(const std::string& source) {
  const std::regex changing(
      "[^A-Za-z0-9_]::(write|pwrite|writev|rename|renameat|link|symlink|mkdir|unlink|rmdir|"
      "ftruncate|truncate|fallocate|fsync|fdatasync|sync_file_range)\\(|\\bofstream\\b|"
      "\\bO_(CREAT|WRONLY|RDWR)\\b|(fs|filesystem)::(rename|remove|create|copy|resize)");
  std::vector<std::string> found;
  for (std::sregex_iterator each(source.begin(), source.end(), changing), end; each != end; ++each)
    found.push_back(each->str());
  return found;
}

TEST(Recorder, StorageChangesTheDiskThroughThePortOnly) {
  EXPECT_THAT(calls_beside_the_port("if (::rename(a, b) != 0) ::open(c, O_CREAT);"),
              ElementsAre("(::rename(", "O_CREAT"))
      << "the search finds what it should";
  const std::string root = std::string(std::getenv("SOVREN_SOURCE")) + "/storage";
  // The port itself; a file's creation, by the port; and the lock, which no power cut matters to.
  const std::set<std::string> known{"file/system.cpp", "file/file.cpp", "file/lock.cpp"};
  int sources = 0;
  for (const auto& each : std::filesystem::recursive_directory_iterator(root)) {
    const std::string name = each.path().lexically_relative(root).string();
    if (each.path().extension() != ".cpp" || known.contains(name)) continue;
    ++sources;
    EXPECT_THAT(calls_beside_the_port(read_file(each.path().string()).value()), testing::IsEmpty())
        << name;
  }
  EXPECT_GT(sources, 30);
}

/// A life of one file that is written by `write`.
Life file_life(std::function<void(const std::string& path)> write) {
  return {.name = "file",
          .prepare =
              [](const std::string& folder) { return write_file_atomic(folder + "/old", "old"); },
          .live = [write = std::move(write)](const std::string& folder, Trace&) -> Result<void> {
            write(folder + "/old");
            return {};
          },
          .check = [](const std::string&, const CrashState&) { return Finding{}; }};
}

TEST(Recorder, NoticesWhatPassesItBy) {
  CrashLab lab;
  const auto writes = [](const std::string& path) {
    const int fd = ::open(path.c_str(), O_WRONLY);
    EXPECT_EQ(::pwrite(fd, "n", 1, 0), 1);
    ::close(fd);
  };
  const auto renames = [](const std::string& path) {
    EXPECT_EQ(::rename(path.c_str(), (path + "er").c_str()), 0);
  };
  const auto removes = [](const std::string& path) { EXPECT_EQ(::unlink(path.c_str()), 0); };
  for (const Life& life : {file_life(writes), file_life(renames), file_life(removes)}) {
    const auto tally = lab.watch(life, {});
    ASSERT_FALSE(tally);
    EXPECT_THAT(tally.error().what,
                AnyOf(HasSubstr("without a recorded operation"), HasSubstr("old is not there")));
  }
  const auto tally = lab.watch(
      file_life([](const std::string& path) { EXPECT_TRUE(write_file_atomic(path, "new")); }), {});
  ASSERT_TRUE(tally) << to_text(tally.error());
  EXPECT_EQ(tally->operations, 6) << "create, write, fsync, rename, open and fsync of the folder";
}

}  // namespace
}  // namespace sovren::storage
