// SPDX-License-Identifier: Apache-2.0
// How long does PC-stable take on one core, data to oriented graph, against pcalg's stable.fast?
// Prints a table, then one line of JSON for each size.
//   pc_bench [VARIABLES SAMPLES DEGREE]     without arguments: the four standard sizes
//   pc_bench FOLDER                         discrete sets in it: asia, insurance, alarm .csv.gz
//   with
//                                           .truth.csv, by chi2 and g2
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/rng.h"
#include "kernels/causal/discrete_samples.h"
#include "kernels/causal/lag_covariance.h"
#include "kernels/causal/pc_search.h"
#include "tests/unit/kernels/known_set.h"

namespace {

using namespace sovren;
using namespace sovren::kernels;

struct Size {
  int N, m;
  double degree;   ///< links of a variable, on average
  double pcalg_s;  ///< CPU seconds, 0: not measured
};

/// pcalg, method stable.fast (C++), Fisher's z at level 0.01, one thread of a 2-core machine, on
/// other graphs of the same sizes (shared/facts/causal.md 5.2).
constexpr Size standard_sizes[] = {
    {1000, 500, 3, 2.90}, {500, 1000, 3, 0.92}, {200, 1000, 3, 0.24}, {60, 2000, 8, 0.58}};

constexpr double level = 0.01;

using Links = std::set<std::pair<int, int>>;

struct System {
  Links links;               ///< cause before effect
  std::vector<double> data;  ///< (m, N)
};

double cpu_s() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// A random graph of linear equations with normal noise; weights 0.3 to 0.8 with either sign.
System random_system(const Size& size) {
  const auto n = static_cast<std::size_t>(size.N);
  const auto m = static_cast<std::size_t>(size.m);
  const Philox draw(1, 0);
  const Philox noise(1, 1);
  System system;
  std::vector<std::vector<std::pair<std::size_t, double>>> causes(n);
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t i = 0; i < j; ++i) {
      const std::uint64_t index = 3 * (j * n + i);
      if (draw.uniform(index) >= size.degree / (size.N - 1)) continue;
      const double weight = 0.3 + 0.5 * draw.uniform(index + 1);
      causes[j].emplace_back(i, draw.below(index + 2, 2) == 0 ? weight : -weight);
      system.links.insert({static_cast<int>(i), static_cast<int>(j)});
    }
  }
  system.data.resize(m * n);
  for (std::size_t row = 0; row < system.data.size(); row += n) {
    for (std::size_t j = 0; j < n; ++j) {
      double v = noise.normal(row + j);
      for (const auto& [i, weight] : causes[j]) v += weight * system.data[row + i];
      system.data[row + j] = v;
    }
  }
  return system;
}

/// What a search did and found.
struct Found {
  TestCounts counts;
  int edges = 0;
  int true_edges = 0;
  int conditions = 0;

  double f1(const Links& truth) const {
    return 2.0 * true_edges / (edges + static_cast<double>(truth.size()));
  }
};

Found search_all(const TestSource& source, double alpha, const Links& truth) {
  const auto search = make_pc(source, {.pc_alphas = {alpha}});
  Found found;
  while (!search->is_done()) {
    std::vector<UnitResult> results;
    for (int unit = 0; unit < search->units(); ++unit) {
      results.push_back(search->run(unit));
      found.counts += results.back().counts;
    }
    search->close(results);
  }
  const LinkTable& links = search->links();
  for (int i = 0; i < links.variables; ++i) {
    for (int j = i + 1; j < links.variables; ++j) {
      if (links.mark[links.index(i, j, 0)] == Mark::none) continue;
      ++found.edges;
      found.true_edges += truth.contains({i, j}) || truth.contains({j, i});
    }
  }
  found.conditions = search->conditioning_level();
  return found;
}

