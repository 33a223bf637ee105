// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace sovren::jobs {

/// Values at x = first, first + 1, ...; NaN: a gap.
struct ChartLine {
  double first = 0;
  std::vector<double> y;
  std::string style;  ///< class of the report's style sheet
};

/// An area between two lines.
struct ChartBand {
  double first = 0;
  std::vector<double> low;
  std::vector<double> high;
};

/// A small chart of the report. Its colours come from the style sheet, so it is light or dark as
/// the page is.
struct Chart {
  std::string title;
  std::string x_title;
  std::vector<ChartLine> lines;
  std::vector<ChartLine> bars;  ///< from zero, side by side
  std::optional<ChartBand> band;
  std::optional<double> divide_at;  ///< x of a dashed upright line
};

/// As inline SVG. Empty when there is no finite value.
std::string chart_svg(const Chart& chart);

}  // namespace sovren::jobs
