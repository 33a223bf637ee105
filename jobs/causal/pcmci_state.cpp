// SPDX-License-Identifier: Apache-2.0
// Arrays of a checkpoint set of causal-analysis (docs/formats.md): the parents of all targets one
// behind another, with offsets.
#include "jobs/causal/pcmci_state.h"

#include <string>

namespace sovren::jobs {

namespace {

constexpr std::int64_t counts_fields = 4;    // tests, by_qr, determined, too_few_samples
constexpr std::int64_t selected_fields = 6;  // the counts, level_max, is_capped

void append(std::vector<std::int64_t>& fields, const kernels::TestCounts& counts) {
  fields.insert(fields.end(),
                {counts.tests, counts.by_qr, counts.determined, counts.too_few_samples});
}

kernels::TestCounts counts_at(const std::vector<std::int64_t>& fields, std::size_t at) {
  kernels::TestCounts counts;
  counts.tests = fields[at];
  counts.by_qr = fields[at + 1];
  counts.determined = fields[at + 2];
  counts.too_few_samples = fields[at + 3];
  return counts;
}

Error unfit(const std::string& what) {
  return {.code = Code::storage_corrupt,
          .what = "the state of the causal analysis does not fit: " + what};
}

/// Parents as columns, for arrays of one type each.
struct ParentColumns {
  std::vector<std::int32_t> variable, lag;
  std::vector<double> val_min, p_max, value;

