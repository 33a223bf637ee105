// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/base/result.h"
#include "jobs/training/weights_file.h"
#include "kernels/nn/model.h"

namespace sovren::jobs {

/// The metadata of a safetensors file that say what its tensors' shapes do not.
inline constexpr const char* metadata_key = "sovren";

/// {"layers":2,"heads":4,...,"tokenizer":"byte"}.
std::string shape_json(const nn::ModelShape& shape, const std::string& tokenizer);

/// Errors   refused: the file has no such metadata; data_invalid: no model can have this shape.
Result<nn::ModelShape> shape_from_metadata(const WeightsFile& file);

/// "byte" where the metadata name none.
Result<std::string> tokenizer_from_metadata(const WeightsFile& file);

}  // namespace sovren::jobs
