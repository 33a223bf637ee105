// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "kernels/causal/series.h"
#include "kernels/causal/test_source.h"
#include "kernels/causal/usable_times.h"

namespace sovren::kernels {

enum class DiscreteTest : std::uint8_t { chi2, g2 };

/// Tests on variables with few different values, by tables of counts. The values may be any
/// numbers; only whether they differ counts.
///
/// Model    for each combination z of the values of Z that occurs, a table of x against y: n counts
///          in a cell, e expected under independence from the table's margins. chi2 = sum (n - e)^2
///          / e (Pearson), g2 = 2 sum n log(n / e) (likelihood ratio), over all z. Both are about
///          chi-square with sum over z of (rows - 1)(columns - 1) degrees of freedom under
///          independence, rows and columns with no count left out: a value that does not occur with
///          z cannot vary there. A test counts the time points that its nodes leave it.
/// Partial  value: of g2, the conditional mutual information g2 / (2 m) in nats; of chi2, Cramer's
/// V
///          = sqrt(chi2 / (m (k - 1))), 0 to 1, k the smaller number of values of x and y that
///          occur. df: that of chi-square; 0, as where Z determines x or y: p is 1. p_value: the
///          upper tail of chi-square.
/// Fit      y stands in the roles of x and y. unexplained = exp(-(g2 - 2 (df - |Z|)) / m) for g2 of
/// y and Z as one variable: what gives
///          m log(unexplained) + 2 |Z| the value of Akaike's criterion for the table.
/// Memory   a byte for each node and sample: N (2 max_lag + 1) m.
/// Source   Agresti, Categorical data analysis (2002), 3.2; the degrees of freedom as TETRAD and
///          causal-learn count them, and bnlearn's mi-adf (Steck and Jaakkola 2002). pcalg's
///          default takes (|x| - 1)(|y| - 1) prod |z| whatever occurs, and so sees less in sparse
///          tables.
/// Threads  const and re-entrant.
/// Cost     (|Z| + 2) m steps of a count; a sort of m numbers where the table would be larger than
///          the data.
class DiscreteSamples final : public TestSource {
 public:
  static constexpr int max_levels = 64;

  /// times: of this series. Errors: as check_series; data_invalid when a variable has more than
  /// max_levels different values.
  static Result<DiscreteSamples> make(const Series& series, UsableTimes times, DiscreteTest test);

  int variables() const override { return times_.variables(); }
  int max_lag() const override { return times_.max_lag(); }
  int samples() const override { return static_cast<int>(times_.all().size()); }
  Partial partial(Node x, Node y, std::span<const Node> z) const override;
  Fit fit(Node y, std::span<const Node> z) const override;
  double test_s(int conditions) const override;

 private:
  struct Columns;
  DiscreteSamples(UsableTimes times, DiscreteTest test) : times_(std::move(times)), test_(test) {}

  Columns columns(Node x, Node y, std::span<const Node> z) const;

  UsableTimes times_;
  DiscreteTest test_;
  int steps_ = 0;
  std::vector<int> levels_;             ///< (variable)
  std::vector<std::uint8_t> codes_;     ///< (variable, time); missing: 0
  std::vector<std::uint8_t> of_times_;  ///< (lag, variable, sample): the same over all times
};

}  // namespace sovren::kernels
