// SPDX-License-Identifier: Apache-2.0
// graph.svg: the causal graph as a picture. drawing.h says where things go; here they get their
// colours and become text.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numbers>

#include "jobs/causal/drawing.h"
#include "jobs/causal/graph.h"

namespace sovren::jobs {

namespace {

constexpr const char* ink = "#1f2933";
constexpr const char* soft_ink = "#52606d";
constexpr double legend_px = 112;

struct Colour {
  double red, green, blue;
};

/// Diverging scale, dark at both ends and never paler than what shows on white.
struct Scale {
  std::array<Colour, 3> negative;  ///< from weak to strong
  std::array<Colour, 3> positive;
};
constexpr Scale link_scale{{{{158, 202, 225}, {66, 146, 198}, {8, 69, 148}}},
                           {{{252, 174, 145}, {239, 89, 59}, {153, 0, 13}}}};
constexpr Scale memory_scale{{{{237, 248, 233}, {116, 196, 118}, {0, 109, 44}}},
                             {{{242, 240, 247}, {158, 154, 200}, {84, 39, 143}}}};

Colour mix(const Colour& a, const Colour& b, double t) {
  return {a.red + (b.red - a.red) * t, a.green + (b.green - a.green) * t,
          a.blue + (b.blue - a.blue) * t};
}

/// strength: value / the end of the scale, -1 to 1.
Colour colour_of(const Scale& scale, double strength) {
  const auto& side = strength < 0 ? scale.negative : scale.positive;
  const double t = std::min(1.0, std::abs(strength)) * 2;
  return t < 1 ? mix(side[0], side[1], t) : mix(side[1], side[2], t - 1);
}

std::string hex(const Colour& colour) {
  char text[8];
  std::snprintf(text, sizeof text, "#%02x%02x%02x", static_cast<unsigned>(std::lround(colour.red)),
                static_cast<unsigned>(std::lround(colour.green)),
                static_cast<unsigned>(std::lround(colour.blue)));
  return text;
}

bool is_dark(const Colour& colour) {
  return 0.299 * colour.red + 0.587 * colour.green + 0.114 * colour.blue < 140;
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (static_cast<unsigned char>(c) >= 0x20)
      out += c;
  }
  return out;
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value == 0 ? 0.0 : value);
  return text;
}

std::string formatted(const char* pattern, double value) {
  char text[32];
  std::snprintf(text, sizeof text, pattern, value);
  return text;
}

/// Builds the file; every length in pixels.
class Svg {
 public:
  Svg(double width, double height) {
    text_ = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + number(width) + "\" height=\"" +
            number(height) + "\" viewBox=\"0 0 " + number(width) + " " + number(height) +
            "\" font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\">\n" +
            "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n";
  }
  void raw(const std::string& line) { text_ += line + "\n"; }

  struct TextStyle {
    double px = 13;
    const char* anchor = "middle";
    std::string fill = ink;
    const char* weight = "normal";
    double rotate_deg = 0;
  };
  void write(Point at, const std::string& what, const TextStyle& style) {
    text_ += "<text x=\"" + number(at.x) + "\" y=\"" + number(at.y) + "\" font-size=\"" +
             number(style.px) + "\" text-anchor=\"" + style.anchor + "\" fill=\"" + style.fill +
             "\"";
    if (std::string_view(style.weight) != "normal")
      text_ += std::string(" font-weight=\"") + style.weight + "\"";
    if (style.rotate_deg != 0)
      text_ += " transform=\"rotate(" + number(style.rotate_deg) + " " + number(at.x) + " " +
               number(at.y) + ")\"";
    text_ += ">" + escaped(what) + "</text>\n";
  }
  void curve(const Curve& c, const std::string& colour, double width, bool is_dashed) {
    text_ += "<path d=\"M" + number(c.a.x) + " " + number(c.a.y) + " Q" + number(c.b.x) + " " +
             number(c.b.y) + " " + number(c.c.x) + " " + number(c.c.y) +
             "\" fill=\"none\" stroke=\"" + colour + "\" stroke-width=\"" + number(width) + "\"" +
             (is_dashed ? " stroke-dasharray=\"7 4\"" : "") + "/>\n";
  }
  void circle(Point at, double radius, const std::string& fill, const std::string& stroke,
              double width) {
    text_ += "<circle cx=\"" + number(at.x) + "\" cy=\"" + number(at.y) + "\" r=\"" +
             number(radius) + "\" fill=\"" + fill + "\" stroke=\"" + stroke + "\" stroke-width=\"" +
             number(width) + "\"/>\n";
  }
  void rounded(Point centre, double width, double height, const std::string& fill) {
    text_ += "<rect x=\"" + number(centre.x - width / 2) + "\" y=\"" +
             number(centre.y - height / 2) + "\" width=\"" + number(width) + "\" height=\"" +
             number(height) + "\" rx=\"" + number(height / 2) + "\" fill=\"" + fill + "\"/>\n";
  }
  std::string finish() { return text_ + "</svg>\n"; }

