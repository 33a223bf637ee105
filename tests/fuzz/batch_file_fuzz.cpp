// SPDX-License-Identifier: Apache-2.0
// Any bytes as a batch script with #SBATCH lines: located errors, or a job that the scheduler takes
// and that prints and reads back. The part after a line of "%%" is sbatch's command line, a word on
// each line; that after a second one the environment.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/check.h"
#include "core/text/script_file.h"
#include "slurm/script/directives.h"

namespace {

using namespace sovren;

constexpr std::string_view separator = "\n%%\n";

std::string_view take_part(std::string_view& input) {
  const std::size_t end = input.find(separator);
  const std::string_view part = input.substr(0, end);
  input.remove_prefix(end == input.npos ? input.size() : end + separator.size());
  return part;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty() && lines.size() < 16) {
    lines.emplace_back(text.substr(0, text.find('\n')));
    text.remove_prefix(std::min(lines.back().size() + 1, text.size()));
  }
  return lines;
}

void check_errors(const text::Errors& errors) {
  SOVREN_CHECK(!errors.empty(), "a refusal says why");
  for (const Error& error : errors)
    SOVREN_CHECK(!error.what.empty() && !error.where.empty(), "an error is located");
}

// What was read must be what the scheduler reads.
void check_job(const slurm::BatchJob& job) {
  const auto parsed = text::parse_script(job.script, job.overrides);
  if (!parsed) {
    SOVREN_CHECK(job.script.text.find("#SOVREN") != std::string::npos,
                 "the scheduler takes what only sbatch's options say");
    return check_errors(parsed.error());
  }
  const std::string printed = text::print_job_file(parsed->spec);
  const auto again = text::parse_job_file({"job.toml", printed, "/elsewhere"});
  SOVREN_CHECK(again.has_value(), "what is printed is a job file");
  SOVREN_CHECK(text::print_job_file(*again) == printed, "printing is a fixed point");
  if (text::array_size(parsed->spec) > 64) return;
  if (const auto elements = text::expand_array(parsed->spec))
    for (const JobSpec& element : *elements)
      SOVREN_CHECK(!text::print_job_file(element).empty(), "elements print");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  slurm::BatchSource source{.script = {"job.sh", std::string(take_part(input)), "/home/me"}};
  const auto words = slurm::split_sbatch_words(lines_of(take_part(input)));
  if (words) {
    source.options = words->options;
    source.arguments = words->operands;
  } else {
    check_errors(words.error());
  }
  for (const std::string& line : lines_of(input)) {
    const std::size_t equals = line.find('=');
    if (equals != line.npos && equals > 0)
      source.environment.emplace_back(line.substr(0, equals), line.substr(equals + 1));
  }
  source.clock = {{1'795'750'200'000}, [](Instant) { return std::int64_t{3600}; }};
  source.read_file = [](const std::string& path) -> Result<std::string> { return "A=" + path; };
  if (const auto job = slurm::read_batch(source))
    check_job(*job);
  else
    check_errors(job.error());
  return 0;
}
