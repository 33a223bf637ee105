// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <string>

#include "core/base/rng.h"
#include "kernels/denoise/tensor_archive.h"

namespace sovren::denoise {

/// Channels of a small network that has the layers of the real one.
struct NetChannels {
  std::int64_t in = 9;
  std::int64_t enc[6] = {4, 5, 6, 7, 8, 9};  ///< enc_conv0 .. enc_conv5
  std::int64_t dec[6] = {0, 7, 6, 8, 5, 0};  ///< dec_conv1 .. dec_conv4; dec_conv1b has dec[1]
};

/// Weights by chance, of a size with which numbers neither grow nor vanish.
inline TensorArchive random_network(const NetChannels& c, std::uint64_t seed = 3) {
  const Philox numbers(seed);
  std::uint64_t next = 0;
  TensorArchive archive;
  const auto draw = [&](double size, std::int64_t count) {
    std::vector<float> values;
    for (std::int64_t i = 0; i < count; ++i)
      values.push_back(static_cast<float>(size * (2 * numbers.uniform(next++) - 1)));
    return values;
  };
  const auto add = [&](const std::string& name, std::int64_t in, std::int64_t out) {
    const double size = 1.2 / (0.6 * static_cast<double>(in));
    archive[name + ".weight"] = {{out, in, 3, 3}, "oihw", draw(size, out * in * 9)};
    archive[name + ".bias"] = {{out}, "x", draw(0.3, out)};
  };
  add("enc_conv0", c.in, c.enc[0]);
  add("enc_conv1", c.enc[0], c.enc[1]);
  add("enc_conv2", c.enc[1], c.enc[2]);
  add("enc_conv3", c.enc[2], c.enc[3]);
  add("enc_conv4", c.enc[3], c.enc[4]);
  add("enc_conv5a", c.enc[4], c.enc[5]);
  add("enc_conv5b", c.enc[5], c.enc[5]);
  add("dec_conv4a", c.enc[5] + c.enc[3], c.dec[4]);
  add("dec_conv4b", c.dec[4], c.dec[4]);
  add("dec_conv3a", c.dec[4] + c.enc[2], c.dec[3]);
  add("dec_conv3b", c.dec[3], c.dec[3]);
  add("dec_conv2a", c.dec[3] + c.enc[1], c.dec[2]);
  add("dec_conv2b", c.dec[2], c.dec[2]);
  add("dec_conv1a", c.dec[2] + c.in, c.dec[1]);
  add("dec_conv1b", c.dec[1], c.dec[1]);
  add("dec_conv0", c.dec[1], 3);
  return archive;
}

/// Adds a number of some bytes, the lowest first.
inline void put(std::string& file, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) file += static_cast<char>(value >> (8 * i) & 255);
}

/// The archive as a .tza file of fp32.
inline std::string to_tza(const TensorArchive& archive) {
  std::string file, table;
  put(file, 0x41D7, 2);
  put(file, 2, 2);
  put(file, 0, 8);
  put(table, archive.size(), 4);
  for (const auto& [name, tensor] : archive) {
    put(table, name.size(), 2);
    table += name;
    put(table, tensor.shape.size(), 1);
    for (const std::int64_t size : tensor.shape) put(table, static_cast<std::uint64_t>(size), 4);
    table += tensor.layout + "f";
    put(table, file.size(), 8);
    for (const float value : tensor.values) put(file, std::bit_cast<std::uint32_t>(value), 4);
  }
  std::string offset;
  put(offset, file.size(), 8);
  file.replace(4, 8, offset);
  return file + table;
}

}  // namespace sovren::denoise
