// SPDX-License-Identifier: Apache-2.0
#include "jobs/causal/prior.h"

#include <string>
#include <vector>

namespace sovren::jobs {

namespace {

std::string place(const char* list, std::size_t index, const char* key) {
  return "causal_analysis." + std::string(list) + "[" + std::to_string(index) + "]" + key;
}

/// A link with its variables as numbers, at the lags that it stands for.
struct Known {
  int source = 0;
  int target = 0;
  int first_lag = 0;
  int last_lag = 0;
};

Result<Known> read_link(const KnownLink& link, const CausalSpec& spec, const Table& table,
                        const char* list, std::size_t index) {
  SOVREN_TRY(source, find_variable(table, link.source, place(list, index, ".source")));
  SOVREN_TRY(target, find_variable(table, link.target, place(list, index, ".target")));
  Known known{source, target, link.lag.value_or(spec.min_lag), link.lag.value_or(spec.max_lag)};
  if (source == target && known.first_lag == 0) known.first_lag = 1;
  if (known.first_lag < spec.min_lag || known.last_lag > spec.max_lag ||
      known.first_lag > known.last_lag)
    return fail({.code = Code::spec_invalid,
                 .what = source == target && known.last_lag == 0
                             ? "a variable has no link to itself at lag 0"
                             : "lag " + std::to_string(link.lag.value_or(0)) +
                                   " is not searched (allowed: " + std::to_string(spec.min_lag) +
                                   " to " + std::to_string(spec.max_lag) + ")",
                 .where = place(list, index, ".lag")});
  return known;
}

/// Does a chain of required links at lag 0 lead from one variable to the other?
bool leads(const kernels::Knowledge& knowledge, int variables, int from, int to) {
  std::vector<char> is_met(static_cast<std::size_t>(variables), 0);
  std::vector<int> open{from};
  while (!open.empty()) {
    const int at = open.back();
    open.pop_back();
    if (at == to) return true;
    if (is_met[static_cast<std::size_t>(at)]) continue;
    is_met[static_cast<std::size_t>(at)] = 1;
    for (int next = 0; next < variables; ++next)
      if (knowledge.is_required(at, next, 0)) open.push_back(next);
  }
  return false;
}

Result<void> require(kernels::Knowledge& knowledge, const Known& known, const Table& table,
                     std::size_t index) {
  const std::string link = "'" + table.names[static_cast<std::size_t>(known.source)] + "' --> '" +
                           table.names[static_cast<std::size_t>(known.target)] + "' at lag " +
                           std::to_string(known.first_lag);
  if (knowledge.is_forbidden(known.source, known.target, known.first_lag))
    return fail({.code = Code::spec_invalid,
                 .what = "the link " + link + " is required and forbidden",
                 .where = place("required", index, "")});
  if (known.first_lag == 0 && leads(knowledge, table.columns, known.target, known.source))
    return fail({.code = Code::spec_invalid,
                 .what = "the required links at lag 0 form a circle with " + link,
                 .hint = "at one time nothing can be its own cause: leave a link out, or give lags",
                 .where = place("required", index, "")});
  knowledge.require(known.source, known.target, known.first_lag);
  return {};
}

}  // namespace

Result<kernels::Knowledge> read_knowledge(const CausalSpec& spec, const Table& table) {
  kernels::Knowledge knowledge;
  for (std::size_t k = 0; k < spec.forbidden.size(); ++k) {
    SOVREN_TRY(known, read_link(spec.forbidden[k], spec, table, "forbidden", k));
    for (int lag = known.first_lag; lag <= known.last_lag; ++lag)
      knowledge.forbid(known.source, known.target, lag);
  }
  for (std::size_t k = 0; k < spec.required.size(); ++k) {
    SOVREN_TRY(known, read_link(spec.required[k], spec, table, "required", k));
    if (known.first_lag != known.last_lag)
      return fail({.code = Code::spec_invalid,
                   .what = "a required link needs a lag",
                   .hint = "write: required = [{ source = \"soi\", target = \"nino34\", lag = 1 }]",
                   .where = place("required", k, "")});
    SOVREN_DO(require(knowledge, known, table, k));
  }
  return knowledge;
}

}  // namespace sovren::jobs
