// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/trace/scene.h"

namespace sovren::jobs {

/// Hair of the portrait's head as thin tubes, in centimetres: `strands` of them grow on the skin,
/// which is the head's surface. Colours differ from strand to strand.
trace::Mesh scalp_hair(const trace::Mesh& skin, int strands);
/// Both brows, and the lashes of all four lids.
trace::Mesh brows(float detail);
trace::Mesh lashes(float detail);

}  // namespace sovren::jobs
