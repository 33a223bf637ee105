// SPDX-License-Identifier: Apache-2.0
#include "storage/file/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "tests/unit/storage_file/failing_system.h"

namespace sovren::storage {
namespace {

using testing::HasSubstr;

class FileTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = testing::TempDir() + "sovren-file-" + std::to_string(::getpid());
    ASSERT_TRUE(remove_tree(dir_));
    ASSERT_TRUE(make_directories(dir_));
  }
  void TearDown() override { ASSERT_TRUE(remove_tree(dir_)); }
  std::string in(const std::string& name) const { return dir_ + "/" + name; }

  std::string dir_;
};

TEST_F(FileTest, ReadsBackWhatItWrote) {
  auto file = FileWriter::create(in("a"));
  ASSERT_TRUE(file);
  const std::string large(std::size_t{20} << 20, 'x');
  ASSERT_TRUE(file->append("head "));
  ASSERT_TRUE(file->append(large));
  ASSERT_TRUE(file->append(""));
  EXPECT_EQ(file->size_bytes(), 5 + (20 << 20));
  ASSERT_TRUE(file->finish());
  EXPECT_EQ(read_file(in("a")), "head " + large);
}

/// Pieces of many sizes, at addresses that are multiples of direct_alignment and that are not.
std::string write_in_pieces(FileWriter& file) {
  constexpr std::size_t large_bytes = std::size_t{3} << 20;
  const AlignedBytes memory = allocate_aligned(large_bytes);
  for (std::size_t i = 0; i < large_bytes; ++i)
    memory.get()[i] = static_cast<std::byte>(i * i >> 3);
  std::string expected;
  const auto append = [&](std::size_t first, std::size_t size) {
    const std::span<const std::byte> piece(memory.get() + first, size);
    ASSERT_TRUE(file.append(piece));
    expected.append(reinterpret_cast<const char*>(piece.data()), size);
    EXPECT_EQ(file.size_bytes(), static_cast<std::int64_t>(expected.size()));
  };
  append(0, 4096);                    // put together with what follows
  append(0, large_bytes);             // from where it is
  append(4096, large_bytes - 5000);   // its end is held
  append(0, large_bytes);             // at an odd place of the file
  append(1, (std::size_t{1} << 20));  // from an odd address
  append(17, 1);
  return expected;
}

TEST_F(FileTest, WritesPastThePageCacheWhatItWritesThroughIt) {
  for (const auto way : {FileWriter::Way::cached, FileWriter::Way::direct}) {
    for (const std::string& path :
         {in("a"), "/dev/shm/sovren-file-" + std::to_string(::getpid())}) {
      auto file = FileWriter::create(path, way);
      ASSERT_TRUE(file);
      const std::string expected = write_in_pieces(*file);
      ASSERT_TRUE(file->finish());
      EXPECT_TRUE(read_file(path) == expected);
      ASSERT_TRUE(remove_tree(path));
    }
  }
}

TEST_F(FileTest, ADirectWriteThatIsRefusedOrCutShortGoesThroughThePageCache) {
  // 0: none is refused, but each writes half.
  for (int refused = 0; refused < 7; ++refused) {
    FailingSystem system([&](const std::string& call, int number) {
      return call == "write" && number == refused ? EINVAL : 0;
    });
    system.short_writes = refused == 0;
    auto file = FileWriter::create(in("a"), FileWriter::Way::direct);
    ASSERT_TRUE(file);
    const std::string expected = write_in_pieces(*file);
    const auto finished = file->finish();
    ASSERT_TRUE(finished) << refused << ": " << to_text(finished.error());
    EXPECT_TRUE(read_file(in("a")) == expected) << refused;
    ASSERT_TRUE(remove_tree(in("a")));
  }
}

TEST_F(FileTest, ReservingDoesNotChangeTheSize) {
  auto file = FileWriter::create(in("a"));
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->reserve(1 << 20));
  ASSERT_TRUE(file->append("abc"));
  ASSERT_TRUE(file->finish());
  EXPECT_EQ(read_file(in("a")), "abc");
}

TEST_F(FileTest, CreateRefusesAnExistingFile) {
  ASSERT_TRUE(write_file_atomic(in("a"), "old"));
  const auto file = FileWriter::create(in("a"));
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, Code::storage_io);
  EXPECT_THAT(file.error().what, HasSubstr("EEXIST"));
  EXPECT_EQ(read_file(in("a")), "old");
}

TEST_F(FileTest, AFullDiskIsNamedWithAHint) {
  FailingSystem system([](const std::string& call, int) { return call == "write" ? ENOSPC : 0; });
  auto file = FileWriter::create(in("a"));
  ASSERT_TRUE(file);
  const auto written = file->append("abc");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Code::storage_io);
  EXPECT_THAT(written.error().what, HasSubstr("No space left on device"));
  EXPECT_THAT(written.error().what, HasSubstr(in("a")));
  EXPECT_EQ(written.error().hint, "free space or choose another folder with --dir");
}

TEST_F(FileTest, AReadOnlyFolderIsNamedWithAHint) {
  for (const int error_number : {EROFS, EACCES}) {
    FailingSystem system([&](const std::string&, int) { return error_number; });
    const auto file = FileWriter::create(in("a"));
    ASSERT_FALSE(file);
    EXPECT_THAT(file.error().hint, HasSubstr("read-only"));
  }
}

TEST_F(FileTest, ErrorsAreSticky) {
  FailingSystem system(
      [](const std::string& call, int number) { return call == "write" && number == 1 ? EIO : 0; });
  auto file = FileWriter::create(in("a"));
  ASSERT_TRUE(file);
  const auto first = file->append("abc");
  ASSERT_FALSE(first);
  const auto second = file->append("abc");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().what, first.error().what);
  EXPECT_FALSE(file->reserve(10));
  EXPECT_FALSE(file->finish());
  EXPECT_EQ(system.writes, 1);
  EXPECT_EQ(system.fsyncs, 0);
}

