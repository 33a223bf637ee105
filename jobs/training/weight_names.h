// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/nn/model.h"

namespace sovren::jobs {

/// What the tensors of a file are called. gpt2, llama: as Hugging Face's transformers has them.
/// own: as ParameterTable has them; for models that are neither, and for llm.c's files.
enum class Naming { gpt2, llama, own };

/// The one that a model of this shape is written with.
Naming naming_of(const nn::ModelShape& shape);
/// "GPT-2", "Llama", "Sovren".
std::string_view naming_text(Naming naming);

/// A tensor of a file and the rows of the flat parameters that it holds.
struct Part {
  std::string name;  ///< without "transformer." or "model."
  std::int64_t offset = 0;
  std::int64_t rows = 0;
  std::int64_t columns = 1;
  bool is_vector = false;
  bool is_transposed = false;  ///< (columns, rows) in the file: Conv1D of GPT-2
  std::int64_t padding = 0;    ///< rows of zeros that follow in the parameters, not in the file
  std::vector<std::int64_t> shape() const;  ///< in the file
};

/// All parts of a model, in the order in which they are written.
std::vector<Part> parts_of(const nn::ParameterTable& table, Naming naming);

/// The name as a file of this naming has it: with "transformer." or "model.".
std::string full_name(const std::string& name, Naming naming);
/// The name without them.
std::string_view short_name(std::string_view name);
/// Buffers that old files hold beside the parameters: causal masks, rotary frequencies.
bool is_buffer(std::string_view short_name);

}  // namespace sovren::jobs
