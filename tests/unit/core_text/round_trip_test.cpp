// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>

#include "core/text/event_json.h"
#include "core/text/job_file.h"
#include "core/text/json.h"
#include "core/text/report_json.h"
#include "tests/unit/core_text/random_spec.h"

namespace sovren::text {
namespace {

using testing_text::random_event;
using testing_text::random_report;
using testing_text::random_spec;

std::string all(const Errors& errors) {
  std::string text;
  for (const Error& error : errors) text += to_text(error) + "\n";
  return text;
}

TEST(PrintedJobFile, ReadsBackToTheSameSpec) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const JobSpec spec = random_spec(seed);
    const std::string printed = print_job_file(spec);
    const auto read = parse_job_file({.name = "job.toml", .text = printed, .base_dir = "/x"});
    ASSERT_TRUE(read) << "seed " << seed << "\n" << all(read.error()) << printed;
    ASSERT_TRUE(*read == spec) << "seed " << seed << "\n" << printed << print_job_file(*read);
    ASSERT_EQ(print_job_file(*read), printed);
  }
}

TEST(PrintedJobFile, KeepsMissingNan) {
  JobSpec spec;
  spec.name = "n";
  std::get<CausalSpec>(spec.kind).data = "/d.csv";
  std::get<CausalSpec>(spec.kind).missing = std::nan("");
  const auto read =
      parse_job_file({.name = "job.toml", .text = print_job_file(spec), .base_dir = "/"});
  ASSERT_TRUE(read);
  EXPECT_TRUE(std::isnan(std::get<CausalSpec>(read->kind).missing.value()));
}

TEST(EventJson, ReadsBackToTheSameEvent) {
  for (std::size_t alternative = 0; alternative < std::variant_size_v<EventBody>; ++alternative) {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
      const Event event = random_event(seed, alternative);
      const std::string line = event_to_json(event);
      ASSERT_EQ(line.find('\n'), std::string::npos) << line;
      const auto read = event_from_json(line);
      ASSERT_TRUE(read) << to_text(read.error()) << "\n" << line;
      ASSERT_TRUE(*read == event) << line << "\n" << event_to_json(*read);
    }
  }
}

TEST(ReportJson, ReadsBackToTheSameReport) {
  for (std::size_t alternative = 0; alternative < std::variant_size_v<RankReport>; ++alternative) {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
      const RankReport report = random_report(seed, alternative);
      const std::string line = report_to_json(report);
      ASSERT_EQ(line.find('\n'), std::string::npos) << line;
      const auto read = report_from_json(line);
      ASSERT_TRUE(read) << to_text(read.error()) << "\n" << line;
      ASSERT_TRUE(*read == report) << line << "\n" << report_to_json(*read);
    }
  }
}

}  // namespace
}  // namespace sovren::text
