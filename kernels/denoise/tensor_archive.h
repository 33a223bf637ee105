// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace sovren::denoise {

/// One tensor of an archive: fp32, rows as the file has them.
struct ArchivedTensor {
  std::vector<std::int64_t> shape;
  std::string layout;  ///< a letter for each dimension: "oihw" of a convolution's weights, "x"
  std::vector<float> values;
};

/// What a file of tensors holds, by name.
using TensorArchive = std::map<std::string, ArchivedTensor>;

/// Reads a .tza file, in which Open Image Denoise keeps its weights. All numbers little-endian:
///   u16 0x41D7, u8 major version (2), u8 minor, u64 offset of the table;
///   table: u32 count, then of each tensor u16 length and bytes of its name, u8 dimensions,
///   u32 of each, a letter of each (the layout), a letter of the type, u64 offset of its data.
/// Types 'f' (fp32) and 'h' (fp16) are read.
/// name: for messages. Errors: data_invalid: not such a file, another version or type, cut off, a
/// tensor twice, or numbers that are none.
/// Source   training/tza.py of Open Image Denoise (the format; the code is ours).
Result<TensorArchive> read_tensor_archive(std::span<const std::byte> file, std::string_view name);

}  // namespace sovren::denoise
