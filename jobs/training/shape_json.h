// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "jobs/training/weights_file.h"
#include "kernels/nn/model.h"

namespace sovren::jobs {

/// The metadata of a safetensors file that say what its tensors' shapes do not.
inline constexpr const char* metadata_key = "sovren";

/// {"layers":2,"heads":4,...,"tokenizer":"byte"}.
std::string shape_json(const nn::ModelShape& shape, const std::string& tokenizer);

/// Errors   data_invalid: no model can have this shape.
Result<nn::ModelShape> shape_from_metadata(const WeightsFile& file);

/// From the config.json that Hugging Face's transformers writes beside the weights of a GPT-2 or a
/// Llama. Errors   data_invalid; refused: a model of another kind.
Result<nn::ModelShape> shape_from_config(const WeightsFile& file, std::string_view config);

/// "byte" where the metadata name none.
Result<std::string> tokenizer_from_metadata(const WeightsFile& file);

}  // namespace sovren::jobs
