// SPDX-License-Identifier: Apache-2.0
#include "jobs/drawing/curve.h"

#include <cmath>

namespace sovren::jobs {

double distance(Point a, Point b) {
  return std::hypot(a.x - b.x, a.y - b.y);
}

Point between(Point a, Point b, double t) {
  return {a.x + (b.x - a.x) * t, a.y + (b.y - a.y) * t};
}

Point point_on(const Curve& curve, double t) {
  return between(between(curve.a, curve.b, t), between(curve.b, curve.c, t), t);
}

Curve part_of(const Curve& curve, double t0, double t1) {
  const Point a = point_on(curve, t0);
  const Point c = point_on(curve, t1);
  const Point b = between(between(curve.a, curve.b, t0), between(curve.b, curve.c, t0), t1);
  return {a, b, c};
}

Curve reversed(const Curve& curve) {
  return {curve.c, curve.b, curve.a};
}

double length_of(const Curve& curve) {
  constexpr int pieces = 16;
  double length = 0;
  for (int k = 0; k < pieces; ++k)
    length +=
        distance(point_on(curve, double(k) / pieces), point_on(curve, double(k + 1) / pieces));
  return length;
}

double leaving(const Curve& curve, double gap) {
  double inside = 1;
  double outside = 0.5;
  if (distance(point_on(curve, outside), curve.c) < gap) return outside;
  constexpr int halvings = 30;
  for (int k = 0; k < halvings; ++k) {
    const double t = (inside + outside) / 2;
    (distance(point_on(curve, t), curve.c) < gap ? inside : outside) = t;
  }
  return outside;
}

}  // namespace sovren::jobs
