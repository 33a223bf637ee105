// SPDX-License-Identifier: Apache-2.0
#include "jobs/training/weights_file.h"

#include <bit>
#include <cmath>
#include <cstring>

namespace sovren::jobs {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they lie");

float float_of_bf16(std::uint16_t bits) {
  return std::bit_cast<float>(std::uint32_t{bits} << 16);
}

/// IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction.
float float_of_half(std::uint16_t bits) {
  const std::uint32_t sign = std::uint32_t{bits} >> 15 << 31;
  const std::uint32_t exponent = bits >> 10 & 31;
  const std::uint32_t fraction = bits & 1023;
  if (exponent == 0) {
    const float tiny = std::ldexp(static_cast<float>(fraction), -24);
    return sign == 0 ? tiny : -tiny;
  }
  const std::uint32_t wide = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

}  // namespace

std::int64_t FileTensor::size() const {
  std::int64_t size = 1;
  for (const std::int64_t extent : shape) size *= extent;
  return size;
}

std::string shape_text(std::span<const std::int64_t> shape) {
  std::string text = "(";
  for (const std::int64_t extent : shape)
    text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  return text + ")";
}

Result<WeightsFile> read_weights_file(std::string_view file) {
  std::int32_t magic = 0;
  if (file.size() >= sizeof magic) std::memcpy(&magic, file.data(), sizeof magic);
  return magic == llmc_magic ? read_llmc(file) : read_safetensors(file);
}

void read_elements(std::string_view file, const FileTensor& tensor, std::int64_t first,
                   std::span<float> out) {
  const std::size_t bytes = tensor.dtype == Dtype::f32 ? 4 : 2;
  const char* from = file.data() + tensor.at + static_cast<std::size_t>(first) * bytes;
  if (tensor.dtype == Dtype::f32) {
    std::memcpy(out.data(), from, out.size_bytes());
    return;
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, from + i * bytes, sizeof bits);
    out[i] = tensor.dtype == Dtype::f16 ? float_of_half(bits) : float_of_bf16(bits);
  }
}

}  // namespace sovren::jobs
