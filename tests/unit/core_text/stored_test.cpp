// SPDX-License-Identifier: Apache-2.0
// What is stored stays readable: other spellings of JSON, and specs that today's rules refuse.
#include <gtest/gtest.h>

#include "core/text/event_json.h"
#include "core/text/job_file.h"
#include "core/text/json.h"
#include "tests/unit/core_text/random_spec.h"

namespace sovren::text {
namespace {

using testing_text::random_event;

// Through a document: members in another order, with spaces, with escapes for what needs none.
std::string respelt(const std::string& line) {
  const auto json = parse_json(line, "event");
  EXPECT_TRUE(json);
  Json reversed = Json::object();
  std::vector<std::string> keys;
  for (const auto& [key, value] : json->items()) keys.push_back(key);
  for (auto key = keys.rbegin(); key != keys.rend(); ++key) reversed[*key] = (*json)[*key];
  reversed["of_a_later_version"] = 1;
  return reversed.dump(2, ' ', true);
}

TEST(EventJson, ReadsEverySpellingAlike) {
  for (std::size_t alternative = 0; alternative < std::variant_size_v<EventBody>; ++alternative) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const Event event = random_event(seed, alternative);
      const std::string line = event_to_json(event);
      ASSERT_TRUE(parse_json(line, "event")) << line;
      const auto read = event_from_json(respelt(line));
      ASSERT_TRUE(read) << to_text(read.error()) << "\n" << respelt(line);
      ASSERT_TRUE(*read == event) << line << "\n" << event_to_json(*read);
    }
  }
}

// Every byte of a line, in turn, is changed: what is read is an error or another event, no crash.
TEST(EventJson, SurvivesDamage) {
  for (std::size_t alternative = 0; alternative < std::variant_size_v<EventBody>; ++alternative) {
    const std::string line = event_to_json(random_event(7, alternative));
    for (std::size_t at = 0; at < std::min<std::size_t>(line.size(), 400); ++at) {
      for (const char c : {'"', '\\', '\0', '\xff', '9', '}'}) {
        std::string damaged = line;
        damaged[at] = c;
        const auto event = event_from_json(damaged);
        if (!event) {
          EXPECT_EQ(event.error().code, Code::storage_corrupt);
        }
      }
      EXPECT_FALSE(event_from_json(line.substr(0, at)));
    }
  }
}

TEST(EventJson, ReplacesBytesThatAreNotUtf8) {
  const Event event{.seq = {1}, .body = NodeLeft{"n", "a\xff\"b"}};
  const auto read = event_from_json(event_to_json(event));
  ASSERT_TRUE(read);
  EXPECT_EQ(std::get<NodeLeft>(read->body).why, "a\xEF\xBF\xBD\"b");
}

TEST(StoredJob, KeepsWhatTheRulesOfTodayAllow) {
  const auto spec = read_stored_job(
      "name = \"a/b\"\nkind = \"command\"\npriority = 99999999\naccount = \"climate\"\n"
      "of_the_past = 1\n[resources]\nranks = 4\nranks_min = 9\n[command]\nargv = [\"true\"]\n");
  ASSERT_TRUE(spec) << to_text(spec.error());
  EXPECT_EQ(spec->name, "");
  EXPECT_EQ(spec->priority, 0);
  EXPECT_EQ(spec->account, "climate");
  EXPECT_EQ(spec->resources.ranks, 4);
  EXPECT_EQ(std::get<CommandSpec>(spec->kind).argv, std::vector<std::string>{"true"});
}

TEST(StoredJob, NeedsTomlAndAKind) {
  EXPECT_EQ(read_stored_job("name = ").error().code, Code::spec_invalid);
  EXPECT_FALSE(read_stored_job("name = \"x\""));
  EXPECT_FALSE(read_stored_job("kind = \"dance\""));
}

TEST(StoredJob, IsWhatWasPrinted) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const JobSpec spec = testing_text::random_spec(seed);
    const auto read = read_stored_job(print_job_file(spec));
    ASSERT_TRUE(read && *read == spec) << "seed " << seed;
  }
}

}  // namespace
}  // namespace sovren::text
