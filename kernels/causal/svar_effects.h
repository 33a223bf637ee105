// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "kernels/causal/svar_model.h"

namespace sovren::kernels {

// Effects in an SVAR, all in standard deviations: times spread(effect) / spread(cause) they are in
// raw units. Source: Wright 1921 (path coefficients); Runge et al., Nature Communications 6, 8502
// (2015) (mediation, ACE, ACS, AMCE).

/// Effects of one source, by (lag, target): element (tau, j) is what a change of the source by 1 at
/// time t does to j at t + tau.
using Responses = std::vector<double>;

/// Total effects of a source: row `source` of Psi_0 = (I - Phi_0)^-1, Psi_tau = sum_{s=1..tau}
/// Psi_0 Phi_s Psi_{tau-s}; the sum over all directed paths of the products of their coefficients.
///
/// cut      a variable whose equation is taken away (its row of every Phi is 0), so that no path
///          goes through it; -1: none. The source itself: held after the change.
/// Cost     links x (max_lag + 1).
Responses total_effects(const SvarModel& model, int source, int max_lag, int cut = -1);

/// What of the total effects of a source goes through a mediator k: MCE(k) = Psi - Psi^(k), Psi^(k)
/// with k cut. From the total effects of the source and of k, without a difference: the sum over
/// first arrivals at k. For targets other than k, and k other than the source.
Responses mediated_effects(int variables, const Responses& source, const Responses& mediator,
                           int k);

/// Averages of the strongest effects over lags 0 .. max_lag, by variable; 0 where there is nothing
/// to average over.
struct AverageEffects {
  std::vector<double> causal;          ///< ACE(i): mean over j != i of max_tau |Psi_tau[j, i]|
  std::vector<double> susceptibility;  ///< ACS(j): mean over i != j of max_tau |Psi_tau[j, i]|
  /// AMCE(k): mean over pairs i != j, both other than k, of max_tau |MCE_tau(k)[j, i]|.
  std::vector<double> mediated;
};

/// Cost     variables x links for ACE and ACS; for AMCE up to variables^3 max_lag^2 / 2, less what
///          is 0. Memory: 8 variables^2 (max_lag + 1) bytes.
AverageEffects average_effects(const SvarModel& model, int max_lag);

}  // namespace sovren::kernels
