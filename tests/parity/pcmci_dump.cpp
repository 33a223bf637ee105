// SPDX-License-Identifier: Apache-2.0
// Runs PCMCI on one data set and prints all that pcmci_parity.py compares.
//   pcmci_dump DATA T N MAX_LAG MIN_LAG ALPHAS MAX_CONDITIONS MAX_PARENTS
// DATA: T N doubles, NaN where a value is missing. ALPHAS: 0.05 or 0.05,0.1. -1: no limit.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include "kernels/causal/fdr.h"
#include "kernels/causal/lag_covariance.h"
#include "kernels/causal/masked_samples.h"
#include "kernels/causal/mci.h"
#include "kernels/causal/pc1.h"

namespace {

using namespace sovren;
using namespace sovren::kernels;

int limit(const std::string& text) {
  const int value = std::stoi(text);
  return value < 0 ? std::numeric_limits<int>::max() : value;
}

void print(const char* name, const std::vector<double>& values) {
  std::printf("%s", name);
  for (const double v : values) std::printf(" %.17g", v);
  std::printf("\n");
}

int dump(const TestSource& source, const Pc1Options& pc1, const MciOptions& mci) {
  const int n = source.variables();
  std::vector<std::vector<Parent>> parents;
  TestCounts counts;
  for (int j = 0; j < n; ++j) {
    const Pc1Result result = select_conditions(source, j, pc1);
    counts += result.counts;
    std::printf("parents %d %.17g", j, result.alpha);
    for (const Parent& parent : result.parents)
      std::printf(" %d %d %.17g %.17g %.17g", parent.node.variable, parent.node.lag, parent.val_min,
                  parent.p_max, parent.value);
    std::printf("\n");
    parents.push_back(result.parents);
  }
  const MciTests tests(source, parents, mci);
  const auto lags = static_cast<std::size_t>(mci.max_lag) + 1;
  const auto size = static_cast<std::size_t>(n);
  std::vector<double> value(size * size * lags);
  std::vector<double> p(value.size());
  std::vector<double> row_value(size * lags);
  std::vector<double> row_p(size * lags);
  for (std::size_t j = 0; j < size; ++j) {
    counts += tests.row(static_cast<int>(j), row_value, row_p);
    for (std::size_t i = 0; i < size; ++i) {
      std::copy_n(row_value.begin() + static_cast<std::ptrdiff_t>(i * lags), lags,
                  value.begin() + static_cast<std::ptrdiff_t>((i * size + j) * lags));
      std::copy_n(row_p.begin() + static_cast<std::ptrdiff_t>(i * lags), lags,
                  p.begin() + static_cast<std::ptrdiff_t>((i * size + j) * lags));
    }
  }
  const LinkShape shape{n, mci.min_lag, mci.max_lag};
  symmetrise_lag0(value, p, shape);
  print("val", value);
  print("p", p);
  print("q", lagged_q_values(p, shape));
  std::printf("counts %ld %ld %ld %ld\n", static_cast<long>(counts.tests),
              static_cast<long>(counts.by_qr), static_cast<long>(counts.determined),
              static_cast<long>(counts.too_few_samples));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 9) return 2;
  const std::vector<std::string> args(argv, argv + argc);
  const int steps = std::stoi(args[2]);
  const int n = std::stoi(args[3]);
  std::vector<double> values(static_cast<std::size_t>(steps) * static_cast<std::size_t>(n));
  std::ifstream file(args[1], std::ios::binary);
  file.read(reinterpret_cast<char*>(values.data()),
            static_cast<std::streamsize>(values.size() * sizeof(double)));
  if (!file) return 2;
  std::vector<std::uint8_t> valid;
  for (const double v : values) valid.push_back(std::isnan(v) ? 0 : 1);
  const bool is_complete = std::ranges::find(valid, 0) == valid.end();
  Pc1Options pc1{.min_lag = std::stoi(args[5]), .max_lag = std::stoi(args[4]), .alphas = {}};
  pc1.max_conditions = limit(args[7]);
  std::stringstream alphas(args[6]);
  for (std::string alpha; std::getline(alphas, alpha, ',');) pc1.alphas.push_back(std::stod(alpha));
  const MciOptions mci{pc1.min_lag, pc1.max_lag, limit(args[8])};
  const Series series{.values = values, .steps = steps, .variables = n, .valid = valid};
  const auto correlation = lag_correlation(series, pc1.max_lag, Backend::cpu);
  if (!correlation) {
    std::fprintf(stderr, "%s\n", to_text(correlation.error()).c_str());
    return 65;
  }
  if (is_complete) return dump(*correlation, pc1, mci);
  return dump(MaskedSamples(series, *correlation), pc1, mci);
}
