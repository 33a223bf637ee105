// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <map>
#include <set>

#include "scheduler/sim/simulate.h"

namespace sovren::sim {
namespace {

constexpr std::size_t attempts_max = 4000;  ///< more are no picture
constexpr double width = 1200, left = 70, right = 20, gantt_top = 60, gantt_height = 420;
constexpr double curve_top = 530, curve_height = 120, height = 700;

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '&')
      out += "&amp;";
    else
      out += c;
  }
  return out;
}

// A colour for each job, spread by the golden angle.
std::string colour(int job) {
  const int hue = static_cast<int>((static_cast<long long>(job) * 137) % 360);
  char text[40];
  std::snprintf(text, sizeof text, "hsl(%d,55%%,%d%%)", hue, 50 + job % 3 * 8);
  return text;
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", value);
  return text;
}

struct Bar {
  const SimAttempt* attempt;
  std::vector<std::pair<int, int>> rows;  ///< first, count
};

// Gives each attempt the lowest free processors, in order of start.
std::vector<Bar> lay_out(const std::vector<const SimAttempt*>& attempts, const SimResult& result) {
  std::vector<Bar> bars;
  std::map<int, int> free{{0, result.procs}};  // first -> count
  std::multimap<double, std::size_t> ends;
  const auto give_back = [&](int first, int count) {
    auto next = free.lower_bound(first);
    if (next != free.begin()) {
      const auto before = std::prev(next);
      if (before->first + before->second == first) {
        first = before->first;
        count += before->second;
        free.erase(before);
      }
    }
    if (next != free.end() && first + count == next->first) {
      count += next->second;
      free.erase(next);
    }
    free[first] = count;
  };
  for (const SimAttempt* attempt : attempts) {
    while (!ends.empty() && ends.begin()->first <= attempt->start_s) {
      for (const auto& [first, count] : bars[ends.begin()->second].rows) give_back(first, count);
      ends.erase(ends.begin());
    }
    Bar bar{attempt, {}};
    int wanted = result.jobs[static_cast<std::size_t>(attempt->job)].procs;
    while (wanted > 0 && !free.empty()) {
      const auto [first, count] = *free.begin();
      free.erase(free.begin());
      const int taken = std::min(wanted, count);
      bar.rows.emplace_back(first, taken);
      if (taken < count) free[first + taken] = count - taken;
      wanted -= taken;
    }
    bars.push_back(std::move(bar));
    ends.emplace(attempt->end_s, bars.size() - 1);
  }
  return bars;
}

// How many stand at each of `bins` moments, as changes (+n at, -n at) say.
std::vector<double> curve(const std::vector<std::pair<double, double>>& changes, double from,
                          double to, std::size_t bins) {
  std::vector<double> values(bins, 0);
  for (const auto& [at, change] : changes) {
    const double part = (at - from) / (to - from);
    const auto bin =
        static_cast<std::size_t>(std::clamp(part, 0.0, 1.0) * static_cast<double>(bins));
    for (std::size_t i = bin; i < bins; ++i) values[i] += change;
  }
  return values;
}

std::string polyline(const std::vector<double>& values, double most, const char* stroke) {
  std::string text = "<polyline fill=\"none\" stroke=\"" + std::string(stroke) +
                     "\" stroke-width=\"1.5\" points=\"";
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double x = left + (width - left - right) * static_cast<double>(i) /
                                static_cast<double>(values.size() - 1);
    const double y = curve_top + curve_height - curve_height * values[i] / std::max(most, 1.0);
    text += number(x) + "," + number(y) + " ";
  }
  return text + "\"/>\n";
}

std::string label(double x, double y, const std::string& text, const char* anchor) {
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" text-anchor=\"" + anchor + "\">" +
         escaped(text) + "</text>\n";
}

}  // namespace

std::string gantt_svg(const SimResult& result, const std::string& title) {
  std::vector<const SimAttempt*> attempts;
  for (const SimAttempt& attempt : result.attempts) attempts.push_back(&attempt);
  std::stable_sort(attempts.begin(), attempts.end(), [](const SimAttempt* a, const SimAttempt* b) {
    return a->start_s < b->start_s;
  });
  const std::size_t all = attempts.size();
  attempts.resize(std::min(all, attempts_max));
  double from = attempts.empty() ? 0 : attempts.front()->start_s;
  double to = from + 1;
  for (const SimAttempt* attempt : attempts) to = std::max(to, attempt->end_s);
  if (all > attempts_max) to = std::max(from + 1, attempts.back()->start_s);
  const auto x_of = [&](double s) {
    return left + (width - left - right) * std::clamp((s - from) / (to - from), 0.0, 1.0);
  };

  std::string svg =
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1200 700\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n"
      "<rect width=\"1200\" height=\"700\" fill=\"white\"/>\n";
  svg += "<text x=\"70\" y=\"26\" font-size=\"16\">" + escaped(title) + "</text>\n";
  svg += label(left, 46,
               std::to_string(attempts.size()) + " of " + std::to_string(all) +
                   " attempts, one colour a job, " + std::to_string(result.procs) + " processors",
               "start");
  for (const Bar& bar : lay_out(attempts, result))
    for (const auto& [first, count] : bar.rows) {
      const double x = x_of(bar.attempt->start_s);
      const double y = gantt_top + gantt_height * first / result.procs;
      svg += "<rect x=\"" + number(x) + "\" y=\"" + number(y) + "\" width=\"" +
             number(std::max(0.3, x_of(bar.attempt->end_s) - x)) + "\" height=\"" +
             number(std::max(0.3, gantt_height * count / result.procs)) + "\" fill=\"" +
             colour(bar.attempt->job) + "\"/>\n";
    }
  std::vector<std::pair<double, double>> busy, waiting;
  std::set<int> shown;
  for (const SimAttempt* attempt : attempts) {
    const int procs = result.jobs[static_cast<std::size_t>(attempt->job)].procs;
    busy.emplace_back(attempt->start_s, procs);
    busy.emplace_back(attempt->end_s, -procs);
    waiting.emplace_back(attempt->start_s, -1);
    const double since =
        shown.insert(attempt->job).second
            ? static_cast<double>(result.jobs[static_cast<std::size_t>(attempt->job)].submit_s)
            : attempt->start_s;
    waiting.emplace_back(since, 1);
  }
  constexpr std::size_t bins = 600;
  const std::vector<double> queue = curve(waiting, from, to, bins);
  const double longest = *std::max_element(queue.begin(), queue.end());
  svg += polyline(curve(busy, from, to, bins), result.procs, "#2166ac");
  svg += polyline(queue, longest, "#b2182b");
  svg += label(left, curve_top - 8,
               "processors in use (blue, of " + std::to_string(result.procs) +
                   "), jobs waiting (red, at most " +
                   std::to_string(static_cast<long long>(longest)) + ")",
               "start");
  svg += "<path d=\"M70 480H1180M70 650H1180M70 60V480\" stroke=\"#888\" fill=\"none\"/>\n";
  svg += label(left - 8, gantt_top + 8, std::to_string(result.procs), "end");
  svg += label(left - 8, gantt_top + gantt_height, "0", "end");
  for (int i = 0; i <= 6; ++i) {
    const double s = from + (to - from) * i / 6;
    svg += label(x_of(s), 670, number(s / 86'400) + " d", i == 6 ? "end" : "middle");
  }
  return svg + "</svg>\n";
}

}  // namespace sovren::sim
