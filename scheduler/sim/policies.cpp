// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "scheduler/sim/simulate.h"

namespace sovren::sim {
namespace {

using policy::Backfill;
using policy::Order;

constexpr std::array policies{
    NamedPolicy{"fcfs", "first come, first served; nobody overtakes", Order::fcfs, Backfill::none},
    NamedPolicy{"easy", "first come, EASY backfill", Order::fcfs, Backfill::easy},
    NamedPolicy{"conservative", "first come, conservative backfill", Order::fcfs,
                Backfill::conservative},
    NamedPolicy{"sjf", "shortest request first, EASY", Order::sjf, Backfill::easy},
    NamedPolicy{"saf", "smallest request x processors first, EASY", Order::saf, Backfill::easy},
    NamedPolicy{"f1", "F1 of Carastan-Santos and de Camargo, EASY", Order::f1, Backfill::easy},
    NamedPolicy{"wfp3", "WFP3 of Tang et al., EASY", Order::wfp3, Backfill::easy},
    NamedPolicy{"unicep", "UNICEP of Tang et al., EASY", Order::unicep, Backfill::easy},
    NamedPolicy{"multifactor", "age and fair share, EASY", Order::multifactor, Backfill::easy},
    NamedPolicy{"aged-saf", "smallest predicted area, aged; conservative, planned anew each time",
                Order::aged_saf, Backfill::conservative, true},
    NamedPolicy{"checkpoint-preemptive",
                "feedback on attained run time; jobs checkpoint and make room", Order::fcfs,
                Backfill::easy, false, true},
};

}  // namespace

std::span<const NamedPolicy> named_policies() {
  return policies;
}

Result<const NamedPolicy*> find_policy(std::string_view name) {
  std::string names;
  for (const NamedPolicy& policy : policies) {
    if (policy.name == name) return &policy;
    names += (names.empty() ? "" : ", ") + std::string(policy.name);
  }
  return fail({.code = Code::usage,
               .what = "there is no policy '" + std::string(name) + "'",
               .hint = "there are: " + names});
}

}  // namespace sovren::sim
