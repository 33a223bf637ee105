// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/result.h"
#include "jobs/rendering/picture.h"

namespace sovren::jobs {

/// How near a picture is to its reference. Alpha is left out of account.
struct Quality {
  double mse = 0;              ///< mean of (x - r)^2 over pixels and colours, of linear light
  double rel_mse = 0;          ///< mean of (x - r)^2 / (r^2 + 0.01)
  double rel_mse_trimmed = 0;  ///< without the 0.1 % of the pixels where it is largest
  double psnr_db = 0;          ///< of sRGB, clipped to [0, 1]; 100 at most
  double ssim = 0;             ///< mean, of the luma of sRGB
  double flip = 0;             ///< mean LDR-FLIP
  double flip_hdr = 0;         ///< mean HDR-FLIP
};

/// Errors   mismatch: the pictures are of different sizes; data_invalid: one has a number that is
///          none.
Result<Quality> compare(const Picture& picture, const Picture& reference);

/// Mean structural similarity of pictures of one size. Luma: Rec. 709's, of sRGB clipped to [0, 1].
/// Windows of 11 x 11 pixels, Gaussian of sigma 1.5, K1 = 0.01, K2 = 0.03, L = 1, and only those
/// that lie wholly in the picture; of pictures with fewer pixels a side, all, borders repeated.
/// Source   Wang, Bovik, Sheikh, Simoncelli: Image Quality Assessment: From Error Visibility to
///          Structural Similarity (IEEE TIP 13.4, 2004).
double ssim(const Picture& picture, const Picture& reference);

/// The quality score, 0 to 100: 100 (1 - mean FLIP).
double score_of_flip(double flip);

/// The same without a reference, of the estimated relMSE (noise_estimate.h), by the FLIP that goes
/// with it: 0.1021 relMSE^0.1549, which has the two that were measured (facts/rendering.md 5.5):
/// 1e-3 and 0.035 (final quality), 1e-2 and 0.05 (a preview).
double score_of_noise(double rel_mse);

}  // namespace sovren::jobs
