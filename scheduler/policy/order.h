// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/base/units.h"

namespace sovren::policy {

/// Who goes first among jobs that wait. All but multifactor are what the literature compares.
///
/// With n cores, r expected run time, w time waited, s time of submission:
///   fcfs    first come, first served
///   sjf     least r;   saf  least r n
///   f1      least log10(r) n + 870 log10(s)        Carastan-Santos and de Camargo (SC 2017)
///   wfp3    most (w / r)^3 n;  unicep  most w / (log2(n) r)      Tang et al. (CLUSTER 2009)
///   aged_saf  least r n / (1 + w / 30 min)^(2/3), after 21 days before all others: our own
///             (docs/adr/0005)
///   multifactor   most of a weighted sum (multifactor.h), as Slurm's priority/multifactor
enum class Order { fcfs, sjf, saf, f1, wfp3, unicep, aged_saf, multifactor };

/// Does the passing of time change who is before whom?
bool is_static(Order order);

/// The higher, the earlier. For all orders but multifactor; `now` matters to those that are not
/// static.
struct Standing {
  std::int64_t cpus = 1;
  double estimate_s = 1;
  Instant submitted;
};
double score(Order order, const Standing& standing, Instant now);

}  // namespace sovren::policy
