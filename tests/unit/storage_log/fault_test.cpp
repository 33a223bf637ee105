// SPDX-License-Identifier: Apache-2.0
// The event log against damage, other versions, full and read-only disks, and kill -9.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "core/base/rng.h"
#include "core/model/state.h"
#include "storage/log/event_log.h"
#include "tests/unit/storage_log/log_dir.h"

namespace sovren::storage {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

void write_log(const LogDir& dir, int events) {
  auto log = open_event_log(dir.log());
  ASSERT_TRUE(log) << to_text(log.error());
  std::vector<Event> batch = numbered_batch(1, events, 150);
  ASSERT_TRUE((*log)->append(batch));
}

Error open_error(const LogDir& dir) {
  const auto log = open_event_log(dir.log());
  EXPECT_FALSE(log);
  return log ? Error{} : log.error();
}

// Opened or not, what is damaged is not taken for whole.
Error read_error(const LogDir& dir) {
  const auto log = open_event_log(dir.log());
  if (!log) return log.error();
  const auto replayed = (*log)->replay([](const Event&) -> Result<void> { return {}; });
  EXPECT_FALSE(replayed);
  return replayed ? Error{} : replayed.error();
}

TEST(EventLogFault, RefusesANewerSchemaAndChangesNothing) {
  const LogDir dir;
  write_log(dir, 3);
  tamper(dir.log(), "UPDATE schema SET version = 7");
  const Error error = open_error(dir);
  EXPECT_EQ(error.code, Code::refused);
  EXPECT_THAT(error.what, HasSubstr("schema version 7; this version of Sovren reads up to 2"));
  EXPECT_THAT(error.hint, HasSubstr("newer version of Sovren"));
  tamper(dir.log(), "UPDATE schema SET version = 2");
  auto log = open_event_log(dir.log());
  ASSERT_TRUE(log);
  EXPECT_EQ(all_of(**log).size(), 3U);
}

TEST(EventLogFault, RefusesFilesThatAreNoLog) {
  const LogDir dir;
  std::ofstream(dir.log()) << "schema = 1\nname = \"a job file\"\n" << std::string(5000, '#');
  EXPECT_EQ(open_error(dir).code, Code::storage_corrupt);
  std::filesystem::remove(dir.log());
  tamper(dir.log(), "CREATE TABLE songs(title); PRAGMA application_id = 77;");
  const Error error = open_error(dir);
  EXPECT_EQ(error.code, Code::storage_corrupt);
  EXPECT_THAT(error.what, HasSubstr("another program"));
}

TEST(EventLogFault, FinishesAFileWhoseMakerWasKilled) {
  const LogDir dir;
  tamper(dir.log(), "PRAGMA application_id = " + std::to_string(log_application_id));
  auto log = open_event_log(dir.log());
  ASSERT_TRUE(log) << to_text(log.error());
  EXPECT_TRUE(all_of(**log).empty());
}

TEST(EventLogFault, SeesChangedMissingAndSwappedEvents) {
  for (const char* sql : {
           "UPDATE events SET event = replace(event, 'node5', 'node6') WHERE seq = 5",
           "UPDATE events SET event = replace(event, ':5', ':6') WHERE seq = 5",
           "UPDATE events SET digest = 'ffffffffffffffff' WHERE seq = 5",
           "DELETE FROM events WHERE seq = 5",
           "DELETE FROM events WHERE seq = 1",
           "UPDATE events SET seq = 5 - 100 WHERE seq = 5",
           "UPDATE events SET event = (SELECT event FROM events WHERE seq = 4) WHERE seq = 5",
           "DELETE FROM events WHERE seq = 5; UPDATE events SET seq = seq - 1 WHERE seq > 5",
       }) {
    const LogDir dir;
    write_log(dir, 9);
    tamper(dir.log(), sql);
    const Error error = read_error(dir);
    EXPECT_EQ(error.code, Code::storage_corrupt) << sql;
    EXPECT_FALSE(error.hint.empty()) << sql;
  }
}

TEST(EventLogFault, SeesThatItsLastEventsWereTakenAway) {
  const LogDir dir;
  auto log = open_event_log(dir.log());
  std::vector<Event> batch = numbered_batch(1, 9);
  ASSERT_TRUE(log && (*log)->append(batch));
  tamper(dir.log(), "DELETE FROM events WHERE seq > 7");
  const auto replayed = (*log)->replay([](const Event&) -> Result<void> { return {}; });
  ASSERT_FALSE(replayed);
  EXPECT_EQ(replayed.error().code, Code::storage_corrupt);
}

// Every 512-byte block of the file, in turn, is overwritten: what is read is right, or an error.
TEST(EventLogFault, NeverTakesADamagedFileForWhole) {
  const LogDir dir;
  write_log(dir, 40);
  const auto size = static_cast<std::int64_t>(std::filesystem::file_size(dir.log()));
  std::string whole(static_cast<std::size_t>(size), '\0');
  std::ifstream(dir.log(), std::ios::binary).read(whole.data(), size);
  int errors = 0;
  for (std::int64_t at = 0; at < size; at += 512) {
    std::string damaged = whole;
    const Philox random(static_cast<std::uint64_t>(at));
    for (std::size_t i = 0; i < 512 && at + static_cast<std::int64_t>(i) < size; ++i)
      damaged[static_cast<std::size_t>(at) + i] = static_cast<char>(random.below(i, 256));
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(dir.log() + suffix);
    std::ofstream(dir.log(), std::ios::binary) << damaged;
    auto log = open_event_log(dir.log());
    std::size_t events = 0;
    const auto replayed = log ? (*log)->replay([&](const Event& event) -> Result<void> {
      EXPECT_EQ(std::get<NodeLeft>(event.body).node, "node" + std::to_string(++events));
      return {};
    })
                              : Result<void>(fail(log.error()));
    if (!replayed) {
      EXPECT_THAT(replayed.error().code, AnyOf(Code::storage_corrupt, Code::refused))
          << "at " << at << ": " << to_text(replayed.error());
      ++errors;
    } else {
      EXPECT_EQ(events, 40U) << "at " << at;
    }
  }
  EXPECT_GE(errors, 20);
}

TEST(EventLogFault, SeesATruncatedFile) {
  const LogDir dir;
  write_log(dir, 200);
  std::filesystem::resize_file(dir.log(), std::filesystem::file_size(dir.log()) - 4096);
  EXPECT_EQ(read_error(dir).code, Code::storage_corrupt);
}

// Appends numbered batches for ever, and says over the pipe how many events are acknowledged.
[[noreturn]] void append_until_killed(const std::string& path, int acknowledge, int first) {
  auto log = open_event_log(path);
  if (!log) ::_exit(1);
  for (int next = first;;) {
    const int count = 1 + next % 5;
    std::vector<Event> batch = numbered_batch(next, count, 300);
    if (!(*log)->append(batch)) ::_exit(2);
    next += count;
    const int last = next - 1;
    if (::write(acknowledge, &last, sizeof last) != sizeof last) ::_exit(3);
  }
}

TEST(EventLogFault, LosesNoAcknowledgedEventToKillNine) {
  const LogDir dir;
  const Philox random(20'261'123);
  int first = 1;
  for (std::uint64_t round = 0; round < 20; ++round) {
    int fds[2];
    ASSERT_EQ(::pipe2(fds, O_CLOEXEC), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) append_until_killed(dir.log(), fds[1], first);
    ::close(fds[1]);
    int acknowledged = first - 1;
    // Killed somewhere after this many acknowledgements: the moment itself is chance.
    for (auto left = random.below(round, 12); left > 0; --left)
      ASSERT_EQ(::read(fds[0], &acknowledged, sizeof acknowledged),
                static_cast<ssize_t>(sizeof acknowledged));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status)) << "exit " << WEXITSTATUS(status);
    while (::read(fds[0], &acknowledged, sizeof acknowledged) > 0) continue;
    ::close(fds[0]);

