// SPDX-License-Identifier: Apache-2.0
// Batch scripts in the style of tools and handbooks: what becomes of each stands in
// tests/golden/batch/NAME.txt.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/unit/slurm_script/batch_reading.h"

namespace sovren::slurm {
namespace {

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> lines_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// Keys, then what is said.
std::string outcome_of(const std::filesystem::path& script) {
  std::filesystem::path words = script;
  BatchSource source = source_of("", lines_of(words.replace_extension(".words")));
  source.script = {script.filename().string(), content_of(script), "/home/me"};
  source.environment = {{"PATH", "/usr/bin"}, {"SLURM_JOB_ID", "1"}};
  const BatchJob job = job_of(source);
  spec_of(source);
  std::string text;
  for (const text::Override& each : job.overrides) text += each.key + " = " + each.value + "\n";
  for (const std::string& warning : job.warnings) text += "warning: " + warning + "\n";
  return text;
}

TEST(GoldenBatch, BecomesWhatItSays) {
  const char* source = std::getenv("SOVREN_SOURCE");
  ASSERT_NE(source, nullptr) << "SOVREN_SOURCE is the checkout";
  int scripts = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(source) + "/tests/golden/batch")) {
    std::filesystem::path path = entry.path();
    if (path.extension() != ".batch") continue;
    ++scripts;
    const std::string outcome = outcome_of(path);
    EXPECT_EQ(outcome, content_of(path.replace_extension(".txt"))) << path << "\n" << outcome;
  }
  EXPECT_GE(scripts, 6);
}

}  // namespace
}  // namespace sovren::slurm
