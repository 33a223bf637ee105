// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/causal/test_source.h"

namespace sovren::kernels {

/// Two-sided p-value of a (partial) correlation r by Fisher's transformation: atanh(r) is about
/// normal with variance 1 / (m - |Z| - 3) under independence, so p = erfc(|atanh r| sqrt((df - 1) /
/// 2)), with df = m - |Z| - 2 as in Partial.
///
/// Domain   |r| >= 1: 0.   df < 2 or r not a number: 1, for such a test says nothing.
/// Source   Fisher 1921; as PC uses it: Kalisch and Buehlmann, JMLR 8 (2007).
double fisher_z_p(double r, int df);

/// Judges tests at one level: a correlation by Fisher's z, a test with a p-value of its own by
/// that. A correlation costs a comparison: |r| against the one whose p is alpha; within 1e-12 of
/// it, p itself decides.
///
/// Threads  one object per thread.
class FisherZ {
 public:
  explicit FisherZ(double alpha);
  bool is_dependent(const Partial& partial);
  /// The correlation whose p is alpha; df >= 2.
  double critical(int df);
  static double p_of(const Partial& partial);

 private:
  double alpha_;
  double quantile_;  ///< two-sided, of the standard normal distribution at alpha
  int df_ = 0;
  double limit_ = 1;  ///< the correlation whose p is alpha at df_
};

}  // namespace sovren::kernels
