// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace sovren::nn {

/// Floating-point operations per second (fp32, multiply-add counts two) of one core of this
/// processor at its best: measured within milliseconds on chains of multiply-adds in registers.
/// What a utilisation is a share of.
double measured_peak_flops();

}  // namespace sovren::nn
