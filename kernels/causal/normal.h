// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace sovren::kernels {

/// The x with P(N(0,1) <= x) = p.
///
/// Domain   0 < p < 1.
/// Error    relative 1e-15, near p = 1/2 absolute.
/// Source   Wichura: Algorithm AS 241, the percentage points of the normal distribution, Applied
///          Statistics 37 (1988), PPND16.
double normal_quantile(double p);

}  // namespace sovren::kernels
