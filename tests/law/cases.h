// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "jobs/kind/laws.h"

namespace sovren::jobs {

/// A job that the laws are to hold of, made anew for each.
struct LawCase {
  std::string name;
  std::function<LawSubject()> make;
};

std::vector<LawCase> causal_cases();
std::vector<LawCase> training_cases();
std::vector<LawCase> rendering_cases();

}  // namespace sovren::jobs
