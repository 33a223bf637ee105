// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <ctime>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "kernels/nn/level.h"

namespace sovren::bench {

/// CPU seconds of this thread.
inline double cpu_s() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// The least CPU seconds of one call, in at least `seconds` of calls.
template <class Call>
double least_s(double seconds, const Call& call) {
  double least = 1e30, spent = 0;
  for (int round = 0; round < 5 || spent < seconds; ++round) {
    const double begin = cpu_s();
    call();
    const double took = cpu_s() - begin;
    least = std::min(least, took);
    spent += took;
  }
  return least;
}

#if defined(__x86_64__)
inline constexpr int spinning_sums = 12;  // that wait for nothing but themselves

__attribute__((target("avx512f"))) inline float spin_512(std::int64_t rounds) {
  __m512 sums[spinning_sums];
  for (__m512& sum : sums) sum = _mm512_set1_ps(1);
  const __m512 factor = _mm512_set1_ps(0.999F);
  for (std::int64_t round = 0; round < rounds; ++round)
#pragma GCC unroll 16
    for (__m512& sum : sums) sum = _mm512_fmadd_ps(sum, factor, factor);
  float total = 0;
  for (const __m512& sum : sums) total += _mm512_cvtss_f32(sum);
  return total;
}
__attribute__((target("avx2,fma"))) inline float spin_256(std::int64_t rounds) {
  __m256 sums[spinning_sums];
  for (__m256& sum : sums) sum = _mm256_set1_ps(1);
  const __m256 factor = _mm256_set1_ps(0.999F);
  for (std::int64_t round = 0; round < rounds; ++round)
#pragma GCC unroll 16
    for (__m256& sum : sums) sum = _mm256_fmadd_ps(sum, factor, factor);
  float total = 0;
  for (const __m256& sum : sums) total += _mm256_cvtss_f32(sum);
  return total;
}
#endif

/// GFLOP/s of multiply-adds that touch no memory, on one core at cpu_level(); 0: no vectors there.
inline double register_peak() {
#if defined(__x86_64__)
  const nn::Level level = nn::cpu_level();
  if (level == nn::Level::plain) return 0;
  constexpr std::int64_t rounds = 100'000;
  float result = 0;
  const double seconds = least_s(
      0.5, [&] { result += level == nn::Level::avx512 ? spin_512(rounds) : spin_256(rounds); });
  if (result == 0) std::fputs("the measured sums are 0\n", stderr);  // else they were not needed
  return 1e-9 * (level == nn::Level::avx512 ? 32 : 16) * spinning_sums * rounds / seconds;
#else
  return 0;
#endif
}

}  // namespace sovren::bench
