// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/trace/vec.h"

namespace sovren::jobs {

/// Splits a polygon into triangles of its corners' numbers (0 to size - 1), in its direction of
/// turning. Those of four corners and more may be bent inwards: ears are cut off one by one. What
/// is not a simple polygon becomes a fan. Nothing of fewer than three corners.
/// Source   Meisters, Polygons have ears (1975).
void split_polygon(std::span<const trace::Vec3> corners,
                   std::vector<std::array<std::uint32_t, 3>>& triangles);

}  // namespace sovren::jobs
