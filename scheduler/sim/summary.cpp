// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "scheduler/sim/simulate.h"

namespace sovren::sim {
namespace {

constexpr double slowdown_bound_s = 10;

Spread spread_of(std::vector<double> values) {
  Spread spread;
  for (const double value : values) spread.mean += value;
  spread.mean /= static_cast<double>(values.size());
  std::sort(values.begin(), values.end());
  // The smallest value that at least that part of all do not exceed.
  const auto at = [&](double part) {
    const double rank = std::ceil(part * static_cast<double>(values.size()));
    return values[static_cast<std::size_t>(std::max(1.0, rank)) - 1];
  };
  spread.median = at(0.5);
  spread.p95 = at(0.95);
  spread.p99 = at(0.99);
  spread.max = values.back();
  return spread;
}

void add(Spread& sum, const Spread& one, double part) {
  sum.mean += one.mean * part;
  sum.median += one.median * part;
  sum.p95 += one.p95 * part;
  sum.p99 += one.p99 * part;
  sum.max = std::max(sum.max, one.max);
}

}  // namespace

Summary summarise(const SimResult& result) {
  Summary summary{.jobs = result.jobs.size(), .procs = result.procs};
  std::vector<double> slowdowns, waits;
  double work = 0;
  double first = static_cast<double>(result.jobs.front().submit_s);
  double last = 0;
  for (const SimJob& job : result.jobs) {
    const double submit_s = static_cast<double>(job.submit_s);
    const double run_s = static_cast<double>(job.run_s);
    waits.push_back(std::max(0.0, job.end_s - submit_s - run_s));
    slowdowns.push_back(std::max(1.0, (job.end_s - submit_s) / std::max(run_s, slowdown_bound_s)));
    work += run_s * job.procs;
    first = std::min(first, submit_s);
    last = std::max(last, job.end_s);
    summary.preemptions += job.preemptions;
    summary.failures += job.failures;
  }
  summary.bounded_slowdown = spread_of(std::move(slowdowns));
  summary.wait_s = spread_of(std::move(waits));
  summary.makespan_s = last - first;
  summary.utilisation =
      summary.makespan_s > 0 ? work / (static_cast<double>(result.procs) * summary.makespan_s) : 1;
  return summary;
}

Summary mean_of(const std::vector<Summary>& summaries) {
  Summary mean;
  const double part = 1.0 / static_cast<double>(summaries.size());
  for (const Summary& one : summaries) {
    mean.jobs += one.jobs;
    mean.procs = one.procs;
    add(mean.bounded_slowdown, one.bounded_slowdown, part);
    add(mean.wait_s, one.wait_s, part);
    mean.utilisation += one.utilisation * part;
    mean.preemptions += one.preemptions;
    mean.failures += one.failures;
    mean.makespan_s += one.makespan_s * part;
  }
  return mean;
}

}  // namespace sovren::sim
