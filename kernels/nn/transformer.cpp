// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/transformer.h"

#include <algorithm>

#include "core/base/check.h"
#include "kernels/nn/block.h"
#include "kernels/nn/pointwise.h"
#include "kernels/nn/scratch.h"

namespace sovren::nn {

namespace {

using Recompute = Transformer::Setting::Recompute;

/// Logits that lie in memory at once; what a chunk of rows is cut by.
constexpr std::int64_t logits_max = std::int64_t{1} << 23;
constexpr std::uint64_t streams_of_block = 3, embedding_stream = 0, first_block_stream = 1;

/// Gives memory out piece by piece; without memory it only counts.
class Arena {
 public:
  static constexpr std::int64_t alignment = sizeof(Line) / sizeof(float);
  explicit Arena(float* memory) : memory_(memory) {}
  float* take(std::int64_t size) {
    float* piece = memory_ == nullptr ? nullptr : memory_ + used_;
    used_ += (size + alignment - 1) / alignment * alignment;
    return piece;
  }
  std::int64_t used() const { return used_; }  ///< a multiple of the alignment

 private:
  float* memory_;
  std::int64_t used_ = 0;
};

/// All that a pass writes besides the caller's arrays.
struct Buffers {
  std::vector<float*> x;  ///< input of each block, and the last one's output: (rows, width)
  std::vector<BlockActivations> blocks;
  BlockScratch scratch;
  float* d_x = nullptr;
  float* final_norm = nullptr;
  float* final_mean = nullptr;
  float* final_scale = nullptr;
  float* logits = nullptr;  ///< (chunk, padded vocab)
};

std::int64_t rows_of(const Transformer::Setting& setting) {
  return static_cast<std::int64_t>(setting.batch) * setting.tokens;
}

/// Rows whose logits are made together: all, or a power of two.
std::int64_t rows_in_chunk(const ModelShape& shape, const Transformer::Setting& setting) {
  std::int64_t chunk = 1;
  while (2 * chunk * shape.padded_vocab() <= logits_max) chunk *= 2;
  return std::min(chunk, rows_of(setting));
}

BlockActivations activations(const ModelShape& shape, const Transformer::Setting& setting,
                             Arena& arena) {
  const std::int64_t rows = rows_of(setting), width = shape.width;
  BlockActivations kept;
  kept.norm_1 = arena.take(rows * width);
  kept.mean_1 = arena.take(rows);
  kept.scale_1 = arena.take(rows);
  kept.qkv = arena.take(rows * shape.qkv_width());
  kept.attended = arena.take(rows * shape.q_width());
  kept.log_sum = arena.take(rows * shape.heads);
  kept.middle = arena.take(rows * width);
  kept.norm_2 = arena.take(rows * width);
  kept.mean_2 = arena.take(rows);
  kept.scale_2 = arena.take(rows);
  kept.up = arena.take(rows * shape.up_width());
  kept.hidden = arena.take(rows * shape.hidden);
  return kept;
}

Buffers lay_out(const ModelShape& shape, const Transformer::Setting& setting, Arena& arena) {
  const std::int64_t rows = rows_of(setting), width = shape.width;
  Buffers b;
  for (int layer = 0; layer <= shape.layers; ++layer) b.x.push_back(arena.take(rows * width));
  const bool is_shared = setting.recompute == Recompute::block;
  for (int layer = 0; layer < shape.layers; ++layer)
    b.blocks.push_back(is_shared && layer > 0 ? b.blocks[0] : activations(shape, setting, arena));
  b.scratch.branch = arena.take(setting.dropout > 0 ? rows * width : 0);
  b.scratch.d_width = arena.take(rows * width);
  b.scratch.d_qkv = arena.take(rows * shape.qkv_width());
  b.scratch.d_up = arena.take(rows * shape.up_width());
  b.scratch.d_hidden =
      arena.take(shape.activation == ModelShape::Activation::swiglu ? rows * shape.hidden : 0);
  b.d_x = arena.take(rows * width);
  b.final_norm = arena.take(rows * width);
  b.final_mean = arena.take(rows);
  b.final_scale = arena.take(rows);
  b.logits = arena.take(rows_in_chunk(shape, setting) * shape.padded_vocab());
  return b;
}

}  // namespace

struct Transformer::Body {
  Body(const ModelShape& of_shape, const Setting& of_setting, Team& of_team)
      : table(of_shape),
        shape(table.shape()),
        setting(of_setting),
        team(of_team),
        block(shape, setting.batch, setting.tokens, setting.precision, team),
        losses(static_cast<std::size_t>(rows_of(setting))) {
    SOVREN_CHECK(setting.tokens <= shape.context, "a sequence fits into the context");
    Arena counted(nullptr);
    lay_out(shape, setting, counted);
    memory.resize(static_cast<std::size_t>(counted.used() / Arena::alignment));
    Arena arena(memory.data()->lane);
    b = lay_out(shape, setting, arena);
  }

