// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/level.h"

#include <algorithm>
#include <cstdlib>
#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace sovren::nn {
namespace {

constexpr std::string_view names[] = {"plain", "avx2", "avx512"};

Level highest() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return Level::avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Level::avx2;
#endif
  return Level::plain;
}

Level chosen() {
  const Level best = highest();
  const char* wanted = std::getenv("SOVREN_CPU_LEVEL");
  if (wanted == nullptr) return best;
  for (const Level level : {Level::plain, Level::avx2, Level::avx512})
    if (level_name(level) == wanted) return std::min(level, best);
  return best;
}

bool find_amx() {
#if defined(__x86_64__) && defined(SYS_arch_prctl)
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned amx_bf16 = 1U << 22, amx_tile = 1U << 24;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  if ((d & amx_bf16) == 0 || (d & amx_tile) == 0) return false;
  constexpr long ask_for_feature = 0x1023, tile_data = 18;  // asm/prctl.h; Intel SDM 1, 13.3
  return ::syscall(SYS_arch_prctl, ask_for_feature, tile_data) == 0;
#else
  return false;
#endif
}

}  // namespace

Level cpu_level() {
  static const Level level = chosen();
  return level;
}

bool has_amx() {
  static const bool has = cpu_level() == Level::avx512 && find_amx();
  return has;
}

std::string_view level_name(Level level) {
  return names[static_cast<int>(level)];
}

}  // namespace sovren::nn
