// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace sovren::bench {

struct Cost {
  double wall_s = 0;
  double cpu_s = 0;  ///< of all threads of this process
};

Cost measured(const std::function<void()>& work);

/// One way to do something with so many bytes, and what it is compared with.
struct Way {
  std::string name;
  double bytes = 0;
  std::size_t base = 0;               ///< index of the way that its ratio is against
  std::function<void()> prepare;      ///< before it, not counted; may be empty
  std::function<void()> work;         ///< what is measured
  std::function<void()> clean_up;     ///< after it, not counted; may be empty
  std::vector<double> wall_s, cpu_s;  ///< by round
};

/// Runs all ways in each round, another one first each time, so that a busy machine slows all
/// alike.
void run_rounds(std::vector<Way>& ways, int rounds);

double median(std::vector<double> values);
/// Median over the rounds of base's time / its own.
double speed_ratio(const std::vector<Way>& ways, std::size_t way);
double s_per_gib(const Way& way);
double cpu_s_per_gib(const Way& way);

/// A table, and the same as JSON.
void print(const std::vector<Way>& ways);

}  // namespace sovren::bench