 private:
  std::string text_;
};

/// The round number at or above the strongest value, where a scale ends.
double scale_end(double strongest) {
  for (const double end : {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8})
    if (strongest <= end) return end;
  return 1.0;
}

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
  return ("<path d=\"M" + number(curve.c.x) + " " + number(curve.c.y) + " L" +
          number(base.x - uy * half) + " " + number(base.y + ux * half) + " L" +
          number(base.x + uy * half) + " " + number(base.y - ux * half) + " Z\" fill=\"" +
          stroke.colour + "\"/>");
}

/// Dashed, with a ring at each end.
void draw_line(Svg& svg, const Curve& curve, const Stroke& stroke) {
  svg.curve(curve, stroke.colour, stroke.width, true);
  const double ring = 0.3 * stroke.head;
  svg.circle(curve.a, ring, "#ffffff", stroke.colour, 1.6);
  svg.circle(curve.c, ring, "#ffffff", stroke.colour, 1.6);
}

void draw_edges(Svg& svg, const Drawing& drawing, double end) {
  const double width_least = drawing.names_radial ? 1.2 : 1.6;
  const double width_most = drawing.names_radial ? 3.4 : 6.0;
  std::vector<std::string> heads;
  for (const DrawnEdge& edge : drawing.edges) {
    const double strength = edge.value / end;
    Stroke stroke;
    stroke.colour = hex(colour_of(link_scale, strength));
    stroke.width = width_least + (width_most - width_least) * std::min(1.0, std::abs(strength));
    stroke.head = (drawing.names_radial ? 6 : 8) + 2 * stroke.width;
    if (!edge.is_directed) stroke.width *= 0.6;  // arrows are what one looks for
    if (edge.is_directed)
      heads.push_back(draw_shaft(svg, edge.curve, stroke));
    else
      draw_line(svg, edge.curve, stroke);
  }
  for (const std::string& head : heads) svg.raw(head);
  for (const DrawnEdge& edge : drawing.edges) {
    if (edge.label.empty()) continue;
    svg.rounded(edge.label_at, text_width(edge.label, drawing.label_px) + 6, drawing.label_px + 3,
                "#ffffff");
    svg.write({edge.label_at.x, edge.label_at.y + 0.35 * drawing.label_px}, edge.label,
              {.px = drawing.label_px, .fill = ink});
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
  for (const DrawnNode& node : drawing.nodes) {
    const Colour fill =
        node.memory ? colour_of(memory_scale, *node.memory / end) : Colour{255, 255, 255};
    svg.circle(node.at, drawing.node_radius, hex(fill), soft_ink, drawing.names_radial ? 1.2 : 1.8);
    draw_name(svg, drawing, node,
              shortened_name(graph.variables[static_cast<std::size_t>(node.variable)]),
              is_dark(fill));
  }
}

/// A colour bar from -end to end with its name above and three ticks below.
void draw_bar(Svg& svg, Point at, double width, const Scale& scale, double end,
              const std::string& name) {
  constexpr int cells = 60;
  constexpr double height = 13;
  svg.write({at.x + width / 2, at.y - 8}, name, {.px = 13});
  for (int cell = 0; cell < cells; ++cell) {
    const double middle = (cell + 0.5) / cells * 2 - 1;
    svg.raw("<rect x=\"" + number(at.x + width * cell / cells) + "\" y=\"" + number(at.y) +
            "\" width=\"" + number(width / cells + 0.5) + "\" height=\"" + number(height) +
            "\" fill=\"" + hex(colour_of(scale, middle)) + "\"/>");
  }
  svg.raw("<rect x=\"" + number(at.x) + "\" y=\"" + number(at.y) + "\" width=\"" + number(width) +
          "\" height=\"" + number(height) + "\" fill=\"none\" stroke=\"" + soft_ink +
          "\" stroke-width=\"0.8\"/>");
  for (const double tick : {-1.0, -0.5, 0.0, 0.5, 1.0}) {
    const double x = at.x + width * (tick + 1) / 2;
    svg.raw("<path d=\"M" + number(x) + " " + number(at.y + height) + " v4\" stroke=\"" + soft_ink +
            "\" stroke-width=\"0.8\"/>");
    svg.write({x, at.y + height + 17}, formatted("%.2g", tick * end), {.px = 12, .fill = soft_ink});
  }
}

void draw_key(Svg& svg, Point at) {
  const Stroke stroke{hex(colour_of(link_scale, 0.6)), 3, 14};
  svg.raw(draw_shaft(svg, {{at.x, at.y}, {at.x + 23, at.y}, {at.x + 46, at.y}}, stroke));
  svg.write({at.x + 56, at.y + 4.5}, "cause to effect; number: lag",
            {.px = 12.5, .anchor = "start"});
  const double below = at.y + 24;
  draw_line(svg, {{at.x + 3, below}, {at.x + 23, below}, {at.x + 43, below}}, stroke);
  svg.write({at.x + 56, below + 4.5}, "same time (lag 0), no direction",
            {.px = 12.5, .anchor = "start"});
}

void draw_heading(Svg& svg, const Drawing& drawing, const CausalGraph& graph) {
  svg.write({28, 40}, graph.title, {.px = 22, .anchor = "start", .weight = "bold"});
  const bool has_fdr = graph.spec.fdr == CausalSpec::Fdr::bh;
  svg.write({28, 63},
            "PCMCI, partial correlation · n = " + std::to_string(graph.count()) +
                " variables · T = " + std::to_string(graph.time_steps) + " · lags " +
                std::to_string(graph.spec.min_lag) + "–" + std::to_string(graph.spec.max_lag) +
                (has_fdr ? " · false discovery rate " : " · α = ") +
                formatted("%g", graph.spec.alpha),
            {.px = 13.5, .anchor = "start", .fill = soft_ink});
  std::string left_out;
  if (drawing.nodes_left_out > 0)
    left_out = std::to_string(drawing.nodes_left_out) + " variables without links";
  if (drawing.edges_left_out > 0)
    left_out += (left_out.empty() ? "" : " and ") + std::to_string(drawing.edges_left_out) +
                " weaker links";
  if (drawing.same_time_left_out > 0)
    left_out += (left_out.empty() ? "" : " and ") + std::to_string(drawing.same_time_left_out) +
                " same-time links that chance explains";
  if (drawing.edges.empty()) left_out = "no links between variables";
  if (!left_out.empty())
    svg.write({28, 82}, drawing.edges.empty() ? left_out : "not drawn: " + left_out,
              {.px = 12.5, .anchor = "start", .fill = soft_ink});
}

}  // namespace

std::string graph_svg(const CausalGraph& graph) {
  const Drawing drawing = lay_out(graph);
  const double link_end = scale_end(strongest_link(drawing));
  const double memory_end = scale_end(strongest_memory(drawing));
  Svg svg(drawing.width, drawing.height + legend_px);
  draw_heading(svg, drawing, graph);
  draw_edges(svg, drawing, link_end);
  draw_nodes(svg, drawing, graph, memory_end);
  const double left = drawing.width / 2 - 350;
  const double top = drawing.height + 40;
  draw_bar(svg, {left, top}, 190, link_scale, link_end, "link strength (MCI)");
  draw_bar(svg, {left + 232, top}, 190, memory_scale, memory_end, "own past (colour of node)");
  draw_key(svg, {left + 464, top - 2});
  return svg.finish();
}

}  // namespace sovren::jobs
