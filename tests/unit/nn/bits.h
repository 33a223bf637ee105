// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "kernels/nn/team.h"
#include "tests/unit/nn/levels.h"

namespace sovren::nn {

inline void expect_same_bits(const std::vector<float>& a, const std::vector<float>& b,
                             const char* what) {
  ASSERT_EQ(a.size(), b.size()) << what;
  for (std::size_t i = 0; i < a.size(); ++i)
    ASSERT_EQ(std::memcmp(&a[i], &b[i], sizeof(float)), 0)
        << what << ": element " << i << ": " << a[i] << " and " << b[i];
}

/// result(team): numbers that must be the same bits for any number of threads.
template <class Result>
void expect_same_bits_for_any_team(const Result& result) {
  Team one(1), two(2), five(5);
  const std::vector<float> first = result(one);
  expect_same_bits(first, result(two), "2 threads");
  expect_same_bits(first, result(five), "5 threads");
}

/// result(kernels): numbers that must be the same bits at each level of this processor.
template <class Kernels, class Result>
void expect_same_bits_at_all_levels(const Result& result) {
  const std::vector<float> first = result(kernels_of<Kernels>(Level::plain));
  for (const Level level : levels_here())
    expect_same_bits(first, result(kernels_of<Kernels>(level)), level_name(level).data());
}

/// One after the other.
inline std::vector<float> joined(std::initializer_list<std::vector<float>> parts) {
  std::vector<float> all;
  for (const std::vector<float>& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace sovren::nn
