// SPDX-License-Identifier: Apache-2.0
// [checkpoint]
#include <charconv>

#include "core/base/units.h"
#include "core/text/custom_fields.h"
#include "core/text/nearest.h"
#include "core/text/row_makers.h"
#include "core/text/table_reader.h"

namespace sovren::text {
namespace {

using Policy = CheckpointPolicy;
using IntervalMember = CheckpointInterval Policy::*;

constexpr std::string_view writings[] = {"async", "sync"};
constexpr std::string_view busies[] = {"wait", "skip"};
constexpr std::string_view digests[] = {"sha256", "crc32c"};

std::optional<std::int64_t> whole_of(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "20 steps" -> 20.
std::optional<std::int64_t> steps_of(std::string_view text) {
  for (const std::string_view unit : {"steps", "step"}) {
    if (!text.ends_with(unit)) continue;
    text.remove_suffix(unit.size());
    while (text.ends_with(' ')) text.remove_suffix(1);
    return whole_of(text);
  }
  return std::nullopt;
}

template <IntervalMember member>
void read_interval(Reading& reading, const Row& row, const TomlValue& value, JobSpec& spec) {
  using Mode = CheckpointInterval::Mode;
  const auto text = text_of(value);
  if (!text) return report_value(reading, row, value);
  CheckpointInterval& interval = spec.checkpoint.*member;
  if (*text == "auto" || *text == "off") {
    interval.mode = *text == "auto" ? Mode::automatic : Mode::off;
    return;
  }
  if (const auto steps = steps_of(*text)) {
    if (*steps < 1) return report_value(reading, row, value);
    interval = {.mode = Mode::steps, .seconds = 0, .steps = *steps};
    return;
  }
  if (const auto seconds = parse_duration_s(*text); seconds && *seconds >= 0.001) {
    interval = {.mode = Mode::seconds, .seconds = *seconds, .steps = 0};
    return;
  }
  constexpr std::string_view words[] = {"auto", "off"};
  const std::string near = nearest(*text, words);
  if (near.empty()) return report_value(reading, row, value);
  reading.problems.add(value.place,
                       qualified(row) + " must be " + allowed(row) + ", got " + describe(value),
                       "did you mean '" + near + "'?");
}

template <IntervalMember member>
std::optional<std::string> print_interval(const JobSpec& spec) {
  const CheckpointInterval& interval = spec.checkpoint.*member;
  switch (interval.mode) {
    case CheckpointInterval::Mode::automatic:
      return "\"auto\"";
    case CheckpointInterval::Mode::off:
      return "\"off\"";
    case CheckpointInterval::Mode::steps:
      return "\"" + std::to_string(interval.steps) + (interval.steps == 1 ? " step\"" : " steps\"");
    case CheckpointInterval::Mode::seconds:
      return toml_quote(format_duration(interval.seconds));
  }
  return std::nullopt;
}

template <IntervalMember member>
Custom interval_field() {
  return {read_interval<member>, print_interval<member>, nullptr,
          "\"auto\", \"off\", a duration or a number of steps such as \"20 steps\""};
}

constexpr std::string_view lowest = "lowest ";
constexpr std::string_view highest = "highest ";

// "lowest training_validation_loss"
void read_best(Reading& reading, const Row& row, const TomlValue& value, JobSpec& spec) {
  const auto text = text_of(value);
  if (!text) return report_value(reading, row, value);
  const bool is_highest = text->starts_with(highest);
  if (!is_highest && !text->starts_with(lowest)) return report_value(reading, row, value);
  const std::string metric = text->substr(is_highest ? highest.size() : lowest.size());
  if (!is_word(metric)) return report_value(reading, row, value);
  spec.checkpoint.best_metric = metric;
  spec.checkpoint.best_is_highest = is_highest;
}

std::optional<std::string> print_best(const JobSpec& spec) {
  const Policy& policy = spec.checkpoint;
  if (policy.best_metric.empty()) return std::nullopt;
  return toml_quote(std::string(policy.best_is_highest ? highest : lowest) + policy.best_metric);
}

Custom best_field() {
  return {read_best, print_best, nullptr,
          "\"lowest METRIC\" or \"highest METRIC\", METRIC as in report.json"};
}

std::string variable_fault(std::string_view name) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
  const bool is_good = name.empty() || (letters.find(name.front()) != name.npos && is_word(name) &&
                                        name.find_first_of(".-+@") == name.npos);
  return is_good ? "" : "the name of an environment variable";
}

template <auto member>
using Of = In<&JobSpec::checkpoint, member>;

}  // namespace

std::vector<Row> checkpoint_rows() {
  constexpr std::string_view c = "checkpoint";
  return {
      {c, "interval", interval_field<&Policy::interval>(), "\"5min\"",
       "When to seal; auto: by Daly from the measured cost and failure rate."},
      {c, "keep", whole<Of<&Policy::keep>>(1, 1000), "3", "Newest checkpoint sets that are kept."},
      {c, "keep_hourly", whole<Of<&Policy::keep_hourly>>(0, 1000), "24",
       "Further sets that are kept: the newest of each of the last so many hours."},
      {c, "keep_best", best_field(), "\"lowest training_validation_loss\"",
       "A further set that is kept: the one at which this metric was best.", optional, "none"},
      {c, "mode", choice<Of<&Policy::mode>>(writings), "\"async\"",
       "async: the job goes on while a copy of its state is written; sync: it stands still, and "
       "needs no memory for a copy."},
      {c, "when_busy", choice<Of<&Policy::when_busy>>(busies), "\"skip\"",
       "What becomes of a set that is due while another is being written: wait for its turn, or "
       "skip it."},
      {c, "copy_memory", size<Of<&Policy::copy_memory_bytes>>(std::int64_t{1} << 50), "\"1GiB\"",
       "Memory of each rank for copies of its state; a job whose state does not fit is refused.",
       optional, "no limit"},
      {c, "digest", choice<Of<&Policy::digest>>(digests), "\"crc32c\"",
       "sha256: of whole shards, besides the CRC-32C of each 4 MiB; crc32c: that alone, for half "
       "of the CPU time."},
      {c, "local", path<Of<&Policy::local_dir>>("the path of a folder"), "\"/scratch\"",
       "A folder on each node's own disk for more frequent sets; each is kept by a neighbour node "
       "too.",
       optional, "none"},
      {c, "local_interval", interval_field<&Policy::local_interval>(), "\"1min\"",
       "When to seal in `local`."},
      {c, "memory_interval", interval_field<&Policy::memory_interval>(), "\"10s\"",
       "When to seal in the nodes' memory, and in a neighbour's; lost with the power."},
      {c, "key_file", path<Of<&Policy::key_file>>(), "\"checkpoint.key\"",
       "Encrypt sets (AES-256-GCM) with the key in this file: 32 bytes, or 64 hex digits.",
       optional, "none"},
      {c, "key_env", text<Of<&Policy::key_env>>(variable_fault, "the name of a variable"),
       "\"SOVREN_CHECKPOINT_KEY\"",
       "The same with the key (64 hex digits) in this environment variable of the job.", optional,
       "none"},
  };
}

}  // namespace sovren::text
