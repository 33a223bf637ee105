// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/trace/vec.h"
#include "kernels/trace/view.h"

namespace sovren::trace {

/// Chooses an entry of an alias table by u, and leaves in u a number from [0, 1) that is still
/// even: what the choice did not need. 0 < count <= 2^16, or few bits of u are left.
/// Source   Vose, A Linear Algorithm for Generating Random Numbers with a Given Distribution
///          (IEEE Trans. Software Eng. 17.9, 1991).
SOVREN_TRACE std::uint32_t choose(const AliasEntry* entries, std::uint32_t count, float& u) {
  const float place = u * static_cast<float>(count);
  auto i = static_cast<std::uint32_t>(place);
  if (i >= count) i = count - 1;
  const float share = minimum(place - static_cast<float>(i), 0x1.fffffep-1F);
  const AliasEntry& entry = entries[i];
  const bool is_kept = share < entry.keep;
  u = minimum(is_kept ? share / entry.keep : (share - entry.keep) / (1.0F - entry.keep),
              0x1.fffffep-1F);
  return is_kept ? i : entry.other;
}

}  // namespace sovren::trace
