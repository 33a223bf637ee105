// SPDX-License-Identifier: Apache-2.0
// docs/errors.md and docs/events.md name everything that the code knows.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "core/base/error.h"
#include "core/model/event.h"
#include "core/text/event_json.h"
#include "core/text/json.h"

namespace sovren::engine {
namespace {

std::string document(const std::string& name) {
  const char* source = std::getenv("SOVREN_SOURCE");
  if (source == nullptr) return {};
  std::ifstream file(std::string(source) + "/docs/" + name);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string in_code(std::string_view word) {
  return "`" + std::string(word) + "`";
}

template <std::size_t... I>
std::vector<EventBody> one_of_each(std::index_sequence<I...>) {
  std::vector<EventBody> bodies;
  (bodies.emplace_back(std::in_place_index<I>), ...);
  return bodies;
}

TEST(Documents, NameEveryCodeAndEnding) {
  const std::string text = document("errors.md");
  if (text.empty()) GTEST_SKIP() << "SOVREN_SOURCE names no source tree";
  for (int i = 0; i <= static_cast<int>(Code::bug); ++i) {
    const auto code = static_cast<Code>(i);
    EXPECT_NE(text.find("| " + in_code(name(code)) + " | " + std::to_string(cli_exit_code(code)) +
                        " | " + std::to_string(rank_exit_code(code)) + " |"),
              std::string::npos)
        << name(code);
  }
  for (int i = 0; i <= static_cast<int>(Ending::lost); ++i)
    EXPECT_NE(text.find(in_code(ending_name(static_cast<Ending>(i)))), std::string::npos) << i;
}

TEST(Documents, NameEveryEventAndField) {
  const std::string text = document("events.md");
  if (text.empty()) GTEST_SKIP() << "SOVREN_SOURCE names no source tree";
  int fields = 0;
  for (EventBody& body : one_of_each(std::make_index_sequence<std::variant_size_v<EventBody>>())) {
    if (auto* ended = std::get_if<AttemptEnded>(&body)) ended->error = Error{};
    const std::string event(event_name(body));
    const std::size_t row = text.find("| " + in_code(event) + " | ");
    ASSERT_NE(row, std::string::npos) << event;
    // Its rows: up to the next one whose first column is not empty.
    std::size_t end = text.find("\n| `", row);
    end = std::min(end, text.find("\n\n", row));
    const std::string rows = text.substr(row, end - row);
    const auto json = text::parse_json(text::event_to_json({.body = std::move(body)}), event);
    ASSERT_TRUE(json) << event;
    for (const auto& [key, value] : json->items()) {
      if (key == "v" || key == "event" || key == "at" || key == "seq") continue;
      EXPECT_NE(rows.find(in_code(key)), std::string::npos) << event << "." << key;
      ++fields;
    }
  }
  EXPECT_GT(fields, 30);
}

}  // namespace
}  // namespace sovren::engine
