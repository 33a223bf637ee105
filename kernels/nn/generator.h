// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "kernels/nn/model.h"
#include "kernels/nn/team.h"

namespace sovren::nn {

/// Goes on with a text, token by token, with a cache of keys and values. When the context is full,
/// the older half of it is let go and the rest read anew.
///
/// Laws     the same tokens for any number of threads; token t is drawn by Philox(seed).uniform(t).
class Generator {
 public:
  /// parameters: laid out by ParameterTable; must outlive the generator.
  Generator(const ModelShape& shape, std::span<const float> parameters, Team& team);
  ~Generator();

  struct Setting {
    std::int64_t tokens = 200;
    double temperature = 0.8;  ///< 0: always the likeliest
    int top_k = 0;             ///< only the k likeliest; 0: all
    std::uint64_t seed = 0;
  };
  /// Gives each new token to `take` until it returns false or all are made. prompt: not empty.
  void generate(std::span<const std::int32_t> prompt, const Setting& setting,
                const std::function<bool(std::int32_t token)>& take);
  /// Logits (vocab) after the last token of `context`.
  std::vector<float> next_logits(std::span<const std::int32_t> context);

 private:
  struct Body;
  std::unique_ptr<Body> body_;
};

}  // namespace sovren::nn
