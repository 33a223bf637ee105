// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/chi_square.h"

#include <array>
#include <cmath>
#include <limits>
#include <numbers>

namespace sovren::kernels {
namespace {

constexpr double epsilon = std::numeric_limits<double>::epsilon();

/// u - log(1 + u) without cancellation near 0: with v = u / (2 + u), log(1 + u) = 2 (v + v^3/3 +
/// ...) and u = 2 v / (1 - v).
double log_gap(double u) {
  if (std::abs(u) > 0.5) return u - std::log1p(u);
  const double v = u / (2 + u);
  const double square = v * v;
  double power = 2 * v * square;
  double tail = 0;
  for (int k = 3; std::abs(power) > epsilon * square * 1e-3; k += 2, power *= square)
    tail += power / k;
  return u * v - tail;
}

/// log Gamma(a + 1) - Stirling's formula, a >= 10.
double stirling_error(double a) {
  constexpr std::array coefficient{1.0 / 12, -1.0 / 360, 1.0 / 1260, -1.0 / 1680, 1.0 / 1188};
  const double z = 1 / (a * a);
  double sum = 0;
  for (auto c = coefficient.rbegin(); c != coefficient.rend(); ++c) sum = sum * z + *c;
  return sum / a;
}

/// x^a e^-x / Gamma(a + 1), a a multiple of 1/2.
double front(double a, double x) {
  if (a >= 10)
    return std::exp(-stirling_error(a) - a * log_gap((x - a) / a)) /
           std::sqrt(2 * std::numbers::pi * a);
  double gamma = a == std::floor(a) ? 1 : 1 / std::numbers::inv_sqrtpi;  // of 1 or 1/2
  for (double k = a; k > 0.25; k -= 1) gamma *= k;
  const double root = std::exp(-0.5 * x);  // e^-x would be too small before the whole is
  return std::pow(x, a) * root / gamma * root;
}

/// sum_n x^n / ((a + 1) ... (a + n)): all terms positive.
double body_series(double a, double x) {
  double term = 1;
  double sum = 1;
  for (double n = 1; term > 0.1 * epsilon * sum; n += 1) {
    term *= x / (a + n);
    sum += term;
  }
  return sum;
}

/// a / (x + 1 - a + 1 (a - 1) / (x + 3 - a + 2 (a - 2) / ...)), x > a: by Lentz's method.
double tail_fraction(double a, double x) {
  double b = x + 1 - a;
  double c = std::numeric_limits<double>::infinity();
  double d = 1 / b;
  double product = d;
  for (double n = 1; n < 1e7; n += 1) {
    const double numerator = n * (a - n);
    b += 2;
    d = 1 / (b + numerator * d);
    c = b + numerator / c;
    product *= c * d;
    if (std::abs(c * d - 1) < epsilon) break;
  }
  return a * product;
}

}  // namespace

double chi_square_p(double x, int df) {
  if (df < 1 || !(x > 0)) return 1;
  const double a = 0.5 * df;
  const double z = 0.5 * x;
  if (std::isinf(z)) return 0;
  if (z < a + 1) return 1 - front(a, z) * body_series(a, z);
  return front(a, z) * tail_fraction(a, z);
}

}  // namespace sovren::kernels
