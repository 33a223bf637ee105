// SPDX-License-Identifier: Apache-2.0
// libFuzzer over what comes from outside as JSON: events from a log file, reports from a rank. No
// text crashes the readers, and what they accept is written so that it reads the same again.
#include <cstdint>
#include <string>

#include "core/base/check.h"
#include "core/text/event_json.h"
#include "core/text/report_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sovren::text;
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto event = event_from_json(text)) {
    const std::string written = event_to_json(*event);
    const auto again = event_from_json(written);
    SOVREN_CHECK(again.has_value() && event_to_json(*again) == written, "events survive a copy");
  }
  if (const auto report = report_from_json(text)) {
    const std::string written = report_to_json(*report);
    const auto again = report_from_json(written);
    SOVREN_CHECK(again.has_value() && report_to_json(*again) == written, "reports survive a copy");
  }
  return 0;
}