    auto log = open_event_log(dir.log());
    ASSERT_TRUE(log) << to_text(log.error());
    const std::vector<Event> events = all_of(**log);
    ASSERT_GE(static_cast<int>(events.size()), acknowledged);
    for (std::size_t i = 0; i < events.size(); ++i)
      ASSERT_EQ(events[i].at, Instant{static_cast<std::int64_t>(i) + 1});
    first = static_cast<int>(events.size()) + 1;
  }
  EXPECT_GT(first, 50);
}

/// A small file system of its own; needs root.
class SmallDisk {
 public:
  SmallDisk(const std::string& path, const char* options) : path_(path) {
    is_mounted_ = ::mount("none", path.c_str(), "tmpfs", 0, options) == 0;
  }
  ~SmallDisk() {
    if (is_mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  bool is_mounted() const { return is_mounted_; }
  void make_read_only() {
    ASSERT_EQ(::mount("none", path_.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, ""), 0);
  }

 private:
  std::string path_;
  bool is_mounted_ = false;
};

TEST(EventLogFault, SurvivesAFullDisk) {
  const LogDir dir;
  const SmallDisk disk(dir.path(), "size=1m");
  if (!disk.is_mounted()) GTEST_SKIP() << "mounting a small tmpfs needs root";
  auto log = open_event_log(dir.log());
  ASSERT_TRUE(log) << to_text(log.error());
  int acknowledged = 0;
  std::vector<Event> batch;
  Result<void> appended;
  for (;;) {
    batch = numbered_batch(acknowledged + 1, 3, 10'000);
    appended = (*log)->append(batch);
    if (!appended) break;
    acknowledged += 3;
    ASSERT_LT(acknowledged, 1000);
  }
  EXPECT_EQ(appended.error().code, Code::storage_io);
  EXPECT_THAT(appended.error().what, HasSubstr("disk is full"));
  EXPECT_THAT(appended.error().hint, HasSubstr("free some space"));
  EXPECT_EQ(batch[0].seq, EventSeq{}) << "nothing was numbered";
  EXPECT_EQ(all_of(**log).size(), static_cast<std::size_t>(acknowledged));
  EXPECT_FALSE((*log)->append(batch)) << "still full";

  log->reset();
  auto again = open_event_log(dir.log());
  if (again) {  // else: no room even to open it, and it said so
    EXPECT_EQ(all_of(**again).size(), static_cast<std::size_t>(acknowledged));
  } else {
    EXPECT_EQ(again.error().code, Code::storage_io) << to_text(again.error());
  }
}

TEST(EventLogFault, GoesOnOnceThereIsSpaceAgain) {
  const LogDir dir;
  const SmallDisk disk(dir.path(), "size=1m");
  if (!disk.is_mounted()) GTEST_SKIP() << "mounting a small tmpfs needs root";
  auto log = open_event_log(dir.log());
  ASSERT_TRUE(log) << to_text(log.error());
  std::ofstream(dir.path() + "/ballast") << std::string(600'000, 'x');
  std::vector<Event> batch;
  int acknowledged = 0;
  for (;; acknowledged += 1) {
    batch = numbered_batch(acknowledged + 1, 1, 10'000);
    if (!(*log)->append(batch)) break;
  }
  std::filesystem::remove(dir.path() + "/ballast");
  ASSERT_TRUE((*log)->append(batch));
  EXPECT_EQ(batch[0].seq, EventSeq{acknowledged + 1});
  EXPECT_EQ(all_of(**log).size(), static_cast<std::size_t>(acknowledged) + 1);
}

TEST(EventLogFault, KeepsTheSavedStateWhenTheDiskHasNoRoomForTheNext) {
  const LogDir dir;
  const SmallDisk disk(dir.path(), "size=2m");
  if (!disk.is_mounted()) GTEST_SKIP() << "mounting a small tmpfs needs root";
  auto log = open_event_log(dir.log());
  ASSERT_TRUE(log) << to_text(log.error());
  State state;
  const auto add_node = [&](const std::string& name) {
    std::vector<Event> events{{.body = NodeJoined{name, {}, ""}}};
    const auto appended = (*log)->append(events);
    if (appended) apply(state, events.front());
    return appended.has_value();
  };
  ASSERT_TRUE(add_node("a"));
  ASSERT_TRUE((*log)->save_snapshot(state));
  ASSERT_TRUE(add_node(std::string(1'000'000, 'b')));
  const auto saved = (*log)->save_snapshot(state);  // as large as its event, and once more
  ASSERT_FALSE(saved);
  EXPECT_THAT(saved.error().what, HasSubstr("disk is full"));
  const auto snapshot = (*log)->load_snapshot();
  ASSERT_TRUE(snapshot) << to_text(snapshot.error());
  EXPECT_EQ(snapshot->state.applied, EventSeq{1});
  EXPECT_TRUE(snapshot->warnings.empty());
}

TEST(EventLogFault, SaysThatADiskIsReadOnly) {
  const LogDir dir;
  SmallDisk disk(dir.path(), "size=4m");
  if (!disk.is_mounted()) GTEST_SKIP() << "mounting a small tmpfs needs root";
  write_log(dir, 3);
  disk.make_read_only();
  const Error error = open_error(dir);
  EXPECT_EQ(error.code, Code::storage_io);
  EXPECT_FALSE(error.hint.empty());
}

/// Root may write read-only files, so it becomes nobody, who is given the folder.
class WithoutRoot {
 public:
  explicit WithoutRoot(const std::string& folder) : is_root_(::geteuid() == 0) {
    if (!is_root_) return;
    give(folder);
    for (const auto& entry : std::filesystem::directory_iterator(folder)) give(entry.path());
    EXPECT_EQ(::seteuid(nobody), 0);
  }
  ~WithoutRoot() {
    if (!is_root_) return;
    EXPECT_EQ(::seteuid(0), 0);
  }
  WithoutRoot(const WithoutRoot&) = delete;
  WithoutRoot& operator=(const WithoutRoot&) = delete;

 private:
  static constexpr uid_t nobody = 65534;
  static void give(const std::string& path) {
    EXPECT_EQ(::chown(path.c_str(), nobody, nobody), 0) << path;
  }

  bool is_root_;
};

TEST(EventLogFault, SaysThatAFileIsReadOnly) {
  const LogDir dir;
  write_log(dir, 3);
  std::filesystem::permissions(dir.log(), std::filesystem::perms::owner_read);
  const WithoutRoot user(dir.path());
  const Error error = open_error(dir);
  EXPECT_EQ(error.code, Code::storage_io);
  EXPECT_THAT(error.what, HasSubstr("read-only"));
}

}  // namespace
}  // namespace sovren::storage
