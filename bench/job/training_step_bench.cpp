// SPDX-License-Identifier: Apache-2.0
// What does a step of training cost on one core: forward, backward, AdamW?
// bench/job/training_bench.py sets it beside PyTorch and the speed of matrix products.
//
//   training_step_bench LAYERS WIDTH HEADS VOCAB BATCH TOKENS [fp32|bf16 [MICRO_BATCH [SECONDS]]]
//
// The least process CPU time of a step, in at least SECONDS (10) of steps and 5 of them. Prints a
// line of JSON.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "core/base/rng.h"
#include "kernels/nn/level.h"
#include "kernels/nn/optimizer.h"
#include "kernels/nn/transformer.h"

namespace {

using namespace sovren;

struct Task {
  nn::ModelShape shape;
  int batch = 1;
  int tokens = 1;
  nn::Precision precision = nn::Precision::fp32;
  int micro_batch = 1;
  double seconds = 10;
};

double cpu_s() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

std::vector<float> small_numbers(std::int64_t count) {
  const Philox philox(1, 0);
  std::vector<float> made(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < made.size(); ++i)
    made[i] = static_cast<float>(0.04 * (philox.uniform(i) - 0.5));
  return made;
}

std::vector<std::int32_t> random_tokens(std::size_t count, int vocab) {
  const Philox philox(2, 0);
  std::vector<std::int32_t> made(count);
  for (std::size_t i = 0; i < count; ++i)
    made[i] = static_cast<std::int32_t>(philox.uniform(i) * vocab);
  return made;
}

class Run {
 public:
  explicit Run(const Task& task)
      : task_(task),
        team_(1),
        model_(task.shape,
               {.batch = task.micro_batch, .tokens = task.tokens, .precision = task.precision},
               team_),
        parameters_(small_numbers(model_.table().size())),
        gradient_(parameters_.size()),
        m_(parameters_.size()),
        v_(parameters_.size()),
        squares_((parameters_.size() + nn::norm_block - 1) / nn::norm_block) {
    const auto count =
        static_cast<std::size_t>(task.micro_batch) * static_cast<std::size_t>(task.tokens);
    inputs_ = random_tokens(count, task.shape.vocab);
    targets_ = inputs_;
    std::rotate(targets_.begin(), targets_.begin() + 1, targets_.end());
  }

  /// The loss before it.
  double step() {
    const int micro_batches = task_.batch / task_.micro_batch;
    std::fill(gradient_.begin(), gradient_.end(), 0.0F);
    double loss = 0;
    for (int k = 0; k < micro_batches; ++k)
      loss += model_.backward(parameters_, {inputs_, targets_, 0},
                              1 / static_cast<float>(micro_batches), gradient_) /
              micro_batches;
    nn::block_squares(team_, gradient_, squares_);
    ++adamw_.step;
    nn::adamw_update(team_, adamw_, 1, parameters_, gradient_, m_, v_);
    return loss;
  }
  const nn::ParameterTable& table() const { return model_.table(); }

 private:
  Task task_;
  nn::Team team_;
  nn::Transformer model_;
  std::vector<float> parameters_, gradient_, m_, v_;
  std::vector<double> squares_;
  std::vector<std::int32_t> inputs_, targets_;
  nn::AdamW adamw_{.learning_rate = 1e-3, .weight_decay = 0.1, .step = 0};
};

void measure(const Task& task) {
  Run run(task);
  double least = 1e30, spent = 0, loss = 0;
  int steps = 0;
  for (; steps < 5 || spent < task.seconds; ++steps) {
    const double begin = cpu_s();
    loss = run.step();
    least = std::min(least, cpu_s() - begin);
    spent += cpu_s() - begin;
  }
  const double flops = nn::training_flops_per_token(task.shape, task.tokens) * task.batch *
                       static_cast<double>(task.tokens);
  std::printf(
      "{\"bench\":\"training_step\",\"layers\":%d,\"width\":%d,\"heads\":%d,\"vocab\":%d,"
      "\"batch\":%d,\"tokens\":%d,\"precision\":\"%s\",\"micro_batch\":%d,\"steps\":%d,"
      "\"step_ms\":%.3f,\"mean_ms\":%.3f,\"gflop\":%.3f,\"gflops\":%.2f,\"parameters\":%lld,"
      "\"last_loss\":%.4f,\"level\":\"%s\"}\n",
      task.shape.layers, task.shape.width, task.shape.heads, task.shape.vocab, task.batch,
      task.tokens, task.precision == nn::Precision::fp32 ? "fp32" : "bf16", task.micro_batch, steps,
      1e3 * least, 1e3 * spent / steps, 1e-9 * flops, 1e-9 * flops / least,
      static_cast<long long>(run.table().count()), loss,
      std::string(nn::level_name(nn::cpu_level())).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  const auto number = [&](int at) { return argc > at ? std::atoi(argv[at]) : 0; };
  Task task;
  nn::ModelShape& shape = task.shape;
  shape.layers = number(1);
  shape.width = number(2);
  shape.heads = shape.kv_heads = number(3);
  shape.hidden = 4 * shape.width;
  shape.vocab = number(4);
  task.batch = number(5);
  task.tokens = shape.context = number(6);
  if (argc > 7 && std::string(argv[7]) == "bf16") task.precision = nn::Precision::bf16;
  task.micro_batch = argc > 8 ? number(8) : task.batch;
  if (argc > 9) task.seconds = std::atof(argv[9]);
  if (shape.layers < 1 || shape.width < 1 || shape.heads < 1 || shape.vocab < 2 || task.batch < 1 ||
      task.tokens < 1 || task.micro_batch < 1 || task.batch % task.micro_batch != 0 ||
      shape.width % shape.heads != 0) {
    std::fputs(
        "usage: training_step_bench LAYERS WIDTH HEADS VOCAB BATCH TOKENS [fp32|bf16 [MICRO_BATCH "
        "[SECONDS]]]\n",
        stderr);
    return 2;
  }
  measure(task);
}
