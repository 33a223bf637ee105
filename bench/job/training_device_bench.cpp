// SPDX-License-Identifier: Apache-2.0
// Training GPT-2 on one device: tokens a second and the share of the device's peak, for the three
// sizes of issue 5. Each step is some micro-batches forward and backward, the norm, clipping and
// AdamW. Prints a table, then one line of JSON for each size. Without a device it says why.
//   training_device_bench [SIZE [MICRO_BATCH]]     SIZE: 124M, 350M or 1558M; without: all
//   A micro-batch is the largest power of two that fits, 64 at most, where none is given; 1558M
//   computes blocks again.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "jobs/training/device_trainer.h"
#include "jobs/training/weights.h"
#include "kernels/device/device.h"
#include "kernels/device/device_peak.h"
#include "kernels/device/device_stream.h"
#include "kernels/nn/device_plan.h"
#include "workers/comm/comm.h"

namespace {

using namespace sovren;

struct Size {
  const char* name;
  int layers, heads, width;
  bool recomputes;
  double wanted;  ///< tokens a second on an H200: what llm.c reaches on an H100
};

constexpr Size sizes[] = {{"124M", 12, 12, 768, false, 470e3},
                          {"350M", 24, 16, 1024, false, 190e3},
                          {"1558M", 48, 25, 1600, true, 47e3}};
constexpr int tokens = 1024;
constexpr int micro_batches = 4;  // of a step
constexpr int warm_steps = 2, timed_steps = 5;

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

nn::ModelShape shape_of(const Size& size) {
  return {.layers = size.layers,
          .heads = size.heads,
          .kv_heads = size.heads,
          .width = size.width,
          .hidden = 4 * size.width,
          .context = tokens,
          .vocab = 50257};
}

nn::Transformer::Setting setting_of(const Size& size, int micro_batch) {
  nn::Transformer::Setting setting{.batch = micro_batch, .tokens = tokens};
  if (size.recomputes) setting.recompute = nn::Transformer::Setting::Recompute::block;
  return setting;
}

int fitting_batch(const Size& size) {
  const nn::ParameterTable table(shape_of(size));
  const auto left = kernels::free_device_bytes();
  if (!left) return 1;
  const int most =
      nn::device::largest_batch(table, {.pass = setting_of(size, 1), .slice = table.size()}, *left);
  int batch = 1;
  while (2 * batch <= std::min(most, 64)) batch *= 2;
  return batch;
}

/// Tokens that look random, the same in each run.
void read_tokens(std::int64_t sequence, std::span<std::int32_t> inputs,
                 std::span<std::int32_t> targets) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto place = static_cast<std::uint64_t>(sequence) * tokens + i;
    inputs[i] = static_cast<std::int32_t>(place * 2654435761U % 50257);
    targets[i] = static_cast<std::int32_t>((place + 1) * 2654435761U % 50257);
  }
}

Result<void> take_step(jobs::Trainer& trainer, std::int64_t step, int batch) {
  SOVREN_TRY(losses, trainer.accumulate({.step = step,
                                         .first = 0,
                                         .count = micro_batches,
                                         .step_count = micro_batches,
                                         .sequence = step * micro_batches * batch,
                                         .read = read_tokens}));
  static_cast<void>(losses);
  SOVREN_TRY(norm, trainer.gradient_norm());
  return trainer.update({.learning_rate = 1e-4, .weight_decay = 0.1, .step = step + 1},
                        std::min(1.0, 1 / norm));
}

Result<double> seconds_of_step(const Size& size, int batch) {
  const auto comm = workers::make_self_communicator();
  const auto print = [](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); };
  SOVREN_TRY(trainer, jobs::make_device_trainer(shape_of(size), setting_of(size, batch), *comm,
                                                nullptr, print));
  SOVREN_DO(trainer->start(jobs::initial_parameters(trainer->table(), 1)));
  double start = 0;
  for (int step = 0; step < warm_steps + timed_steps; ++step) {
    if (step == warm_steps) start = now_s();
    SOVREN_DO(take_step(*trainer, step, batch));
  }
  return (now_s() - start) / timed_steps;
}

void run(const Size& size, int batch, double peak_flops) {
  const auto step_s = seconds_of_step(size, batch);
  if (!step_s) {
    std::printf("%-6s %s\n", size.name, to_text(step_s.error()).c_str());
    return;
  }
  const double rate = static_cast<double>(batch) * tokens * micro_batches / *step_s;
  const double flops = rate * nn::training_flops_per_token(shape_of(size), tokens);
  const double share = peak_flops > 0 ? flops / peak_flops : 0;  // 0: not known
  std::printf("%-6s %8d %12.1f %12.0f %12.0f %8.1f\n", size.name, batch, *step_s * 1e3, rate,
              size.wanted, share * 100);
  std::printf(
      "{\"bench\": \"training_device\", \"model\": \"%s\", \"micro_batch\": %d, \"step_ms\": %.2f, "
      "\"tokens_per_s\": %.0f, \"peak_share\": %.4f}\n",
      size.name, batch, *step_s * 1e3, rate, share);
}

}  // namespace

int main(int argc, char** argv) {
  const kernels::DeviceList list = kernels::list_devices();
  if (list.devices.empty()) {
    std::printf("no device: %s\n", list.why_none.c_str());
    return 0;
  }
  std::printf("%s\n%-6s %8s %12s %12s %12s %8s\n", list.devices[0].name.c_str(), "model", "batch",
              "step (ms)", "tokens/s", "wanted", "peak (%)");
  const std::string wanted = argc > 1 ? argv[1] : "";
  for (const Size& size : sizes)
    if (wanted.empty() || wanted == size.name)
      run(size, argc > 2 ? std::atoi(argv[2]) : fitting_batch(size),
          kernels::datasheet_flops(list.devices[0].name));
  return 0;
}
