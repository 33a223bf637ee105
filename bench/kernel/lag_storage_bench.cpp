// SPDX-License-Identifier: Apache-2.0
// What does it cost to look up a lagged correlation in the compact form (core + edges), against the
// full matrix of all lagged variables? For docs/adr/0003. Prints a table and JSON lines.
#include <cstdio>
#include <ctime>
#include <vector>

#include "core/base/rng.h"
#include "kernels/causal/lag_covariance.h"

namespace {

using namespace sovren;
using namespace sovren::kernels;

double cpu_s() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

void measure(int N, int T, int max_lag) {
  const Philox random(1);
  std::vector<double> data(static_cast<std::size_t>(T) * static_cast<std::size_t>(N));
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = random.normal(i);
  const double start = cpu_s();
  const auto made = lag_correlation_cpu(data, T, N, max_lag);
  if (!made) return;
  const double made_s = cpu_s() - start;

  const auto n = static_cast<std::size_t>(N);
  const auto lags = static_cast<std::size_t>(2 * max_lag + 1);
  const std::size_t nodes = n * lags;  // lag fastest: moved parents of one variable lie together
  std::vector<double> full(nodes * nodes);
  const double expand_start = cpu_s();
  std::vector<double> row(n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t a = 0; a < lags; ++a)
      for (std::size_t b = 0; b < lags; ++b) {
        made->row({static_cast<int>(i), static_cast<int>(a)}, static_cast<int>(b), row);
        for (std::size_t k = 0; k < n; ++k) full[(i * lags + a) * nodes + k * lags + b] = row[k];
      }
  const double rows_s = cpu_s() - expand_start;

  // Condition sets: all pairs of 12 random nodes, as one test gathers them.
  constexpr int sets = 20000;
  constexpr int size = 12;
  std::vector<std::size_t> drawn(sets * size);
  for (std::size_t i = 0; i < drawn.size(); ++i) drawn[i] = random.below(i, nodes);
  const auto gather = [&](auto&& look_up) {
    double sum = 0;
    const double begin = cpu_s();
    for (std::size_t s = 0; s < drawn.size(); s += size)
      for (std::size_t i = 0; i < size; ++i)
        for (std::size_t k = 0; k < i; ++k) sum += look_up(drawn[s + i], drawn[s + k]);
    const double ns = 1e9 * (cpu_s() - begin) / (sets * size * (size - 1) / 2.0);
    return std::pair(ns, sum);
  };
  const auto node = [&](std::size_t index) {
    return Node{static_cast<int>(index / lags), static_cast<int>(index % lags)};
  };
  const auto compact =
      gather([&](std::size_t a, std::size_t b) { return made->correlation(node(a), node(b)); });
  const auto whole = gather([&](std::size_t a, std::size_t b) { return full[a * nodes + b]; });
  const double compact_mib = 8.0 * static_cast<double>(n * n) * (4 * max_lag + 1) / (1 << 20);
  const double full_mib = 8.0 * static_cast<double>(nodes * nodes) / (1 << 20);
  std::printf("%5d %5d %3d %9.3f %9.0f %9.0f %10.1f %9.1f %9.2f %s\n", N, T, max_lag, made_s,
              compact_mib, full_mib, compact.first, whole.first,
              1e9 * rows_s / static_cast<double>(nodes * nodes),
              compact.second == whole.second ? "equal" : "DIFFERENT");
  std::printf(
      "{\"question\":\"lag_storage\",\"variables\":%d,\"steps\":%d,\"max_lag\":%d,\"made_s\":%.4f,"
      "\"compact_mib\":%.1f,\"full_mib\":%.1f,\"compact_ns\":%.2f,\"full_ns\":%.2f}\n",
      N, T, max_lag, made_s, compact_mib, full_mib, compact.first, whole.first);
}

}  // namespace

int main() {
  std::printf("%5s %5s %3s %9s %9s %9s %10s %9s %9s\n", "N", "T", "lag", "made s", "compact M",
              "full MiB", "compact ns", "full ns", "expand ns");
  measure(100, 500, 5);
  measure(300, 1000, 5);
  measure(1000, 2000, 3);
}