TEST_F(FileTest, AFailedFsyncIsNeverRetried) {
  FailingSystem system(
      [](const std::string& call, int number) { return call == "fsync" && number == 1 ? EIO : 0; });
  auto file = FileWriter::create(in("a"));
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->append("abc"));
  EXPECT_FALSE(file->finish());
  EXPECT_FALSE(file->finish());
  EXPECT_EQ(system.fsyncs, 1);
}

TEST_F(FileTest, GoesOnAfterSignalsAndShortWrites) {
  FailingSystem system([](const std::string&, int number) { return number % 2 == 1 ? EINTR : 0; });
  system.short_writes = true;
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += std::to_string(i);
  auto file = FileWriter::create(in("a"));
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->append(text));
  ASSERT_TRUE(file->finish());
  EXPECT_GT(system.writes, 10);
  EXPECT_EQ(read_file(in("a")), text);
}

TEST_F(FileTest, TheSizeLimitOfTheProcessIsAnError) {
  rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  auto* const old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 4096, .rlim_max = old.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  auto file = FileWriter::create(in("a"));
  ASSERT_TRUE(file);
  const auto written = file->append(std::string(10'000, 'x'));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old), 0);
  std::signal(SIGXFSZ, old_handler);
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().hint, HasSubstr("ulimit -f"));
}

TEST_F(FileTest, AtomicWriteReplacesAll) {
  ASSERT_TRUE(write_file_atomic(in("a"), "a longer old text"));
  ASSERT_TRUE(write_file_atomic(in("a"), "new"));
  EXPECT_EQ(read_file(in("a")), "new");
  EXPECT_EQ(list_directory(dir_)->size(), 1U);
}

TEST_F(FileTest, AtomicWriteTakesWhatIsAppended) {
  ASSERT_TRUE(write_file_atomic(in("a"), [](FileWriter& file) -> Result<void> {
    SOVREN_DO(file.append("front "));
    return file.append("back");
  }));
  EXPECT_EQ(read_file(in("a")), "front back");
  EXPECT_FALSE(write_file_atomic(in("a"), [](FileWriter& file) -> Result<void> {
    SOVREN_DO(file.append("new"));
    return fail({.code = Code::refused, .what = "no"});
  }));
  EXPECT_EQ(read_file(in("a")), "front back");
  EXPECT_EQ(list_directory(dir_)->size(), 1U);
}

TEST_F(FileTest, AFailedAtomicWriteLeavesTheOldAndNoLitter) {
  ASSERT_TRUE(write_file_atomic(in("a"), "old"));
  for (const std::string failing : {"open", "write", "fsync", "rename"}) {
    FailingSystem system([&](const std::string& call, int number) {
      return call == failing && number == 1 ? EIO : 0;
    });
    EXPECT_FALSE(write_file_atomic(in("a"), "new")) << failing;
    EXPECT_EQ(read_file(in("a")), "old") << failing;
    EXPECT_EQ(list_directory(dir_)->size(), 1U) << failing;
  }
}

TEST_F(FileTest, AtomicWriteSyncsTheFileAndThenItsFolder) {
  FailingSystem system([](const std::string&, int) { return 0; });
  ASSERT_TRUE(write_file_atomic(in("a"), "x"));
  EXPECT_EQ(system.fsyncs, 2);
  system.fsyncs = 0;
  ASSERT_TRUE(make_directories(in("d/e")));
  EXPECT_EQ(system.fsyncs, 3)
      << "the folders that got a new name in them, and the one that may have";
}

TEST_F(FileTest, AMissingFileIsAMissingInput) {
  const auto text = read_file(in("none"));
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, Code::input_missing);
  EXPECT_THAT(text.error().what, HasSubstr("No such file"));
  EXPECT_EQ(read_file(dir_).error().code, Code::input_missing);
  EXPECT_EQ(FileReader::open(in("none")).error().code, Code::input_missing);
}

TEST_F(FileTest, LargerThanTheLimitIsRefused) {
  ASSERT_TRUE(write_file_atomic(in("a"), "12345"));
  EXPECT_EQ(read_file(in("a"), 5), "12345");
  EXPECT_EQ(read_file(in("a"), 4).error().code, Code::refused);
}

TEST_F(FileTest, ReaderReadsAnywhereAndKnowsTheEnd) {
  ASSERT_TRUE(write_file_atomic(in("a"), "0123456789"));
  const auto reader = FileReader::open(in("a"));
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->size_bytes(), 10);
  std::string three(3, ' ');
  ASSERT_TRUE(reader->read_at(7, std::as_writable_bytes(std::span(three))));
  EXPECT_EQ(three, "789");
  const auto past = reader->read_at(8, std::as_writable_bytes(std::span(three)));
  ASSERT_FALSE(past);
  EXPECT_EQ(past.error().code, Code::storage_corrupt);
}

TEST_F(FileTest, ReaderRefusesLinksPipesAndFolders) {
  ASSERT_TRUE(write_file_atomic(in("a"), "x"));
  ASSERT_EQ(::symlink(in("a").c_str(), in("link").c_str()), 0);
  ASSERT_EQ(::mkfifo(in("fifo").c_str(), 0600), 0);
  EXPECT_FALSE(FileReader::open(in("link")));
  EXPECT_FALSE(FileReader::open(in("fifo")));
  EXPECT_FALSE(FileReader::open(dir_));
}

}  // namespace
}  // namespace sovren::storage
