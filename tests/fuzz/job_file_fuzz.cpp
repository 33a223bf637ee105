// SPDX-License-Identifier: Apache-2.0
// Any bytes as a job file, or as a batch script: an error that is located, or a spec that prints
// and reads back. The part after a line of "%%" is given as overrides, one on each line. And as a
// site file.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/check.h"
#include "core/text/event_json.h"
#include "core/text/job_file.h"
#include "core/text/script_file.h"
#include "core/text/site_file.h"

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

void check_errors(const text::Errors& errors) {
  SOVREN_CHECK(!errors.empty(), "a refusal says why");
  for (const Error& error : errors)
    SOVREN_CHECK(!error.what.empty() && !error.where.empty(), "an error is located");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t split = input.find(separator);
  const auto overrides = overrides_of(split == input.npos ? std::string_view{}
                                                          : input.substr(split + separator.size()));
  const auto spec =
      text::parse_job_file({"job.toml", std::string(input.substr(0, split)), "/base"}, overrides);
  const text::SourceText source{"x", std::string(input.substr(0, split)), "/base"};
  if (const auto site = text::parse_site_file(source); !site) check_errors(site.error());
  if (const auto script = text::parse_script(source, overrides))
    check_round_trip(script->spec);
  else
    check_errors(script.error());
  (void)text::read_stored_job(source.text);
  if (!spec) {
    check_errors(spec.error());
    return 0;
  }
  check_round_trip(*spec);
  std::size_t elements = 1;
  for (const ArrayAxis& axis : spec->array) elements *= axis.values.size();
  if (elements > 64) return 0;  // the rest is the same again
  if (const auto jobs = text::expand_array(*spec)) {
    SOVREN_CHECK(jobs->size() == elements, "each element is one job");
    for (const JobSpec& job : *jobs) check_round_trip(job);
    for (std::size_t i = 0; i < elements; ++i)
      SOVREN_CHECK(text::print_job_file(*text::expand_element(
                       *spec, static_cast<std::int64_t>(i))) == text::print_job_file((*jobs)[i]),
                   "one element alone is the same");
  }
  return 0;
}
