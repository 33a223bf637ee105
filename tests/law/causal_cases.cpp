// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>
#include <limits>

#include "tests/law/cases.h"
#include "tests/unit/jobs/svar.h"

namespace sovren::jobs {
namespace {

std::string data_path(const std::string& name) {
  return testing::TempDir() + "causal_law_" + name + "_" + std::to_string(getpid()) + ".csv";
}

LawSubject causal_subject(const std::string& name, int variables, int steps, int max_lag,
                          bool has_holes = false) {
  const std::string path = data_path(name);
  Svar svar = make_svar(variables, steps, max_lag, 7);
  if (has_holes)
    for (std::size_t k = 0; k < svar.values.size(); k += 97)
      svar.values[k] = std::numeric_limits<double>::quiet_NaN();
  write_csv(svar, path);
  CausalSpec spec;
  spec.data = path;
  spec.max_lag = max_lag;
  if (has_holes) spec.missing = std::numeric_limits<double>::quiet_NaN();
  LawSubject subject{name, {}};
  subject.spec.name = name;
  subject.spec.kind = spec;
  return subject;
}

LawSubject with_options() {
  LawSubject subject = causal_subject("options", 9, 150, 3);
  auto& spec = std::get<CausalSpec>(subject.spec.kind);
  spec.min_lag = 1;
  spec.pc_alpha.values = {0.05, 0.2};
  spec.max_conditions = 3;
  spec.max_parents = 2;
  spec.fdr = CausalSpec::Fdr::none;
  return subject;
}

/// A column that never changes, and one that is a copy of another.
LawSubject with_awkward_columns() {
  LawSubject subject = causal_subject("awkward", 8, 120, 2);
  const auto& spec = std::get<CausalSpec>(subject.spec.kind);
  Svar svar = make_svar(8, 120, 2, 7);
  for (std::size_t t = 0; t < 120; ++t) {
    svar.values[t * 8 + 3] = 0.1;
    svar.values[t * 8 + 5] = svar.values[t * 8 + 1];
  }
  write_csv(svar, spec.data);
  return subject;
}

LawSubject with(const std::string& name, const std::function<void(CausalSpec&)>& change,
                int variables = 7) {
  LawSubject subject = causal_subject(name, variables, 150, 2);
  change(std::get<CausalSpec>(subject.spec.kind));
  return subject;
}

LawSubject with_mask() {
  return with("mask", [](CausalSpec& spec) {
    Svar mask = make_svar(7, 150, 2, 1);
    for (std::size_t k = 0; k < mask.values.size(); ++k) mask.values[k] = k % 11 == 0 ? 1 : 0;
    spec.mask = data_path("mask_of");
    spec.mask_type = CausalSpec::MaskType::xyz;
    write_csv(mask, spec.mask);
  });
}

}  // namespace

std::vector<LawCase> causal_cases() {
  using Method = CausalSpec::Method;
  using Test = CausalSpec::Test;
  return {
      {"CausalPlain", [] { return causal_subject("plain", 11, 200, 2); }},
      {"CausalOptions", with_options},
      {"CausalMissing", [] { return causal_subject("missing", 8, 160, 2, true); }},
      {"CausalAwkwardColumns", with_awkward_columns},
      {"CausalTwoVariables", [] { return causal_subject("two", 2, 100, 1); }},
      {"CausalPc",
       [] {
         return with(
             "pc", [](auto& spec) { spec.method = Method::pc; }, 30);
       }},
      {"CausalPcmciPlus",
       [] { return with("plus", [](auto& spec) { spec.method = Method::pcmci_plus; }); }},
      {"CausalRankNormal",
       [] { return with("robust", [](auto& spec) { spec.test = Test::robust_parcorr; }); }},
      {"CausalMask", with_mask},
      {"CausalBootstrap",
       [] { return with("bootstrap", [](auto& spec) { spec.bootstrap = 12; }); }},
      {"CausalKnowledge",
       [] {
         return with("knowledge", [](auto& spec) {
           spec.required = {{"v0", "v1", 0}, {"v2", "v3", 2}};
           spec.forbidden = {{"v4", "v5", {}}};
         });
       }},
  };
}

}  // namespace sovren::jobs
