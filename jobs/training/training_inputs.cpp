// SPDX-License-Identifier: Apache-2.0
#include "jobs/training/training_inputs.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>

#include "core/text/digest.h"
#include "jobs/training/training_plan.h"
#include "jobs/training/weights.h"

namespace sovren::jobs {

namespace {

constexpr int gpt2_vocab = 50257;  // what token shards hold, if the job does not say
constexpr int bytes = 256;
constexpr std::string_view byte_tokens = "byte";

bool is_shard(const std::string& path) {
  return std::filesystem::path(path).extension() == ".bin";
}

std::string first_of(const std::vector<std::string>& paths) {
  return paths.empty() ? "" : paths.front();
}

/// Cuts the validation's share off the end of the data.
Result<void> split(const TrainingSpec& spec, TrainingInputs& inputs) {
  const std::int64_t tokens = inputs.train->size();
  const auto kept =
      static_cast<std::int64_t>(std::ceil(static_cast<double>(tokens) * spec.validation_share));
  if (kept >= tokens)
    return fail({.code = Code::data_invalid,
                 .what = "validation_share leaves nothing to train on of " +
                         std::to_string(tokens) + " tokens",
                 .hint = "make it smaller, or name a file for validation",
                 .where = first_of(spec.data)});
  inputs.validation = part_of(inputs.train, tokens - kept, kept);
  inputs.train = part_of(inputs.train, 0, tokens - kept);
  return {};
}

Result<void> read_prompt(const TrainingSpec& spec, TrainingInputs& inputs) {
  if (spec.sample_every == 0) return {};
  inputs.prompt = inputs.tokenizer->encode(spec.sample_prompt);
  const auto beyond = std::find_if(inputs.prompt.begin(), inputs.prompt.end(),
                                   [&](std::int32_t token) { return token >= inputs.shape.vocab; });
  if (beyond == inputs.prompt.end()) return {};
  return fail({.code = Code::spec_invalid,
               .what = "sample_prompt has token " + std::to_string(*beyond) +
                       ", beyond the vocabulary of " + std::to_string(inputs.shape.vocab)});
}

template <class Number>
std::string digest_of(std::span<const Number> numbers) {
  text::Sha256 hash;
  hash.update(std::as_bytes(numbers));
  return "sha256:" + hash.hex();
}

}  // namespace

Result<TrainingInputs> read_training_inputs(const TrainingSpec& spec) {
  TrainingInputs inputs;
  const bool is_bytes = spec.tokenizer == byte_tokens;
  const bool has_shards = std::any_of(spec.data.begin(), spec.data.end(), is_shard);
  if (is_bytes) {
    inputs.tokenizer = make_byte_tokenizer(std::max(bytes, spec.vocab.value_or(bytes)));
  } else {
    SOVREN_TRY(tokenizer, make_tokenizer(spec.tokenizer));
    inputs.tokenizer = std::move(tokenizer);
  }
  const int tokens = is_bytes && has_shards ? gpt2_vocab : inputs.tokenizer->vocab();
  inputs.shape = model_shape(spec, spec.vocab.value_or(tokens));
  SOVREN_TRY(train, open_tokens(spec.data, *inputs.tokenizer, inputs.shape.vocab));
  inputs.train = std::move(train);
  if (!spec.validation.empty()) {
    SOVREN_TRY(validation, open_tokens(spec.validation, *inputs.tokenizer, inputs.shape.vocab));
    inputs.validation = std::move(validation);
  } else if (spec.eval_every > 0) {
    SOVREN_DO(split(spec, inputs));
  }
  SOVREN_DO(check_sequence_fits(inputs.train->size(), spec.context, first_of(spec.data)));
  if (inputs.validation)
    SOVREN_DO(check_sequence_fits(
        inputs.validation->size(), spec.context,
        spec.validation.empty() ? "the last part of " + first_of(spec.data) + ", for validation"
                                : first_of(spec.validation)));
  SOVREN_DO(read_prompt(spec, inputs));
  if (!spec.init_from.empty()) {
    SOVREN_TRY(initial, read_parameters(spec.init_from, nn::ParameterTable(inputs.shape)));
    inputs.initial = std::move(initial);
  }
  return inputs;
}

Result<void> add_training_facts(Communicator& comm, const TrainingSpec& spec,
                                const TrainingInputs& inputs, SpecFacts& facts) {
  constexpr std::size_t digits = 64;
  const bool is_root = comm.rank() == 0;
  std::string digests;
  if (is_root) {
    SOVREN_TRY(train, token_digest(*inputs.train));
    digests = train;
    if (inputs.validation) {
      SOVREN_TRY(validation, token_digest(*inputs.validation));
      digests += validation;
    }
  }
  digests.resize(inputs.validation ? 2 * digits : digits);
  SOVREN_DO(comm.broadcast(std::as_writable_bytes(std::span(digests)), 0));
  facts["data"] = "sha256:" + digests.substr(0, digits);
  if (inputs.validation) facts["validation"] = "sha256:" + digests.substr(digits);
  facts["vocab"] = std::to_string(inputs.shape.vocab);
  if (!inputs.initial.empty()) facts["initial"] = digest_of<float>(inputs.initial);
  if (spec.sample_every > 0) facts["prompt"] = digest_of<std::int32_t>(inputs.prompt);
  return {};
}

}  // namespace sovren::jobs
