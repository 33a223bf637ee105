// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "jobs/rendering/picture.h"

namespace sovren::jobs {

/// A clear sky with the sun at a height of 35 degrees, to light scenes with: as an environment of
/// width x width / 2 pixels (trace::Environment has the mapping), in which the sun is a soft spot.
/// Below the horizon is bare ground. About 0.5 where the sky is bluest.
///
/// Source   Preetham, Shirley, Smits: A Practical Analytic Model for Daylight (SIGGRAPH 1999),
///          appendix A.2, at turbidity 3.
Picture generate_sky(int width);

}  // namespace sovren::jobs
