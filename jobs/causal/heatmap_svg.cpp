// SPDX-License-Identifier: Apache-2.0
// heatmap.svg: the values of all pairs of variables, one panel per lag, source by target.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "jobs/causal/colours.h"
#include "jobs/causal/graph.h"
#include "jobs/causal/words.h"
#include "jobs/drawing/markup.h"
#include "jobs/drawing/svg.h"

namespace sovren::jobs {

namespace {

constexpr int cells_max = 60;     ///< along a side; more variables share cells
constexpr int panels_max = 12;    ///< more lags: those with the strongest links
constexpr int colour_steps = 24;  ///< of each sign
constexpr double top_px = 96;
constexpr double margin_px = 28;
constexpr double gap_px = 26;
constexpr double bar_px = 200;

/// One panel: cells (source, target), row-major.
struct Panel {
  int lag = 0;
  std::vector<double> value;
  std::vector<bool> is_link;
};

/// Measures that all panels share.
struct Grid {
  int side = 0;   ///< cells along a side
  int share = 1;  ///< variables in a cell, along a side
  double cell = 0;
  double font = 0;        ///< of names; 0: ticks with numbers instead
  double name_width = 0;  ///< room for names, left of and above the cells
  int columns = 1;
  int rows = 1;
  std::vector<std::string> names;

