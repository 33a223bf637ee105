// SPDX-License-Identifier: Apache-2.0
#include "jobs/causal/report_chart.h"

#include <algorithm>
#include <cmath>

#include "jobs/drawing/axis.h"
#include "jobs/drawing/markup.h"
#include "jobs/drawing/svg.h"

namespace sovren::jobs {

namespace {

constexpr double width = 380;
constexpr double height = 200;
constexpr double left = 54;
constexpr double right = 10;
constexpr double top = 30;
constexpr double bottom = 40;

class Plot {
 public:
  explicit Plot(const Chart& chart) : chart_(chart) {
    const auto meet = [&](double first, const std::vector<double>& values) {
      for (std::size_t k = 0; k < values.size(); ++k) {
        x_.meet(first + static_cast<double>(k));
        y_.meet(values[k]);
      }
    };
    for (const ChartLine& line : chart.lines) meet(line.first, line.y);
    for (const ChartLine& bar : chart.bars) {
      meet(bar.first - 0.5, bar.y);
      meet(bar.first + 0.5, bar.y);
      y_.meet(0);
    }
    if (chart.band) {
      meet(chart.band->first, chart.band->low);
      meet(chart.band->first, chart.band->high);
    }
    if (y_.is_empty()) return;
    x_.choose_ticks(5, true);
    y_.choose_ticks(4, false);
    const double room = y_.high > y_.low ? 0.06 * (y_.high - y_.low) : y_.tick;
    y_.low -= room;
    y_.high += room;
    if (x_.high <= x_.low) x_.high = x_.low + 1;
  }

  std::string svg() {
    if (y_.is_empty()) return "";
    text_ = "<svg class=\"chart\" viewBox=\"0 0 " + px(width) + " " + px(height) +
            "\" role=\"img\"><title>" + escaped(chart_.title) + "</title>";
    text_ += "<text class=\"chart-title\" x=\"" + px(left) + "\" y=\"17\">" +
             escaped(shortened_name(chart_.title)) + "</text>";
    grid();
    if (chart_.band) band(*chart_.band);
    bars();
    if (chart_.divide_at)
      text_ += "<path class=\"divide\" d=\"M" + point(*chart_.divide_at, y_.low) + "V" + px(top) +
               "\"/>";
    for (const ChartLine& line : chart_.lines)
      text_ += "<path class=\"" + line.style + "\" d=\"" + path(line.first, line.y) + "\"/>";
    return text_ + "</svg>";
  }

 private:
  double x_px(double x) const {
    return left + (width - left - right) * (x - x_.low) / (x_.high - x_.low);
  }
  double y_px(double y) const {
    return height - bottom - (height - top - bottom) * (y - y_.low) / (y_.high - y_.low);
  }
  std::string point(double x, double y) const { return px(x_px(x)) + " " + px(y_px(y)); }

  std::string path(double first, const std::vector<double>& y) const {
    std::string d;
    bool is_open = false;
    for (std::size_t k = 0; k < y.size(); ++k) {
      const bool is_there = std::isfinite(y[k]);
      if (is_there) d += (is_open ? "L" : "M") + point(first + static_cast<double>(k), y[k]);
      is_open = is_there;
    }
    return d;
  }

  void grid() {
    for (double y = std::ceil(y_.low / y_.tick) * y_.tick; y <= y_.high; y += y_.tick) {
      const bool is_zero = std::abs(y) < 1e-9 * y_.tick;
      text_ += std::string("<path class=\"") + (is_zero ? "zero" : "grid") + "\" d=\"M" +
               point(x_.low, y) + "H" + px(width - right) + "\"/><text class=\"tick end\" x=\"" +
               px(left - 6) + "\" y=\"" + px(y_px(y) + 4) + "\">" +
               formatted("%.4g", is_zero ? 0 : y) + "</text>";
    }
    for (double x = std::ceil(x_.low / x_.tick) * x_.tick; x <= x_.high; x += x_.tick)
      text_ += "<text class=\"tick middle\" x=\"" + px(x_px(x)) + "\" y=\"" +
               px(height - bottom + 16) + "\">" + formatted("%.6g", x) + "</text>";
    text_ += "<text class=\"tick middle\" x=\"" + px((left + width - right) / 2) + "\" y=\"" +
             px(height - 6) + "\">" + escaped(chart_.x_title) + "</text>";
  }

  void band(const ChartBand& band) {
    std::string d = path(band.first, band.low);
    for (std::size_t k = band.high.size(); k-- > 0;)
      if (std::isfinite(band.high[k]))
        d += "L" + point(band.first + static_cast<double>(k), band.high[k]);
    text_ += "<path class=\"band\" d=\"" + d + "Z\"/>";
  }

  void bars() {
    const double slot = x_px(1) - x_px(0);
    const double each = std::min(22.0, 0.7 * slot / static_cast<double>(chart_.bars.size() + 1));
    for (std::size_t k = 0; k < chart_.bars.size(); ++k) {
      const ChartLine& bar = chart_.bars[k];
      const double aside =
          (static_cast<double>(k) - (static_cast<double>(chart_.bars.size()) - 1) / 2) * (each + 1);
      for (std::size_t i = 0; i < bar.y.size(); ++i) {
        if (!std::isfinite(bar.y[i])) continue;
        const double end = y_px(bar.y[i]);
        const double zero = y_px(0);
        text_ += "<rect class=\"" + bar.style + "\" x=\"" +
                 px(x_px(bar.first + static_cast<double>(i)) + aside - each / 2) + "\" y=\"" +
                 px(std::min(end, zero)) + "\" width=\"" + px(each) + "\" height=\"" +
                 px(std::abs(end - zero)) + "\"/>";
      }
    }
  }

  const Chart& chart_;
  Axis x_;
  Axis y_;
  std::string text_;
};

}  // namespace

std::string chart_svg(const Chart& chart) {
  return Plot(chart).svg();
}

}  // namespace sovren::jobs
