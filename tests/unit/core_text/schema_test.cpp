// SPDX-License-Identifier: Apache-2.0
#include "core/text/schema.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "tests/unit/core_text/parsing.h"

namespace sovren::text {
namespace {

TEST(Schema, EveryExampleIsValidAndIsRead) {
  for (const Row& row : schema_rows()) {
    ASSERT_FALSE(row.example.empty()) << qualified(row);
    ASSERT_FALSE(row.help.empty()) << qualified(row);
    ASSERT_FALSE(allowed(row).empty()) << qualified(row);
    std::vector<Override> overrides{{"resources.ranks", "4"}};
    std::string base = "name = \"n\"\nkind = \"causal-analysis\"\n";
    if (row.section == "command") {
      base = "name = \"n\"\nkind = \"command\"\n";
      if (row.key != "script") overrides.push_back({"command.argv", "[\"true\"]"});
    } else if (row.section == "model_training") {
      base = "name = \"n\"\nkind = \"model-training\"\n";
      overrides.push_back({"model_training.data", "d.txt"});
    } else if (row.section == "rendering") {
      base = "name = \"n\"\nkind = \"rendering\"\n";
      overrides.push_back({"rendering.scene", "s.glb"});
      if (row.key == "frame") overrides.push_back({"array.frame", "1-3"});
    } else {
      overrides.push_back({"causal_analysis.data", "d.csv"});
      overrides.push_back({"causal_analysis.max_lag", "5"});
    }
    if (row.key == "local_interval") overrides.push_back({"checkpoint.local", "\"/scratch\""});
    overrides.push_back({qualified(row), std::string(row.example)});
    EXPECT_EQ(testing_text::errors_of(base, overrides), "") << qualified(row);
    const JobSpec spec = testing_text::spec_of(base, overrides);
    EXPECT_TRUE(printed(row, spec).has_value()) << qualified(row);
    if (row.presence == Row::Presence::optional && row.default_note.empty()) {
      EXPECT_TRUE(printed(row, default_spec(row)).has_value())
          << qualified(row) << " has neither a default nor a note of it";
    }
  }
}

TEST(Schema, HasEachKeyOnceInAKnownSection) {
  std::set<std::string> seen;
  std::set<std::string_view> sections{""};
  for (const Section& section : schema_sections()) sections.insert(section.name);
  for (const Row& row : schema_rows()) {
    EXPECT_TRUE(seen.insert(qualified(row)).second) << qualified(row);
    EXPECT_TRUE(sections.contains(row.section)) << qualified(row);
  }
  EXPECT_EQ(seen.size(), 159u);
}

TEST(Schema, IsTheDocumentedOne) {
  const char* source = std::getenv("SOVREN_SOURCE");
  if (source == nullptr) GTEST_SKIP() << "SOVREN_SOURCE is not set; run it by ctest";
  std::ifstream file(std::string(source) + "/docs/job-file.md");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), schema_help())
      << "write it anew: build/dev/bin/sovren lint --schema > docs/job-file.md";
}

}  // namespace
}  // namespace sovren::text
