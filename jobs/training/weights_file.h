// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "kernels/nn/model.h"

namespace sovren::jobs {

/// How the numbers of a tensor lie in a file. other: one that safetensors knows and we do not read.
enum class Dtype { f32, f16, bf16, other };

/// A tensor of a weights file: where it lies, and in which shape.
struct FileTensor {
  std::string name;
  std::string dtype_name;  ///< "F32"
  Dtype dtype = Dtype::other;
  std::vector<std::int64_t> shape;
  std::uint64_t at = 0;  ///< of its first byte in the file
  std::int64_t size() const;
};

/// What a weights file says about itself. Every tensor lies within the file, so that nothing larger
/// than the file is ever allocated for it.
struct WeightsFile {
  std::vector<FileTensor> tensors;
  std::map<std::string, std::string> metadata;  ///< of safetensors
  std::optional<nn::ModelShape> shape;          ///< where the format itself gives it: llm.c
};

/// "(2, 3)".
std::string shape_text(std::span<const std::int64_t> shape);

/// Reads the beginning of a file of these bytes: llm.c's magic, else safetensors.
/// Errors   data_invalid.
Result<WeightsFile> read_weights_file(std::string_view file);

/// Safetensors: 8 bytes of length, a JSON object {name: {dtype, shape, data_offsets}}, the data.
/// Strict as the reference: tensors lie one behind another, without gaps, to the end of the file.
/// Source   huggingface/safetensors, README, "Format".
Result<WeightsFile> read_safetensors(std::string_view file);

/// What stands before the data of F32 tensors, which follow in this order.
struct NamedShape {
  std::string name;
  std::vector<std::int64_t> shape;
};
std::string safetensors_header(std::span<const NamedShape> tensors,
                               std::span<const std::pair<std::string, std::string>> metadata);

/// llm.c's model .bin: 256 int32 (magic, version 3 fp32 or 5 bf16, context, vocab, layers, heads,
/// width, padded vocab), then 16 tensors, each of all layers. Its layers' slices are given as
/// tensors of their own, under the names of ParameterTable.
Result<WeightsFile> read_llmc(std::string_view file);
inline constexpr std::int32_t llmc_magic = 20240326;

/// Elements first .. first + out.size() of a tensor that is not Dtype::other, as fp32.
void read_elements(std::string_view file, const FileTensor& tensor, std::int64_t first,
                   std::span<float> out);

/// read_parameters() and read_shape() (weights.h) of a file's bytes. config: the text of the
/// config.json beside it; empty: there is none.
Result<std::vector<float>> parameters_of(std::string_view file, const nn::ParameterTable& table);
Result<nn::ModelShape> shape_of(std::string_view file, std::string_view config = {});

}  // namespace sovren::jobs
