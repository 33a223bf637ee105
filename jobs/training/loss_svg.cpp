// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "jobs/drawing/axis.h"
#include "jobs/drawing/curve.h"
#include "jobs/drawing/markup.h"
#include "jobs/drawing/svg.h"
#include "jobs/training/loss_files.h"

namespace sovren::jobs {

namespace {

constexpr double width = 860;
constexpr double height = 470;
constexpr double left = 72;
constexpr double right = 112;
constexpr double top = 118;
constexpr double bottom = 62;

constexpr const char* style = R"css(
text { fill: #1f2933; font-size: 12px; }
.title { font-weight: bold; }
.soft { fill: #52606d; }
.start { text-anchor: start; } .middle { text-anchor: middle; } .end { text-anchor: end; }
.paper { fill: #ffffff; }
.grid { stroke: #e4e7eb; } .frame { stroke: #9aa5b1; }
.raw, .train, .val { fill: none; stroke-linejoin: round; stroke-linecap: round; }
.raw { stroke: #9fc3ee; stroke-width: 1; } .train { stroke: #2a6fc9; stroke-width: 2.2; }
.val { stroke: #d9541e; stroke-width: 1.6; }
.train-dot { fill: #2a6fc9; } .val-dot { fill: #d9541e; }
.train-dot, .val-dot { stroke: #ffffff; stroke-width: 1; }
.skipped { stroke: #c81e1e; stroke-width: 1.6; }
@media (prefers-color-scheme: dark) {
text { fill: #e4e7eb; } .soft { fill: #9aa5b1; }
.paper { fill: #14191f; } .grid { stroke: #28303a; } .frame { stroke: #52606d; }
.raw { stroke: #2f5680; } .train { stroke: #6aaaf5; } .val { stroke: #f28a5b; }
.train-dot { fill: #6aaaf5; } .val-dot { fill: #f28a5b; }
.train-dot, .val-dot { stroke: #14191f; } .skipped { stroke: #ff7b72; }
}
)css";

/// 1500 as 1.5k, 2000000 as 2M.
std::string compact(double value) {
  constexpr double least = 10000;
  if (value < least) return formatted("%g", value);
  for (const auto& [unit, letter] : {std::pair{1e12, "T"}, {1e9, "B"}, {1e6, "M"}})
    if (value >= unit) return formatted("%.4g", value / unit) + letter;
  return formatted("%.4g", value / 1e3) + "k";
}

std::string three_digits(double loss) {
  if (!std::isfinite(loss)) return shortest(loss);
  return formatted(loss == 0 || (std::abs(loss) >= 0.1 && std::abs(loss) < 1000) ? "%.3f" : "%.3g",
                   loss);
}

/// Mean over `reach` values to either side, fewer at the beginning, where losses fall steeply; what
/// is not finite is left out, and stays.
std::vector<double> smoothed(const std::vector<double>& values, std::size_t reach) {
  std::vector<double> sums(values.size() + 1);
  std::vector<std::size_t> counts(values.size() + 1);
  for (std::size_t k = 0; k < values.size(); ++k) {
    const bool is_finite = std::isfinite(values[k]);
    sums[k + 1] = sums[k] + (is_finite ? values[k] : 0);
    counts[k + 1] = counts[k] + (is_finite ? 1 : 0);
  }
  std::vector<double> means(values);
  for (std::size_t k = 0; k < values.size(); ++k) {
    if (!std::isfinite(values[k])) continue;
    const std::size_t side = std::min(reach, k);
    const std::size_t end = std::min(values.size(), k + side + 1);
    means[k] = (sums[end] - sums[k - side]) / static_cast<double>(counts[end] - counts[k - side]);
  }
  return means;
}

/// Losses from low to high, evenly or by their logarithm.
class Scale {
 public:
  void meet(double value) { axis_.meet(value); }
  bool is_empty() const { return axis_.is_empty(); }
  void choose() {
    constexpr double log_from = 8;
    is_log_ = axis_.low > 0 && axis_.high >= log_from * axis_.low;
    if (is_log_) {
      axis_.low /= 1.1;
      axis_.high *= 1.1;
      return;
    }
    axis_.choose_ticks(4, false);
    const double room = axis_.high > axis_.low ? 0.05 * (axis_.high - axis_.low) : axis_.tick;
    axis_.low = axis_.low >= 0 ? std::max(0.0, axis_.low - room) : axis_.low - room;
    axis_.high += room;
  }
  /// 0 at the lowest, 1 at the highest.
  double share(double value) const {
    if (is_log_) return std::log(value / axis_.low) / std::log(axis_.high / axis_.low);
    return (value - axis_.low) / (axis_.high - axis_.low);
  }
  std::vector<double> ticks() const {
    std::vector<double> ticks;
    if (!is_log_) {
      for (double n = std::ceil(axis_.low / axis_.tick); n * axis_.tick <= axis_.high; ++n)
        ticks.push_back(n * axis_.tick);
      return ticks;
    }
    const double decades = std::log10(axis_.high / axis_.low);
    const double every = std::ceil(decades / 8);
    const double first = std::floor(std::log10(axis_.low) / every) * every;
    for (double power = first; power <= std::log10(axis_.high); power += every)
      for (const double digit : {1.0, 2.0, 3.0, 5.0}) {
        if (digit != 1 && (decades > 4 || (digit == 3 && decades > 1.6))) continue;
        if (digit == 2 && decades > 2.5) continue;
        const double tick = digit * std::pow(10.0, power);
        if (tick >= axis_.low && tick <= axis_.high) ticks.push_back(tick);
      }
    return ticks;
  }

 private:
  Axis axis_;
  bool is_log_ = false;
};

struct Reading {
  double step;
  double loss;
};

class LossChart {
 public:
  LossChart(const std::string& job, const std::string& model, std::span<const StepRecord> steps)
      : job_(job), model_(model), steps_(steps) {
    std::vector<double> losses;
    for (const StepRecord& at : steps) {
      losses.push_back(at.train_loss);
      if (at.val_loss) validation_.push_back({static_cast<double>(at.step), *at.val_loss});
      skipped_ += at.is_skipped ? 1 : 0;
    }
    constexpr std::size_t raw_max = 40;  // so few are shown as they are
    reach_ = steps.size() > raw_max ? std::max<std::size_t>(2, steps.size() / 100) : 0;
    const std::vector<double> means = smoothed(smoothed(losses, reach_), reach_);
    for (std::size_t k = 0; k < steps.size(); ++k) {
      raw_.push_back({static_cast<double>(steps[k].step), losses[k]});
      mean_.push_back({static_cast<double>(steps[k].step), means[k]});
    }
    for (const Reading& reading : raw_) scale_.meet(reading.loss);
    for (const Reading& reading : validation_) scale_.meet(reading.loss);
    if (!scale_.is_empty()) scale_.choose();
    x_.meet(0);
    if (!steps.empty()) x_.meet(static_cast<double>(steps.back().step));
    x_.high = std::max(x_.high, 1.0);
  }

  std::string svg() {
    text_ = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + px(width) + "\" height=\"" +
            px(height) + "\" viewBox=\"0 0 " + px(width) + " " + px(height) +
            "\" role=\"img\" font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\">\n"
            "<title>" +
            escaped("Loss of " + job_) + "</title>\n<style>" + style +
            "</style>\n<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n";
    heading();
    grid();
    curves();
    return text_ + "</svg>\n";
  }

 private:
  double x_px(double step) const {
    return left + (width - left - right) * (step - x_.low) / (x_.high - x_.low);
  }
  double y_px(double loss) const {
    return height - bottom - (height - top - bottom) * scale_.share(loss);
  }

  void write(Point at, const std::string& what, const std::string& kind, double font_px = 12) {
    text_ += "<text class=\"" + kind + "\" x=\"" + px(at.x) + "\" y=\"" + px(at.y) +
             (font_px != 12 ? "\" style=\"font-size: " + px(font_px) + "px" : "") + "\">" +
             escaped(what) + "</text>\n";
  }
  void stroke(const std::string& kind, const std::string& d) {
    if (!d.empty()) text_ += "<path class=\"" + kind + "\" d=\"" + d + "\"/>\n";
  }
  void dot(Point at, double radius, const std::string& kind) {
    text_ += "<circle class=\"" + kind + "\" cx=\"" + px(at.x) + "\" cy=\"" + px(at.y) + "\" r=\"" +
             px(radius) + "\"/>\n";
  }

  /// The last value of a line that is one; nothing: none is.
  static std::optional<Reading> last(const std::vector<Reading>& line) {
    for (auto reading = line.rbegin(); reading != line.rend(); ++reading)
      if (std::isfinite(reading->loss)) return *reading;
    return std::nullopt;
  }

  /// The line with which a person who looks at nothing else is served.
  std::string summary() const {
    if (steps_.empty()) return "no step was made";
    std::string line = counted(steps_.back().step + 1, "step") + ", " +
                       compact(static_cast<double>(steps_.back().tokens)) + " tokens";
    if (const auto end = last(mean_)) line += " · training " + three_digits(end->loss);
    if (const auto end = last(validation_)) {
      const auto best = std::ranges::min_element(validation_, {}, [](const Reading& reading) {
        return std::isfinite(reading.loss) ? reading.loss : std::numeric_limits<double>::max();
      });
      line += " · validation " + three_digits(end->loss);
      if (best->loss < end->loss)
        line += " (least " + three_digits(best->loss) + " at step " +
                std::to_string(static_cast<std::int64_t>(best->step)) + ")";
    }
    return line;
  }

  void heading() {
    constexpr double title_px = 20;
    constexpr double least_px = 12;
    const double room = width - 2 * 28;
    const double fit = std::min(1.0, room / std::max(0.95 * text_width(job_, title_px), 1.0));
    const double used_px = std::max(least_px, title_px * fit);
    write({28, 36}, fitting(job_, room, used_px), "title start", used_px);
    write({28, 58}, summary(), "start", 13);
    if (!model_.empty()) write({28, 76}, fitting(model_, room, 12), "soft start");
    double x = left;
    const auto key = [&](const std::string& kind, const std::string& what) {
      stroke(kind, "M" + px(x) + " 98h22");
      if (kind == "val") dot({x + 11, 98}, 3.2, "val-dot");
      write({x + 29, 102}, what, "soft start");
      x += 29 + text_width(what, 12) + 20;
    };
    if (reach_ > 0) key("raw", "training, each step");
    key("train", reach_ > 0 ? "training, smoothed" : "training");
    if (!validation_.empty()) key("val", "validation");
    if (skipped_ > 0) {
      stroke("skipped", "M" + px(x + 4) + " 93v10");
      write({x + 14, 102}, counted(skipped_, "step") + " skipped: not finite", "soft start");
    }
  }

  /// As much of a text as there is room for.
  static std::string fitting(const std::string& text, double room, double font_px) {
    std::string cut = text;
    while (!cut.empty() && 0.95 * text_width(cut, font_px) > room) cut.pop_back();
    while (cut.size() < text.size() && !cut.empty() && (text[cut.size()] & 0xC0) == 0x80)
      cut.pop_back();
    return cut.size() < text.size() ? cut + "…" : cut;
  }

  void grid() {
    const double base = height - bottom;
    if (!scale_.is_empty())
      for (const double tick : scale_.ticks()) {
        stroke("grid", "M" + px(left) + " " + px(y_px(tick)) + "H" + px(width - right));
        write({left - 9, y_px(tick) + 4}, formatted("%.4g", tick), "soft end");
      }
    text_ += "<text class=\"soft middle\" transform=\"translate(22 " +
             px((top + height - bottom) / 2) + ") rotate(-90)\">loss, nats per token</text>\n";
    stroke("frame", "M" + px(left) + " " + px(base) + "H" + px(width - right));
    write({left - 9, base + 20}, "step", "soft end");
    Axis shown = x_;
    shown.choose_ticks(5, true);
    for (double n = 0; n * shown.tick <= shown.high; ++n) {
      stroke("frame", "M" + px(x_px(n * shown.tick)) + " " + px(base) + "v5");
      write({x_px(n * shown.tick), base + 20}, compact(n * shown.tick), "soft middle");
    }
    if (!steps_.empty() && steps_.back().tokens > 0) tokens_row(base + 42);
  }

  /// A step reads as many tokens as any other, so that tokens are steps on another scale.
  void tokens_row(double y) {
    const double per_step =
        static_cast<double>(steps_.back().tokens) / static_cast<double>(steps_.back().step + 1);
    Axis tokens{0, per_step * (x_.high + 1), 1};
    tokens.choose_ticks(4, true);
    write({left - 9, y}, "tokens", "soft end");
    const double clear_of_label = left + 14;
    for (double n = 1; n * tokens.tick <= tokens.high; ++n) {
      const double x = x_px(n * tokens.tick / per_step - 1);
      if (x >= clear_of_label) write({x, y}, compact(n * tokens.tick), "soft middle");
    }
  }

  /// The line, broken where a loss is not finite. Of the readings of one column of pixels, the
  /// least and the greatest stand for all.
  std::string path(const std::vector<Reading>& line) const {
    std::string d;
    bool is_open = false;  // there is a point to go on from
    bool is_lone = false;  // it is the first of its piece
    const auto put = [&](const Reading& reading) {
      d += (is_open ? "L" : "M") + px(x_px(reading.step)) + " " + px(y_px(reading.loss));
      is_lone = !is_open;
      is_open = true;
    };
    const auto lift = [&] {
      if (is_lone) d += "h0";  // a dot
      is_open = is_lone = false;
    };
    for (std::size_t k = 0; k < line.size();) {
      const double column = std::floor(x_px(line[k].step));
      std::size_t end = k;
      std::size_t low = line.size();
      std::size_t high = line.size();
      for (; end < line.size() && std::floor(x_px(line[end].step)) == column; ++end) {
        if (!std::isfinite(line[end].loss)) continue;
        if (low == line.size() || line[end].loss < line[low].loss) low = end;
        if (high == line.size() || line[end].loss > line[high].loss) high = end;
      }
      if (low == line.size()) {
        lift();
      } else {
        put(line[std::min(low, high)]);
        if (low != high) put(line[std::max(low, high)]);
      }
      k = end;
    }
    lift();
    return d;
  }

  void curves() {
    if (scale_.is_empty()) {
      write({(left + width - right) / 2, (top + height - bottom) / 2}, "no loss is a finite number",
            "soft middle", 15);
      return;
    }
    if (reach_ > 0) stroke("raw", path(raw_));
    stroke("train", path(mean_));
    stroke("val", path(validation_));
    constexpr std::size_t dots_max = 60;
    if (validation_.size() <= dots_max)
      for (const Reading& reading : validation_)
        if (std::isfinite(reading.loss))
          dot({x_px(reading.step), y_px(reading.loss)}, 3.2, "val-dot");
    skipped_marks();
    ends();
  }

  void skipped_marks() {
    std::string d;
    double drawn = -1;
    for (const StepRecord& at : steps_) {
      const double x = std::floor(x_px(static_cast<double>(at.step))) + 0.5;
      if (!at.is_skipped || x == drawn) continue;
      d += "M" + px(x) + " " + px(height - bottom - 1) + "v-9";
      drawn = x;
    }
    stroke("skipped", d);
  }

  /// The final losses, each beside the end of its line, apart from one another.
  void ends() {
    struct End {
      Reading at;
      const char* kind;
      std::string label;
      double label_y;
    };
    std::vector<End> ends;
    if (const auto end = last(mean_))
      ends.push_back({*end, "train-dot", "training ", y_px(end->loss)});
    if (const auto end = last(validation_))
      ends.push_back({*end, "val-dot", "validation ", y_px(end->loss)});
    constexpr double apart = 16;
    if (ends.size() == 2 && std::abs(ends[0].label_y - ends[1].label_y) < apart) {
      const double middle = (ends[0].label_y + ends[1].label_y) / 2;
      const double sign = ends[0].label_y <= ends[1].label_y ? -1 : 1;
      ends[0].label_y = middle + sign * apart / 2;
      ends[1].label_y = middle - sign * apart / 2;
    }
    for (const End& end : ends) {
      dot({x_px(end.at.step), y_px(end.at.loss)}, 4, end.kind);
      write({width - right + 10, end.label_y + 4}, end.label + three_digits(end.at.loss), "start");
    }
  }

  std::string job_;
  std::string model_;
  std::span<const StepRecord> steps_;
  std::vector<Reading> raw_;   ///< training
  std::vector<Reading> mean_;  ///< the same, smoothed
  std::vector<Reading> validation_;
  std::size_t reach_ = 0;  ///< of smoothing, steps to either side; 0: none
  int skipped_ = 0;
  Axis x_;
  Scale scale_;
  std::string text_;
};

}  // namespace

std::string loss_svg(const std::string& job, const std::string& model,
                     std::span<const StepRecord> steps) {
  return LossChart(job, model, steps).svg();
}

}  // namespace sovren::jobs
