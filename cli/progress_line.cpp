// SPDX-License-Identifier: Apache-2.0
#include "cli/progress_line.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string_view>
#include <vector>

#include "cli/terminal.h"

namespace sovren::cli {
namespace {

constexpr double redraw_s = 0.1;
constexpr double line_s = 10;

// Eight steps a cell, so that the bar moves smoothly.
std::string bar(double fraction, int cells) {
  static constexpr const char* parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int eighths = static_cast<int>(std::clamp(fraction, 0.0, 1.0) * cells * 8);
  std::string text;
  for (int i = 0; i < eighths / 8; ++i) text += "█";
  text += parts[eighths % 8];
  for (int i = (eighths + 7) / 8; i < cells; ++i) text += "░";
  return text;
}

// The metric that says how fast it goes: the first named ..._per_second. The kind of job, which
// its metrics are named after, is known to who looks.
std::string rate_of(const Progress& progress) {
  constexpr std::string_view kind = "training_";
  for (const auto& [name, value] : progress.metrics) {
    const auto end = name.find("_per_second");
    if (end == std::string::npos || value <= 0) continue;
    const std::size_t first = name.starts_with(kind) ? kind.size() : 0;
    return format_count(value) + " " + name.substr(first, end - first) + "/s";
  }
  return "";
}

// What a person watches of a training; empty where it is not measured.
std::string figure_of(const Progress& progress, const char* metric, const char* format,
                      double unit) {
  const auto found = progress.metrics.find(metric);
  if (found == progress.metrics.end()) return "";
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, found->second * unit);
  return text.data();
}

}  // namespace

ProgressLine::Mode ProgressLine::mode_for(bool is_quiet) {
  if (is_quiet) return Mode::silent;
  return isatty(STDERR_FILENO) == 1 ? Mode::redrawn : Mode::lines;
}

void ProgressLine::restart(Instant now) {
  attempt_started_ = now;
  attempt_first_fraction_ = -1;
}

void ProgressLine::update(const Progress& progress, std::optional<Instant> sealed_at, Instant now) {
  if (attempt_first_fraction_ < 0) attempt_first_fraction_ = progress.fraction;
  if (mode_ == Mode::silent) return;
  if (shown_at_ && now - *shown_at_ < (mode_ == Mode::redrawn ? redraw_s : line_s)) return;
  shown_at_ = now;
  if (mode_ == Mode::lines) {
    std::fprintf(stderr, "%s\n", line_of(progress, sealed_at, now, 0).c_str());
    return;
  }
  std::fprintf(stderr, "\r\x1b[K%s",
               line_of(progress, sealed_at, now, terminal_width(STDERR_FILENO)).c_str());
  std::fflush(stderr);
  is_line_open_ = true;
}

void ProgressLine::say(const std::string& text) {
  if (mode_ == Mode::silent) return;
  clear();
  std::fprintf(stderr, "%s: %s\n", job_name_.c_str(), text.c_str());
}

void ProgressLine::clear() {
  if (is_line_open_) std::fputs("\r\x1b[K", stderr);
  is_line_open_ = false;
}

std::string ProgressLine::line_of(const Progress& progress, std::optional<Instant> sealed_at,
                                  Instant now, int width) const {
  std::vector<std::string> parts{progress.phase};
  if (width >= 70) parts.push_back(bar(progress.fraction, 20));
  parts.push_back(std::to_string(static_cast<int>(std::floor(progress.fraction * 100))) + "%");
  if (progress.total > 0)
    parts.push_back(format_count(static_cast<double>(progress.done)) + "/" +
                    format_count(static_cast<double>(progress.total)) + " " + progress.unit);
  parts.push_back(figure_of(progress, "training_loss", "loss %.4f", 1));
  parts.push_back(rate_of(progress));
  const double gained = progress.fraction - attempt_first_fraction_;
  const double elapsed = now - attempt_started_;
  if (gained > 0.01 && elapsed > 0.5)
    parts.push_back("about " + format_seconds((1 - progress.fraction) / gained * elapsed) +
                    " left");
  if (sealed_at) parts.push_back("checkpoint " + format_seconds(now - *sealed_at) + " ago");
  parts.push_back(figure_of(progress, "training_validation_loss", "validation %.4f", 1));
  parts.push_back(figure_of(progress, "training_flop_utilisation", "MFU %.0f%%", 100));
  std::erase(parts, "");

  // On a narrow terminal the last parts are left out rather than wrapped.
  std::string line = job_name_;
  std::size_t columns = line.size();
  for (const std::string& part : parts) {
    const std::size_t part_columns =
        part.find("█") != std::string::npos || part.find("░") != std::string::npos ? 20
                                                                                   : part.size();
    if (width > 0 && columns + 2 + part_columns >= static_cast<std::size_t>(width)) break;
    line += "  " + part;
    columns += 2 + part_columns;
  }
  return line;
}

}  // namespace sovren::cli