  double panel_width() const { return name_width + side * cell + gap_px; }
  double panel_height() const { return name_width + side * cell + gap_px + 34; }
};

/// Lags whose panels are drawn, rising.
std::vector<int> drawn_lags(const CausalGraph& graph) {
  std::vector<int> lags;
  for (int lag = graph.spec.min_lag; lag <= graph.spec.max_lag; ++lag) lags.push_back(lag);
  if (std::ssize(lags) <= panels_max) return lags;
  std::map<int, double> strongest;
  for (const Link& link : graph.links)
    strongest[link.lag] = std::max(strongest[link.lag], std::abs(link.value));
  std::ranges::stable_sort(lags, [&](int a, int b) { return strongest[a] > strongest[b]; });
  lags.resize(panels_max);
  std::ranges::sort(lags);
  return lags;
}

/// Up to cells_max variables: every value. More: of each block the strongest link; no colour where
/// there is none.
std::vector<Panel> fill_panels(const CausalGraph& graph, const Grid& grid,
                               const std::vector<int>& lags) {
  const auto side = static_cast<std::size_t>(grid.side);
  std::map<int, std::size_t> panel_of;
  std::vector<Panel> panels;
  for (const int lag : lags) {
    panel_of[lag] = panels.size();
    panels.push_back({lag, std::vector<double>(side * side), std::vector<bool>(side * side)});
    if (grid.share > 1) continue;
    for (int i = 0; i < grid.side; ++i)
      for (int j = 0; j < grid.side; ++j)
        panels.back().value[static_cast<std::size_t>(i) * side + static_cast<std::size_t>(j)] =
            graph.value[graph.index(i, j, lag)];
  }
  const auto mark = [&](const Link& link, int source, int target) {
    const auto found = panel_of.find(link.lag);
    if (found == panel_of.end()) return;
    Panel& panel = panels[found->second];
    const std::size_t cell = static_cast<std::size_t>(source / grid.share) * side +
                             static_cast<std::size_t>(target / grid.share);
    panel.is_link[cell] = true;
    if (std::abs(link.value) > std::abs(panel.value[cell])) panel.value[cell] = link.value;
  };
  for (const Link& link : graph.links) {
    mark(link, link.source, link.target);
    if (!link.is_directed()) mark(link, link.target, link.source);
  }
  return panels;
}

Grid choose_grid(const CausalGraph& graph, int panels) {
  Grid grid;
  grid.share = (graph.count() + cells_max - 1) / cells_max;
  grid.side = (graph.count() + grid.share - 1) / grid.share;
  grid.cell = std::clamp(360.0 / grid.side, 7.5, 34.0);
  double widest = 0;
  if (grid.share == 1) {
    grid.font = std::min(13.0, grid.cell * 0.92);
    for (const std::string& name : graph.variables) {
      grid.names.push_back(shortened_name(name));
      widest = std::max(widest, text_width(grid.names.back(), grid.font));
    }
  }
  grid.name_width = grid.share == 1 ? widest + 8 : 34;
  constexpr double width_wanted = 1180;
  grid.columns = std::clamp(static_cast<int>(width_wanted / grid.panel_width()), 1, panels);
  grid.rows = (panels + grid.columns - 1) / grid.columns;
  grid.columns = (panels + grid.rows - 1) / grid.rows;
  return grid;
}

/// The cells of one colour as one path of horizontal strokes, which keeps the file small.
void draw_cells(Svg& svg, const Grid& grid, const Panel& panel, Point at, double end) {
  const auto colour_at = [&](int i, int j) {
    const double value = panel.value[static_cast<std::size_t>(i * grid.side + j)];
    return static_cast<int>(std::lround(std::clamp(value / end, -1.0, 1.0) * colour_steps));
  };
  std::map<int, std::string> strokes;
  for (int i = 0; i < grid.side; ++i)
    for (int j = 0; j < grid.side;) {
      const int colour = colour_at(i, j);
      int until = j + 1;
      while (until < grid.side && colour_at(i, until) == colour) ++until;
      if (colour != 0)
        strokes[colour] +=
            "M" + std::to_string(j) + " " + std::to_string(i) + ".5h" + std::to_string(until - j);
      j = until;
    }
  svg.raw("<g transform=\"translate(" + px(at.x) + " " + px(at.y) + ") scale(" +
          formatted("%.4f", grid.cell) + ")\" fill=\"none\" shape-rendering=\"crispEdges\">");
  for (const auto& [colour, path] : strokes)
    svg.raw("<path stroke=\"" + hex(colour_of(area_scale, double(colour) / colour_steps)) +
            "\" d=\"" + path + "\"/>");
  svg.raw("</g>");
}

/// Frames around the cells of links, and with large cells their values.
void draw_links(Svg& svg, const Grid& grid, const Panel& panel, Point at, double end) {
  constexpr double cell_with_value_min = 26;
  std::string frames;
  for (int i = 0; i < grid.side; ++i)
    for (int j = 0; j < grid.side; ++j) {
      const auto cell = static_cast<std::size_t>(i * grid.side + j);
      if (!panel.is_link[cell]) continue;
      const Point corner{at.x + j * grid.cell, at.y + i * grid.cell};
      const double inner = grid.cell - 1;
      frames += "M" + px(corner.x + 0.5) + " " + px(corner.y + 0.5) + "h" + px(inner) + "v" +
                px(inner) + "h" + px(-inner) + "z";
      if (grid.cell < cell_with_value_min) continue;
      const double value = panel.value[cell];
      svg.write({corner.x + grid.cell / 2, corner.y + grid.cell / 2 + 3.6},
                formatted("%.2f", std::abs(value)),
                {.px = 10, .fill = is_dark(colour_of(area_scale, value / end)) ? "#ffffff" : ink});
    }
  if (!frames.empty())
    svg.raw("<path fill=\"none\" stroke=\"" + std::string(ink) + "\" stroke-width=\"" +
            (grid.cell < 12 ? "0.9" : "1.4") + "\" d=\"" + frames + "\"/>");
}

void draw_names(Svg& svg, const Grid& grid, Point at) {
  if (grid.share == 1) {
    for (int k = 0; k < grid.side; ++k) {
      const double middle = (k + 0.5) * grid.cell;
      const std::string& name = grid.names[static_cast<std::size_t>(k)];
      svg.write({at.x - 5, at.y + middle + 0.35 * grid.font}, name,
                {.px = grid.font, .anchor = "end"});
      svg.write({at.x + middle + 0.35 * grid.font, at.y - 5}, name,
                {.px = grid.font, .anchor = "start", .rotate_deg = -90});
    }
    return;
  }
  constexpr int ticks = 5;
  for (int k = 0; k < ticks; ++k) {
    const int cell = (grid.side - 1) * k / (ticks - 1);
    const double middle = (cell + 0.5) * grid.cell;
    const std::string number = std::to_string(cell * grid.share + 1);
    svg.write({at.x - 5, at.y + middle + 3.5}, number,
              {.px = 10, .anchor = "end", .fill = soft_ink});
    svg.write({at.x + middle, at.y - 5}, number, {.px = 10, .fill = soft_ink});
  }
}

void draw_panel(Svg& svg, const Grid& grid, const Panel& panel, Point corner, bool has_lags,
                double end) {
  const double size = grid.side * grid.cell;
  const Point at{corner.x + grid.name_width, corner.y + grid.name_width + (has_lags ? 24 : 6)};
  if (has_lags)
    svg.write({at.x + size / 2, corner.y + 12},
              panel.lag == 0 ? "lag 0 (same time)" : "lag " + std::to_string(panel.lag),
              {.px = 14, .weight = "bold"});
  draw_cells(svg, grid, panel, at, end);
  svg.raw("<rect x=\"" + px(at.x) + "\" y=\"" + px(at.y) + "\" width=\"" + px(size) +
          "\" height=\"" + px(size) + "\" fill=\"none\" stroke=\"#9aa5b1\"/>");
  draw_links(svg, grid, panel, at, end);
  draw_names(svg, grid, at);
}

std::string reading_help(const CausalGraph& graph, const Grid& grid, std::size_t panels) {
  std::string help = "rows: cause, columns: effect";
  help += grid.share == 1 ? "; framed: links of the graph"
                          : "; each cell is a block of " + std::to_string(grid.share) + " × " +
                                std::to_string(grid.share) +
                                " variables in the order of the data and shows its strongest link";
  const int lags = graph.spec.max_lag - graph.spec.min_lag + 1;
  if (static_cast<int>(panels) < lags)
    help += "; " + std::to_string(panels) + " of " + std::to_string(lags) +
            " lags, those with the strongest links";
  return help;
}

}  // namespace

std::string heatmap_svg(const CausalGraph& graph) {
  const std::vector<int> lags = drawn_lags(graph);
  const Grid grid = choose_grid(graph, static_cast<int>(lags.size()));
  const std::vector<Panel> panels = fill_panels(graph, grid, lags);
  double strongest = 0;
  for (const Link& link : graph.links) strongest = std::max(strongest, std::abs(link.value));
  const double end = scale_end(strongest);
  const std::string help = reading_help(graph, grid, panels.size());
  const double width = std::max({2 * margin_px + grid.columns * grid.panel_width() - gap_px,
                                 2 * margin_px + 0.85 * text_width(help, 12.5), 560.0});
  const double bottom = top_px + grid.rows * grid.panel_height();
  Svg svg(width, bottom + 62, "Values of all links of " + graph.title + ", by lag");
  svg.heading(margin_px, width, graph.title, {setting_line(graph), help});
  for (std::size_t k = 0; k < panels.size(); ++k) {
    const int row = static_cast<int>(k) / grid.columns;
    const int column = static_cast<int>(k) % grid.columns;
    draw_panel(svg, grid, panels[k],
               {margin_px + column * grid.panel_width(), top_px + row * grid.panel_height() + 8},
               !is_iid(graph.spec), end);
  }
  svg.colour_bar({width / 2 - bar_px / 2, bottom + 20}, bar_px, area_scale, end,
                 has_sign(graph.spec), strength_title(graph.spec));
  return svg.finish();
}

}  // namespace sovren::jobs
