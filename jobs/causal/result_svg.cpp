// SPDX-License-Identifier: Apache-2.0
// graph.svg: the causal graph as a picture. drawing.h says where things go; here they get their
// colours and become text.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "jobs/causal/colours.h"
#include "jobs/causal/drawing.h"
#include "jobs/causal/graph.h"
#include "jobs/causal/words.h"
#include "jobs/drawing/markup.h"
#include "jobs/drawing/svg.h"

namespace sovren::jobs {

namespace {

constexpr double legend_px = 134;

double strongest_link(const Drawing& drawing) {
  double strongest = 0;
  for (const DrawnEdge& edge : drawing.edges) strongest = std::max(strongest, std::abs(edge.value));
  return strongest;
}

double strongest_memory(const Drawing& drawing) {
  double strongest = 0;
  for (const DrawnNode& node : drawing.nodes)
    strongest = std::max(strongest, std::abs(node.memory.value_or(0)));
  return strongest;
}

struct Stroke {
  std::string colour;
  double width = 2;
  double head = 12;  ///< length of the arrow head
};

/// The line up to its head; returns the head, its tip at the curve's end, to be drawn on top.
std::string draw_shaft(Svg& svg, const Curve& curve, const Stroke& stroke) {
  const double head =
      std::min(stroke.head, 0.8 * std::hypot(curve.c.x - curve.a.x, curve.c.y - curve.a.y));
  const double stop = leaving(curve, 0.85 * head);
  const Curve line = part_of(curve, 0, stop);
  svg.curve(line, stroke.colour, stroke.width, false);
  const double dx = curve.c.x - line.c.x;
  const double dy = curve.c.y - line.c.y;
  const double length = std::max(std::hypot(dx, dy), 1e-9);
  const double ux = dx / length;
  const double uy = dy / length;
  const double half = 0.42 * head;
  const Point base{curve.c.x - ux * head, curve.c.y - uy * head};
  return ("<path d=\"M" + px(curve.c.x) + " " + px(curve.c.y) + " L" + px(base.x - uy * half) +
          " " + px(base.y + ux * half) + " L" + px(base.x + uy * half) + " " +
          px(base.y - ux * half) + " Z\" fill=\"" + stroke.colour + "\"/>");
}

void draw_cross(Svg& svg, Point at, double half, const std::string& colour) {
  svg.circle(at, 1.5 * half, "#ffffff", "none", 0);
  svg.line({at.x - half, at.y - half}, {at.x + half, at.y + half}, colour, 1.8);
  svg.line({at.x - half, at.y + half}, {at.x + half, at.y - half}, colour, 1.8);
}

/// Dashed, with a ring or a cross at each end.
void draw_line(Svg& svg, const Curve& curve, LinkType type, const Stroke& stroke) {
  svg.curve(curve, stroke.colour, stroke.width, true);
  const double size = 0.3 * stroke.head;
  for (const Point end : {curve.a, curve.c}) {
    if (type == LinkType::conflict)
      draw_cross(svg, end, size, stroke.colour);
    else
      svg.circle(end, size, "#ffffff", stroke.colour, 1.6);
  }
}

Stroke stroke_of(const Drawing& drawing, const DrawnEdge& edge, double end) {
  const double width_least = drawing.names_radial ? 1.2 : 1.6;
  const double width_most = drawing.names_radial ? 3.4 : 6.0;
  const double strength = edge.value / end;
  Stroke stroke;
  stroke.colour = hex(colour_of(link_scale, strength));
  stroke.width = width_least + (width_most - width_least) * std::min(1.0, std::abs(strength));
  stroke.head = (drawing.names_radial ? 6 : 8) + 2 * stroke.width;
  if (edge.type != LinkType::directed) stroke.width *= 0.6;  // arrows are what one looks for
  return stroke;
}

/// Gold on both sides of a link, apart from it by a thin white line.
void draw_halo(Svg& svg, const Curve& curve, double width, double gold) {
  svg.curve(curve, chain_gold, width + 2 * gold, false);
  svg.curve(curve, "#ffffff", width + 0.6 * gold, false);
}

void draw_edges(Svg& svg, const Drawing& drawing, double end) {
  for (const DrawnEdge& edge : drawing.edges)
    if (edge.is_in_chain)
      draw_halo(svg, edge.curve, stroke_of(drawing, edge, end).width,
                drawing.names_radial ? 2.6 : 4.5);
  std::vector<std::string> heads;
  for (const DrawnEdge& edge : drawing.edges) {
    const Stroke stroke = stroke_of(drawing, edge, end);
    if (edge.type == LinkType::directed)
      heads.push_back(draw_shaft(svg, edge.curve, stroke));
    else
      draw_line(svg, edge.curve, edge.type, stroke);
  }
  for (const std::string& head : heads) svg.raw(head);
  for (const DrawnEdge& edge : drawing.edges) {
    if (edge.label.empty()) continue;
    const double width = text_width(edge.label, drawing.label_px) + 6;
    const double height = drawing.label_px + 3;
    svg.box({edge.label_at.x - width / 2, edge.label_at.y - height / 2}, width, height, "#ffffff",
            height / 2);
    svg.write({edge.label_at.x, edge.label_at.y + 0.35 * drawing.label_px}, edge.label,
              {.px = drawing.label_px});
  }
}

void draw_name(Svg& svg, const Drawing& drawing, const DrawnNode& node, const std::string& name,
               bool is_on_dark) {
  const double baseline = 0.35 * drawing.font_px;
  if (drawing.names_inside) {
    svg.write({node.at.x, node.at.y + baseline}, name,
              {.px = drawing.font_px, .fill = is_on_dark ? "#ffffff" : ink, .weight = "bold"});
    return;
  }
  const double away = drawing.node_radius + 9;
  const double cosine = std::cos(node.angle);
  const double sine = std::sin(node.angle);
  if (drawing.names_radial) {
    const double degrees = node.angle * 180 / std::numbers::pi;
    const bool is_left = cosine < -1e-9;
    const double turn = is_left ? degrees + 180 : degrees;
    // The baseline shift is along the text's own vertical.
    const double turned = turn * std::numbers::pi / 180;
    const Point at{node.at.x + away * cosine - baseline * std::sin(turned),
                   node.at.y + away * sine + baseline * std::cos(turned)};
    svg.write(at, name,
              {.px = drawing.font_px, .anchor = is_left ? "end" : "start", .rotate_deg = turn});
    return;
  }
  const bool is_central = std::abs(cosine) < 0.1;
  const char* anchor = is_central ? "middle" : cosine < 0 ? "end" : "start";
  const double below = is_central ? (sine > 0 ? drawing.font_px : -4) : baseline;
  svg.write({node.at.x + away * cosine, node.at.y + away * sine + below}, name,
            {.px = drawing.font_px, .anchor = anchor, .weight = "bold"});
}

void draw_nodes(Svg& svg, const Drawing& drawing, const CausalGraph& graph, double end) {
  const double rim = drawing.names_radial ? 1.2 : 1.8;
  for (const DrawnNode& node : drawing.nodes) {
    const Colour fill = node.memory          ? colour_of(memory_scale, *node.memory / end)
                        : is_iid(graph.spec) ? Colour{232, 237, 243}
                                             : Colour{255, 255, 255};
    if (node.is_in_chain)
      svg.circle(node.at, drawing.node_radius + 1.5 * rim, hex(fill), chain_gold, 3.5 * rim);
    svg.circle(node.at, drawing.node_radius, hex(fill), soft_ink, rim);
    draw_name(svg, drawing, node, shortened_name(name_of(graph, node.variable)), is_dark(fill));
  }
}

/// What the lines mean, those that are there.
void draw_key(Svg& svg, const Drawing& drawing, bool has_lags, Point at) {
  constexpr double line_px = 24;
  const Stroke stroke{hex(colour_of(link_scale, 0.6)), 3, 14};
  const auto has = [&](LinkType type) {
    return std::ranges::any_of(drawing.edges,
                               [&](const DrawnEdge& edge) { return edge.type == type; });
  };
  const auto sample = [&](double from, double to) {
    return Curve{{at.x + from, at.y}, {at.x + (from + to) / 2, at.y}, {at.x + to, at.y}};
  };
  const auto say = [&](const std::string& what) {
    svg.write({at.x + 56, at.y + 4.5}, what, {.px = 12.5, .anchor = "start"});
    at.y += line_px;
  };
  svg.raw(draw_shaft(svg, sample(0, 46), stroke));
  say(has_lags ? "cause to effect; number: lag" : "cause to effect");
  const std::string when = has_lags ? "same time, " : "";
  if (has(LinkType::undirected)) {
    draw_line(svg, sample(3, 43), LinkType::undirected, stroke);
    say(when + "direction not known");
  }
  if (has(LinkType::conflict)) {
    draw_line(svg, sample(3, 43), LinkType::conflict, stroke);
    say(when + "directions contradict");
  }
  if (!drawing.chain.empty()) {
    draw_halo(svg, sample(0, 46), 3, 4);
    svg.curve(sample(0, 46), stroke.colour, 3);
    say("longest chain, " + counted(std::ssize(drawing.chain) - 1, "link"));
  }
}

/// "not drawn: ..."; empty: everything is.
std::string left_out(const Drawing& drawing) {
  if (drawing.edges.empty()) return "no links between variables";
  std::vector<std::string> parts;
  if (drawing.nodes_left_out > 0)
    parts.push_back(counted(drawing.nodes_left_out, "variable") +
                    (drawing.edges_left_out > 0 ? " without a strong link" : " without links"));
  if (drawing.edges_left_out > 0) parts.push_back(counted(drawing.edges_left_out, "weaker link"));
  if (drawing.same_time_left_out > 0)
    parts.push_back(counted(drawing.same_time_left_out, "same-time link") +
                    " that chance explains");
  std::string sentence;
  for (std::size_t k = 0; k < parts.size(); ++k)
    sentence += (k == 0 ? "not drawn: " : k + 1 == parts.size() ? " and " : ", ") + parts[k];
  return sentence;
}

}  // namespace

std::string graph_svg(const CausalGraph& graph) {
  const Drawing drawing = lay_out(graph);
  const double link_end = scale_end(strongest_link(drawing));
  const double memory_end = scale_end(strongest_memory(drawing));
  Svg svg(drawing.width, drawing.height + legend_px, "Causal graph of " + graph.title);
  svg.heading(28, drawing.width, graph.title, {setting_line(graph), left_out(drawing)});
  draw_edges(svg, drawing, link_end);
  draw_nodes(svg, drawing, graph, memory_end);
  const double left = drawing.width / 2 - 350;
  const double top = drawing.height + 40;
  const bool is_signed = has_sign(graph.spec);
  svg.colour_bar({left, top}, 190, link_scale, link_end, is_signed, strength_title(graph.spec));
  if (!is_iid(graph.spec))
    svg.colour_bar({left + 232, top}, 190, memory_scale, memory_end, is_signed,
                   "own past (colour of variable)");
  draw_key(svg, drawing, !is_iid(graph.spec), {left + 464, top - 14});
  return svg.finish();
}

}  // namespace sovren::jobs
