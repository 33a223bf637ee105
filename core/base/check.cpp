// SPDX-License-Identifier: Apache-2.0
#include "core/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace sovren {

void check_failed(const char* claim, const char* why, const char* file, int line) {
  std::fprintf(stderr, "sovren: bug at %s:%d: %s does not hold: %s\n", file, line, claim, why);
  std::abort();
}

}  // namespace sovren
