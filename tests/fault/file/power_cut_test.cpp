// SPDX-License-Identifier: Apache-2.0
// Files that are replaced, folders that are made and frames that are added, when the power goes.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>

#include "storage/file/file.h"
#include "storage/file/sequence.h"
#include "tests/fault/model/crash_lab.h"
#include "tests/fault/model/faulty_system.h"

namespace sovren::storage {
namespace {

/// Version n of a file: the sizes are all around sectors and writes.
std::string version(std::int64_t n) {
  std::string text = "version " + std::to_string(n) + "\n";
  text.resize(text.size() + static_cast<std::size_t>(n * 911 % 4096), static_cast<char>('a' + n));
  return text;
}

/// Whether a file holds a version that is at least the promised one.
Finding check_version(const std::string& path, std::int64_t promised) {
  const auto text = read_file(path);
  if (!text) return {promised > 0 ? Verdict::nothing : Verdict::good, to_text(text.error())};
  std::int64_t n = 0;
  constexpr std::size_t number_at = sizeof "version " - 1;
  if (text->size() > number_at) n = std::strtoll(text->c_str() + number_at, nullptr, 10);
  if (*text != version(n)) return {Verdict::wrong, path + " is no version"};
  return {n >= promised ? Verdict::good : Verdict::lost, path + " is version " + std::to_string(n)};
}

Life replaced_file() {
  return {.name = "write_file_atomic",
          .prepare = [](const std::string&) -> Result<void> { return {}; },
          .live = [](const std::string& root, Trace& trace) -> Result<void> {
            for (std::int64_t n = 1; n <= 6; ++n) {
              SOVREN_DO(write_file_atomic(root + "/file", version(n)));
              trace.promise("version", {n});
            }
            return {};
          },
          .check =
              [](const std::string& root, const CrashState& state) {
                return check_version(root + "/file", state.promised("version", 0));
              }};
}

Life made_and_renamed_folder() {
  return {.name = "make_directories, rename",
          .prepare = [](const std::string&) -> Result<void> { return {}; },
          .live = [](const std::string& root, Trace& trace) -> Result<void> {
            SOVREN_DO(make_directories(root + "/a/b/c"));
            SOVREN_DO(write_file_atomic(root + "/a/b/c/file", version(3)));
            trace.promise("under c", {3});
            SOVREN_DO(make_directories(root + "/d"));
            trace.promise("under c", {0});
            SOVREN_DO(rename_durable(root + "/a/b/c", root + "/d/e"));
            trace.promise("under e", {3});
            return remove_tree(root + "/a");
          },
          .check = [](const std::string& root, const CrashState& state) -> Finding {
            Finding found = check_version(root + "/a/b/c/file", state.promised("under c", 0));
            if (found.verdict == Verdict::good)
              found = check_version(root + "/d/e/file", state.promised("under e", 0));
            return found;
          }};
}

/// A process was killed before it had synced the name of a folder that it had made.
Life folder_of_the_killed() {
  return {.name = "folder of one that was killed",
          .prepare = [](const std::string&) -> Result<void> { return {}; },
          .live = [](const std::string& root, Trace& trace) -> Result<void> {
            for (const char* const name : {"/a", "/a/b"})
              if (system_calls().mkdir((root + name).c_str(), 0777) != 0)
                return fail(io_error("make", root + name, errno));
            SOVREN_DO(sync_directory(root));  // it was killed before it did that to a
            SOVREN_DO(make_directories(root + "/a/b"));
            SOVREN_DO(write_file_atomic(root + "/a/b/file", version(1)));
            trace.promise("version", {1});
            SOVREN_DO(make_directories(root + "/a/b/c/d"));
            SOVREN_DO(write_file_atomic(root + "/a/b/c/d/file", version(2)));
            trace.promise("deep", {2});
            return {};
          },
          .check = [](const std::string& root, const CrashState& state) -> Finding {
            Finding found = check_version(root + "/a/b/file", state.promised("version", 0));
            if (found.verdict == Verdict::good)
              found = check_version(root + "/a/b/c/d/file", state.promised("deep", 0));
            return found;
          }};
}

/// A picture is made anew, and takes the place of the frame that it was before.
Life sequence(const std::string& name, bool has_links) {
  const auto add = [](const std::string& root) {
    return add_to_sequence(root + "/result", root + "/sequence/turn.0012");
  };
  return {.name = name,
          .prepare = [](const std::string& root) -> Result<void> {
            SOVREN_DO(make_directories(root + "/result"));
            SOVREN_DO(write_file_atomic(root + "/result/image.exr", version(1)));
            return write_file_atomic(root + "/result/image.png", version(1));
          },
          .live = [add, has_links](const std::string& root, Trace& trace) -> Result<void> {
            if (!has_links) {
              // Copies where a folder stands in the way of the link.
              SOVREN_DO(make_directories(root + "/sequence/turn.0012.exr.part"));
              SOVREN_DO(make_directories(root + "/sequence/turn.0012.png.part"));
            }
            SOVREN_DO(add(root));
            trace.promise("frame", {1});
            SOVREN_DO(add(root));
            SOVREN_DO(write_file_atomic(root + "/result/image.exr", version(2)));
            SOVREN_DO(write_file_atomic(root + "/result/image.png", version(2)));
            SOVREN_DO(add(root));
            trace.promise("frame", {2});
            return {};
          },
          .check = [](const std::string& root, const CrashState& state) -> Finding {
            for (const char* const suffix : {".exr", ".png"}) {
              const Finding found =
                  check_version(root + "/sequence/turn.0012" + suffix, state.promised("frame", 0));
              if (found.verdict != Verdict::good) return found;
            }
            return {};
          }};
}

std::vector<Life> lives() {
  return {replaced_file(), made_and_renamed_folder(), folder_of_the_killed(),
          sequence("sequence, links", true), sequence("sequence, copies", false)};
}

TEST(FilePowerCut, AFileIsOldOrNewAndWhatReturnedStays) {
  CrashLab lab;
  std::vector<CrashTally> tallies;
  for (const Life& life : lives()) {
    const auto tally = lab.watch(life, {.states_per_moment = 60, .seed = 8});
    ASSERT_TRUE(tally) << life.name << ": " << to_text(tally.error());
    EXPECT_EQ(tally->of(Verdict::good), tally->states) << life.name << ": " << tally->first;
    tallies.push_back(*tally);
  }
  print_tallies(tallies);
}

TEST(FileFault, AnErrorAtAnyCallIsSaidOrDoesNoHarm) {
  CrashLab lab;
  int struck = 0;
  for (const Life& life : lives())
    for (const Fault::Kind kind : {Fault::Kind::error, Fault::Kind::sync_error,
                                   Fault::Kind::short_then_error, Fault::Kind::interrupted})
      for (int call = 1;; ++call) {
        ASSERT_TRUE(lab.prepare(life));
        const DiskModel start(lab.root());
        Trace trace;
        FaultySystem system(lab.root(), trace, {kind, EIO, call});
        const auto lived = life.live(lab.root(), trace);
        if (system.struck().empty()) break;
        ++struck;
        const std::string when = life.name + ", call " + std::to_string(call);
        EXPECT_TRUE(lived || kind != Fault::Kind::interrupted)
            << when << ": " << to_text(lived.error());
        const CrashTally tally = lab.search(
            life, start, trace, {.states_per_moment = 10, .seed = 9, .only_at_end = true});
        EXPECT_EQ(tally.of(Verdict::good), tally.states) << when << ": " << tally.first;
      }
  EXPECT_GT(struck, 250);
}

}  // namespace
}  // namespace sovren::storage