  std::int64_t rows() const { return rows_of(setting); }
  NormShape final_norm() const {
    return {shape.norm, rows(), shape.width, static_cast<float>(shape.norm_epsilon)};
  }
  Role head_role() const { return shape.is_tied ? Role::token_table : Role::head; }
  BlockDropout dropout_of(int layer, float rate, const MicroBatch& data) const {
    return {rate, setting.seed,
            first_block_stream + streams_of_block * static_cast<std::uint64_t>(layer),
            data.first_sequence};
  }
  Dropout embedding_dropout(float rate, const MicroBatch& data) const {
    return {rate, setting.seed, embedding_stream, data.first_sequence * setting.tokens};
  }

  void run_block(std::span<const float> parameters, int layer, float rate, const MicroBatch& data,
                 float* y) {
    const auto l = static_cast<std::size_t>(layer);
    block.forward(block_weights(parameters, table, layer), dropout_of(layer, rate, data), b.x[l],
                  b.blocks[l], b.scratch, y);
  }

  /// Up to the final norm.
  void forward(std::span<const float> parameters, const MicroBatch& data, float rate) {
    embed(team, data.inputs, setting.tokens, shape.width,
          tensor_in(parameters, table, Role::token_table),
          tensor_in(parameters, table, Role::position_table), b.x[0]);
    apply_dropout(team, rows(), shape.width, embedding_dropout(rate, data), b.x[0]);
    for (int layer = 0; layer < shape.layers; ++layer)
      run_block(parameters, layer, rate, data, b.x[static_cast<std::size_t>(layer) + 1]);
    norm_forward(team, final_norm(), b.x.back(),
                 tensor_in(parameters, table, Role::final_norm_weight),
                 tensor_in(parameters, table, Role::final_norm_bias), b.final_norm, b.final_mean,
                 b.final_scale);
  }

  /// Calls use(first row, rows) with the logits of each chunk of rows in b.logits.
  template <class Use>
  void for_each_chunk(std::span<const float> parameters, const Use& use) {
    const float* head = tensor_in(parameters, table, head_role());
    const std::int64_t width = shape.width, columns = shape.padded_vocab();
    const std::int64_t chunk = rows_in_chunk(shape, setting);
    for (std::int64_t first = 0; first < rows(); first += chunk) {
      const std::int64_t count = std::min(chunk, rows() - first);
      gemm(team, setting.precision, {count, columns, width},
           {b.final_norm + first * width, width, 1}, MatrixView{head, width, 1}.transposed(),
           {.data = b.logits, .row_stride = columns});
      use(first, count);
    }
  }

  std::span<float> losses_of(std::int64_t first, std::int64_t count) {
    return std::span(losses).subspan(static_cast<std::size_t>(first),
                                     static_cast<std::size_t>(count));
  }
  static std::span<const std::int32_t> targets_of(const MicroBatch& data, std::int64_t first,
                                                  std::int64_t count) {
    return data.targets.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
  }
  double mean_loss() const {
    double sum = 0;
    for (const float loss : losses) sum += loss;
    return sum / static_cast<double>(losses.size());
  }

