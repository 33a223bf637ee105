// SPDX-License-Identifier: Apache-2.0
// Any bytes as a job file: an error that is located, or a spec that prints and reads back. The
// part after a line of "%%" is given as overrides, one on each line.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/check.h"
#include "core/text/event_json.h"
#include "core/text/job_file.h"

namespace {

using namespace sovren;

constexpr std::string_view separator = "\n%%\n";

std::vector<text::Override> overrides_of(std::string_view lines) {
  std::vector<text::Override> overrides;
  while (!lines.empty() && overrides.size() < 8) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    const std::size_t equals = line.find('=');
    overrides.push_back({std::string(line.substr(0, equals)),
                         equals == line.npos ? "" : std::string(line.substr(equals + 1))});
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
  }
  return overrides;
}

void check_round_trip(const JobSpec& spec) {
  const std::string printed = text::print_job_file(spec);
  const auto again = text::parse_job_file({"job.toml", printed, "/elsewhere"});
  SOVREN_CHECK(again.has_value(), "what is printed is a job file");
  SOVREN_CHECK(text::print_job_file(*again) == printed, "printing is a fixed point");
  SOVREN_CHECK(text::spec_facts(*again) == text::spec_facts(spec), "facts survive");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t split = input.find(separator);
  const auto overrides = overrides_of(split == input.npos ? std::string_view{}
                                                          : input.substr(split + separator.size()));
  const auto spec =
      text::parse_job_file({"job.toml", std::string(input.substr(0, split)), "/base"}, overrides);
  if (!spec) {
    SOVREN_CHECK(!spec.error().empty(), "a refusal says why");
    for (const Error& error : spec.error())
      SOVREN_CHECK(!error.what.empty() && !error.where.empty(), "an error is located");
    return 0;
  }
  check_round_trip(*spec);
  std::size_t elements = 1;
  for (const ArrayAxis& axis : spec->array) elements *= axis.values.size();
  if (elements > 64) return 0;  // the rest is the same again
  if (const auto jobs = text::expand_array(*spec)) {
    SOVREN_CHECK(jobs->size() == elements, "each element is one job");
    for (const JobSpec& job : *jobs) check_round_trip(job);
  }
  return 0;
}
