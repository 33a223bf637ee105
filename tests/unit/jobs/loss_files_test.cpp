// SPDX-License-Identifier: Apache-2.0
// loss.csv, loss.svg and samples.txt: numbers that read back, pictures that are whole and small.
#include "jobs/training/loss_files.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <sstream>
#include <vector>

#include "tests/unit/jobs/markup_check.h"

namespace sovren::jobs {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// A run whose loss falls from about 5 to about 2; validated every 10 steps.
std::vector<StepRecord> falling(std::int64_t count) {
  std::vector<StepRecord> steps;
  for (std::int64_t k = 0; k < count; ++k) {
    StepRecord at;
    at.step = k;
    at.tokens = (k + 1) * 1024;
    at.train_loss = 2 + 3 / (1 + static_cast<double>(k) / 10) + 0.01 * static_cast<double>(k % 7);
    if (k % 10 == 9) at.val_loss = at.train_loss + 0.1;
    at.learning_rate = 1e-3 / static_cast<double>(k + 1);
    at.grad_norm = 1.0 / 3;
    at.tokens_per_s = 1e5;
    steps.push_back(at);
  }
  return steps;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> cells_of(const std::string& line) {
  std::istringstream in(line + ",");
  std::vector<std::string> cells;
  for (std::string cell; std::getline(in, cell, ',');) cells.push_back(cell);
  return cells;
}

struct Spot {
  double x, y;
};

/// The points of all paths of one class, without the sample in the key, which comes first.
std::vector<Spot> spots_of(const std::string& svg, const std::string& kind) {
  std::vector<Spot> spots;
  const std::string head = "<path class=\"" + kind + "\" d=\"";
  for (auto at = svg.find(head); at != svg.npos; at = svg.find(head, at)) {
    at += head.size();
    for (const auto end = svg.find('"', at); at < end;) {  // "M1 2L3 4h5"
      if (svg[at] != 'M' && svg[at] != 'L') {
        ++at;
        continue;
      }
      char* rest = nullptr;
      const double x = std::strtod(svg.c_str() + at + 1, &rest);
      const double y = std::strtod(rest, &rest);
      spots.push_back({x, y});
      at = static_cast<std::size_t>(rest - svg.c_str());
    }
  }
  if (!spots.empty()) spots.erase(spots.begin());
  return spots;
}

TEST(LossCsv, HasTheColumnsOfTheContractAndARowPerStep) {
  const auto lines = lines_of(loss_csv(falling(25)));
  ASSERT_EQ(lines.size(), 26u);
  EXPECT_EQ(lines[0], "step,tokens,train_loss,val_loss,learning_rate,grad_norm,tokens_per_s");
  EXPECT_EQ(cells_of(lines[1]).size(), 7u);
  EXPECT_EQ(cells_of(lines[1])[0], "0");
  EXPECT_EQ(cells_of(lines[1])[1], "1024");
  EXPECT_EQ(cells_of(lines[1])[3], "") << "not evaluated";
  EXPECT_NE(cells_of(lines[10])[3], "") << "evaluated";
}

TEST(LossCsv, NumbersReadBackAsTheSameDouble) {
  const auto steps = falling(30);
  const auto lines = lines_of(loss_csv(steps));
  for (std::size_t k = 0; k < steps.size(); ++k) {
    const auto cells = cells_of(lines[k + 1]);
    EXPECT_EQ(std::strtod(cells[2].c_str(), nullptr), steps[k].train_loss);
    EXPECT_EQ(std::strtod(cells[4].c_str(), nullptr), steps[k].learning_rate);
    EXPECT_EQ(std::strtod(cells[5].c_str(), nullptr), steps[k].grad_norm);
    if (steps[k].val_loss) {
      EXPECT_EQ(std::strtod(cells[3].c_str(), nullptr), *steps[k].val_loss);
    }
  }
}

TEST(LossCsv, TellsLossesThatAreNotFinite) {
  const StepRecord bad{.step = 3, .tokens = 8, .train_loss = nan, .grad_norm = INFINITY};
  EXPECT_EQ(lines_of(loss_csv(std::vector{bad}))[1], "3,8,nan,,0,inf,0");
}

TEST(LossSvg, IsWellFormedWhateverTheRunWasLike) {
  const std::string odd_name = "<b> & \"c\" \x01\xFF" + std::string(300, 'n');
  std::vector<std::vector<StepRecord>> runs = {{}, falling(1), falling(12), falling(3000)};
  runs.push_back(falling(50));
  for (StepRecord& at : runs.back()) at.train_loss = nan;
  runs.push_back(falling(50));
  runs.back()[49].train_loss = INFINITY;
  runs.back()[9].val_loss = -INFINITY;
  runs.push_back(falling(2));
  for (StepRecord& at : runs.back()) at.train_loss = 0;
  for (const auto& steps : runs) {
    const std::string svg = loss_svg(odd_name, odd_name, steps);
    EXPECT_EQ(markup_fault(svg), "");
    EXPECT_EQ(svg.find("nan"), svg.npos) << "a place in the picture that is none";
    EXPECT_EQ(svg.find("inf"), svg.npos);
    EXPECT_EQ(occurrences(svg, "http"), 1) << "the name space; nothing is loaded";
    EXPECT_EQ(svg.find("href"), svg.npos);
  }
}

TEST(LossSvg, IsSmallAndShowsEveryExtremeOfManySteps) {
  auto steps = falling(100'000);
  steps[50'000].train_loss = 9;
  const std::string svg = loss_svg("job", "", steps);
  EXPECT_LT(svg.size(), 120'000u);
  const auto raw = spots_of(svg, "raw");
  EXPECT_GT(raw.size(), 500u);
  EXPECT_LT(raw.size(), 2'000u);
  EXPECT_LT(spots_of(svg, "train").size(), 2'000u);
  EXPECT_LT(spots_of(svg, "val").size(), 2'000u);
  // The highest point is the spike, in the middle of the picture.
  const Spot& highest = *std::ranges::min_element(raw, {}, &Spot::y);
  EXPECT_NEAR(highest.x, (raw.front().x + raw.back().x) / 2, 2);
}

TEST(LossSvg, SmoothingGoesThroughTheMiddleOfTheNoise) {
  auto steps = falling(2000);
  for (StepRecord& at : steps) at.train_loss = at.step % 2 == 0 ? 2 : 4;
  const std::string svg = loss_svg("job", "", steps);
  const auto raw = spots_of(svg, "raw");
  const auto [low, high] = std::ranges::minmax(raw, {}, &Spot::y);
  for (const Spot& spot : spots_of(svg, "train"))
    if (spot.x > raw.front().x + 20) {
      ASSERT_NEAR(spot.y, (low.y + high.y) / 2, 5);
    }
}

TEST(LossSvg, AWideRangeOfLossesIsDrawnByTheirLogarithm) {
  auto steps = falling(31);  // few enough to be drawn as they are
  for (StepRecord& at : steps) {
    at.train_loss = std::pow(10.0, 2 - static_cast<double>(at.step) / 10);
    at.val_loss.reset();
  }
  const auto line = spots_of(loss_svg("job", "", steps), "train");
  ASSERT_EQ(line.size(), steps.size());
  EXPECT_NEAR(line[15].y - line[0].y, line[30].y - line[15].y, 0.3) << "as far below as above";
}

TEST(LossSvg, TellsTheFinalLossesAndWhatWasSkipped) {
  auto steps = falling(100);
  for (const std::size_t k : {40u, 41u, 70u}) {
    steps[k].train_loss = nan;
    steps[k].is_skipped = true;
  }
  steps[99].val_loss = 2.875;
  const std::string svg = loss_svg("job", "a model of 7 parameters", steps);
  EXPECT_NE(svg.find(">validation 2.875<"), svg.npos);
  EXPECT_NE(svg.find("100 steps"), svg.npos);
  EXPECT_NE(svg.find("3 steps skipped"), svg.npos);
  EXPECT_NE(svg.find("a model of 7 parameters"), svg.npos);
  EXPECT_EQ(loss_svg("job", "", falling(100)).find("skipped:"), svg.npos);
}

TEST(LossSvg, FollowsTheReadersChoiceOfLightOrDark) {
  EXPECT_NE(loss_svg("job", "", falling(5)).find("@media (prefers-color-scheme: dark)"),
            std::string::npos);
}

TEST(SamplesText, HasAHeadingPerSampleAndNothingThatSteersATerminal) {
  const std::vector<Sample> samples = {{100, "In the beginning\n\tGod"}, {1, "a\x1b[31m\xFFz\r"}};
  EXPECT_EQ(samples_text(samples),
            "=== after 100 steps ===\nIn the beginning\n\tGod\n\n"
            "=== after 1 step ===\na\xEF\xBF\xBD[31m\xEF\xBF\xBDz\xEF\xBF\xBD\n\n");
  EXPECT_EQ(samples_text({}), "");
}

}  // namespace
}  // namespace sovren::jobs
