// SPDX-License-Identifier: Apache-2.0
#include "jobs/drawing/svg.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string_view>

#include "jobs/drawing/markup.h"

namespace sovren::jobs {

namespace {

Colour mix(const Colour& a, const Colour& b, double t) {
  return {a.red + (b.red - a.red) * t, a.green + (b.green - a.green) * t,
          a.blue + (b.blue - a.blue) * t};
}

}  // namespace

std::string hex(const Colour& colour) {
  std::array<char, 8> text;
  std::snprintf(text.data(), text.size(), "#%02x%02x%02x",
                static_cast<unsigned>(std::lround(colour.red)),
                static_cast<unsigned>(std::lround(colour.green)),
                static_cast<unsigned>(std::lround(colour.blue)));
  return text.data();
}

bool is_dark(const Colour& colour) {
  return 0.299 * colour.red + 0.587 * colour.green + 0.114 * colour.blue < 140;
}

Colour colour_of(const Scale& scale, double strength) {
  const auto& side = strength < 0 ? scale.negative : scale.positive;
  const double t = std::min(1.0, std::abs(strength)) * 2;
  return t < 1 ? mix(side[0], side[1], t) : mix(side[1], side[2], t - 1);
}

double scale_end(double strongest) {
  if (!(strongest > 0)) return 1;
  const double power = std::pow(10.0, std::floor(std::log10(strongest)));
  for (const double digits : {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0})
    if (strongest <= digits * power * (1 + 1e-12)) return digits * power;
  return 10 * power;
}

std::string px(double length) {
  return formatted("%.1f", std::abs(length) < 0.05 ? 0.0 : length);
}

double text_width(const std::string& text, double font_px) {
  const auto characters =
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
  return 0.62 * font_px * static_cast<double>(characters);
}

Svg::Svg(double width, double height, const std::string& what) {
  text_ = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + px(width) + "\" height=\"" +
          px(height) + "\" viewBox=\"0 0 " + px(width) + " " + px(height) +
          "\" role=\"img\" font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\">\n<title>" +
          escaped(what) + "</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n";
}

void Svg::write(Point at, const std::string& what, const TextStyle& style) {
  text_ += "<text x=\"" + px(at.x) + "\" y=\"" + px(at.y) + "\" font-size=\"" + px(style.px) +
           "\" text-anchor=\"" + style.anchor + "\" fill=\"" + style.fill + "\"";
  if (std::string_view(style.weight) != "normal")
    text_ += std::string(" font-weight=\"") + style.weight + "\"";
  if (style.rotate_deg != 0)
    text_ +=
        " transform=\"rotate(" + px(style.rotate_deg) + " " + px(at.x) + " " + px(at.y) + ")\"";
  text_ += ">" + escaped(what) + "</text>\n";
}

void Svg::curve(const Curve& c, const std::string& colour, double width, bool is_dashed) {
  text_ += "<path d=\"M" + px(c.a.x) + " " + px(c.a.y) + " Q" + px(c.b.x) + " " + px(c.b.y) + " " +
           px(c.c.x) + " " + px(c.c.y) + "\" fill=\"none\" stroke=\"" + colour +
           "\" stroke-width=\"" + px(width) + "\"" +
           (is_dashed ? " stroke-dasharray=\"7 4\"" : "") + "/>\n";
}

void Svg::line(Point a, Point b, const std::string& colour, double width) {
  text_ += "<path d=\"M" + px(a.x) + " " + px(a.y) + " L" + px(b.x) + " " + px(b.y) +
           "\" stroke=\"" + colour + "\" stroke-width=\"" + px(width) + "\"/>\n";
}

void Svg::circle(Point at, double radius, const std::string& fill, const std::string& stroke,
                 double width) {
  text_ += "<circle cx=\"" + px(at.x) + "\" cy=\"" + px(at.y) + "\" r=\"" + px(radius) +
           "\" fill=\"" + fill + "\" stroke=\"" + stroke + "\" stroke-width=\"" + px(width) +
           "\"/>\n";
}

void Svg::box(Point top_left, double width, double height, const std::string& fill, double radius) {
  text_ += "<rect x=\"" + px(top_left.x) + "\" y=\"" + px(top_left.y) + "\" width=\"" + px(width) +
           "\" height=\"" + px(height) + "\"" + (radius > 0 ? " rx=\"" + px(radius) + "\"" : "") +
           " fill=\"" + fill + "\"/>\n";
}

void Svg::heading(double x, double width, const std::string& title,
                  const std::vector<std::string>& lines) {
  constexpr double title_px = 22;
  const double room = width - 2 * x;
  const double needed = 0.9 * text_width(title, title_px);
  write({x, 40}, title,
        {.px = title_px * std::min(1.0, room / std::max(needed, 1.0)),
         .anchor = "start",
         .weight = "bold"});
  double y = 63;
  for (const std::string& line : lines) {
    if (line.empty()) continue;
    write({x, y}, line, {.px = y < 64 ? 13.5 : 12.5, .anchor = "start", .fill = soft_ink});
    y += 19;
  }
}

void Svg::colour_bar(Point at, double width, const Scale& scale, double end, bool has_negative,
                     const std::string& name) {
  constexpr int cells = 60;
  constexpr double height = 13;
  const double start = has_negative ? -1 : 0;
  write({at.x + width / 2, at.y - 8}, name, {});
  for (int cell = 0; cell < cells; ++cell) {
    const double middle = start + (1 - start) * (cell + 0.5) / cells;
    box({at.x + width * cell / cells, at.y}, width / cells + 0.5, height,
        hex(colour_of(scale, middle)));
  }
  raw("<rect x=\"" + px(at.x) + "\" y=\"" + px(at.y) + "\" width=\"" + px(width) + "\" height=\"" +
      px(height) + "\" fill=\"none\" stroke=\"" + soft_ink + "\" stroke-width=\"0.8\"/>");
  for (const double share : {0.0, 0.25, 0.5, 0.75, 1.0}) {
    const double x = at.x + width * share;
    line({x, at.y + height}, {x, at.y + height + 4}, soft_ink, 0.8);
    const std::string tick = formatted("%.2g", (start + (1 - start) * share) * end);
    write({x, at.y + height + 17}, tick[0] == '-' ? "−" + tick.substr(1) : tick,
          {.px = 12, .fill = soft_ink});
  }
}

}  // namespace sovren::jobs
