// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/model/rendering_spec.h"
#include "jobs/rendering/picture.h"

namespace sovren::jobs {

/// Display light, 0 to 1, from radiance: times 2^exposure (stops), then by the curve; a NaN is 0.
/// standard: as it is, clipped. filmic: ACES' curve as Narkowicz fitted it ("ACES Filmic Tone
/// Mapping Curve", 2016: x (2.51 x + 0.03) / (x (2.43 x + 0.59) + 0.14), of each channel), of 0.6
/// x, which is ACES' own exposure: 0.18 becomes 0.140, 1 becomes 0.673, 12.07 becomes 1. Of four
/// channels, colours are premultiplied by alpha (as EXR has them) and come back as they are (as PNG
/// has them); alpha stays.
Picture tone_mapped(const Picture& picture, double exposure, RenderingSpec::ToneMap curve);

/// The curve of one channel, exposed already.
float on_curve(float radiance, RenderingSpec::ToneMap curve);

}  // namespace sovren::jobs
