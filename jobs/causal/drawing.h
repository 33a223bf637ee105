// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "jobs/causal/graph.h"
#include "jobs/drawing/curve.h"

namespace sovren::jobs {

struct DrawnNode {
  int variable = 0;
  Point at;
  double angle = 0;              ///< from the centre, radians, 0 to the right, clockwise
  std::optional<double> memory;  ///< value of the strongest link to its own past
  bool is_in_chain = false;
};

/// All links of one direction between two variables, as one arrow; or their link without direction.
struct DrawnEdge {
  int source = 0;  ///< places in the list of nodes
  int target = 0;
  LinkType type = LinkType::directed;
  bool is_in_chain = false;  ///< a part of shown_chain()
  double value = 0;          ///< of the strongest lag
  std::vector<int> lags;     ///< rising
  Curve curve;               ///< from rim to rim
  std::string label;         ///< the lags; empty: no room
  Point label_at;
};

/// Where everything of a causal graph's picture goes: variables on a circle, so that no arrow runs
/// through a third one; neighbours are chosen to keep strong links short.
///
/// Limits   at most drawn_edges_max links, those of the longest chain and the strongest; above 20
/// variables only those with links.
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
  /// PCMCI with many variables: links at lag 0 that chance explains.
  int same_time_left_out = 0;
  std::vector<int> chain;  ///< variables along the chain that is shown; empty: none
};

inline constexpr int drawn_edges_max = 160;

Drawing lay_out(const CausalGraph& graph);

}  // namespace sovren::jobs
