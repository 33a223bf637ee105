// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace sovren::nn {

/// Levels of x86-64 that the sources in kernels/nn/level are compiled for, each in a namespace of
/// its own. All give the same bits in fp32: lanes are 16 everywhere, multiply-adds are fused
/// everywhere, and sums run in the same order.
enum class Level { plain, avx2, avx512 };

/// The best that this processor has; lowered by SOVREN_CPU_LEVEL=plain|avx2|avx512.
Level cpu_level();
/// Has it bfloat16 tiles, and does the system let this process use them? Not below level avx512.
bool has_amx();
std::string_view level_name(Level level);

/// The kernels of one level: a struct of functions, defined by a source in kernels/nn/level, which
/// specializes this for Level::SOVREN_LEVEL.
template <class Kernels, Level level>
const Kernels& kernels_of();

template <class Kernels>
const Kernels& kernels_of(Level level) {
#if defined(__x86_64__)
  if (level == Level::avx512) return kernels_of<Kernels, Level::avx512>();
  if (level == Level::avx2) return kernels_of<Kernels, Level::avx2>();
#endif
  static_cast<void>(level);
  return kernels_of<Kernels, Level::plain>();
}

/// Those for this processor.
template <class Kernels>
const Kernels& kernels_here() {
  return kernels_of<Kernels>(cpu_level());
}

}  // namespace sovren::nn
