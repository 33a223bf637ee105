// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace sovren::workers {

/// Seconds of work between two checkpoints that lose least, when a checkpoint costs cost_s and
/// failures come mtbf_s apart on average: sqrt(2 C M), within interval_s_min and interval_s_max,
/// and never less than the cost itself: no more time goes into sealing than into work.
///
/// Source   Young, CACM 17 (1974) eq. 2; Daly, FGCS 22 (2006) eq. 13, whose higher terms change
///          the overhead by less than 1 % while C < M / 20.
double young_daly(double cost_s, double mtbf_s);

inline constexpr double interval_s_min = 1;
inline constexpr double interval_s_max = 600;

}  // namespace sovren::workers
