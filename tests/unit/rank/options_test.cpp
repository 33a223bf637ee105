// SPDX-License-Identifier: Apache-2.0
#include "workers/rank/options.h"

#include <gtest/gtest.h>

#include <vector>

#include "workers/rank/backend.h"
#include "workers/rank/control.h"

namespace sovren::workers {
namespace {

Result<Options> parse(const std::vector<const char*>& arguments, const char* deadline = nullptr) {
  return parse_options(arguments, deadline);
}

TEST(Options, RunTakesAllItsFigures) {
  const auto options =
      parse({"--dir", "/j", "--job", "12", "--attempt", "3", "--ranks", "4", "--oldest-set-job",
             "9000000000", "--mtbf", "86400.5", "--report", "/s"},
            "2.5");
  ASSERT_TRUE(options.has_value()) << to_text(options.error());
  EXPECT_EQ(options->mode, Options::Mode::run);
  EXPECT_EQ(options->dir, "/j");
  EXPECT_EQ(options->job, JobId{12});
  EXPECT_EQ(options->attempt, 3);
  EXPECT_EQ(options->ranks, 4);
  EXPECT_EQ(options->oldest_set_job, JobId{9'000'000'000});
  EXPECT_EQ(options->mtbf_s, 86400.5);
  EXPECT_EQ(options->report_socket, "/s");
  EXPECT_EQ(options->peer_deadline_s, 2.5);
}

TEST(Options, OtherModesNeedNoFolder) {
  EXPECT_EQ(parse({"--about"})->mode, Options::Mode::about);
  EXPECT_EQ(parse({"--help"})->mode, Options::Mode::help);
  EXPECT_EQ(parse({"--generate"})->mode, Options::Mode::generate);
  EXPECT_EQ(parse({"--tokenizer"})->mode, Options::Mode::tokenizer);
  EXPECT_EQ(parse({"--scene"})->mode, Options::Mode::scene);
  const auto check = parse({"--check", "job.toml"});
  ASSERT_TRUE(check.has_value());
  EXPECT_EQ(check->mode, Options::Mode::check);
  EXPECT_EQ(check->job_file, "job.toml");
  EXPECT_EQ(check->peer_deadline_s, peer_deadline_s_default);
}

TEST(Options, WrongOnesAreUsageErrors) {
  const std::vector<std::vector<const char*>> wrong{{},
                                                    {"--dir"},
                                                    {"--dir", "/j", "--ranks", "0"},
                                                    {"--dir", "/j", "--ranks", "-1"},
                                                    {"--dir", "/j", "--ranks", "3000000000"},
                                                    {"--dir", "/j", "--ranks", "4x"},
                                                    {"--dir", "/j", "--attempt", ""},
                                                    {"--dir", "/j", "--mtbf", "0"},
                                                    {"--dir", "/j", "--mtbf", "nan"},
                                                    {"--dir", "/j", "--rank", "1"},
                                                    {"--dir", "/j", "more"}};
  for (const auto& arguments : wrong) {
    const auto options = parse(arguments);
    ASSERT_FALSE(options.has_value()) << testing::PrintToString(arguments);
    EXPECT_EQ(options.error().code, Code::usage);
    EXPECT_EQ(rank_exit_code(options.error().code), 78);
  }
  EXPECT_FALSE(parse({"--about"}, "soon").has_value());
}

TEST(Control, LinesSetWhatTheLoopTakes) {
  Control control;
  ASSERT_TRUE(control.take_line(R"({"request":"checkpoint"})").has_value());
  EXPECT_TRUE(control.take_checkpoint());
  EXPECT_FALSE(control.take_checkpoint()) << "taken";
  EXPECT_FALSE(control.is_stopping());
  ASSERT_TRUE(control.take_line(R"({"request":"stop"})").has_value());
  EXPECT_TRUE(control.is_stopping());
  EXPECT_TRUE(control.is_stopping()) << "stays";
  EXPECT_EQ(control.take_recorded(), std::nullopt);
  ASSERT_TRUE(control.take_line(R"({"sealed_recorded":0})").has_value());
  EXPECT_EQ(control.take_recorded(), 0);
  EXPECT_EQ(control.take_recorded(), std::nullopt);
}

TEST(Control, OtherLinesAreErrors) {
  Control control;
  for (const char* line : {"", "stop", "[]", "{}", R"({"request":"dance"})", R"({"request":1})",
                           R"({"sealed_recorded":"x"})", "\"stop\""})
    EXPECT_EQ(control.take_line(line).error().code, Code::data_invalid) << line;
  EXPECT_FALSE(control.take_checkpoint());
  EXPECT_FALSE(control.is_stopping());
}

TEST(Backend, AutoTakesCudaWhereADeviceIs) {
  const kernels::DeviceList none{.is_compiled = true, .why_none = "no driver"};
  const kernels::DeviceList one{.is_compiled = true, .devices = {{.name = "H"}}};
  EXPECT_EQ(choose_backend(Backend::auto_, one)->backend, Backend::cuda);
  EXPECT_EQ(choose_backend(Backend::auto_, one)->devices, std::vector<std::string>{"H"});
  EXPECT_EQ(choose_backend(Backend::auto_, none)->backend, Backend::cpu);
  EXPECT_EQ(choose_backend(Backend::auto_, none)->why, "no driver");
  EXPECT_EQ(choose_backend(Backend::cpu, one)->backend, Backend::cpu);
  EXPECT_EQ(choose_backend(Backend::cuda, one)->backend, Backend::cuda);
  const auto missing = choose_backend(Backend::cuda, none);
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, Code::refused);
  EXPECT_NE(missing.error().what.find("no driver"), std::string::npos);
}

TEST(Backend, RanksOfANodeGoRoundItsDevices) {
  EXPECT_EQ(device_of_rank(nullptr, 4), 0);
  EXPECT_EQ(device_of_rank("0", 4), 0);
  EXPECT_EQ(device_of_rank("3", 4), 3);
  EXPECT_EQ(device_of_rank("6", 4), 2);
  EXPECT_EQ(device_of_rank("2", 1), 0);
  EXPECT_EQ(device_of_rank("2", 0), 0);
  EXPECT_EQ(device_of_rank("-1", 3), 0);
}

}  // namespace
}  // namespace sovren::workers
