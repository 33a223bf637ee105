// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "jobs/causal/what_if.h"

namespace sovren::jobs {

namespace {

std::string place(const std::string& list, std::size_t index, const std::string& key) {
  return "causal_analysis." + list + "[" + std::to_string(index) + "]." + key;
}

/// RowLimits that an intervention can be held over.
struct RowLimits {
  int first;   // with a past as long as max_lag
  int future;  // the first after the data
  int last;    // of the forecast
};

std::string range(int first, int last) {
  return std::to_string(first) + " to " + std::to_string(last);
}

Result<void> check_row(int row, const RowLimits& rows, const std::string& where) {
  if (row >= rows.first && row <= rows.last) return {};
  std::string allowed = range(rows.first, rows.future - 1) + " in the data";
  if (rows.last >= rows.future)
    allowed += ", " + range(rows.future, rows.last) + " in the forecast";
  std::string hint = "rows are counted from 0";
  if (row >= 0 && row < rows.first)
    hint = "the first max_lag rows have no whole past that the model could replay them from";
  if (row > rows.last) hint += "; a longer horizon brings more steps after the data";
  return fail({.code = Code::data_invalid,
               .what = "row " + std::to_string(row) + " (allowed: " + allowed + ")",
               .hint = hint,
               .where = where});
}

Result<void> check_rows(const Intervention& asked, const RowLimits& rows, std::size_t index) {
  const auto where = [&](const std::string& key) { return place("interventions", index, key); };
  if (!asked.from && rows.last < rows.future)
    return fail({.code = Code::data_invalid,
                 .what = "an intervention without from lies after the data, but horizon is 0",
                 .hint = "name rows of the data (from, until), or a horizon of at least 1",
                 .where = where("from")});
  if (asked.from) SOVREN_DO(check_row(*asked.from, rows, where("from")));
  if (!asked.until) return {};
  SOVREN_DO(check_row(*asked.until, rows, where("until")));
  const int from = asked.from.value_or(rows.future);
  if (from > *asked.until)
    return fail(
        {.code = Code::data_invalid,
         .what =
             "from " + std::to_string(from) + " lies after until " + std::to_string(*asked.until),
         .hint = asked.from ? "" : "without from it begins with the first row after the data",
         .where = where("from")});
  if (from < rows.future && *asked.until >= rows.future)
    return fail({.code = Code::data_invalid,
                 .what = "rows " + range(from, *asked.until) +
                         " lie partly in the data and partly after their last row, " +
                         std::to_string(rows.future - 1),
                 .hint = "make two interventions of it",
                 .where = where("until")});
  return {};
}

}  // namespace

bool has_model(const CausalSpec& spec) {
  return spec.test != CausalSpec::Test::chi2 && spec.test != CausalSpec::Test::g2;
}

int horizon_of(const CausalSpec& spec) {
  return spec.horizon.value_or(std::max(1, spec.max_lag));
}

Result<void> check_what_if(const CausalSpec& spec, const Table& table) {
  if (!has_model(spec) && !(spec.effects.empty() && spec.interventions.empty()))
    return fail(
        {.code = Code::data_invalid,
         .what = "effects and interventions need numbers, and test = " +
                 std::string(spec.test == CausalSpec::Test::g2 ? "g2" : "chi2") +
                 " is for categories",
         .hint = "leave them out, or use a test for numbers: parcorr, robust-parcorr, cmi-knn",
         .where =
             spec.effects.empty() ? "causal_analysis.interventions" : "causal_analysis.effects"});
  for (std::size_t k = 0; k < spec.effects.size(); ++k) {
    SOVREN_DO(find_variable(table, spec.effects[k].cause, place("effects", k, "cause")));
    SOVREN_DO(find_variable(table, spec.effects[k].effect, place("effects", k, "effect")));
  }
  const RowLimits rows{spec.max_lag, table.rows, table.rows + horizon_of(spec) - 1};
  for (std::size_t k = 0; k < spec.interventions.size(); ++k) {
    SOVREN_DO(find_variable(table, spec.interventions[k].set, place("interventions", k, "set")));
    SOVREN_DO(check_rows(spec.interventions[k], rows, k));
  }
  return {};
}

}  // namespace sovren::jobs
