// SPDX-License-Identifier: Apache-2.0
// Any bytes as a denoiser's weights.
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/base/check.h"
#include "kernels/denoise/unet.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sovren;
  const auto archive = denoise::read_tensor_archive(std::as_bytes(std::span(data, size)), "file");
  if (!archive) {
    SOVREN_CHECK(archive.error().code == Code::data_invalid, "the error is that of a file");
    return 0;
  }
  for (const auto& [name, tensor] : *archive) {
    std::uint64_t count = 1;
    for (const std::int64_t side : tensor.shape) count *= static_cast<std::uint64_t>(side);
    SOVREN_CHECK(tensor.values.size() == count, "a tensor has all its numbers");
    SOVREN_CHECK(tensor.layout.size() == tensor.shape.size(), "each dimension has its letter");
  }
  const auto net = denoise::UNet::make(*archive, "file");
  SOVREN_CHECK(net || net.error().code == Code::data_invalid, "the error is that of a file");
  return 0;
}
