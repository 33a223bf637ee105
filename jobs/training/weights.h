// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "kernels/nn/model.h"

namespace sovren::jobs {

/// Parameters at the start, by (seed, tensor, element) alone: N(0, 0.02) for matrices and tables,
/// N(0, 0.02 / sqrt(2 layers)) for what ends in a residual, 0 for biases, 1 for norm weights.
/// Padding is 0.
/// Source   Radford et al. 2019, section 2.3; nanoGPT and llm.c do the same.
std::vector<float> initial_parameters(const nn::ParameterTable& table, std::uint64_t seed);

/// Reads parameters from a .safetensors file (F32, F16, BF16; names as Hugging Face's GPT-2 or
/// Llama has them, with or without "transformer." / "model.") or an llm.c .bin (magic 20240326,
/// version 3 fp32 or 5 bf16), by content, not by name.
/// Errors   input_missing; data_invalid: damaged, or tensors that are missing, of another shape or
/// not the model's: all of them listed, with the shapes that the file has and the job asks for.
Result<std::vector<float>> read_parameters(const std::string& path,
                                           const nn::ParameterTable& table);

/// The shape that a weights file describes, for `sovren generate text`: from the "sovren" metadata
/// that to_safetensors() writes, else from the config.json beside it, as Hugging Face has it; the
/// tensors must have it. Errors: as above; refused: nothing says how many heads the model has.
Result<nn::ModelShape> read_shape(const std::string& path);

/// A .safetensors file: tensors as Hugging Face has them (GPT-2: Conv1D (in, out), "transformer."
/// prefix; Llama: "model.layers..."), vocabulary unpadded; metadata: the shape and `tokenizer`.
std::string to_safetensors(const nn::ParameterTable& table, std::span<const float> parameters,
                           const std::string& tokenizer);
/// The `tokenizer` that a safetensors file names; of another file the merges.txt beside it; "byte"
/// where there is neither.
Result<std::string> read_tokenizer_name(const std::string& path);

/// llm.c's .bin, version 3. Errors: refused, when the model is not a GPT-2.
Result<std::string> to_llmc(const nn::ParameterTable& table, std::span<const float> parameters);

}  // namespace sovren::jobs
