// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "kernels/nn/device_gemm.h"
#include "kernels/nn/device_ops.h"
#include "kernels/nn/model.h"
#include "kernels/nn/transformer.h"

namespace sovren::nn::device {

/// One rank's share of a training run on a device, as far as memory goes.
struct Share {
  Transformer::Setting pass;  ///< of a micro-batch; its precision is bf16 here
  std::int64_t slice = 0;     ///< elements of gradient and optimizer that are this rank's
  int ranks = 1;
};

/// What the backward pass of a block needs of the forward pass, as BlockActivations has it.
struct BlockArrays {
  Bf16* norm_1 = nullptr;
  float* mean_1 = nullptr;
  float* scale_1 = nullptr;
  Bf16* qkv = nullptr;
  Bf16* attended = nullptr;
  float* log_sum = nullptr;
  Bf16* middle = nullptr;
  Bf16* norm_2 = nullptr;
  float* mean_2 = nullptr;
  float* scale_2 = nullptr;
  Bf16* up = nullptr;
  Bf16* hidden = nullptr;
};

/// Everything that lies on the device. rows = batch x tokens.
struct Arrays {
  Bf16* parameters = nullptr;  ///< all, laid out by ParameterTable
  float* gradient = nullptr;   ///< all: this rank's sum
  float* master = nullptr;     ///< (slice): the parameters in fp32
  float* m = nullptr;          ///< (slice)
  float* v = nullptr;          ///< (slice)
  float* received = nullptr;   ///< (slice): the ranks' sum of a chunk; null with one rank
  float* sum = nullptr;        ///< (slice): of the step; with one rank it is the gradient
  double* squares = nullptr;   ///< one for each norm_block of the slice

  std::int32_t* inputs = nullptr;   ///< (rows)
  std::int32_t* targets = nullptr;  ///< (rows)
  std::int32_t* buckets = nullptr;  ///< bucket_ints(rows)
  Dropout* dropouts = nullptr;      ///< of the embedding, then three of each layer
  float* rotation = nullptr;        ///< rotation_table(); null: positions are learned
  float* losses = nullptr;          ///< (rows)

  std::vector<Bf16*> x;  ///< input of each block, and the last one's output: (rows, width)
  std::vector<BlockArrays> blocks;
  Bf16* final_norm = nullptr;
  float* final_mean = nullptr;
  float* final_scale = nullptr;
  Bf16* logits = nullptr;  ///< (rows_in_chunk, padded vocab)

  Bf16* branch = nullptr;   ///< (rows, width): what is added to the residual
  Bf16* d_x = nullptr;      ///< (rows, width)
  Bf16* d_width = nullptr;  ///< (rows, width)
  Bf16* d_qkv = nullptr;
  Bf16* d_up = nullptr;
  Bf16* d_hidden = nullptr;  ///< of swiglu
  float* workspace = nullptr;
  std::byte* gemm_workspace = nullptr;
};

/// What takes how much.
struct MemoryPlan {
  struct Row {
    std::string name;
    std::int64_t bytes = 0;
  };
  std::vector<Row> rows;
  std::int64_t bytes = 0;  ///< one allocation
};

/// Beyond the plan: code, graphs and what libraries keep for themselves.
inline constexpr std::int64_t reserved_bytes = std::int64_t{768} << 20;

/// Rows whose logits are made together: all, or a power of two.
std::int64_t rows_in_chunk(const ModelShape& shape, const Transformer::Setting& setting);
/// Dropouts in all: (embedding, and three of each layer).
std::int64_t dropout_count(const ModelShape& shape);

/// The one place that says what lies where. memory null: it is only counted; else `bytes` of the
/// plan on the device, 256-byte aligned.
Arrays lay_out(const ParameterTable& table, const Share& share, std::byte* memory,
               MemoryPlan& plan);
MemoryPlan plan_memory(const ParameterTable& table, const Share& share);
/// "parameters (bf16)   0.23 GiB" and so on, one row a line, the sum last.
std::string to_text(const MemoryPlan& plan);

/// Sequences of the largest micro-batch that fits; 0: none.
int largest_batch(const ParameterTable& table, Share share, std::int64_t free_bytes);
/// Errors   refused: the plan does not fit into free_bytes; says what takes how much, and what
///          would fit.
Result<void> check_memory(const ParameterTable& table, const Share& share, std::int64_t free_bytes);
/// Errors   refused: sides of the model that the device's operations do not take.
Result<void> check_shape(const ModelShape& shape);

}  // namespace sovren::nn::device
