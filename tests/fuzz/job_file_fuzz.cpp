// SPDX-License-Identifier: Apache-2.0
// libFuzzer over the job-file parser: no text crashes it, and what it accepts it prints so that it
// reads the same again.
#include <cstdint>
#include <string>

#include "core/base/check.h"
#include "core/text/job_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sovren::text;
  const SourceText source{.name = "job.toml",
                          .text = std::string(reinterpret_cast<const char*>(data), size),
                          .base_dir = "/base"};
  const auto spec = parse_job_file(source);
  if (!spec) {
    SOVREN_CHECK(!spec.error().empty(), "a refused file has at least one error");
    for (const auto& error : spec.error())
      SOVREN_CHECK(!error.what.empty() && !error.where.empty(), "each error says what and where");
    return 0;
  }
  const std::string printed = print_job_file(*spec);
  const auto again =
      parse_job_file({.name = "job.toml", .text = printed, .base_dir = "/elsewhere"});
  SOVREN_CHECK(again.has_value(), "what was printed is a valid job file");
  SOVREN_CHECK(print_job_file(*again) == printed, "printing is stable");
  if (const auto elements = expand_array(*spec))
    SOVREN_CHECK(!elements->empty(), "a job has at least one element");
  return 0;
}
