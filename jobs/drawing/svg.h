// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <vector>

#include "jobs/drawing/curve.h"

namespace sovren::jobs {

// Colours of all pictures of a result.
inline constexpr const char* ink = "#1f2933";
inline constexpr const char* soft_ink = "#52606d";

struct Colour {
  double red, green, blue;
};
std::string hex(const Colour& colour);
bool is_dark(const Colour& colour);

/// Colours for values of both signs.
struct Scale {
  std::array<Colour, 3> negative;  ///< from weak to strong
  std::array<Colour, 3> positive;
};
/// strength: value / the end of the scale, -1 to 1.
Colour colour_of(const Scale& scale, double strength);
/// The round number at or above the strongest value, where a scale ends; 1 for 0.
double scale_end(double strongest);

/// A length in pixels as it stands in the file.
std::string px(double length);

/// Room that a text takes, about: fonts differ.
double text_width(const std::string& text, double font_px);

/// Builds a picture on white; every length in pixels. Texts are escaped.
class Svg {
 public:
  /// what: said to those who cannot see it.
  Svg(double width, double height, const std::string& what);

  struct TextStyle {
    double px = 13;
    const char* anchor = "middle";
    std::string fill = ink;
    const char* weight = "normal";
    double rotate_deg = 0;
  };
  void raw(const std::string& line) { text_ += line + "\n"; }
  void write(Point at, const std::string& what, const TextStyle& style);
  void curve(const Curve& c, const std::string& colour, double width, bool is_dashed = false);
  void line(Point a, Point b, const std::string& colour, double width);
  void circle(Point at, double radius, const std::string& fill, const std::string& stroke,
              double width);
  /// radius: of the corners.
  void box(Point top_left, double width, double height, const std::string& fill, double radius = 0);
  /// A colour bar from -end to end, or from 0 when nothing is negative, its name above it and ticks
  /// below.
  void colour_bar(Point at, double width, const Scale& scale, double end, bool has_negative,
                  const std::string& name);
  /// Title, and lines below it, at the top left of a picture of some width. The title is made
  /// smaller where it would not fit.
  void heading(double x, double width, const std::string& title,
               const std::vector<std::string>& lines);
  std::string finish() { return text_ + "</svg>\n"; }

 private:
  std::string text_;
};

}  // namespace sovren::jobs
