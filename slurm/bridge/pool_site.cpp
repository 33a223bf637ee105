// SPDX-License-Identifier: Apache-2.0
#include "slurm/bridge/pool_site.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>

#include "core/base/units.h"

namespace sovren::slurm {
namespace {

constexpr int warning_s = 15;  ///< SIGTERM before the end; jobs have moved on before that

std::string id_of(const NodeWish& wish) {
  return std::to_string(wish.allocation.value);
}

}  // namespace

std::string pool_job_name(const NodeWish& wish, const PoolPlace& place) {
  return "sovren-" + wish.pool.name + "-" + id_of(wish) + "-" + place.nonce;
}

std::string pool_log_file(const NodeWish& wish, const PoolPlace& place) {
  return place.state_dir + "/pools/" + wish.pool.name + "/" + id_of(wish) + ".log";
}

std::vector<std::string> pool_sbatch(const NodeWish& wish, const PoolPlace& place) {
  const Pool& pool = wish.pool;
  std::string log_file;  // in which sbatch would replace %
  for (const char c : pool_log_file(wish, place)) log_file += c == '%' ? "%%" : std::string(1, c);
  const auto minutes = static_cast<std::int64_t>(std::ceil(pool.time_limit_s / 60));
  std::vector<std::string> words{"sbatch",
                                 "--parsable",
                                 "--no-requeue",  // an agent that starts anew is another one
                                 "--nodes=1",
                                 "--ntasks=1",
                                 "--cpus-per-task=" + std::to_string(pool.cpus),
                                 "--time=" + std::to_string(minutes),
                                 "--signal=B:TERM@" + std::to_string(warning_s),
                                 "--job-name=" + pool_job_name(wish, place),
                                 "--comment=agent of sovren pool " + pool.name,
                                 "--chdir=/",
                                 "--output=" + log_file};
  if (pool.gpus > 0) words.push_back("--gres=gpu:" + std::to_string(pool.gpus));
  constexpr std::int64_t mib = 1 << 20;
  if (pool.memory_bytes > 0)
    words.push_back("--mem=" + std::to_string((pool.memory_bytes + mib - 1) / mib) + "M");
  words.insert(words.end(), pool.options.begin(), pool.options.end());
  return words;
}

std::optional<double> read_time_left_s(std::string_view text) {
  double days = 0;
  std::array<double, 3> parts{};
  std::size_t count = 0;
  const auto number = [](std::string_view digits, double& value) {
    const char* end = digits.data() + digits.size();
    const auto [read, error] = std::from_chars(digits.data(), end, value);
    return !digits.empty() && error == std::errc() && read == end && value >= 0;
  };
  if (const std::size_t dash = text.find('-'); dash != std::string_view::npos) {
    if (!number(text.substr(0, dash), days)) return std::nullopt;
    text.remove_prefix(dash + 1);
  }
  for (;;) {
    const std::size_t colon = text.find(':');
    if (count == parts.size() || !number(text.substr(0, colon), parts[count])) return std::nullopt;
    ++count;
    if (colon == std::string_view::npos) break;
    text.remove_prefix(colon + 1);
  }
  double seconds = 0;
  for (std::size_t i = 0; i < count; ++i) seconds = 60 * seconds + parts[i];
  return 86'400 * days + seconds;
}

std::vector<PoolRow> read_pool_rows(std::string_view text) {
  std::vector<PoolRow> rows;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? "" : text.substr(end + 1);
    std::array<std::string_view, 5> fields{};
    std::size_t count = 0;
    for (; count + 1 < fields.size(); ++count) {
      const std::size_t bar = line.find('|');
      if (bar == std::string_view::npos) break;
      fields[count] = line.substr(0, bar);
      line.remove_prefix(bar + 1);
    }
    fields[count] = line;
    const bool is_row = count + 1 == fields.size() && !fields[0].empty() &&
                        fields[0].find_first_not_of("0123456789") == std::string_view::npos;
    if (!is_row) continue;
    rows.push_back({.site_job = std::string(fields[0]),
                    .state = std::string(fields[1]),
                    .left_s = read_time_left_s(fields[2]).value_or(0),
                    .name = std::string(fields[3]),
                    .reason = fields[4] == "None" ? "" : std::string(fields[4])});
  }
  return rows;
}

}  // namespace sovren::slurm
