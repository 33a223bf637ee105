// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

/// A device made of the CPU: a program that compiles fake_device.cpp gets it in the place of the
/// CUDA backend. Its operations are those of the CPU, rounded to bf16, which others test. Its
/// streams are as lazy as they may be: work is done when something waits for it, so that what does
/// not wait where it should finds the work undone. Copies that are not queued wait for nothing.
namespace sovren::nn::fake {

/// What free_device_bytes() says from now on.
void set_free_bytes(std::int64_t bytes);

struct Counts {
  std::int64_t allocations = 0;  ///< of device memory
  std::int64_t captures = 0;     ///< of graphs
  std::int64_t launches = 0;
  std::int64_t operations = 0;  ///< done, not queued
};
Counts counts();

}  // namespace sovren::nn::fake
