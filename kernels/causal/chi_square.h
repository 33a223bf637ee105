// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace sovren::kernels {

/// Upper tail of the chi-square distribution: P(chi2_df > x) = Q(df/2, x/2), the regularised upper
/// incomplete gamma function.
///
/// Domain   x <= 0: 1.   df < 1 or x not a number: 1, for such a test says nothing.
/// Error    relative 1e-12 down to p = 1e-300; below 1e-308 it underflows to 0.
/// Source   DLMF 8.11.4 (series), 8.9.2 (continued fraction); the factor before both after Loader,
///          Fast and accurate computation of binomial probabilities (2000).
double chi_square_p(double x, int df);

}  // namespace sovren::kernels
