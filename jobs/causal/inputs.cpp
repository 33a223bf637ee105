// SPDX-License-Identifier: Apache-2.0
#include "jobs/causal/inputs.h"

#include <cmath>
#include <filesystem>
#include <string>
#include <utility>

#include "jobs/causal/series_check.h"

namespace sovren::jobs {

namespace {

using Method = CausalSpec::Method;
using Test = CausalSpec::Test;

/// The name without its folder, the dataset of an HDF5 file kept: "data.h5#group/x".
std::string input_name(const std::string& path) {
  const auto hash = path.rfind(".h5#") != path.npos ? path.rfind('#') : path.npos;
  const std::string file = std::filesystem::path(path.substr(0, hash)).filename().string();
  return hash == path.npos ? file : file + path.substr(hash);
}

Error setting_error(Code code, const std::string& key, std::string what, std::string hint = "") {
  return {.code = code,
          .what = std::move(what),
          .hint = std::move(hint),
          .where = "causal_analysis." + key};
}

Result<Table> read_mask(const CausalSpec& spec, const Table& table) {
  SOVREN_TRY(mask, read_table({spec.mask, table.names, std::nullopt}));
  if (mask.rows != table.rows)
    return fail({.code = Code::data_invalid,
                 .what = "the mask has " + std::to_string(mask.rows) + " rows, the data " +
                         std::to_string(table.rows),
                 .hint = "a mask has a row for each row of the data",
                 .where = spec.mask});
  return mask;
}

}  // namespace

Result<void> check_settings(const CausalSpec& spec) {
  const bool is_pc = spec.method == Method::pc;
  if (!is_pc && (spec.max_lag < 1 || spec.min_lag < 0 || spec.min_lag > spec.max_lag))
    return fail({.code = Code::spec_invalid,
                 .what = "lags " + std::to_string(spec.min_lag) + " to " +
                         std::to_string(spec.max_lag) + " (allowed: 0 <= min_lag <= max_lag, " +
                         "max_lag at least 1)",
                 .where = "causal_analysis"});
  if (spec.method != Method::pcmci && selection_levels(spec).size() > 1)
    return fail(setting_error(Code::spec_invalid, "pc_alpha",
                              "several levels are for method pcmci; " +
                                  std::string(is_pc ? "pc" : "pcmci-plus") + " takes one number",
                              "write: pc_alpha = 0.01"));
  if (selection_levels(spec).size() > 1 && spec.test == Test::cmi_knn)
    return fail(setting_error(Code::spec_invalid, "pc_alpha",
                              "AIC chooses among several levels, and cmi-knn fits nothing that it "
                              "could judge",
                              "write: pc_alpha = 0.05"));
  return {};
}

CausalSpec without_lags_of_pc(const CausalSpec& spec) {
  CausalSpec made = spec;
  if (spec.method == Method::pc) made.min_lag = made.max_lag = 0;
  return made;
}

Result<Inputs> read_inputs(const CausalSpec& spec) {
  Inputs inputs;
  SOVREN_TRY(table, read_table({spec.data, spec.variables, spec.missing}));
  SOVREN_DO(check_length(spec, table));
  if (auto checked = check_values(spec, table); !checked) {
    checked.error().where = spec.data;
    return fail(std::move(checked).error());
  }
  if (!spec.truth.empty()) {
    SOVREN_TRY(truth, read_truth(spec.truth, table));
    inputs.truth = std::move(truth);
  }
  if (!spec.mask.empty()) {
    SOVREN_TRY(mask, read_mask(spec, table));
    inputs.mask = std::move(mask);
  }
  inputs.table = std::move(table);
  return inputs;
}

void add_input_facts(SpecFacts& facts, const CausalSpec& spec, const Inputs& inputs) {
  facts["causal_analysis.data"] = input_name(spec.data);
  facts["input " + input_name(spec.data)] = inputs.table.sha256;
  if (inputs.truth) facts["truth " + input_name(spec.truth)] = inputs.truth->sha256;
  if (inputs.mask) facts["mask " + input_name(spec.mask)] = inputs.mask->sha256;
}

}  // namespace sovren::jobs
