// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/base/rng.h"

namespace sovren::nn {

/// Which elements a dropout keeps: a pure function of the run, the place in the model, and the
/// global index, so that it is the same on any rank and in the backward pass.
///
/// Element e is dropped where word e % 4 of Philox(seed, stream).block(e / 4) is below threshold();
/// what is kept is multiplied by scale().
struct Dropout {
  float rate = 0;  ///< [0, 1); 0: nothing is dropped, and nothing drawn
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;    ///< step and place in the model
  std::int64_t first_row = 0;  ///< global number of the first row (sequence, or token) of the data

  constexpr bool is_on() const { return rate > 0; }
  constexpr std::uint32_t threshold() const { return static_cast<std::uint32_t>(rate * 0x1p32); }
  constexpr float scale() const { return 1 / (1 - rate); }
  constexpr bool drops(std::uint64_t element) const {
    return Philox(seed, stream).block(element / 4)[element % 4] < threshold();
  }
};

}  // namespace sovren::nn
