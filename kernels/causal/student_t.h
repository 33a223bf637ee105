// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "kernels/causal/test_source.h"

namespace sovren::kernels {

/// Two-sided p-value of a (partial) correlation r with df degrees of freedom under independence:
/// P(|t_df| > |r| sqrt(df / (1 - r^2))) = I_{1-r^2}(df/2, 1/2), the regularised incomplete beta
/// function.
///
/// Domain   |r| >= 1: 0.   df < 1 or r not a number: 1, for such a test says nothing.
/// Error    relative 1e-13 down to p = 1e-300; below 1e-308 it underflows to 0.
/// Source   DLMF 8.17.7, 15.8.1 (transformation), 15.7.5 (Gauss's fraction), 15.2.1 (series).
double student_t_two_sided_p(double r, int df);

/// The p-value of any test: its own, or Student's t's.
double p_value_of(const Partial& partial);

/// Answers p <= alpha for many correlations at the price of a comparison: |r| against the
/// correlation whose p is alpha, found once per df. Within 1e-12 of it, p itself decides.
///
/// Threads  one object per thread.
class Significance {
 public:
  explicit Significance(double alpha) : alpha_(alpha) {}
  bool is_dependent(double r, int df);
  bool is_dependent(const Partial& partial);
  double alpha() const { return alpha_; }
  /// The correlation whose p is alpha.
  double critical(int df);

 private:
  double alpha_;
  std::vector<double> critical_;  ///< by df; 0: not yet found
};

}  // namespace sovren::kernels
