// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "kernels/trace/scene.h"

namespace sovren::jobs {

// Simple bodies of triangles, for the scenes of `sovren generate scene`. Corners go
// counter-clockwise seen from outside; material is 0. Units: metres, unless the caller says
// otherwise.

/// Two triangles; uv runs from a (0, 0) to b (1, 0) and d (0, 1). Flat.
trace::Mesh quad(trace::Vec3 a, trace::Vec3 b, trace::Vec3 c, trace::Vec3 d);

/// Around the origin, the poles on the y axis.
trace::Mesh ball(float radius, int segments);

/// Around the origin, its edges rounded; `steps` triangles' sides across each edge. radius 0: a
/// plain box with flat faces.
trace::Mesh rounded_box(trace::Vec3 size, float radius, int steps);

/// A profile (distance from the y axis, height) turned about that axis. Smooth, but where two
/// points of the profile are the same. The outside is on the right of the profile's way upwards.
trace::Mesh lathe(std::span<const trace::Vec2> profile, int segments);

/// A round tube along points, as thick at each as radii says, open at both ends.
trace::Mesh tube(std::span<const trace::Vec3> points, std::span<const float> radii, int sides);

/// A grid of (columns + 1) x (rows + 1) points of a surface: at(u, v), both 0 to 1; the outside is
/// where u x v points. Smooth normals from the neighbours.
trace::Mesh sheet(int columns, int rows, const std::function<trace::Vec3(float, float)>& at);

/// Adds the triangles of one to the other. Both must have the same arrays (or `to` be empty).
void append(trace::Mesh& to, const trace::Mesh& more);
void transform(trace::Mesh& mesh, const trace::Affine& to_from_mesh);

/// Normals by the area of the triangles around each point.
void make_smooth(trace::Mesh& mesh);

// Places.
trace::Affine moved(trace::Vec3 by);
trace::Affine scaled(trace::Vec3 by);
/// About an axis through the origin (unit), counter-clockwise seen from its tip.
trace::Affine turned(trace::Vec3 axis, float degrees);
/// The turn as a quaternion.
trace::Vec4 quaternion(trace::Vec3 axis, float degrees);
/// The quaternion of what looks along its -z from `from` to `at`, with y upwards.
trace::Vec4 looking(trace::Vec3 from, trace::Vec3 at);

// The same bits on every machine (kernels/trace/math.h). Radians.
float sine(float angle);
float cosine(float angle);

/// Random numbers from 0 to 1: a pure function of where they are drawn for.
float chance(std::uint32_t what, std::uint32_t index);
/// Smooth noise in three dimensions, about -1 to 1, a bump for each unit.
float noise(trace::Vec3 p);

}  // namespace sovren::jobs