void measure(const Size& size) {
  const System system = random_system(size);
  const double begin = cpu_s();
  const auto correlation = lag_correlation_cpu(system.data, size.m, size.N, 0);
  if (!correlation) {
    std::fprintf(stderr, "%s\n", to_text(correlation.error()).c_str());
    return;
  }
  const double after_correlation = cpu_s();
  const Found found = search_all(*correlation, level, system.links);
  const double end = cpu_s();
  const double total = end - begin;
  const auto tests = static_cast<long long>(found.counts.tests);
  std::printf("%5d %6d %8.4f %8.4f %8.4f %9lld %5d %6d %6zu %6.3f", size.N, size.m,
              after_correlation - begin, end - after_correlation, total, tests, found.conditions,
              found.edges, system.links.size(), found.f1(system.links));
  if (size.pcalg_s > 0)
    std::printf(" %7.1fx\n", size.pcalg_s / total);
  else
    std::printf(" %8s\n", "-");
  std::printf(
      "{\"question\":\"pc\",\"variables\":%d,\"samples\":%d,\"correlation_s\":%.5f,"
      "\"search_s\":%.5f,\"total_s\":%.5f,\"tests\":%lld,\"conditions\":%d,\"edges\":%d,"
      "\"true_edges\":%zu,\"skeleton_f1\":%.4f,\"pcalg_stable_fast_s\":%.2f}\n",
      size.N, size.m, after_correlation - begin, end - after_correlation, total, tests,
      found.conditions, found.edges, system.links.size(), found.f1(system.links), size.pcalg_s);
}

/// causal-learn, chi2, the same machine as pcalg's: CPU seconds and F1 of the skeleton; 0: not
/// measured.
struct NamedSet {
  const char* name;
  double causal_learn_s;
  double causal_learn_f1;
};
constexpr NamedSet named_sets[] = {
    {"asia", 0.04, 0}, {"insurance", 3.0, 0.894}, {"alarm", 1.7, 0.957}};

void measure_discrete(const std::string& folder, const NamedSet& known) {
  const auto set = sovren::kernels::testing::read_known_set(folder, known.name);
  if (set.variables == 0) {
    std::fprintf(stderr, "not there: %s/%s.csv.gz\n", folder.c_str(), known.name);
    return;
  }
  const Series series{
      .values = set.data, .steps = set.samples(), .variables = set.variables, .valid = {}};
  for (const DiscreteTest test : {DiscreteTest::chi2, DiscreteTest::g2}) {
    const double begin = cpu_s();
    const auto samples =
        DiscreteSamples::make(series, UsableTimes(series, 0, all_times(series.steps, 0)), test);
    if (!samples) {
      std::fprintf(stderr, "%s\n", to_text(samples.error()).c_str());
      return;
    }
    const Found found = search_all(*samples, 0.05, set.links);
    const double total = cpu_s() - begin;
    const char* const test_name = test == DiscreteTest::chi2 ? "chi2" : "g2";
    const auto tests = static_cast<long long>(found.counts.tests);
    const double f1 = found.f1(set.links);
    std::printf("%-10s %-5s %8.4f %7lld %5d %6d %6zu %6.3f", known.name, test_name, total, tests,
                found.conditions, found.edges, set.links.size(), f1);
    if (test == DiscreteTest::chi2 && known.causal_learn_f1 > 0)
      std::printf(" %6.1fx %6.3f\n", known.causal_learn_s / total, known.causal_learn_f1);
    else
      std::printf(" %7s %6s\n", "-", "-");
    std::printf(
        "{\"question\":\"pc_discrete\",\"set\":\"%s\",\"test\":\"%s\",\"total_s\":%.5f,"
        "\"tests\":%lld,\"conditions\":%d,\"edges\":%d,\"true_edges\":%zu,"
        "\"skeleton_f1\":%.4f}\n",
        known.name, test_name, total, tests, found.conditions, found.edges, set.links.size(), f1);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2) {
    std::printf("%-10s %-5s %8s %7s %5s %6s %6s %6s %7s %6s\n", "set", "test", "total s", "tests",
                "conds", "edges", "truth", "F1", "c-learn", "its F1");
    for (const NamedSet& known : named_sets) measure_discrete(argv[1], known);
    return 0;
  }
  std::printf("%5s %6s %8s %8s %8s %9s %5s %6s %6s %6s %8s\n", "N", "m", "corr s", "search s",
              "total s", "tests", "conds", "edges", "truth", "F1", "pcalg");
  if (argc == 4) {
    measure({std::stoi(argv[1]), std::stoi(argv[2]), std::stod(argv[3]), 0});
    return 0;
  }
  for (const Size& size : standard_sizes) measure(size);
  return 0;
}
