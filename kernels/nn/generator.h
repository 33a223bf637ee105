// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "kernels/nn/model.h"
#include "kernels/nn/team.h"

namespace sovren::nn {

/// Goes on with a text, token by token, with a cache of keys and values. Of a prompt longer than
/// the context, the newest tokens count. A token that no longer fits into the context makes the
/// window context / 2 tokens and that one; they are read anew.
///
/// Laws     the same tokens for any number of threads; token t is drawn by Philox(seed).uniform(t).
class Generator {
 public:
  /// parameters: laid out by ParameterTable; must outlive the generator, as must the team.
  Generator(const ModelShape& shape, std::span<const float> parameters, Team& team);
  ~Generator();

  struct Setting {
    std::int64_t tokens = 200;
    double temperature = 0.8;  ///< 0: always the likeliest, of equals the first
    int top_k = 0;             ///< only the k likeliest; 0: all
    std::uint64_t seed = 0;
  };
  /// Gives each new token to `take` until it returns false or all are made. prompt: not empty,
  /// tokens of the vocabulary.
  void generate(std::span<const std::int32_t> prompt, const Setting& setting,
                const std::function<bool(std::int32_t token)>& take);
  /// Logits (vocab) after the last token of `context`, which is as a prompt is.
  std::vector<float> next_logits(std::span<const std::int32_t> context);

 private:
  struct Body;
  std::unique_ptr<Body> body_;
};

/// The token that u in (0, 1] draws: from the softmax of the logits of the setting's top_k, in the
/// order of tokens, divided by its temperature. Logits that are no numbers are never drawn.
std::int32_t draw_token(std::span<const float> logits, const Generator::Setting& setting, double u);

}  // namespace sovren::nn
