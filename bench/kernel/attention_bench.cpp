// SPDX-License-Identifier: Apache-2.0
// How fast is attention on one core, forward and backward, against what the processor's registers
// can do? Prints a table, then one line of JSON for each shape. CPU time, the least of many calls.
//   attention_bench [BATCH TOKENS HEADS KV_HEADS HEAD_WIDTH [DROPOUT]]   without: standard shapes
// GFLOP/s count the causal half of each product: forward 2, backward 5 products.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "bench/kernel/peak.h"
#include "core/base/rng.h"
#include "kernels/nn/attention.h"
#include "kernels/nn/level.h"
#include "kernels/nn/scratch.h"

namespace {

using namespace sovren;
using namespace sovren::nn;

struct Case {
  AttentionShape shape;
  float dropout = 0;
};

constexpr Case standard_cases[] = {{{8, 128, 4, 4, 32}},    {{8, 128, 4, 4, 32}, 0.2F},
                                   {{4, 64, 12, 12, 64}},   {{8, 128, 4, 4, 64}},
                                   {{4, 1024, 12, 12, 64}}, {{2, 1024, 12, 4, 64}},
                                   {{4, 256, 16, 4, 128}},  {{8, 100, 4, 4, 20}}};

/// Begins at a line of the cache, as a model's memory does.
class Numbers {
 public:
  explicit Numbers(std::int64_t count) : lines_(static_cast<std::size_t>((count + 15) / 16)) {}
  Numbers(std::int64_t count, std::uint64_t seed) : Numbers(count) {
    const Philox philox(seed, 0);
    for (std::int64_t i = 0; i < count; ++i)
      data()[i] = static_cast<float>(philox.normal(static_cast<std::uint64_t>(i)));
  }
  float* data() { return lines_.data()->lane; }

 private:
  std::vector<Line> lines_;
};

void measure(const Case& wanted, double peak) {
  const AttentionShape& s = wanted.shape;
  const std::int64_t rows = std::int64_t{s.batch} * s.tokens;
  Numbers qkv(rows * s.qkv_width(), 1), d_out(rows * s.q_width(), 2);
  Numbers d_qkv(rows * s.qkv_width()), out(rows * s.q_width()), log_sum(rows * s.heads);
  const Dropout dropout{.rate = wanted.dropout, .seed = 1};
  Team team(1);
  constexpr double seconds = 0.5;
  const double forward = bench::least_s(seconds, [&] {
    attention_forward(team, s, qkv.data(), dropout, out.data(), log_sum.data());
  });
  const double backward = bench::least_s(seconds, [&] {
    attention_backward(team, s, qkv.data(), dropout, out.data(), log_sum.data(), d_out.data(),
                       d_qkv.data());
  });
  const double pairs = 0.5 * s.tokens * (s.tokens + 1);
  const double product = 2e-9 * s.batch * s.heads * pairs * s.head_width;
  const double speeds[] = {2 * product / forward, 5 * product / backward,
                           7 * product / (forward + backward)};
  std::printf("%5d %6d %5d %8d %5d %7.2f %8.3f %8.1f %4.0f%% %8.3f %8.1f %4.0f%% %8.3f %8.1f\n",
              s.batch, s.tokens, s.heads, s.kv_heads, s.head_width,
              static_cast<double>(wanted.dropout), 1e3 * forward, speeds[0], 100 * speeds[0] / peak,
              1e3 * backward, speeds[1], 100 * speeds[1] / peak, 1e3 * (forward + backward),
              speeds[2]);
  std::printf(
      "{\"question\":\"attention\",\"batch\":%d,\"tokens\":%d,\"heads\":%d,\"kv_heads\":%d,"
      "\"head_width\":%d,\"dropout\":%.2f,\"forward_ms\":%.4f,\"forward_gflops\":%.2f,"
      "\"backward_ms\":%.4f,\"backward_gflops\":%.2f,\"peak_gflops\":%.1f,\"level\":\"%s\"}\n",
      s.batch, s.tokens, s.heads, s.kv_heads, s.head_width, static_cast<double>(wanted.dropout),
      1e3 * forward, speeds[0], 1e3 * backward, speeds[1], peak,
      std::string(level_name(cpu_level())).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  const double peak = bench::register_peak();
  std::printf("%s; registers alone: %.1f GFLOP/s\n", std::string(level_name(cpu_level())).c_str(),
              peak);
  std::printf("%5s %6s %5s %8s %5s %7s %8s %8s %5s %8s %8s %5s %8s %8s\n", "batch", "tokens",
              "heads", "kv_heads", "width", "dropout", "fwd ms", "GFLOP/s", "peak", "bwd ms",
              "GFLOP/s", "peak", "both ms", "GFLOP/s");
  if (argc >= 6) {
    const auto number = [&](int i) { return static_cast<int>(std::strtol(argv[i], nullptr, 10)); };
    const float dropout = argc > 6 ? std::strtof(argv[6], nullptr) : 0;
    measure({{number(1), number(2), number(3), number(4), number(5)}, dropout}, peak);
    return 0;
  }
  for (const Case& standard : standard_cases) measure(standard, peak);
}
