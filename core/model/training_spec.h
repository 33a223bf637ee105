// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sovren {

/// [model_training]: a transformer that learns to go on with a text.
struct TrainingSpec {
  /// What the options below are where they are not given. gpt2: layer norm, learned positions,
  /// GELU, biases, the head tied to the embedding. llama: RMS norm, rotary positions, SwiGLU, no
  /// biases, a head of its own.
  enum class Model { gpt2, llama };
  enum class Norm { layer, rms };
  enum class Positions { learned, rotary };
  enum class Activation { gelu, swiglu };
  enum class Order { shuffled, sequential };
  enum class Schedule { cosine, constant, wsd };
  enum class Precision { fp32, bf16 };
  enum class Recompute { none, block };
  enum class Export { safetensors, llmc, none };
  enum class OnNan { stop, skip };

  Model model = Model::gpt2;
  int layers = 12;
  int heads = 12;
  std::optional<int> kv_heads;  ///< heads of keys and values, a divisor of heads; absent: heads
  int width = 768;
  std::optional<int> hidden_width;  ///< of the feed-forward part; absent: 4 width, or 8/3 width of
                                    ///< swiglu, rounded up to a multiple of 64
  int context = 1024;               ///< tokens of a sequence
  std::optional<int> vocab;         ///< absent: as the tokenizer has
  std::optional<Norm> norm;
  std::optional<Positions> positions;
  std::optional<Activation> activation;
  std::optional<bool> biases;
  std::optional<bool> tied;
  double rope_theta = 10000;
  double norm_epsilon = 1e-5;
  double dropout = 0;  ///< of embeddings, attention and residuals

  std::vector<std::string> data;        ///< paths: text files, or token shards (.bin)
  std::vector<std::string> validation;  ///< paths; empty: the last validation_share of data
  double validation_share = 0.1;        ///< used where something is evaluated
  std::string tokenizer = "byte";       ///< or the path of a BPE file
  Order order = Order::shuffled;

  std::int64_t steps = 1000;       ///< of the optimizer
  int batch = 8;                   ///< sequences of a step, over all ranks
  std::optional<int> micro_batch;  ///< sequences that are computed together; absent: batch / 8, 4,
                                   ///< 2 or 1, the first that is whole
  double learning_rate = 6e-4;
  Schedule schedule = Schedule::cosine;
  std::int64_t warmup_steps = 0;
  std::optional<double> min_learning_rate;  ///< absent: learning_rate / 10
  std::optional<std::int64_t> decay_steps;  ///< wsd: the last ones, linear; absent: a fifth of all
  double weight_decay = 0.1;                ///< of matrices only
  double beta1 = 0.9;
  double beta2 = 0.95;
  double epsilon = 1e-8;
  double grad_clip = 1;  ///< largest global norm; 0: none
  Precision precision = Precision::fp32;
  Recompute recompute = Recompute::none;
  OnNan on_nan = OnNan::stop;
  std::uint64_t seed = 0;

  std::int64_t eval_every = 0;     ///< steps; 0: never
  std::int64_t eval_batches = 64;  ///< micro-batches of one evaluation, at most
  std::int64_t sample_every = 0;   ///< steps; 0: never
  std::int64_t sample_tokens = 200;
  std::string sample_prompt = "\n";
  double temperature = 0.8;  ///< 0: always the likeliest token
  std::string init_from;     ///< path: safetensors, llm.c .bin; empty: random numbers
  Export exported = Export::safetensors;
  bool operator==(const TrainingSpec&) const = default;
};

/// Micro-batches of a step: batch / micro_batch, or what stands for it where that is not given.
int micro_batches(const TrainingSpec& spec);

}  // namespace sovren
