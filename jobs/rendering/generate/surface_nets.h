// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <functional>
#include <vector>

#include "kernels/trace/scene.h"

namespace sovren::jobs {

/// Negative within the body, positive outside. Should not grow faster than the way one goes.
using Distance = std::function<float(trace::Vec3)>;

/// Coordinates of the grid's planes along one axis: steps of `fine` from fine_low to fine_high, of
/// `coarse` beyond, out to low and high.
std::vector<float> grid_axis(float low, float fine_low, float fine_high, float high, float fine,
                             float coarse);

/// The body's surface within a grid, one point in each cell that it passes, with normals by the
/// distance's slope. It stays open where it leaves the grid. Corners go counter-clockwise seen from
/// outside.
/// Source   Gibson, Constrained Elastic Surface Nets (MICCAI 1998), without the relaxation; points
///          are drawn onto the surface along the slope instead.
trace::Mesh surface_of(const Distance& distance, const std::array<std::vector<float>, 3>& axes);

/// Of length 1, away from the body.
trace::Vec3 slope_of(const Distance& distance, trace::Vec3 at, float step);

}  // namespace sovren::jobs
