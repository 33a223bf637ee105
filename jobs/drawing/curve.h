// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace sovren::jobs {

/// A place in a picture, in pixels; y points down.
struct Point {
  double x = 0;
  double y = 0;
};

double distance(Point a, Point b);
/// From a (t = 0) to b (t = 1).
Point between(Point a, Point b, double t);

/// Three control points of a quadratic Bezier curve.
struct Curve {
  Point a, b, c;
};

Point point_on(const Curve& curve, double t);
/// The part of a curve between two parameters.
Curve part_of(const Curve& curve, double t0, double t1);
Curve reversed(const Curve& curve);
double length_of(const Curve& curve);
/// Where on the curve (parameter) its distance from its end becomes less than gap.
double leaving(const Curve& curve, double gap);

}  // namespace sovren::jobs
