// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/student_t.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace sovren::kernels {
namespace {

/// 1 / (a B(a, 1/2)) = Gamma(a + 1/2) / (Gamma(a + 1) sqrt(pi)): the expansion in 1/(a + 1/4)^2
/// after Tricomi and Erdelyi (1951), reached from below by the recurrence of the gamma function.
double inverse_a_beta(double a) {
  constexpr std::array coefficient{1.0,
                                   -1.0 / 64,
                                   21.0 / 8192,
                                   -671.0 / 524288,
                                   180323.0 / 134217728,
                                   -20898423.0 / 8589934592,
                                   7426362705.0 / 1099511627776,
                                   -1874409467055.0 / 70368744177664};
  double factor = std::numbers::inv_sqrtpi;
  for (; a < 10; a += 1) factor *= (a + 1) / (a + 0.5);
  const double w = a + 0.25;
  const double z = 1 / (w * w);
  double sum = 0;
  for (auto c = coefficient.rbegin(); c != coefficient.rend(); ++c) sum = sum * z + *c;
  return factor * sum / std::sqrt(w);
}

/// (1 - r^2)^a. The rounding of 1 - r^2 would come back a-fold: its error is carried along.
double power_of_rest(double r, double a) {
  const double square = r * r;
  const double square_low = std::fma(r, r, -square);
  const double rest = 1 - square;
  const double rest_low = ((1 - rest) - square) - square_low;
  return std::pow(rest, a) * (1 + a * rest_low / rest);
}

/// sum_n (a + 1/2)_n / (3/2)_n y^n: all terms positive, quick for y (a + 5/2) < 3.
double body_series(double a, double y) {
  double term = 1;
  double sum = 1;
  for (int n = 0; n < 400 && term > sum * 1e-17; ++n) {
    term *= (a + 0.5 + n) * y / (1.5 + n);
    sum += term;
  }
  return sum;
}

/// y 2F1(1, a + 1/2; a + 1; 1 - y) = 2F1(1, 1/2; a + 1; -w), w = (1 - y) / y, as Gauss's continued
/// fraction 1 / (1 + e1 w / (1 + e2 w / (1 + ...))): every term is positive, so nothing cancels.
/// Forward, as a sum whose terms shrink (Steed).
double tail_fraction(double a, double y) {
  const double w = (1 - y) / y;
  double ratio = 1;  // 1 / the newest denominator
  double term = 1;
  double sum = 1;
  for (int m = 1; m < 500; ++m) {
    const double base = a + 2 * m;
    const double odd = (m - 0.5) * (a + m - 1) / ((base - 2) * (base - 1)) * w;
    ratio = 1 / (1 + odd * ratio);
    term *= ratio - 1;
    sum += term;
    const double even = m * (a - 0.5 + m) / ((base - 1) * base) * w;
    ratio = 1 / (1 + even * ratio);
    term *= ratio - 1;
    sum += term;
    if (std::abs(term) < 1e-17 * sum) break;
  }
  return sum;
}

}  // namespace

double student_t_two_sided_p(double r, int df) {
  const double v = std::abs(r);
  if (df < 1 || std::isnan(r)) return 1;
  if (v >= 1) return 0;
  if (v == 0) return 1;
  const double a = 0.5 * df;
  const double front = v * power_of_rest(v, a) * inverse_a_beta(a);
  const double y = v * v;
  if (y < 0.5 && y * (a + 2.5) < 3) return 1 - 2 * a * front * body_series(a, y);
  return front / y * tail_fraction(a, y);
}

double p_value_of(const Partial& partial) {
  return std::isnan(partial.p_value) ? student_t_two_sided_p(partial.value, partial.df)
                                     : partial.p_value;
}

bool Significance::is_dependent(const Partial& partial) {
  return std::isnan(partial.p_value) ? is_dependent(partial.value, partial.df)
                                     : partial.p_value <= alpha_;
}

bool Significance::is_dependent(double r, int df) {
  if (df < 1) return alpha_ >= 1;
  const double limit = critical(df);
  const double v = std::abs(r);
  if (std::abs(v - limit) < 1e-12) return student_t_two_sided_p(v, df) <= alpha_;
  return v > limit;
}

double Significance::critical(int df) {
  const auto index = static_cast<std::size_t>(df);
  if (critical_.size() <= index) critical_.resize(index + 1, 0.0);
  double& found = critical_[index];
  if (found > 0) return found;
  // p falls from 1 at r = 0 to 0 at r = 1: Newton's step where it stays in the bracket, else halve.
  const double a = 0.5 * df;
  const double density_factor = 2 * a * inverse_a_beta(a);  // -dp/dr = factor (1 - r^2)^(a - 1)
  double low = 0;
  double high = 1;
  double r = std::min(0.5, 2 / std::sqrt(df + 4.0));
  for (int i = 0; i < 200 && high - low > 1e-15; ++i) {
    const double p = student_t_two_sided_p(r, df);
    (p > alpha_ ? low : high) = r;
    const double next = r + (p - alpha_) / (density_factor * power_of_rest(r, a - 1));
    if (std::abs(next - r) < 1e-15) break;
    r = next > low && next < high ? next : 0.5 * (low + high);
  }
  found = std::max(r, 1e-300);
  return found;
}

}  // namespace sovren::kernels
