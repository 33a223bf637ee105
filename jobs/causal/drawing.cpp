// SPDX-License-Identifier: Apache-2.0
#include "jobs/causal/drawing.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numbers>
#include <set>
#include <tuple>

#include "jobs/causal/words.h"
#include "jobs/drawing/markup.h"
#include "jobs/drawing/svg.h"
#include "kernels/causal/fdr.h"

namespace sovren::jobs {

namespace {

constexpr int all_drawn_max = 20;  // more variables: only those with links
constexpr int few_nodes_max = 12;  // names in full size, upright
constexpr int sorted_nodes_max = 2 * drawn_edges_max;
constexpr double top_px = 92;  // for title and subtitle

std::size_t at(int index) {
  return static_cast<std::size_t>(index);
}

/// PCMCI's lag-0 links that stand when all pairs are looked at together (Benjamini-Hochberg). With
/// few variables all links are drawn; with many, those that chance explains would hide the others.
std::vector<bool> clear_pairs(const CausalGraph& graph) {
  const int n = graph.count();
  std::vector<double> p;
  for (int i = 0; i < n; ++i)
    for (int j = i + 1; j < n; ++j) p.push_back(graph.p_value[graph.index(i, j, 0)]);
  const std::vector<double> q = kernels::benjamini_hochberg(p);
  std::vector<bool> is_clear(at(n) * at(n));
  std::size_t pair = 0;
  for (int i = 0; i < n; ++i)
    for (int j = i + 1; j < n; ++j) is_clear[at(i) * at(n) + at(j)] = q[pair++] <= graph.spec.alpha;
  return is_clear;
}

/// Cross links gathered by direction, those of the chain first, then the strongest.
std::vector<DrawnEdge> gather_edges(const CausalGraph& graph, const std::vector<int>& chain) {
  const bool shows_clear_only =
      graph.count() > few_nodes_max && graph.spec.method == CausalSpec::Method::pcmci;
  const std::vector<bool> is_clear = shows_clear_only ? clear_pairs(graph) : std::vector<bool>();
  const auto is_drawn = [&](const Link& link) {
    if (link.is_self()) return false;
    return link.is_directed() || !shows_clear_only ||
           is_clear[at(link.source) * graph.variables.size() + at(link.target)];
  };
  std::set<std::pair<int, int>> steps;
  for (std::size_t k = 1; k < chain.size(); ++k) steps.insert({chain[k - 1], chain[k]});
  std::map<std::tuple<int, int, LinkType>, std::vector<const Link*>> groups;
  for (const Link& link : graph.links)
    if (is_drawn(link)) groups[{link.source, link.target, link.type}].push_back(&link);
  std::vector<DrawnEdge> edges;
  for (auto& [key, links] : groups) {
    std::stable_sort(links.begin(), links.end(), [](const Link* a, const Link* b) {
      return std::abs(a->value) > std::abs(b->value);
    });
    DrawnEdge edge;
    std::tie(edge.source, edge.target, edge.type) = key;
    edge.is_in_chain =
        edge.type == LinkType::directed && steps.contains({edge.source, edge.target});
    edge.value = links.front()->value;
    for (const Link* link : links) edge.lags.push_back(link->lag);
    std::sort(edge.lags.begin(), edge.lags.end());
    edges.push_back(std::move(edge));
  }
  std::stable_sort(edges.begin(), edges.end(), [](const DrawnEdge& a, const DrawnEdge& b) {
    if (a.is_in_chain != b.is_in_chain) return a.is_in_chain;
    return std::abs(a.value) > std::abs(b.value);
  });
  return edges;
}

std::optional<double> memory_of(const CausalGraph& graph, int variable) {
  std::optional<double> strongest;
  for (const Link& link : graph.links)
    if (link.is_self() && link.source == variable &&
        (!strongest || std::abs(link.value) > std::abs(*strongest)))
      strongest = link.value;
  return strongest;
}

/// Swaps places on the circle as long as that shortens the links, each weighted by its strength.
void order_nodes(std::vector<int>& order, const std::vector<DrawnEdge>& edges, int variables) {
  const int n = static_cast<int>(order.size());
  if (n > sorted_nodes_max || n < 4) return;
  std::vector<int> place(at(variables), -1);
  for (int k = 0; k < n; ++k) place[at(order[at(k)])] = k;
  std::vector<std::vector<std::pair<int, double>>> links(at(variables));
  for (const DrawnEdge& edge : edges) {
    links[at(edge.source)].emplace_back(edge.target, std::abs(edge.value));
    links[at(edge.target)].emplace_back(edge.source, std::abs(edge.value));
  }
  const auto cost_of = [&](int variable) {
    double cost = 0;
    for (const auto& [other, weight] : links[at(variable)]) {
      const int apart = std::abs(place[at(variable)] - place[at(other)]);
      cost += weight * std::min(apart, n - apart);
    }
    return cost;
  };
  constexpr int passes_max = 50;
  constexpr double gain_min = 1e-9;
  bool is_better = true;
  for (int pass = 0; pass < passes_max && is_better; ++pass) {
    is_better = false;
    for (int a = 0; a < n; ++a)
      for (int b = a + 1; b < n; ++b) {
        const int u = order[at(a)];
        const int v = order[at(b)];
        const double before = cost_of(u) + cost_of(v);
        std::swap(place[at(u)], place[at(v)]);
        if (cost_of(u) + cost_of(v) < before - gain_min) {
          std::swap(order[at(a)], order[at(b)]);
          is_better = true;
        } else {
          std::swap(place[at(u)], place[at(v)]);
        }
      }
  }
}

void choose_sizes(Drawing& drawing, const CausalGraph& graph) {
  const int n = static_cast<int>(drawing.nodes.size());
  double widest = 0;
  for (const DrawnNode& node : drawing.nodes)
    widest = std::max(widest, text_width(shortened_name(graph.variables[at(node.variable)]), 1));
  double margin = 0;
  if (n <= few_nodes_max) {
    drawing.font_px = 15;
    drawing.label_px = 13;
    drawing.names_inside = widest * drawing.font_px <= 74;
    drawing.node_radius = drawing.names_inside ? 42 : 24;
    drawing.radius = 150 + 13.0 * n;
    margin = drawing.names_inside ? drawing.node_radius + 16
                                  : drawing.node_radius + 30 + widest * drawing.font_px;
  } else {
    drawing.names_radial = true;
    drawing.font_px = n <= 60 ? 13 : 11;
    drawing.label_px = 10.5;
    drawing.node_radius = n <= 30 ? 11 : 8;
    const double spacing = n <= 60 ? 46 : drawing.font_px + 6;  // of neighbours
    drawing.radius = std::max(n <= 30 ? 230.0 : 290.0, n * spacing / (2 * std::numbers::pi));
    margin = drawing.node_radius + 14 + widest * drawing.font_px;
  }
  const double vertical_margin = drawing.names_radial ? margin : drawing.node_radius + 40;
  constexpr double width_min = 760;
  drawing.width = std::max(width_min, 2 * (drawing.radius + margin));
  drawing.height = top_px + 2 * (drawing.radius + vertical_margin);
  drawing.centre = {drawing.width / 2, top_px + drawing.radius + vertical_margin};
}

void place_nodes(Drawing& drawing) {
  const auto n = static_cast<double>(drawing.nodes.size());
  const double start = n <= 2 ? std::numbers::pi : -std::numbers::pi / 2;
  for (std::size_t k = 0; k < drawing.nodes.size(); ++k) {
    DrawnNode& node = drawing.nodes[k];
    node.angle = start + 2 * std::numbers::pi * static_cast<double>(k) / n;
    const double radius = n == 1 ? 0 : drawing.radius;
    node.at = {drawing.centre.x + radius * std::cos(node.angle),
               drawing.centre.y + radius * std::sin(node.angle)};
  }
}

/// Does the curve keep away from the nodes that it does not join?
bool is_clear(const Drawing& drawing, const DrawnEdge& edge, const Curve& curve) {
  const double away = drawing.node_radius + (drawing.names_radial ? 4 : 12);
  constexpr int pieces = 20;
  for (int k = 1; k < pieces; ++k) {
    const Point point = point_on(curve, double(k) / pieces);
    for (std::size_t node = 0; node < drawing.nodes.size(); ++node)
      if (node != at(edge.source) && node != at(edge.target) &&
          distance(point, drawing.nodes[node].at) < away)
        return false;
  }
  return true;
}

/// Bends inwards, away from the names, and to the left of its direction, so that two arrows between
/// the same variables part. Long ones bend deeper, so that neighbours are not joined by loops.
Curve bend(const Drawing& drawing, const DrawnEdge& edge) {
  const Point a = drawing.nodes[at(edge.source)].at;
  const Point c = drawing.nodes[at(edge.target)].at;
  const Point middle = between(a, c, 0.5);
  const double chord = distance(a, c);
  const double share = drawing.names_radial ? 0.45 : 0.22;
  const double depth = std::min(share * distance(middle, drawing.centre),
                                0.5 * chord + (drawing.names_radial ? 14 : 0));
  const double aside = edge.type != LinkType::directed ? 0.0 : drawing.names_radial ? 0.08 : 0.17;
  const double whole_depth = std::max(distance(middle, drawing.centre), 1e-9);
  Point b = between(middle, drawing.centre, depth / whole_depth);
  b.x += (c.y - a.y) * aside;
  b.y -= (c.x - a.x) * aside;
  Curve whole{a, b, c};
  constexpr int tries_max = 8;
  for (int tried = 0; tried < tries_max && !is_clear(drawing, edge, whole); ++tried)
    whole.b = between(whole.b, drawing.centre, 0.2);
  // From rim to rim: the parameters where the curve leaves the one node and meets the other.
  const auto gap = [&](int node) {
    const double ring = drawing.nodes[at(node)].is_in_chain ? (drawing.names_radial ? 3 : 5) : 0;
    return drawing.node_radius + (drawing.names_radial ? 2 : 3) + ring;
  };
  return part_of(whole, 1 - leaving(reversed(whole), gap(edge.source)),
                 leaving(whole, gap(edge.target)));
}

struct Box {
  double left, top, right, bottom;
  bool meets(const Box& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
};

Box box_around(Point centre, double width, double height) {
  return {centre.x - width / 2, centre.y - height / 2, centre.x + width / 2, centre.y + height / 2};
}

/// Places where a label may stand: on the curve, or beside it where the curve is too short to be
/// covered.
std::vector<Point> label_places(const Drawing& drawing, const DrawnEdge& edge, double width) {
  const double length = length_of(edge.curve);
  const double room = length - width - 26;  // the head, and some of the line, stay in sight
  std::vector<Point> places;
  if (room > 0)
    for (const double t : {0.5, 0.44, 0.56, 0.38, 0.62, 0.68, 0.32, 0.74, 0.26, 0.8, 0.2})
      if (std::abs(t - 0.5) * length <= room / 2 + 1) places.push_back(point_on(edge.curve, t));
  if (places.empty()) {
    const Point middle = point_on(edge.curve, 0.5);
    const double to_centre = std::max(distance(middle, drawing.centre), 1.0);
    for (const double aside : {9.0, 14.0, 20.0})
      places.push_back(between(middle, drawing.centre, aside / to_centre));
  }
  return places;
}

/// Puts each label where no other label or node is; strongest first. Drops it when there is no such
/// place.
void place_labels(Drawing& drawing) {
  std::vector<Box> taken;
  for (const DrawnNode& node : drawing.nodes)
    taken.push_back(box_around(node.at, 2 * drawing.node_radius, 2 * drawing.node_radius));
  for (auto edge = drawing.edges.rbegin(); edge != drawing.edges.rend(); ++edge) {
    if (edge->type != LinkType::directed && drawing.names_radial)
      continue;  // dashes and rings say lag 0
    std::string label;
    for (const int lag : edge->lags) label += (label.empty() ? "" : ",") + std::to_string(lag);
    constexpr std::size_t label_max = 9;
    if (label.size() > label_max) label = label.substr(0, label.rfind(',', label_max)) + ",…";
    const double width = text_width(label, drawing.label_px) + 6;
    for (const Point& place : label_places(drawing, *edge, width)) {
      const Box box = box_around(place, width, drawing.label_px + 3);
      if (std::any_of(taken.begin(), taken.end(), [&](const Box& b) { return b.meets(box); }))
        continue;
      taken.push_back(box);
      edge->label = label;
      edge->label_at = place;
      break;
    }
  }
}

}  // namespace

Drawing lay_out(const CausalGraph& graph) {
  Drawing drawing;
  drawing.chain = shown_chain(graph);
  std::vector<DrawnEdge> edges = gather_edges(graph, drawing.chain);
  for (const Link& link : graph.links)
    if (!link.is_self() && !link.is_directed()) ++drawing.same_time_left_out;
  for (const DrawnEdge& edge : edges)
    if (edge.type != LinkType::directed) --drawing.same_time_left_out;
  if (edges.size() > drawn_edges_max) {
    drawing.edges_left_out = static_cast<int>(edges.size()) - drawn_edges_max;
    edges.resize(drawn_edges_max);
  }
  std::vector<bool> is_linked(graph.variables.size(), graph.count() <= all_drawn_max);
  for (const DrawnEdge& edge : edges)
    is_linked[at(edge.source)] = is_linked[at(edge.target)] = true;
  std::vector<int> order;
  for (int variable = 0; variable < graph.count(); ++variable)
    if (is_linked[at(variable)]) order.push_back(variable);
  drawing.nodes_left_out = graph.count() - static_cast<int>(order.size());
  order_nodes(order, edges, graph.count());

  std::vector<int> place(graph.variables.size());
  for (const int variable : order) {
    place[at(variable)] = static_cast<int>(drawing.nodes.size());
    const bool is_in_chain = std::ranges::find(drawing.chain, variable) != drawing.chain.end();
    drawing.nodes.push_back({variable, {}, 0, memory_of(graph, variable), is_in_chain});
  }
  choose_sizes(drawing, graph);
  place_nodes(drawing);
  std::reverse(edges.begin(), edges.end());
  for (DrawnEdge& edge : edges) {
    edge.source = place[at(edge.source)];
    edge.target = place[at(edge.target)];
    edge.curve = bend(drawing, edge);
  }
  drawing.edges = std::move(edges);
  if (graph.spec.max_lag > 0) place_labels(drawing);
  return drawing;
}

}  // namespace sovren::jobs
