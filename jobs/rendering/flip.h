// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "jobs/rendering/picture.h"
#include "jobs/rendering/plane.h"

namespace sovren::jobs {

// How different two pictures look when one is flipped to the other, from 0 to 1 for each pixel.
// Pictures are linear sRGB, of one size; alpha is left out of account.

/// Of a screen of 0.7 m and 3840 pixels seen from 0.7 m.
inline constexpr double flip_pixels_per_degree = 67.0206432765823;  // 0.7 x 3840 / 0.7 x pi / 180

/// LDR-FLIP; light is clipped to [0, 1]. Symmetric in its arguments.
/// Source   Andersson, Nilsson, Akenine-Moeller, Oskarsson, Astroem, Fairchild: FLIP: A Difference
///          Evaluator for Alternating Images (HPG 2020).
Plane flip(const Picture& picture, const Picture& reference,
           double pixels_per_degree = flip_pixels_per_degree);

/// HDR-FLIP: the largest LDR-FLIP over exposures, tone-mapped by ACES' curve: from the one that
/// brings the reference's brightest pixel to 0.85 to the one that brings its median there, at least
/// two, at most one stop apart.
/// Source   Andersson, Nilsson, Shirley, Akenine-Moeller: Visualizing Errors in Rendered High
///          Dynamic Range Images (Eurographics 2021, short papers).
Plane flip_hdr(const Picture& picture, const Picture& reference,
               double pixels_per_degree = flip_pixels_per_degree);

/// In stops; of a reference that is black: 0, 0.
struct Exposures {
  double first = 0, last = 0;
  int count = 2;
};
Exposures flip_exposures(const Picture& reference);

double mean(const Plane& plane);

}  // namespace sovren::jobs
