// SPDX-License-Identifier: Apache-2.0
// How long does a test by nearest neighbours take, against Tigramite, and what does PCMCI+ find
// with it in the nonlinear diamond that PCMCI took 12,092 s for? Prints two tables, then one line
// of JSON.
//   cmi_bench [SERIES STEPS]     without arguments: ten diamonds of 1,000 steps
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/rng.h"
#include "kernels/causal/cmi_knn.h"
#include "kernels/causal/pcmci_plus.h"

namespace {

using namespace sovren;
using namespace sovren::kernels;

constexpr int threads = 2;

/// Tigramite 5.2, CMIknn, 500 shuffles, knn 0.1, one thread of a 2-core machine
/// (shared/facts/causal.md 5.1). Of the diamond: PCMCI's condition selection with CMIknn at 1,000
/// steps, mean over ten series (Assaad, Devijver, Gaussier, JAIR 73, 2022).
struct Size {
  int steps;
  double least_s, most_s;  ///< 0: not measured
};
constexpr Size sizes[] = {{250, 0.85, 3.1}, {500, 2.2, 7.6}, {1000, 6.7, 20.7}, {2000, 0, 0}};
constexpr double diamond_s = 12'092;

double cpu_s() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double wall_s() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

CmiKnn source_of(const std::vector<double>& data, int variables, int max_lag) {
  const int steps = static_cast<int>(data.size()) / variables;
  const Series series{data, steps, variables, {}};
  auto made = CmiKnn::make(series, UsableTimes(series, max_lag, all_times(steps, max_lag)), {});
  if (!made) {
    std::fprintf(stderr, "%s\n", to_text(made.error()).c_str());
    std::exit(1);
  }
  return *std::move(made);
}

/// Seconds of one test at this length, for 0, 1 and 3 conditions; the least of three.
std::array<double, 3> measure(int steps) {
  constexpr std::size_t variables = 5;
  std::vector<double> data(static_cast<std::size_t>(steps) * variables);
  const Philox random(1);
  for (std::size_t k = 0; k < data.size(); ++k)
    data[k] = random.normal(k) + (k % variables == 0 ? 0 : 0.5 * data[k - k % variables]);
  const CmiKnn source = source_of(data, variables, 0);
  const std::vector<Node> others{{0, 0}, {3, 0}, {4, 0}};
  std::array<double, 3> best{};
  for (std::size_t which = 0; which < 3; ++which) {
    const auto z = std::span(others).first(which == 2 ? 3 : which);
    best[which] = 1e300;
    for (int repeat = 0; repeat < 3; ++repeat) {
      const double begin = cpu_s();
      source.partial({1, 0}, {2, 0}, z);
      best[which] = std::min(best[which], cpu_s() - begin);
    }
  }
  return best;
}

/// The nonlinear diamond as its authors' generator draws it: each variable remembers itself,
/// V1(t-1) drives V2, V1(t-2) drives V3, and V2(t-1) and V3(t-1) drive V4, each through |.|, tanh,
/// sin or cos; all coefficients are uniform in [-1, -0.1] and [0.1, 1], the noise 0.1 times a cubed
/// normal number.
std::vector<double> diamond(int steps, std::uint64_t seed) {
  const Philox draw(seed, 0);
  const Philox noise(seed, 1);
  std::array<double, 8> a{};
  std::array<std::uint64_t, 4> shape{};
  for (std::size_t k = 0; k < 8; ++k) {
    const double u = 2 * draw.uniform(k) - 1;
    a[k] = u < 0 ? 0.9 * u - 0.1 : 0.9 * u + 0.1;
  }
  for (std::size_t k = 0; k < 4; ++k) shape[k] = draw.below(8 + k, 4);
  const auto f = [&](std::size_t link, double v) {
    switch (shape[link]) {
      case 0:
        return std::abs(v);
      case 1:
        return std::tanh(v);
      case 2:
        return std::sin(v);
      default:
        return std::cos(v);
    }
  };
  std::vector<double> x(static_cast<std::size_t>(steps + 3) * 4);
  for (std::size_t t = 3; t < x.size() / 4; ++t) {
    const auto at = [&](std::size_t lag, std::size_t variable) {
      return x[(t - lag) * 4 + variable];
    };
    for (std::size_t i = 0; i < 4; ++i)
      x[t * 4 + i] = a[i] * at(1, i) + 0.1 * std::pow(noise.normal(t * 4 + i), 3);
    x[t * 4 + 1] += a[4] * f(0, at(1, 0));
    x[t * 4 + 2] += a[5] * f(1, at(2, 0));
    x[t * 4 + 3] += a[6] * f(2, at(1, 1)) + a[7] * f(3, at(1, 2));
  }
  x.erase(x.begin(), x.begin() + 12);
  return x;
}

/// Runs each round of the search on both cores. Returns how many tests there were.
std::int64_t run_on_threads(Search& search) {
  TestCounts counts;
  while (!search.is_done()) {
    std::vector<UnitResult> results(static_cast<std::size_t>(search.units()));
    std::atomic<int> next = 0;
    {
      std::vector<std::jthread> workers;
      for (int worker = 0; worker < threads; ++worker)
        workers.emplace_back([&] {
          for (int unit; (unit = next++) < search.units();)
            results[static_cast<std::size_t>(unit)] = search.run(unit);
        });
    }
    for (const UnitResult& result : results) counts += result.counts;
    search.close(results);
  }
  return counts.tests;
}

using Links = std::set<std::pair<int, int>>;

/// Which variable drives which other, at any lag. A link without a direction does not count.
Links oriented(const LinkTable& links) {
  Links found;
  for (int i = 0; i < links.variables; ++i)
    for (int j = 0; j < links.variables; ++j)
      for (int lag = 0; lag <= links.max_lag; ++lag)
        if (i != j && links.mark[links.index(i, j, lag)] == Mark::directed) found.insert({i, j});
  return found;
}

double f1(const Links& found, const Links& truth) {
  double hits = 0;
  for (const auto& link : found) hits += truth.contains(link) ? 1 : 0;
  return 2 * hits / static_cast<double>(found.size() + truth.size());
}

/// Prints the table of single tests; returns its part of the JSON.
std::string print_tests() {
  std::string json;
  std::printf("One test, 500 shuffles, CPU seconds on one core (Tigramite: without regard to z)\n");
  std::printf("%6s %9s %9s %9s %16s %14s\n", "steps", "|z| = 0", "|z| = 1", "|z| = 3", "Tigramite",
              "times faster");
  for (const Size& size : sizes) {
    const auto s = measure(size.steps);
    std::printf("%6d %9.4f %9.4f %9.4f", size.steps, s[0], s[1], s[2]);
    if (size.most_s > 0)
      std::printf(" %7.2f - %5.1f %7.0f - %4.0f\n", size.least_s, size.most_s, size.least_s / s[1],
                  size.most_s / s[1]);
    else
      std::printf(" %16s\n", "-");
    for (std::size_t which = 0; which < 3; ++which)
      json += ",\"s_" + std::to_string(size.steps) + "_z" + std::to_string(which == 2 ? 3 : which) +
              "\":" + std::to_string(s[which]);
  }
  return json;
}

/// Prints the table of diamonds; returns its part of the JSON.
std::string print_diamonds(int series, int steps) {
  const Links truth{{0, 1}, {0, 2}, {1, 3}, {2, 3}};
  std::printf("\nDiamond of %d steps, PCMCI+ with CMIknn, lags to 5, pc_alpha 0.01, %d threads\n",
              steps, threads);
  std::printf("%6s %8s %8s %8s %6s  %s\n", "series", "wall s", "CPU s", "tests", "F1", "found");
  double wall_sum = 0, most_wall = 0, cpu_sum = 0, f1_sum = 0;
  for (int seed = 1; seed <= series; ++seed) {
    const CmiKnn source = source_of(diamond(steps, static_cast<std::uint64_t>(seed)), 4, 5);
    const auto search = make_pcmci_plus(source, {.max_lag = 5, .pc_alphas = {0.01}});
    const double wall_begin = wall_s();
    const double cpu_begin = cpu_s();
    const auto tests = run_on_threads(*search);
    const double wall = wall_s() - wall_begin;
    const double cpu = cpu_s() - cpu_begin;
    const Links found = oriented(search->links());
    const double score = f1(found, truth);
    wall_sum += wall;
    most_wall = std::max(most_wall, wall);
    cpu_sum += cpu;
    f1_sum += score;
    std::printf("%6d %8.2f %8.2f %8lld %6.2f ", seed, wall, cpu, static_cast<long long>(tests),
                score);
    for (const auto& [i, j] : found) std::printf(" %d->%d", i + 1, j + 1);
    std::printf("\n");
    std::fflush(stdout);
  }
  std::printf("mean: %.2f s (%.0f times faster than %.0f s), F1 %.3f\n", wall_sum / series,
              diamond_s / (wall_sum / series), diamond_s, f1_sum / series);
  return ",\"diamonds\":" + std::to_string(series) + ",\"diamond_steps\":" + std::to_string(steps) +
         ",\"diamond_wall_s\":" + std::to_string(wall_sum / series) +
         ",\"diamond_most_wall_s\":" + std::to_string(most_wall) +
         ",\"diamond_cpu_s\":" + std::to_string(cpu_sum / series) +
         ",\"diamond_f1\":" + std::to_string(f1_sum / series);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string tests = print_tests();
  const std::string diamonds =
      argc == 3 ? print_diamonds(std::stoi(argv[1]), std::stoi(argv[2])) : print_diamonds(10, 1000);
  std::printf("{\"question\":\"cmi\"%s%s,\"published_s\":%.0f}\n", tests.c_str(), diamonds.c_str(),
              diamond_s);
  return 0;
}
