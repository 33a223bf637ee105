// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/tone_map.h"

#include <algorithm>
#include <cmath>

namespace sovren::jobs {

float on_curve(float radiance, RenderingSpec::ToneMap curve) {
  constexpr float white = 1000;  // more is no brighter, and its square is a number
  if (!(radiance > 0)) return 0;
  if (curve == RenderingSpec::ToneMap::standard) return std::min(radiance, 1.0F);
  const float x = 0.6F * std::min(radiance, white);
  return std::min((x * (2.51F * x + 0.03F)) / (x * (2.43F * x + 0.59F) + 0.14F), 1.0F);
}

Picture tone_mapped(const Picture& picture, double exposure, RenderingSpec::ToneMap curve) {
  const auto scale = static_cast<float>(std::exp2(exposure));
  const auto channels = static_cast<std::size_t>(picture.channels);
  Picture mapped = picture;
  for (std::size_t i = 0; i < mapped.values.size(); i += channels) {
    float* pixel = &mapped.values[i];
    float whole = scale;  // what makes a colour whole again
    if (channels == 4) {
      pixel[3] = pixel[3] > 0 ? std::min(pixel[3], 1.0F) : 0;
      whole = pixel[3] > 0 ? scale / pixel[3] : 0;
    }
    for (std::size_t c = 0; c < std::min<std::size_t>(channels, 3); ++c)
      pixel[c] = on_curve(pixel[c] * whole, curve);
  }
  return mapped;
}

}  // namespace sovren::jobs
