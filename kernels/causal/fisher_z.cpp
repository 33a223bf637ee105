// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/fisher_z.h"

#include <cmath>
#include <numbers>

#include "kernels/causal/normal.h"

namespace sovren::kernels {
namespace {

double two_sided_normal_p(double z) {
  return std::erfc(std::abs(z) / std::numbers::sqrt2);
}

}  // namespace

double fisher_z_p(double r, int df) {
  if (df < 2 || std::isnan(r)) return 1;
  if (std::abs(r) >= 1) return 0;
  return two_sided_normal_p(std::atanh(r) * std::sqrt(df - 1.0));
}

FisherZ::FisherZ(double alpha)
    : alpha_(alpha), quantile_(alpha < 1 ? -normal_quantile(0.5 * alpha) : 0) {}

double FisherZ::p_of(const Partial& partial) {
  return std::isnan(partial.p_value) ? fisher_z_p(partial.value, partial.df) : partial.p_value;
}

bool FisherZ::is_dependent(const Partial& partial) {
  if (!std::isnan(partial.p_value) || partial.df < 2) return p_of(partial) <= alpha_;
  const double v = std::abs(partial.value);
  const double limit = critical(partial.df);
  if (std::abs(v - limit) < 1e-12) return p_of(partial) <= alpha_;
  return v > limit;
}

double FisherZ::critical(int df) {
  if (df != df_) {
    df_ = df;
    limit_ = std::tanh(quantile_ / std::sqrt(df_ - 1.0));
  }
  return limit_;
}

}  // namespace sovren::kernels