  void append(const kernels::Parent& parent) {
    variable.push_back(parent.node.variable);
    lag.push_back(parent.node.lag);
    val_min.push_back(parent.val_min);
    p_max.push_back(parent.p_max);
    value.push_back(parent.value);
  }
  kernels::Parent at(std::size_t k) const {
    kernels::Parent parent;
    parent.node = {variable[k], lag[k]};
    parent.val_min = val_min[k];
    parent.p_max = p_max[k];
    parent.value = value[k];
    return parent;
  }
};

Result<void> put_parents(StateWriter& writer, const PcmciState& state) {
  ParentColumns columns;
  std::vector<std::int64_t> offsets{0};
  std::vector<std::int64_t> fields;
  std::vector<double> alphas;
  for (const kernels::Pc1Result& selected : state.selected) {
    for (const kernels::Parent& parent : selected.parents) columns.append(parent);
    offsets.push_back(std::ssize(columns.variable));
    append(fields, selected.counts);
    fields.push_back(selected.level_max);
    fields.push_back(selected.is_capped ? 1 : 0);
    alphas.push_back(selected.alpha);
  }
  const auto n = std::ssize(state.selected);
  SOVREN_DO(writer.put_all<std::int64_t>("parents/offset", offsets));
  SOVREN_DO(writer.put<std::int64_t>("parents/counts", {n, selected_fields}, Rows{0, n}, fields));
  SOVREN_DO(writer.put_all<double>("parents/alpha", alphas));
  if (columns.variable.empty()) return {};
  SOVREN_DO(writer.put_all<std::int32_t>("parents/variable", columns.variable));
  SOVREN_DO(writer.put_all<std::int32_t>("parents/lag", columns.lag));
  SOVREN_DO(writer.put_all<double>("parents/val_min", columns.val_min));
  SOVREN_DO(writer.put_all<double>("parents/p_max", columns.p_max));
  return writer.put_all<double>("parents/value", columns.value);
}

/// Every offset within the columns, every node within the data.
Result<void> check_parents(const std::vector<std::int64_t>& offsets, const ParentColumns& columns,
                           int variables, int max_lag) {
  if (std::ssize(offsets) != variables + 1 || offsets.front() != 0 ||
      offsets.back() != std::ssize(columns.variable))
    return fail(unfit("parents/offset"));
  for (std::size_t j = 0; j + 1 < offsets.size(); ++j)
    if (offsets[j] > offsets[j + 1]) return fail(unfit("parents/offset"));
  if (columns.lag.size() != columns.variable.size() ||
      columns.val_min.size() != columns.variable.size() ||
      columns.p_max.size() != columns.variable.size() ||
      columns.value.size() != columns.variable.size())
    return fail(unfit("parents of different lengths"));
  for (std::size_t k = 0; k < columns.variable.size(); ++k)
    if (columns.variable[k] < 0 || columns.variable[k] >= variables || columns.lag[k] < 1 ||
        columns.lag[k] > max_lag)
      return fail(unfit("parents/variable, parents/lag"));
  return {};
}

Result<void> get_parents(StateReader& reader, PcmciState& state, int variables, int max_lag) {
  SOVREN_TRY(offsets, reader.get_all<std::int64_t>("parents/offset"));
  SOVREN_TRY(fields, reader.get_all<std::int64_t>("parents/counts"));
  SOVREN_TRY(alphas, reader.get_all<double>("parents/alpha"));
  ParentColumns columns;
  if (!offsets.empty() && offsets.back() > 0) {
    SOVREN_TRY(variable, reader.get_all<std::int32_t>("parents/variable"));
    SOVREN_TRY(lag, reader.get_all<std::int32_t>("parents/lag"));
    SOVREN_TRY(val_min, reader.get_all<double>("parents/val_min"));
    SOVREN_TRY(p_max, reader.get_all<double>("parents/p_max"));
    SOVREN_TRY(value, reader.get_all<double>("parents/value"));
    columns = {std::move(variable), std::move(lag), std::move(val_min), std::move(p_max),
               std::move(value)};
  }
  SOVREN_DO(check_parents(offsets, columns, variables, max_lag));
  if (std::ssize(fields) != variables * selected_fields || std::ssize(alphas) != variables)
    return fail(unfit("parents/counts, parents/alpha"));
  for (std::size_t j = 0; j < static_cast<std::size_t>(variables); ++j) {
    kernels::Pc1Result& selected = state.selected[j];
    for (auto k = offsets[j]; k < offsets[j + 1]; ++k)
      selected.parents.push_back(columns.at(static_cast<std::size_t>(k)));
    const std::size_t at = j * selected_fields;
    selected.counts = counts_at(fields, at);
    selected.level_max = static_cast<int>(fields[at + counts_fields]);
    selected.is_capped = fields[at + counts_fields + 1] != 0;
    selected.alpha = alphas[j];
  }
  return {};
}

}  // namespace

PcmciState empty_state(int variables, int max_lag, Rows rows) {
  PcmciState state;
  state.selected.resize(static_cast<std::size_t>(variables));
  state.rows = rows;
  const auto row_values =
      static_cast<std::size_t>(variables) * (static_cast<std::size_t>(max_lag) + 1);
  state.value.assign(static_cast<std::size_t>(rows.count) * row_values, 0.0);
  state.p_value.assign(static_cast<std::size_t>(rows.count) * row_values, 1.0);
  state.counts.resize(static_cast<std::size_t>(rows.count));
  return state;
}

Result<void> put_state(StateWriter& writer, const PcmciState& state, int max_lag, int rank,
                       bool with_mci) {
  if (rank == 0) {
    const std::vector<std::int64_t> cursor{state.steps, state.units_per_step, with_mci ? 1 : 0};
    SOVREN_DO(writer.put_all<std::int64_t>("cursor", cursor));
    SOVREN_DO(put_parents(writer, state));
  }
  if (!with_mci || state.rows.count == 0) return {};
  const auto n = std::ssize(state.selected);
  const std::vector<std::int64_t> shape{n, n, std::int64_t{max_lag} + 1};
  SOVREN_DO(writer.put<double>("mci/value", shape, state.rows, state.value));
  SOVREN_DO(writer.put<double>("mci/p_value", shape, state.rows, state.p_value));
  std::vector<std::int64_t> fields;
  for (const kernels::TestCounts& counts : state.counts) append(fields, counts);
  return writer.put<std::int64_t>("mci/counts", {n, counts_fields}, state.rows, fields);
}

Result<PcmciState> get_state(StateReader& reader, int variables, int max_lag, Rows rows) {
  PcmciState state = empty_state(variables, max_lag, rows);
  SOVREN_TRY(cursor, reader.get_all<std::int64_t>("cursor"));
  if (cursor.size() != 3 || cursor[0] < 0 || cursor[1] < 1 || cursor[1] > variables)
    return fail(unfit("cursor"));
  state.steps = cursor[0];
  state.units_per_step = static_cast<int>(cursor[1]);
  SOVREN_DO(get_parents(reader, state, variables, max_lag));
  if (cursor[2] == 0 || rows.count == 0) return state;
  const std::vector<std::int64_t> shape{variables, variables, std::int64_t{max_lag} + 1};
  for (const char* name : {"mci/value", "mci/p_value"}) {
    SOVREN_TRY(info, reader.info(name));
    if (info.shape != shape) return fail(unfit(name));
  }
  SOVREN_TRY(value, reader.get_rows<double>("mci/value", rows));
  SOVREN_TRY(p_value, reader.get_rows<double>("mci/p_value", rows));
  SOVREN_TRY(fields, reader.get_rows<std::int64_t>("mci/counts", rows));
  if (std::ssize(fields) != rows.count * counts_fields) return fail(unfit("mci/counts"));
  state.value = std::move(value);
  state.p_value = std::move(p_value);
  for (std::size_t row = 0; row < state.counts.size(); ++row)
    state.counts[row] = counts_at(fields, row * counts_fields);
  return state;
}

std::vector<std::vector<kernels::Parent>> parents_of(const PcmciState& state) {
  std::vector<std::vector<kernels::Parent>> parents;
  for (const kernels::Pc1Result& selected : state.selected) parents.push_back(selected.parents);
  return parents;
}

}  // namespace sovren::jobs
