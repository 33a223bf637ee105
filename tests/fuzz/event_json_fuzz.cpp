// SPDX-License-Identifier: Apache-2.0
// Any bytes as an event of the log, as a record of its history, as a saved state, as a report of a
// rank, and as JSON.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/base/check.h"
#include "core/text/event_json.h"
#include "core/text/json.h"
#include "core/text/record_json.h"
#include "core/text/report_json.h"
#include "core/text/state_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sovren;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (const auto json = text::parse_json(input, "input")) {
    const std::string dumped = text::dump_json(*json);
    const auto again = text::parse_json(dumped, "again");
    SOVREN_CHECK(again && text::dump_json(*again) == dumped, "dumping is a fixed point");
    if (const auto error = text::error_from_json(*json))
      SOVREN_CHECK(text::error_from_json(text::error_to_json(*error)) == *error, "errors survive");
  }
  if (const auto event = text::event_from_json(input)) {
    const std::string line = text::event_to_json(*event);
    const auto again = text::event_from_json(line);
    SOVREN_CHECK(again && text::event_to_json(*again) == line, "events survive");
  }
  if (const auto report = text::report_from_json(input)) {
    const std::string line = text::report_to_json(*report);
    const auto again = text::report_from_json(line);
    SOVREN_CHECK(again && text::report_to_json(*again) == line, "reports survive");
  }
  if (const auto record = text::record_from_json(input)) {
    const std::string line = text::record_to_json(*record);
    const auto again = text::record_from_json(line);
    SOVREN_CHECK(again && text::record_to_json(*again) == line, "records survive");
  }
  text::StateReader reader;
  if (reader.take(input)) (void)std::move(reader).finish();
  return 0;
}
