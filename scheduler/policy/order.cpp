// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/order.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"

namespace sovren::policy {
namespace {

constexpr double starving_s = 21 * 86'400.0;
constexpr double aging_unit_s = 1800;
constexpr double aging_power = 2.0 / 3;

}  // namespace

bool is_static(Order order) {
  switch (order) {
    case Order::fcfs:
    case Order::sjf:
    case Order::saf:
    case Order::f1:
      return true;
    case Order::wfp3:
    case Order::unicep:
    case Order::aged_saf:
    case Order::multifactor:
      return false;
  }
  SOVREN_CHECK(false, "every order is static or not");
}

double score(Order order, const Standing& job, Instant now) {
  const double n = static_cast<double>(job.cpus);
  const double r = std::max(job.estimate_s, 1.0);
  const double w = std::max(0.0, now - job.submitted);
  switch (order) {
    case Order::fcfs:
      return -static_cast<double>(job.submitted.ms);
    case Order::sjf:
      return -r;
    case Order::saf:
      return -r * n;
    case Order::f1:
      return -(std::log10(r) * n +
               870 * std::log10(std::max(1.0, static_cast<double>(job.submitted.ms) / 1000)));
    case Order::wfp3: {
      const double slowdown = w / r;
      return slowdown * slowdown * slowdown * n;
    }
    case Order::unicep:
      return w / (std::max(std::log2(n), 0.1) * r);  // one core: as the authors' code has it, not 0
    case Order::aged_saf:
      if (w > starving_s) return w;
      return -r * n / std::pow(1 + w / aging_unit_s, aging_power);
    case Order::multifactor:
      break;
  }
  SOVREN_CHECK(false, "the multifactor order is not made of a job alone");
}

}  // namespace sovren::policy
