// SPDX-License-Identifier: Apache-2.0
#include "kernels/linalg/qr.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/linalg/blas.h"
#include "tests/unit/kernels/systems.h"

namespace sovren::kernels {
namespace {

constexpr int rows = 40;

std::vector<double> columns(int count, std::uint64_t seed) {
  return testing::noise(rows, count, seed);
}

TEST(PivotedQr, LeavesNothingOfItsOwnColumnsAndARemainderOrthogonalToThem) {
  const auto matrix = columns(7, 1);
  const PivotedQr qr(matrix, rows, 7, 1e-14);
  EXPECT_EQ(qr.rank(), 7);
  auto v = columns(1, 2);
  qr.project_out(v);
  for (int c = 0; c < 7; ++c) {
    std::vector<double> own(matrix.begin() + c * rows, matrix.begin() + (c + 1) * rows);
    EXPECT_NEAR(dot(own, v), 0, 1e-13);
    qr.project_out(own);
    EXPECT_NEAR(dot(own, own), 0, 1e-26);
  }
  EXPECT_GT(dot(v, v), 1);
}

TEST(PivotedQr, CountsDuplicatesAndSumsOnce) {
  auto matrix = columns(3, 3);
  matrix.insert(matrix.end(), matrix.begin(), matrix.begin() + rows);
  for (int t = 0; t < rows; ++t)
    matrix.push_back(matrix[static_cast<std::size_t>(t)] +
                     matrix[static_cast<std::size_t>(rows + t)]);
  EXPECT_EQ(PivotedQr(matrix, rows, 5, 1e-14).rank(), 3);
}

TEST(PivotedQr, SolvesLeastSquares) {
  const auto matrix = columns(6, 5);
  const std::vector<double> truth{0.5, -3, 0, 1e-3, 2, 7};
  std::vector<double> v = columns(1, 6);
  const PivotedQr qr(matrix, rows, 6, 1e-14);
  qr.project_out(v);  // what no column explains must not matter
  for (int c = 0; c < 6; ++c)
    for (int t = 0; t < rows; ++t)
      v[static_cast<std::size_t>(t)] +=
          truth[static_cast<std::size_t>(c)] * matrix[static_cast<std::size_t>(c * rows + t)];
  const std::vector<double> found = qr.solve(v);
  ASSERT_EQ(found.size(), 6U);
  for (std::size_t c = 0; c < 6; ++c) EXPECT_NEAR(found[c], truth[c], 1e-13);
}

TEST(PivotedQr, GivesZeroToWhatOtherColumnsDetermine) {
  auto matrix = columns(2, 7);
  matrix.insert(matrix.end(), matrix.begin(), matrix.begin() + rows);  // a copy of the first
  const std::vector<double> v(matrix.begin(), matrix.begin() + rows);
  const std::vector<double> found = PivotedQr(matrix, rows, 3, 1e-14).solve(v);
  EXPECT_NEAR(found[0] + found[2], 1, 1e-14);
  EXPECT_TRUE(found[0] == 0 || found[2] == 0);
  EXPECT_NEAR(found[1], 0, 1e-14);
}

TEST(PivotedQr, OfNoColumnsChangesNothing) {
  const PivotedQr qr({}, rows, 0, 1e-14);
  auto v = columns(1, 4);
  const auto before = v;
  qr.project_out(v);
  EXPECT_EQ(qr.rank(), 0);
  EXPECT_EQ(v, before);
}

TEST(Dot, AddsEveryProductForAnyLength) {
  for (std::size_t n = 0; n < 40; ++n) {
    std::vector<double> a(n);
    for (std::size_t i = 0; i < n; ++i) a[i] = static_cast<double>(i + 1);
    EXPECT_EQ(dot(a, a), static_cast<double>(n * (n + 1) * (2 * n + 1) / 6));
  }
}

}  // namespace
}  // namespace sovren::kernels
