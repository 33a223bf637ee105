// SPDX-License-Identifier: Apache-2.0
// How near to the memory's speed are the operations of a training step that only pass over data?
// Prints for each the milliseconds, the bytes that it must move per second, and that as a part of
// what copying an array as large as its first one reaches on the same cores; then what one training
// step of the shape spends in all of them. Best of many runs.
//   pointwise_bench [THREADS [ROWS WIDTH HIDDEN VOCAB LAYERS]]     1, 1024 128 512 256 4
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

#include "core/base/rng.h"
#include "kernels/nn/level.h"
#include "kernels/nn/norm.h"
#include "kernels/nn/pointwise.h"

namespace {

using namespace sovren;
using namespace sovren::nn;

double best_s(const std::function<void()>& run) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::milliseconds(200);
  double best = 1e9;
  while (Clock::now() < end) {
    const auto start = Clock::now();
    run();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return best;
}

std::vector<float> numbers(std::int64_t count) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(Philox(1).normal(i));
  return values;
}

struct Shape {
  std::int64_t rows = 1024, width = 128, hidden = 512, vocab = 256, layers = 4;
};

/// Bytes a second of copying `floats` numbers: read and written ones counted.
double copy_speed(Team& team, std::int64_t floats) {
  std::vector<float> from = numbers(floats), to(from.size());
  const double s = best_s([&] {
    team.run_blocks(floats, 16384, [&](std::int64_t first, std::int64_t end) {
      std::memcpy(to.data() + first, from.data() + first,
                  static_cast<std::size_t>(end - first) * sizeof(float));
    });
  });
  return 2 * 4 * static_cast<double>(floats) / s;
}

class Table {
 public:
  explicit Table(Team& team) : team_(team) {
    std::printf("%-24s %9s %9s %9s %8s\n", "operation", "ms", "GB/s", "of copy", "per step");
  }
  /// floats: numbers read and written. array: of the operation's largest array. times: in a step.
  void row(const char* name, std::int64_t floats, std::int64_t array, std::int64_t times,
           const std::function<void()>& run) {
    const double s = best_s(run);
    const double speed = 4 * static_cast<double>(floats) / s;
    std::printf("%-24s %9.4f %9.1f %8.0f%% %8lld\n", name, 1e3 * s, speed / 1e9,
                100 * speed / copy_speed(team_, array), static_cast<long long>(times));
    step_s_ += static_cast<double>(times) * s;
  }
  double step_ms() const { return 1e3 * step_s_; }

 private:
  Team& team_;
  double step_s_ = 0;
};

void norms(Team& team, const Shape& s, Table& table) {
  const std::int64_t size = s.rows * s.width, times = 2 * s.layers + 1;
  std::vector<float> x = numbers(size), y(x.size()), d_x = x, weight = numbers(s.width),
                     d_weight = weight, d_bias = weight, mean = numbers(s.rows), scale = mean;
  const NormShape shape{NormKind::layer, s.rows, s.width, 1e-5F};
  table.row("layer norm", 2 * size, size, times, [&] {
    norm_forward(team, shape, x.data(), weight.data(), weight.data(), y.data(), mean.data(),
                 scale.data());
  });
  table.row("layer norm backward", 4 * size, size, times, [&] {
    norm_backward(team, shape, y.data(), x.data(), weight.data(), mean.data(), scale.data(),
                  d_x.data(), d_weight.data(), d_bias.data());
  });
  const Dropout dropout{.rate = 0.1F, .seed = 1, .stream = 2};
  table.row("residual", 3 * size, size, 0,
            [&] { add_residual(team, s.rows, s.width, x.data(), {}, y.data()); });
  table.row("residual, dropout", 3 * size, size, 2 * s.layers,
            [&] { add_residual(team, s.rows, s.width, x.data(), dropout, y.data()); });
  table.row("dropout", 2 * size, size, 2 * s.layers + 2,
            [&] { apply_dropout(team, s.rows, s.width, dropout, y.data()); });
}

void activations(Team& team, const Shape& s, Table& table) {
  const std::int64_t size = s.rows * s.hidden;
  std::vector<float> x = numbers(2 * size), y(x.size()), sums(static_cast<std::size_t>(s.hidden));
  const auto columns = [&](std::int64_t width) {
    return [&team, &s, &x, &sums, width] {
      add_column_sums(team, s.rows, width, width, x.data(), sums.data());
    };
  };
  table.row("column sums, width", s.rows * s.width, s.rows * s.width, 5 * s.layers,
            columns(s.width));
  table.row("column sums, hidden", size, size, s.layers, columns(s.hidden));
  // In a training step the matrix products make GELU.
  table.row("gelu", 2 * size, size, 0, [&] { gelu_forward(team, size, x.data(), y.data()); });
  table.row("gelu backward", 3 * size, size, 0,
            [&] { gelu_backward(team, size, x.data(), y.data(), y.data()); });
  table.row("swiglu", 3 * size, 2 * size, 0,
            [&] { swiglu_forward(team, s.rows, s.hidden, x.data(), y.data()); });
  std::vector<float> d_x = x;
  table.row("swiglu backward", 5 * size, 2 * size, 0,
            [&] { swiglu_backward(team, s.rows, s.hidden, x.data(), y.data(), d_x.data()); });
}

void ends(Team& team, const Shape& s, Table& table) {
  std::vector<std::int32_t> tokens(static_cast<std::size_t>(s.rows));
  for (std::size_t t = 0; t < tokens.size(); ++t)
    tokens[t] = static_cast<std::int32_t>(Philox(3).below(t, static_cast<std::uint64_t>(s.vocab)));
  const std::int64_t size = s.rows * s.width, context = std::min(s.rows, std::int64_t{128});
  std::vector<float> tokens_table = numbers(s.vocab * s.width);
  std::vector<float> places_table = numbers(context * s.width);
  std::vector<float> x = numbers(size), losses(tokens.size());
  table.row("embedding", 3 * size, size, 1, [&] {
    embed(team, tokens, context, s.width, tokens_table.data(), places_table.data(), x.data());
  });
  table.row("embedding backward", 5 * size, size, 1, [&] {
    embed_backward(team, tokens, context, s.width, x.data(), tokens_table.data(),
                   places_table.data());
  });
  const std::int64_t logits_size = s.rows * s.vocab;
  std::vector<float> logits = numbers(logits_size);
  table.row("classifier", 2 * logits_size, logits_size, 1,
            [&] { classify(team, s.vocab, s.vocab, tokens, 1e-3F, logits.data(), losses); });
  table.row("losses alone", logits_size, logits_size, 0,
            [&] { cross_entropy(team, s.vocab, s.vocab, tokens, logits.data(), losses); });
}

}  // namespace

int main(int argc, char** argv) {
  const auto number = [&](int at, std::int64_t otherwise) {
    return argc > at ? std::int64_t{std::atoll(argv[at])} : otherwise;
  };
  Team team(static_cast<int>(number(1, 1)));
  const Shape usual;
  const Shape shape{number(2, usual.rows), number(3, usual.width), number(4, usual.hidden),
                    number(5, usual.vocab), number(6, usual.layers)};
  std::printf("%d threads, level %s\n", team.threads(), level_name(cpu_level()).data());
  Table table(team);
  norms(team, shape, table);
  activations(team, shape, table);
  ends(team, shape, table);
  std::printf("{\"bench\": \"pointwise\", \"threads\": %d, \"step_ms\": %.3f}\n", team.threads(),
              table.step_ms());
  return 0;
}
