// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace sovren {

// How often to save, and what that costs: Daly, A higher order estimate of the optimum checkpoint
// interval for restart dumps, Future Generation Computer Systems 22 (2006) 303. Failures come at
// random (exponentially), mtbf_s apart on average; all times in seconds.

/// Work between two checkpoints that loses least time, when each costs cost_s:
///   sqrt(2 C M) [1 + 1/3 sqrt(C / 2M) + 1/9 C / 2M] - C   while C < 2 M, and M from there on
/// (eq. 37). 0 when checkpoints cost nothing. How long a recovery takes does not matter.
double daly_interval_s(double cost_s, double mtbf_s);

/// Share of the run time, 0 to 1, that is expected to go into checkpoints, lost work and
/// recoveries:
///   1 - T / [M e^(R/M) (e^((T+C)/M) - 1)]   (the complete model, eq. 20; failures strike during
/// checkpoints and recoveries too). For C, T, R << M: C/T + T/2M + R/M.
///
/// interval_s T: work between two checkpoints, above 0. cost_s C: of one. recovery_s R: from a
/// failure until the work goes on where the newest checkpoint left it.
double daly_overhead(double interval_s, double cost_s, double recovery_s, double mtbf_s);

/// What an attempt plans its checkpoints by.
struct CheckpointPlan {
  double interval_s = 0;         ///< of work between two; 0: time does not decide
  double mtbf_s = 0;             ///< between failures of the attempt; 0: not known
  double expected_overhead = 0;  ///< daly_overhead() of the interval
  bool operator==(const CheckpointPlan&) const = default;
};

}  // namespace sovren
