// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/student_t.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/unit/kernels/exact_p.h"

namespace sovren::kernels {
namespace {

TEST(StudentT, MatchesDecimalArithmeticDownTo1em300) {
  double smallest = 1;
  for (const ExactP& exact : exact_p) {
    EXPECT_NEAR(student_t_two_sided_p(exact.r, exact.df) / exact.p, 1, 1e-13)
        << exact.r << " df " << exact.df;
    smallest = std::min(smallest, exact.p);
  }
  EXPECT_LT(smallest, 1e-299);
}

TEST(StudentT, IsExactWhereTheFormulaIsSimple) {
  for (const double r : {1e-9, 0.1, 0.5, 0.9, 1 - 1e-9}) {
    EXPECT_NEAR(student_t_two_sided_p(r, 2), 1 - r, 1e-15);
    EXPECT_NEAR(student_t_two_sided_p(r, 1), 2 / M_PI * std::acos(r), 1e-14 + 1e-8 * (r > 0.99));
  }
}

TEST(StudentT, TakesTheEndsOfItsDomain) {
  EXPECT_EQ(student_t_two_sided_p(0, 10), 1);
  EXPECT_EQ(student_t_two_sided_p(1, 10), 0);
  EXPECT_EQ(student_t_two_sided_p(-1.0000000001, 10), 0);
  EXPECT_EQ(student_t_two_sided_p(0.9, 0), 1);
  EXPECT_EQ(student_t_two_sided_p(0.9, -5), 1);
  EXPECT_EQ(student_t_two_sided_p(std::numeric_limits<double>::quiet_NaN(), 10), 1);
  EXPECT_EQ(student_t_two_sided_p(0.999999, 100000), 0);
  EXPECT_EQ(student_t_two_sided_p(-0.3, 17), student_t_two_sided_p(0.3, 17));
}

TEST(StudentT, FallsMonotonicallyAcrossTheChangeOfMethod) {
  for (const int df : {1, 2, 9, 488, 100000}) {
    double before = 1;
    for (int i = 1; i < 4000; ++i) {
      const double p = student_t_two_sided_p(i / 4000.0, df);
      EXPECT_LE(p, before * (1 + 1e-14)) << df << " at " << i;
      before = p;
    }
  }
}

TEST(Significance, AgreesWithThePValueOnBothSidesOfTheCriticalCorrelation) {
  for (const double alpha : {1e-6, 0.01, 0.05, 0.5, 0.9}) {
    Significance significance(alpha);
    for (const int df : {1, 2, 5, 50, 488, 20000}) {
      double low = 0;
      double high = 1;
      for (int i = 0; i < 60; ++i) {
        const double r = 0.5 * (low + high);
        EXPECT_EQ(significance.is_dependent(r, df), student_t_two_sided_p(r, df) <= alpha)
            << r << " " << df << " " << alpha;
        (student_t_two_sided_p(r, df) <= alpha ? high : low) = r;
      }
    }
  }
}

TEST(Significance, NeverFindsDependenceWithoutADegreeOfFreedom) {
  Significance significance(0.5);
  EXPECT_FALSE(significance.is_dependent(1, 0));
  EXPECT_FALSE(significance.is_dependent(0.9, -3));
}

}  // namespace
}  // namespace sovren::kernels
