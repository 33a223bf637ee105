// SPDX-License-Identifier: Apache-2.0
#include "jobs/causal/series_check.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/base/rng.h"

namespace sovren::jobs {
namespace {

using Warnings = std::vector<std::string>;

/// Columns a, b, c, d of noise, then what `more` makes of each row.
template <class More>
Table table_of(const More& more, int rows = 60) {
  Table table;
  table.rows = rows;
  const Philox draw(5);
  for (int row = 0; row < rows; ++row) {
    std::vector<double> values;
    for (std::uint64_t k = 0; k < 4; ++k)
      values.push_back(draw.normal(static_cast<std::uint64_t>(row) * 4 + k));
    more(row, values);
    table.columns = static_cast<int>(values.size());
    table.values.insert(table.values.end(), values.begin(), values.end());
  }
  for (int k = 0; k < table.columns; ++k) table.names.push_back(std::string(1, char('a' + k)));
  return table;
}

TEST(ColumnCheck, IsSilentOnIndependentColumns) {
  EXPECT_EQ(column_warnings(table_of([](int, std::vector<double>&) {})), Warnings{});
}

TEST(ColumnCheck, NamesAColumnThatNeverChanges) {
  const Table table = table_of([](int, std::vector<double>& v) { v[1] = 0.1; });
  EXPECT_EQ(column_warnings(table),
            (Warnings{"variable 'b' never changes: it can neither be a cause nor an effect "
                      "(value 0, p 1)"}));
}

TEST(ColumnCheck, NamesACopyInOtherUnitsAndWhatItCopies) {
  const Table table = table_of([](int, std::vector<double>& v) { v.push_back(32 + 1.8 * v[2]); });
  EXPECT_EQ(column_warnings(table), (Warnings{"variable 'e' is a copy of 'c' (up to scale and "
                                              "offset): links cannot be told apart"}));
}

TEST(ColumnCheck, NamesTheColumnsThatASumIsMadeOf) {
  const Table table = table_of([](int, std::vector<double>& v) { v.push_back(v[0] - 3 * v[3]); });
  EXPECT_EQ(column_warnings(table), (Warnings{"variable 'e' is determined exactly by 'a', 'd': "
                                              "links cannot be told apart"}));
}

TEST(ColumnCheck, DoesNotTakeStrongCorrelationForACopy) {
  const Philox draw(9);
  const Table table = table_of([&](int row, std::vector<double>& v) {
    v.push_back(v[0] + 1e-4 * draw.normal(static_cast<std::uint64_t>(row)));
  });
  EXPECT_EQ(column_warnings(table), Warnings{});
}

TEST(ColumnCheck, FindsACopyWithMissingValues) {
  Table table = table_of(
      [](int row, std::vector<double>& v) { v.push_back(row % 7 == 0 ? std::nan("") : 2 * v[1]); });
  table.has_missing = true;
  EXPECT_EQ(column_warnings(table), (Warnings{"variable 'e' is a copy of 'b' (up to scale and "
                                              "offset): links cannot be told apart"}));
}

TEST(SeriesLength, SaysHowManyTimeStepsAreNeeded) {
  CausalSpec spec;
  spec.data = "a.csv";
  spec.max_lag = 5;
  const auto short_by_one = check_length(spec, table_of([](int, auto&) {}, 13));
  ASSERT_FALSE(short_by_one);
  EXPECT_EQ(short_by_one.error().code, Code::data_invalid);
  EXPECT_EQ(to_text(short_by_one.error()),
            "a.csv: 13 time steps are too few for max_lag 5: at least 14 are needed\n"
            "  hint: make max_lag smaller, or bring a longer series; time goes down the rows");
  EXPECT_TRUE(check_length(spec, table_of([](int, auto&) {}, 14)));
  spec.max_conditions = 6;
  EXPECT_EQ(check_length(spec, table_of([](int, auto&) {}, 18)).error().what,
            "18 time steps are too few for max_lag 5, max_conditions 6: at least 19 are needed");
  EXPECT_TRUE(check_length(spec, table_of([](int, auto&) {}, 19)));
}

}  // namespace
}  // namespace sovren::jobs
