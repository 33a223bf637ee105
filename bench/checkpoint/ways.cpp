// SPDX-License-Identifier: Apache-2.0
#include "bench/checkpoint/ways.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace sovren::bench {
namespace {

constexpr double gib = 1024.0 * 1024.0 * 1024.0;

double cpu_s() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

Cost measured(const std::function<void()>& work) {
  using Clock = std::chrono::steady_clock;
  const double cpu = cpu_s();
  const auto start = Clock::now();
  work();
  return {std::chrono::duration<double>(Clock::now() - start).count(), cpu_s() - cpu};
}

void run_rounds(std::vector<Way>& ways, int rounds) {
  for (int round = 0; round < rounds; ++round)
    for (std::size_t i = 0; i < ways.size(); ++i) {
      Way& way = ways[(i + static_cast<std::size_t>(round)) % ways.size()];
      if (way.prepare) way.prepare();
      const Cost cost = measured(way.work);
      if (way.clean_up) way.clean_up();
      way.wall_s.push_back(cost.wall_s);
      way.cpu_s.push_back(cost.cpu_s);
    }
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

double speed_ratio(const std::vector<Way>& ways, std::size_t way) {
  const Way& base = ways[ways[way].base];
  std::vector<double> ratios;
  for (std::size_t i = 0; i < base.wall_s.size(); ++i)
    ratios.push_back(base.wall_s[i] / ways[way].wall_s[i]);
  return median(ratios);
}

double s_per_gib(const Way& way) {
  return median(way.wall_s) * gib / way.bytes;
}

double cpu_s_per_gib(const Way& way) {
  return median(way.cpu_s) * gib / way.bytes;
}

void print(const std::vector<Way>& ways) {
  std::printf("%-44s %10s %10s %10s %10s  %s\n", "", "ms", "GiB/s", "ratio", "CPU s/GiB",
              "ratio to");
  std::string json;
  for (std::size_t i = 0; i < ways.size(); ++i) {
    const Way& way = ways[i];
    const double ratio = speed_ratio(ways, i);
    std::printf("%-44s %10.2f %10.3f %10.2f %10.3f  %s\n", way.name.c_str(),
                1000 * median(way.wall_s), 1 / s_per_gib(way), ratio, cpu_s_per_gib(way),
                ways[way.base].name.c_str());
    char line[512];
    std::snprintf(line, sizeof line,
                  "%s{\"name\":\"%s\",\"wall_s\":%.6f,\"gib_per_s\":%.4f,\"ratio\":%.4f,"
                  "\"ratio_to\":\"%s\",\"s_per_gib\":%.4f,\"cpu_s_per_gib\":%.4f}",
                  json.empty() ? "" : ",", way.name.c_str(), median(way.wall_s), 1 / s_per_gib(way),
                  ratio, ways[way.base].name.c_str(), s_per_gib(way), cpu_s_per_gib(way));
    json += line;
  }
  std::printf("{\"schema\":\"sovren.bench.checkpoint/2\",\"rounds\":%zu,\"rows\":[%s]}\n",
              ways[0].wall_s.size(), json.c_str());
}

}  // namespace sovren::bench
