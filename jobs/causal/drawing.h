// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "jobs/causal/graph.h"

namespace sovren::jobs {

/// A place in the drawing, in pixels; y points down.
struct Point {
  double x = 0;
  double y = 0;
};

/// Three control points of a quadratic Bezier curve.
struct Curve {
  Point a, b, c;
};
Point point_on(const Curve& curve, double t);
/// The part of a curve between two parameters.
Curve part_of(const Curve& curve, double t0, double t1);

struct DrawnNode {
  int variable = 0;
  Point at;
  double angle = 0;              ///< from the centre, radians, 0 to the right, clockwise
  std::optional<double> memory;  ///< value of the strongest link to its own past
};

/// All links of one direction between two variables, as one arrow; or their link at lag 0.
struct DrawnEdge {
  int source = 0;  ///< places in the list of nodes
  int target = 0;
  bool is_directed = true;
  double value = 0;       ///< of the strongest lag
  std::vector<int> lags;  ///< rising
  Curve curve;            ///< from rim to rim
  std::string label;      ///< the lags; empty: no room
  Point label_at;
};

/// Where everything of a causal graph's picture goes: variables on a circle, so that no arrow runs
/// through a third one; neighbours are chosen to keep strong links short.
///
/// Limits   at most edges_max links, the strongest; above 60 variables only those with links.
struct Drawing {
  std::vector<DrawnNode> nodes;
  std::vector<DrawnEdge> edges;  ///< weakest first: the strongest are drawn last, on top
  Point centre;
  double radius = 0;  ///< of the circle
  double node_radius = 0;
  double font_px = 0;   ///< of names
  double label_px = 0;  ///< of lags
  bool names_inside = false;
  bool names_radial = false;
  double width = 0;
  double height = 0;  ///< of the part above the legend
  int nodes_left_out = 0;
  int edges_left_out = 0;
  int same_time_left_out = 0;  ///< lag-0 links that chance explains, when there are many variables
};

inline constexpr int drawn_edges_max = 400;

/// Where on the curve (parameter) its distance from its end becomes less than gap.
double leaving(const Curve& curve, double gap);

/// Room that a text takes, about: fonts differ.
double text_width(const std::string& text, double font_px);

/// At most so many characters of a name, with an ellipsis for the rest.
std::string shortened_name(const std::string& name);

Drawing lay_out(const CausalGraph& graph);

}  // namespace sovren::jobs
