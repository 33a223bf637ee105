// SPDX-License-Identifier: Apache-2.0
// How long do PCMCI and PCMCI+ take on one core, against Tigramite and against the multiply-adds
// that this core can do? Prints a table, each row followed by the same as a line of JSON.
//   pcmci_bench [VARIABLES STEPS MAX_LAG]     without arguments: the standard sizes
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "core/base/rng.h"
#include "kernels/causal/lag_covariance.h"
#include "kernels/causal/pcmci_plus.h"
#include "kernels/causal/pcmci_search.h"
#include "kernels/linalg/blas.h"

namespace {

using namespace sovren;
using namespace sovren::kernels;

struct Size {
  int N, T, max_lag;
  double tigramite_s;  ///< CPU seconds of PCMCI, 0: not measured
};

/// Tigramite 5.2, PCMCI with ParCorr, pc_alpha 0.05, one thread of a 2-core machine: 143.9 CPU s
/// for 129,826 tests at T = 500, 212 at T = 1000 (shared/facts/causal.md 1.1, 5.1; own synthetic
/// systems of the same kind).
constexpr Size standard_sizes[] = {
    {100, 500, 5, 143.9}, {100, 1000, 5, 212}, {300, 1000, 5, 0}, {1000, 2000, 3, 0}};

double cpu_s() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double peak_gib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / (1 << 20);
}

/// A linear system: each variable remembers itself and has one driver at a random lag.
std::vector<double> system_data(const Size& size) {
  const auto n = static_cast<std::size_t>(size.N);
  const Philox draw(1, 0);
  const Philox noise(1, 1);
  std::vector<double> own(n);
  std::vector<std::size_t> driver(n);
  std::vector<std::size_t> lag(n);
  for (std::size_t j = 0; j < n; ++j) {
    own[j] = 0.2 + 0.5 * draw.uniform(3 * j);
    driver[j] = draw.below(3 * j + 1, n);
    lag[j] = 1 + draw.below(3 * j + 2, static_cast<std::uint64_t>(size.max_lag));
  }
  const std::size_t warm_up = 100;
  const std::size_t steps = static_cast<std::size_t>(size.T) + warm_up;
  std::vector<double> x(steps * n);
  for (std::size_t t = 0; t < steps; ++t) {
    for (std::size_t j = 0; j < n; ++j) {
      double v = noise.normal(t * n + j);
      if (t >= 1) v += own[j] * x[(t - 1) * n + j];
      if (t >= lag[j] && driver[j] != j) v += 0.3 * x[(t - lag[j]) * n + driver[j]];
      x[t * n + j] = v;
    }
  }
  x.erase(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(warm_up * n));
  return x;
}

/// Multiply-adds per second of one core: a square matrix product.
double dgemm_flops() {
  constexpr int n = 768;
  std::vector<double> a(n * n, 1.0);
  std::vector<double> b(n * n, 0.5);
  std::vector<double> c(n * n);
  double best = 0;
  for (int repeat = 0; repeat < 5; ++repeat) {
    const double begin = cpu_s();
    gemm_tn(n, n, n, a.data(), n, b.data(), n, c.data(), n);
    best = std::max(best, 2.0 * n * n * n / (cpu_s() - begin));
  }
  return best;
}

struct Measured {
  double first_s = 0;  ///< PC1
  double rest_s = 0;
  TestCounts counts;
  std::size_t links = 0;
};

Measured measure(Search& search) {
  Measured measured;
  std::vector<UnitResult> results;
  for (bool is_first = true; !search.is_done(); is_first = false) {
    const double begin = cpu_s();
    results.clear();
    for (int unit = 0; unit < search.units(); ++unit) results.push_back(search.run(unit));
    search.close(results);
    (is_first ? measured.first_s : measured.rest_s) += cpu_s() - begin;
    for (const UnitResult& result : results) measured.counts += result.counts;
  }
  for (const Mark mark : search.links().mark) measured.links += mark != Mark::none;
  return measured;
}

void print(const Size& size, const char* method, double covariance_s, double of_gemm,
           const Measured& measured) {
  const double total = covariance_s + measured.first_s + measured.rest_s;
  const auto tests = static_cast<double>(measured.counts.tests);
  const double tigramite_s = std::string(method) == "pcmci" ? size.tigramite_s : 0;
  std::printf("%-10s %5d %5d %3d %8.3f %8.3f %8.3f %8.3f %9.0f %8.2f %6.0f%% %7.2f", method, size.N,
              size.T, size.max_lag, covariance_s, measured.first_s, measured.rest_s, total, tests,
              1e-6 * tests / total, 100 * of_gemm, peak_gib());
  if (tigramite_s > 0)
    std::printf(" %8.0fx\n", tigramite_s / total);
  else
    std::printf(" %9s\n", "-");
  std::printf(
      "{\"question\":\"%s\",\"variables\":%d,\"steps\":%d,\"max_lag\":%d,\"covariance_s\":%.4f,"
      "\"pc1_s\":%.4f,\"rest_s\":%.4f,\"total_s\":%.4f,\"tests\":%.0f,\"tests_per_s\":%.0f,"
      "\"links\":%zu,\"peak_gib\":%.3f,\"tigramite_s\":%.1f}\n",
      method, size.N, size.T, size.max_lag, covariance_s, measured.first_s, measured.rest_s, total,
      tests, tests / total, measured.links, peak_gib(), tigramite_s);
}

void measure(const Size& size, double flops) {
  const std::vector<double> data = system_data(size);
  const double begin = cpu_s();
  const auto correlation = lag_correlation_cpu(data, size.T, size.N, size.max_lag);
  if (!correlation) {
    std::fprintf(stderr, "%s\n", to_text(correlation.error()).c_str());
    return;
  }
  const double covariance_s = cpu_s() - begin;
  const double n = size.N;
  const double covariance_flop =
      2 * n * n * (2 * size.max_lag + 1) * (size.T - 3 * size.max_lag);  // mean length of a core
  const double of_gemm = covariance_flop / flops / covariance_s;
  SearchOptions options;
  options.max_lag = size.max_lag;
  const auto pcmci = make_pcmci(*correlation, options);
  print(size, "pcmci", covariance_s, of_gemm, measure(*pcmci));
  options.pc_alphas = {0.01};
  const auto plus = make_pcmci_plus(*correlation, options);
  print(size, "pcmci-plus", covariance_s, of_gemm, measure(*plus));
}

}  // namespace

int main(int argc, char** argv) {
  const double flops = dgemm_flops();
  std::printf("one core: dgemm %.1f GFLOP/s (%s)\n", 1e-9 * flops, blas_name().c_str());
  std::printf("%-10s %5s %5s %3s %8s %8s %8s %8s %9s %8s %7s %7s %9s\n", "method", "N", "T", "lag",
              "covar s", "PC1 s", "rest s", "total s", "tests", "Mtests/s", "of gemm", "GiB max",
              "Tigramite");
  if (argc == 4) {
    measure({std::stoi(argv[1]), std::stoi(argv[2]), std::stoi(argv[3]), 0}, flops);
    return 0;
  }
  for (const Size& size : standard_sizes) measure(size, flops);
  return 0;
}