  /// The head, forward and backward; d_x is the gradient of the last block's output then.
  void head_backward(std::span<const float> parameters, const MicroBatch& data, float scale,
                     std::span<float> gradient) {
    const float* head = tensor_in(parameters, table, head_role());
    float* d_head = tensor_in(gradient, table, head_role());
    const std::int64_t width = shape.width, columns = shape.padded_vocab();
    for_each_chunk(parameters, [&](std::int64_t first, std::int64_t count) {
      classify(team, shape.vocab, columns, targets_of(data, first, count),
               scale / static_cast<float>(rows()), b.logits, losses_of(first, count));
      const MatrixView d_logits{b.logits, columns, 1};
      gemm(team, setting.precision, {count, width, columns}, d_logits, {head, width, 1},
           {.data = b.scratch.d_width + first * width, .row_stride = width});
      gemm(team, setting.precision, {columns, width, count}, d_logits.transposed(),
           {b.final_norm + first * width, width, 1},
           {.data = d_head, .row_stride = width, .write = GemmOutput::Write::add});
    });
    std::fill_n(b.d_x, rows() * width, 0.0F);
    norm_backward(team, final_norm(), b.scratch.d_width, b.x.back(),
                  tensor_in(parameters, table, Role::final_norm_weight), b.final_mean,
                  b.final_scale, b.d_x, tensor_in(gradient, table, Role::final_norm_weight),
                  tensor_in(gradient, table, Role::final_norm_bias));
  }

  double backward(std::span<const float> parameters, const MicroBatch& data, float scale,
                  std::span<float> gradient) {
    const float rate = setting.dropout;
    forward(parameters, data, rate);
    head_backward(parameters, data, scale, gradient);
    for (int layer = shape.layers - 1; layer >= 0; --layer) {
      const auto l = static_cast<std::size_t>(layer);
      const bool is_gone = setting.recompute == Recompute::block && layer < shape.layers - 1;
      if (is_gone) run_block(parameters, layer, rate, data, b.x[l + 1]);
      block.backward(block_weights(parameters, table, layer), dropout_of(layer, rate, data), b.x[l],
                     b.blocks[l], b.scratch, block_weights(gradient, table, layer), b.d_x);
    }
    apply_dropout(team, rows(), shape.width, embedding_dropout(rate, data), b.d_x);
    embed_backward(team, data.inputs, setting.tokens, shape.width, b.d_x,
                   tensor_in(gradient, table, Role::token_table),
                   tensor_in(gradient, table, Role::position_table));
    return mean_loss();
  }

  const ParameterTable table;
  const ModelShape& shape;
  const Setting setting;
  Team& team;
  const Block block;
  std::vector<float> losses;  ///< of each row
  std::vector<Line> memory;
  Buffers b;
};

Transformer::Transformer(const ModelShape& shape, const Setting& setting, Team& team)
    : body_(std::make_unique<Body>(shape, setting, team)) {}
Transformer::~Transformer() = default;

double Transformer::backward(std::span<const float> parameters, const MicroBatch& data,
                             float gradient_scale, std::span<float> gradient) {
  SOVREN_CHECK(static_cast<std::int64_t>(data.inputs.size()) == body_->rows() &&
                   data.targets.size() == data.inputs.size(),
               "a micro-batch has the shape that was set");
  return body_->backward(parameters, data, gradient_scale, gradient);
}

double Transformer::loss(std::span<const float> parameters, const MicroBatch& data) {
  Body& body = *body_;
  body.forward(parameters, data, 0);
  body.for_each_chunk(parameters, [&](std::int64_t first, std::int64_t count) {
    cross_entropy(body.team, body.shape.vocab, body.shape.padded_vocab(),
                  Body::targets_of(data, first, count), body.b.logits,
                  body.losses_of(first, count));
  });
  return body.mean_loss();
}

std::vector<float> Transformer::logits(std::span<const float> parameters,
                                       std::span<const std::int32_t> inputs) {
  Body& body = *body_;
  std::vector<std::int32_t> all(static_cast<std::size_t>(body.rows()), 0);
  SOVREN_CHECK(static_cast<int>(inputs.size()) == body.setting.tokens, "one whole sequence");
  std::copy(inputs.begin(), inputs.end(), all.begin());
  body.forward(parameters, {all, {}, 0}, 0);
  std::vector<float> logits;
  const auto wanted = static_cast<std::int64_t>(inputs.size());
  body.for_each_chunk(parameters, [&](std::int64_t first, std::int64_t count) {
    for (std::int64_t row = first; row < std::min(first + count, wanted); ++row) {
      const float* from = body.b.logits + (row - first) * body.shape.padded_vocab();
      logits.insert(logits.end(), from, from + body.shape.vocab);
    }
  });
  return logits;
}

const ParameterTable& Transformer::table() const {
  return body_->table;
}

std::int64_t Transformer::activation_bytes(const ModelShape& shape, const Setting& setting) {
  Arena counted(nullptr);
  lay_out(shape, setting, counted);
  return counted.used() * static_cast<std::int64_t>(sizeof(float));
}

}  // namespace sovren::nn
