// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "jobs/rendering/picture.h"
#include "kernels/trace/film.h"

namespace sovren::jobs {

/// The first three channels; of one channel three that are alike.
Picture without_alpha(const Picture& picture);

/// Sums over squares of pixels, so that no side is longer than side_max. Of films of the picture's
/// channels; a film's own size if it is small.
trace::Film smaller(const trace::Film& film, int side_max);
inline constexpr int preview_side_max = 512;

/// Samples that were no finite numbers.
struct BadSamples {
  std::int64_t count = 0;
  int x = 0, y = 0;  ///< the first pixel that has some
};
BadSamples bad_samples(const trace::Film& film);

double mean_samples(const trace::Film& film);  ///< of a pixel

}  // namespace sovren::jobs
