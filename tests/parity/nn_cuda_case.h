// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>

#include "kernels/device/device.h"
#include "kernels/device/device_memory.h"
#include "kernels/nn/device_ops.h"
#include "tests/unit/nn/emulated_case.h"

namespace sovren::nn {

using device::Bf16;
using device::bf16_numbers;

/// An array on the device.
template <class T>
class Array {
 public:
  explicit Array(const std::vector<T>& values)
      : size_(values.size()), buffer_(std::make_unique<kernels::DeviceBuffer<T>>()) {
    const auto done = buffer_->upload(values);
    EXPECT_TRUE(done) << to_text(done.error());
  }
  /// What nobody has written is NaN.
  static Array unwritten(std::size_t size) {
    std::vector<T> values(size);
    std::memset(values.data(), 0xFF, size * sizeof(T));
    return Array(values);
  }
  T* data() const { return buffer_->data(); }
  std::vector<T> values() const {
    std::vector<T> result(size_);
    const auto done = buffer_->download(result, "computing");
    EXPECT_TRUE(done) << (done ? "" : to_text(done.error()));
    return result;
  }

 private:
  std::size_t size_;
  std::unique_ptr<kernels::DeviceBuffer<T>> buffer_;
};

inline std::vector<float> floats(const std::vector<Bf16>& numbers) {
  std::vector<float> values;
  for (const Bf16 x : numbers) values.push_back(device::from_bf16(x));
  return values;
}
inline std::vector<double> doubles(const std::vector<float>& numbers) {
  return {numbers.begin(), numbers.end()};
}
inline std::size_t size_of(std::int64_t a, std::int64_t b) {
  return static_cast<std::size_t>(a * b);
}

inline void expect_done(const Result<void>& done) {
  EXPECT_TRUE(done) << (done ? "" : to_text(done.error()));
}

class NnCudaParity : public testing::Test {
 protected:
  void SetUp() override {
    const kernels::DeviceList list = kernels::list_devices();
    if (list.devices.empty()) GTEST_SKIP() << list.why_none;
    is_emulated_ = list.devices.front().name == "emulated";
  }
  /// compute(): what the device gives; twice.
  template <class Compute>
  auto twice(const Compute& compute) {
    const auto result = compute();
    EXPECT_TRUE(result == compute()) << "other bits in the second run";
    return result;
  }
  Team team_{2};
  bool is_emulated_ = false;  ///< shapes are to be small
};

struct Attended {
  std::vector<Bf16> out, d_qkv;
  std::vector<float> log_sum;
  bool operator==(const Attended&) const = default;
};

inline Attended attend(const AttentionShape& shape, const Dropout& dropout,
                       const std::vector<Bf16>& qkv, const std::vector<Bf16>& d_out) {
  const auto rows = static_cast<std::size_t>(device::attention_workspace(shape));
  const Array<Bf16> x(qkv), slope(d_out);
  const Array<Dropout> kept({dropout});
  const Dropout* const used = dropout.is_on() ? kept.data() : nullptr;
  const auto out = Array<Bf16>::unwritten(d_out.size());
  const auto d_qkv = Array<Bf16>::unwritten(qkv.size());
  const auto log_sum = Array<float>::unwritten(rows), work = Array<float>::unwritten(rows);
  expect_done(
      device::attention_forward(nullptr, shape, x.data(), used, out.data(), log_sum.data()));
  expect_done(device::attention_backward(nullptr, shape, x.data(), used, out.data(), log_sum.data(),
                                         slope.data(), work.data(), d_qkv.data()));
  return {out.values(), d_qkv.values(), log_sum.values()};
}

}  // namespace sovren::nn
