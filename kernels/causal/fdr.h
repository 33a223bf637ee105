// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

namespace sovren::kernels {

/// q-values of Benjamini and Hochberg (1995): q_(k) = min over r >= k of min(1, p_(r) m / r). A NaN
/// stays NaN and does not count in m.
std::vector<double> benjamini_hochberg(std::span<const double> p);

/// The matrices of PCMCI, (source, target, lag) row-major: (N, N, max_lag + 1).
struct LinkShape {
  int N = 0;
  int min_lag = 0;
  int max_lag = 0;
};

/// q-values over the lagged entries that were tested, lag = max(1, min_lag) .. max_lag, self links
/// included; the others keep their p.
std::vector<double> lagged_q_values(std::span<const double> p, const LinkShape& shape);

/// Lag 0 has no direction: of (i, j) and (j, i) the larger p, with its value, goes to both; on
/// equal p the smaller |value|.
void symmetrise_lag0(std::span<double> value, std::span<double> p, const LinkShape& shape);

}  // namespace sovren::kernels
