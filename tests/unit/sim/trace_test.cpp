// SPDX-License-Identifier: Apache-2.0
#include "scheduler/sim/trace.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <fstream>

namespace sovren::sim {
namespace {

std::string line(std::int64_t id, std::int64_t submit, std::int64_t run, int allocated,
                 int requested, std::int64_t request, int user = 3) {
  return std::to_string(id) + " " + std::to_string(submit) + " 0 " + std::to_string(run) + " " +
         std::to_string(allocated) + " -1 -1 " + std::to_string(requested) + " " +
         std::to_string(request) + " -1 1 " + std::to_string(user) + " 1 -1 -1 -1 -1 -1\n";
}

Trace parsed(const std::string& text, Cleaning cleaning = Cleaning::full, int procs = 0) {
  auto trace = parse_swf(text, "t.swf", cleaning, procs);
  EXPECT_TRUE(trace) << to_text(trace.error());
  return *trace;
}

TEST(Trace, ReadsWhatArchivesHold) {
  const Trace trace = parsed(
      "; MaxNodes: 144\n;MaxProcs: 1152 (batch partition only)\n\n"
      "\t1\t50\t2\t100\t16\t99.5\t-1\t8\t200\t-1\t1\t7\t1\t-1\t0\t-1\t-1\t-1\r\n"
      "2 10 -1 30 4\n" +
      line(3, 20, 1e9, 4, -1, 600));
  EXPECT_EQ(trace.procs, 1152);
  ASSERT_EQ(trace.jobs.size(), 3u);
  EXPECT_EQ(trace.jobs[0].id, 2) << "sorted by submission";
  EXPECT_EQ(trace.jobs[0].request_s, 30) << "no request: as it ran";
  EXPECT_EQ(trace.jobs[0].user, -1);
  EXPECT_EQ(trace.jobs[1].run_s, 600) << "cut to the request";
  EXPECT_EQ(trace.cut, 1);
  EXPECT_EQ(trace.jobs[2].procs, 16) << "the larger of allocated and requested";
  EXPECT_EQ(trace.jobs[2].user, 7);
}

TEST(Trace, TakesTheMachineFromTheBestSource) {
  EXPECT_EQ(parsed("; MaxNodes: 256\n" + line(1, 0, 1, 16, -1, 9)).procs, 256);
  EXPECT_EQ(parsed(line(1, 0, 1, 16, 32, 9)).procs, 32) << "the largest job";
  EXPECT_EQ(parsed("; MaxProcs: 256\n" + line(1, 0, 1, 16, -1, 9), Cleaning::full, 64).procs, 64);
}

TEST(Trace, DropsWhatItsCleaningSays) {
  const std::string text = "; MaxProcs: 8\n" + line(1, 0, 5, 4, 4, 9) + line(2, 1, 0, 4, 4, 9) +
                           line(3, 2, -1, 4, 4, 9) + line(4, 3, 5, 0, -1, 9) +
                           line(5, 4, 5, 9, 4, 9) + line(6, 5, 50, 4, 4, 9);
  const Trace full = parsed(text);
  ASSERT_EQ(full.jobs.size(), 2u);
  EXPECT_EQ(full.dropped, 4);
  EXPECT_EQ(full.jobs[1].run_s, 9);
  const Trace windows = parsed(text, Cleaning::rlscheduler);
  ASSERT_EQ(windows.jobs.size(), 3u);
  EXPECT_EQ(windows.jobs[1].run_s, 10) << "cancelled: ten seconds";
  EXPECT_EQ(windows.jobs[2].run_s, 50) << "nothing is cut";
}

TEST(Trace, RefusesWhatIsNoTraceWithItsPlace) {
  for (const auto& [text, where, what] :
       {std::tuple{"1 2 3\n", "t.swf:1", "3 fields"},
        std::tuple{"; x\n1 2 0 4 five 6\n", "t.swf:2", "no number"},
        std::tuple{"1 2 0 nan 5\n", "t.swf:1", "no number"},
        std::tuple{"; nothing\n", "t.swf", "no job"}, std::tuple{"", "t.swf", "no job"}}) {
    const auto trace = parse_swf(text, "t.swf", Cleaning::full);
    ASSERT_FALSE(trace) << text;
    EXPECT_EQ(trace.error().code, Code::data_invalid);
    EXPECT_EQ(trace.error().where, where);
    EXPECT_NE(trace.error().what.find(what), std::string::npos) << trace.error().what;
  }
}

TEST(Trace, ReadsPlainAndGzippedFiles) {
  const std::string text = line(1, 0, 5, 4, 4, 9);
  const std::string plain = testing::TempDir() + "/sim_trace.swf";
  std::ofstream(plain) << text;
  const std::string packed = plain + ".gz";
  gzFile file = gzopen(packed.c_str(), "wb");
  ASSERT_EQ(gzwrite(file, text.data(), static_cast<unsigned>(text.size())),
            static_cast<int>(text.size()));
  gzclose(file);
  for (const std::string& path : {plain, packed}) {
    const auto read = read_trace_file(path);
    ASSERT_TRUE(read) << path;
    EXPECT_EQ(*read, text);
  }
  EXPECT_EQ(read_trace_file(plain + ".gone").error().code, Code::input_missing);
}

}  // namespace
}  // namespace sovren::sim
