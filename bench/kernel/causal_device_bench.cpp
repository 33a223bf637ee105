// SPDX-License-Identifier: Apache-2.0
// PCMCI and PC on one core and on a device, side by side: seconds, and whether the links are the
// same. Prints a table, then one line of JSON for each case. Without a device it says why, and its
// column is empty.
//   causal_device_bench [VARIABLES STEPS MAX_LAG]     PCMCI, or PC where MAX_LAG is 0; without
//                                                     arguments: the two cases of issue 4
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "core/base/rng.h"
#include "kernels/causal/device_correlation.h"
#include "kernels/causal/pc_search.h"
#include "kernels/causal/pcmci_search.h"
#include "kernels/device/device.h"
#include "tests/unit/kernels/systems.h"

namespace {

using namespace sovren;
using namespace sovren::kernels;

struct Size {
  int N, T, max_lag;  ///< max_lag 0: PC on independent samples
};

constexpr Size standard_sizes[] = {{1000, 1000, 5}, {1643, 850, 0}};

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// (T, N) independent samples; half of the variables are drawn to two that come before them.
std::vector<double> sparse_samples(const Size& size) {
  const auto n = static_cast<std::size_t>(size.N);
  std::vector<double> x = testing::noise(size.T, size.N, 1);
  const Philox draw(2);
  for (std::size_t row = 0; row < x.size(); row += n)
    for (std::size_t j = 1; j < n; ++j)
      for (std::size_t k = 2 * j; k < 2 * j + 2 && draw.uniform(4 * k) < 0.5; ++k)
        x[row + j] += (0.3 + 0.4 * draw.uniform(4 * k + 1)) * x[row + draw.below(4 * k + 2, j)];
  return x;
}

struct Run {
  double correlation_s = 0;
  double search_s = 0;
  LinkTable links;
  std::int64_t tests = 0;
  std::int64_t repeated = 0;
};

Run run_search(const TestSource& source, const Size& size) {
  Run run;
  const double begin = now_s();
  const SearchOptions options{.max_lag = size.max_lag,
                              .pc_alphas = {size.max_lag > 0 ? 0.05 : 0.01}};
  const auto search = size.max_lag > 0 ? make_pcmci(source, options) : make_pc(source, options);
  while (!search->is_done()) {
    std::vector<int> units;
    for (int unit = 0; unit < search->units(); ++unit) units.push_back(unit);
    std::vector<UnitResult> results(units.size());
    search->run_batch(units, results);
    for (const UnitResult& result : results) run.tests += result.counts.tests;
    search->close(results);
  }
  run.search_s = now_s() - begin;
  run.links = search->links();
  return run;
}

Result<Run> measure(const Series& series, const Size& size, Backend backend) {
  const double begin = now_s();
  SOVREN_TRY(complete, lag_correlation(series, size.max_lag, backend));
  if (backend == Backend::cpu) {
    const double correlation_s = now_s() - begin;
    Run run = run_search(complete, size);
    run.correlation_s = correlation_s;
    return run;
  }
  SOVREN_TRY(engine, make_cuda_engine(complete.view()));
  const DeviceCorrelation device(complete, std::move(engine));
  const double correlation_s = now_s() - begin;
  Run run = run_search(device, size);
  run.correlation_s = correlation_s;
  run.repeated = device.repeated();
  if (!device.trouble().empty())
    return fail({.code = Code::device, .what = device.trouble(), .hint = ""});
  return run;
}

void print(const Size& size, const Run& cpu, const std::optional<Run>& device) {
  const double cpu_s = cpu.correlation_s + cpu.search_s;
  std::printf("%-6s %5d %5d %3d %9lld %9.3f ", size.max_lag > 0 ? "PCMCI" : "PC", size.N, size.T,
              size.max_lag, static_cast<long long>(cpu.tests), cpu_s);
  std::string json = "null";
  if (device) {
    const double device_s = device->correlation_s + device->search_s;
    double difference = 0;
    for (std::size_t k = 0; k < cpu.links.value.size(); ++k)
      difference = std::max(difference, std::abs(cpu.links.value[k] - device->links.value[k]));
    std::printf("%9.3f %9.3f %6.1fx %6s %9.1e %9lld\n", device_s, device->correlation_s,
                cpu_s / device_s, cpu.links.mark == device->links.mark ? "same" : "OTHER",
                difference, static_cast<long long>(device->repeated));
    json = std::to_string(device_s);
  } else {
    std::printf("%9s %9s %7s %6s %9s %9s\n", "-", "-", "-", "-", "-", "-");
  }
  std::printf(
      "{\"question\":\"causal_device\",\"variables\":%d,\"steps\":%d,\"max_lag\":%d,\"tests\":%lld,"
      "\"cpu_s\":%.4f,\"device_s\":%s}\n",
      size.N, size.T, size.max_lag, static_cast<long long>(cpu.tests), cpu_s, json.c_str());
}

/// False: something failed.
bool compare(const Size& size, bool has_device) {
  const std::vector<double> data =
      size.max_lag > 0 ? testing::chain(size.T, size.N, size.max_lag, 1) : sparse_samples(size);
  const Series series{.values = data, .steps = size.T, .variables = size.N};
  auto cpu = measure(series, size, Backend::cpu);
  std::optional<Run> device;
  if (cpu && has_device) {
    // The first use of a device loads the driver's code: not what is asked here.
    auto warm = measure(series, size, Backend::cuda);
    auto run = warm ? measure(series, size, Backend::cuda) : std::move(warm);
    if (!run) {
      std::fprintf(stderr, "%s\n", to_text(run.error()).c_str());
      return false;
    }
    device = *std::move(run);
  }
  if (!cpu) {
    std::fprintf(stderr, "%s\n", to_text(cpu.error()).c_str());
    return false;
  }
  print(size, *cpu, device);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const DeviceList list = list_devices();
  if (list.devices.empty())
    std::printf("no device: %s\n", list.why_none.c_str());
  else
    std::printf("device: %s\n", list.devices.front().name.c_str());
  std::printf("%-6s %5s %5s %3s %9s %9s %9s %9s %7s %6s %9s %9s\n", "", "N", "T", "lag", "tests",
              "one core", "device", "of it cov", "faster", "links", "diff max", "repeated");
  std::vector<Size> sizes(std::begin(standard_sizes), std::end(standard_sizes));
  if (argc == 4) sizes = {{std::stoi(argv[1]), std::stoi(argv[2]), std::stoi(argv[3])}};
  for (const Size& size : sizes)
    if (!compare(size, !list.devices.empty())) return 1;
  return 0;
}
