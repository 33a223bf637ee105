// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "jobs/drawing/svg.h"

namespace sovren::jobs {

// Colours of the pictures of a causal graph.
inline constexpr const char* chain_gold = "#f5c542";

/// Never paler than what shows on white, for lines.
inline constexpr Scale link_scale{{{{158, 202, 225}, {66, 146, 198}, {8, 69, 148}}},
                                  {{{252, 174, 145}, {239, 89, 59}, {153, 0, 13}}}};
inline constexpr Scale memory_scale{{{{237, 248, 233}, {116, 196, 118}, {0, 109, 44}}},
                                    {{{242, 240, 247}, {158, 154, 200}, {84, 39, 143}}}};
/// From white, for areas.
inline constexpr Scale area_scale{{{{255, 255, 255}, {107, 174, 214}, {8, 69, 148}}},
                                  {{{255, 255, 255}, {251, 122, 85}, {153, 0, 13}}}};

}  // namespace sovren::jobs
