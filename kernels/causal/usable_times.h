// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/causal/series.h"
#include "kernels/causal/test_source.h"

namespace sovren::kernels {

/// Which values are masked, and in which roles of a test I(x; y | z) a masked value takes its time
/// point away. "y" alone: only the target is masked, its past stays in use as a condition.
///
/// Source   mask and mask_type of Tigramite 5.2.
struct Mask {
  std::span<const std::uint8_t> masked;  ///< as Series::values, not 0: masked; empty: nothing is
  bool in_x = false;
  bool in_y = false;
  bool in_z = false;
};

/// The samples of a series: t = 2 max_lag .. steps-1, ascending.
std::vector<int> all_times(int steps, int max_lag);

/// Which time points of a list a test may use: those at which each of its nodes is measured, and
/// not masked in its role.
///
/// Model    one bit per variable and time; a test ANDs the bits of its nodes, each shifted by its
///          lag.
/// Threads  const and re-entrant.
class UsableTimes {
 public:
  /// times: reference points t in [2 max_lag, steps), in any order, with repetition (resample.h).
  UsableTimes(const Series& series, int max_lag, std::vector<int> times, const Mask& mask = {});

  /// In the order of the list.
  std::vector<int> of_test(Node x, Node y, std::span<const Node> z) const;
  /// Is it the whole list?
  bool has_all(Node x, Node y, std::span<const Node> z) const;

  std::span<const int> all() const { return times_; }
  int variables() const { return variables_; }
  int max_lag() const { return max_lag_; }

 private:
  /// Bits that are 1 where a variable can be used, and whether that is so at all times of the list.
  struct Bits {
    std::vector<std::uint64_t> words;      ///< (variable, word): bit t % 64 of word t / 64
    std::vector<std::uint8_t> is_all_set;  ///< (lag, variable)
  };

  template <class IsSet>
  Bits bits_of(int steps, IsSet is_set) const;
  const Bits& bits(bool is_masked_in_role) const {
    return is_masked_in_role ? measured_and_unmasked_ : measured_;
  }
  template <class Use>
  void for_each(Node x, Node y, std::span<const Node> z, Use use) const;

  std::vector<int> times_;
  int variables_;
  int max_lag_;
  int words_;  ///< of one variable
  Mask roles_;
  Bits measured_;
  Bits measured_and_unmasked_;  ///< empty without a mask
};

}  // namespace sovren::kernels
