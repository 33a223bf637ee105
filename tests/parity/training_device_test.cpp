// SPDX-License-Identifier: Apache-2.0
// Training on a device against training on the CPU. Skipped, with the reason, where no device is.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "jobs/kind/memory_state.h"
#include "jobs/training/device_trainer.h"
#include "kernels/device/device.h"
#include "kernels/device/device_memory.h"
#include "kernels/device/device_stream.h"
#include "kernels/nn/device_gemm.h"
#include "kernels/nn/device_math.h"
#include "tests/unit/nn/device_case.h"
#include "tests/unit/training/device_run.h"
#include "workers/comm/comm.h"
#include "workers/comm/device.h"

namespace sovren {
namespace {

using nn::device::Bf16;
using nn::device::Product;

class OnDevice : public testing::Test {
 protected:
  void SetUp() override {
    const kernels::DeviceList list = kernels::list_devices();
    if (list.devices.empty()) GTEST_SKIP() << list.why_none;
  }
};
using DeviceProducts = OnDevice;
using DeviceTraining = OnDevice;
using DeviceExchange = OnDevice;

nn::ModelShape gpt2(int heads, int head_width) {
  return {.layers = 3,
          .heads = heads,
          .kv_heads = heads,
          .width = heads * head_width,
          .hidden = 4 * heads * head_width,
          .context = 64,
          .vocab = 257};
}

nn::ModelShape llama(int heads, int head_width) {
  nn::ModelShape shape = gpt2(heads, head_width);
  shape.kv_heads = heads / 2;
  shape.hidden = 3 * shape.width;
  shape.norm = nn::NormKind::rms;
  shape.positions = nn::ModelShape::Positions::rotary;
  shape.activation = nn::ModelShape::Activation::swiglu;
  shape.has_biases = false;
  shape.is_tied = false;
  return shape;
}

// ---- products

struct Matrices {
  std::vector<Bf16> a, b, bias, aux;
  std::vector<float> c;
};

double value(const std::vector<Bf16>& x, std::int64_t at) {
  return nn::device::from_bf16(x[static_cast<std::size_t>(at)]);
}

std::vector<Bf16> random_matrix(std::int64_t size, std::uint64_t seed) {
  std::vector<Bf16> all;
  const Philox random(seed, 0);
  for (std::int64_t i = 0; i < size; ++i) {
    const double word = static_cast<double>(random.block(static_cast<std::uint64_t>(i))[0]);
    all.push_back(nn::device::to_bf16(static_cast<float>(word * 0x1p-31 - 1)));
  }
  return all;
}

double gelu(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

/// In float64: C(row, column) before it is rounded.
double expected_product(const Product& product, const Matrices& of, std::int64_t row,
                        std::int64_t column) {
  const auto [m, n, k] = product.shape;
  double sum = product.has_bias ? value(of.bias, column) : 0;
  for (std::int64_t i = 0; i < k; ++i)
    sum += value(of.a, product.is_a_transposed ? i * m + row : row * k + i) *
           value(of.b, product.is_b_transposed ? column * k + i : i * n + column);
  if (product.then == Product::Then::gelu) return gelu(sum);
  if (product.then == Product::Then::gelu_slope) {
    const double x = value(of.aux, row * n + column), step = 1e-5;
    return sum * (gelu(x + step) - gelu(x - step)) / (2 * step);
  }
  const bool adds = product.write == nn::GemmOutput::Write::add;
  return sum + (adds ? of.c[static_cast<std::size_t>(row * n + column)] : 0);
}

/// Copies to the device and back, by a stream.
class OnTheDevice {
 public:
  OnTheDevice() { stream_ = *kernels::DeviceStream::make(); }
  void* stream() const { return stream_->handle(); }
  template <class T>
  void put(kernels::DeviceBuffer<T>& to, const std::vector<T>& from) const {
    ASSERT_TRUE(to.reserve(std::max<std::size_t>(from.size(), 1)));
    ASSERT_TRUE(stream_->copy_to_device(to.data(), from.data(), from.size() * sizeof(T)));
    ASSERT_TRUE(stream_->wait());
  }
  template <class T>
  void get(std::vector<T>& to, const T* from) const {
    ASSERT_TRUE(stream_->copy_to_host(to.data(), from, to.size() * sizeof(T)));
    ASSERT_TRUE(stream_->wait());
  }

 private:
  std::unique_ptr<kernels::DeviceStream> stream_;
};

/// The product on the device, C in fp32 whatever it is there.
void compute(const Product& product, Matrices& of) {
  const auto [m, n, k] = product.shape;
  static_cast<void>(k);
  OnTheDevice on;
  kernels::DeviceBuffer<Bf16> a, b, bias, aux, small;
  kernels::DeviceBuffer<float> c;
  kernels::DeviceBuffer<std::byte> workspace;
  on.put(a, of.a);
  on.put(b, of.b);
  on.put(bias, of.bias);
  on.put(aux, of.aux);
  on.put(c, of.c);
  ASSERT_TRUE(small.reserve(of.c.size()));
  ASSERT_TRUE(workspace.reserve(nn::device::gemm_workspace_bytes));
  auto products = nn::device::make_products();
  ASSERT_TRUE(products) << to_text(products.error());
  const auto number = (*products)->plan(product);
  ASSERT_TRUE(number) << to_text(number.error());
  const bool is_small = product.type == Product::Type::bf16;
  void* out = is_small ? static_cast<void*>(small.data()) : c.data();
  const auto done = (*products)->run(
      on.stream(), *number, {a.data(), b.data(), out, bias.data(), aux.data()}, workspace.data());
  ASSERT_TRUE(done) << to_text(done.error());
  if (product.then == Product::Then::gelu) on.get(of.aux, aux.data());
  if (!is_small) return on.get(of.c, c.data());
  std::vector<Bf16> rounded(static_cast<std::size_t>(m * n));
  on.get(rounded, small.data());
  for (std::size_t i = 0; i < rounded.size(); ++i) of.c[i] = nn::device::from_bf16(rounded[i]);
}

TEST_F(DeviceProducts, AreThoseOfFloat64) {
  using Then = Product::Then;
  const nn::GemmShape shapes[] = {{33, 64, 40}, {64, 384, 128}, {8, 8, 4096}, {513, 72, 24}};
  std::vector<Product> kinds{
      {},
      {.is_b_transposed = true},
      {.is_b_transposed = true, .has_bias = true},
      {.is_b_transposed = true, .has_bias = true, .then = Then::gelu},
      {.is_b_transposed = true, .then = Then::gelu},
      {.then = Then::gelu_slope},
      {.is_a_transposed = true, .type = Product::Type::fp32, .write = nn::GemmOutput::Write::add}};
  for (const nn::GemmShape& shape : shapes)
    for (Product product : kinds) {
      product.shape = shape;
      if (product.is_a_transposed) product.shape.m = (shape.m + 7) / 8 * 8;
      const auto [m, n, k] = product.shape;
      Matrices of{random_matrix(m * k, 1), random_matrix(k * n, 2), random_matrix(n, 3),
                  random_matrix(m * n, 4), std::vector<float>(static_cast<std::size_t>(m * n), 1)};
      const Matrices before = of;
      compute(product, of);
      // Sums of k products of numbers below 1, in fp32, then one rounding to bf16.
      const double sums = static_cast<double>(k) * std::numeric_limits<float>::epsilon();
      const double rounding = product.type == Product::Type::bf16 ? 0x1p-8 : 0x1p-23;
      for (std::int64_t at = 0; at < m * n; ++at) {
        const double expected = expected_product(product, before, at / n, at % n);
        ASSERT_NEAR(of.c[static_cast<std::size_t>(at)], expected,
                    2 * sums + 1e-3 * (product.then != Then::none) + rounding * std::abs(expected))
            << m << " " << n << " " << k << " at " << at;
      }
    }
}

// ---- passes

TEST_F(DeviceTraining, Gpt2AgreesWithTheCpu) {
  nn::device::expect_agreement(gpt2(2, 64), {.batch = 1, .tokens = 33}, 3);
  nn::device::expect_agreement(gpt2(3, 40), {.batch = 3, .tokens = 17}, 1);
}

TEST_F(DeviceTraining, LlamaAgreesWithTheCpu) {
  nn::device::expect_agreement(llama(4, 64), {.batch = 2, .tokens = 33}, 3);
  nn::device::expect_agreement(llama(2, 128), {.batch = 1, .tokens = 64}, 1);
}

TEST_F(DeviceTraining, DropoutIsThatOfTheCpu) {
  nn::device::expect_agreement(gpt2(2, 64), {.batch = 2, .tokens = 40, .dropout = 0.2F, .seed = 3},
                               3);
}

TEST_F(DeviceTraining, ReplaysAndRecomputationGiveTheSameBits) {
  for (const nn::ModelShape& shape : {gpt2(2, 64), llama(4, 64)}) {
    nn::Transformer::Setting setting{.batch = 2, .tokens = 40, .dropout = 0.1F, .seed = 3};
    const auto once = nn::device::gradient_after(shape, setting, 4);
    const auto again = nn::device::gradient_after(shape, setting, 4);
    EXPECT_EQ(std::memcmp(once.data(), again.data(), once.size() * sizeof(float)), 0);
    setting.recompute = nn::Transformer::Setting::Recompute::block;
    const auto recomputed = nn::device::gradient_after(shape, setting, 4);
    EXPECT_EQ(std::memcmp(once.data(), recomputed.data(), once.size() * sizeof(float)), 0);
  }
}

// ---- steps

TEST_F(DeviceTraining, TenStepsAreThoseOfTheCpuButForRounding) {
  const auto comm = workers::make_self_communicator();
  auto trainer = jobs::make_device_trainer(jobs::small(), jobs::setting(), *comm, nullptr, {});
  ASSERT_TRUE(trainer) << to_text(trainer.error());
  jobs::Learned learned;
  ASSERT_TRUE((*trainer)->start(jobs::first_parameters()));
  jobs::take_steps(**trainer, 0, 10, 2, learned);
  jobs::expect_as_on_cpu(learned, 10);
}

TEST_F(DeviceTraining, ResumesWithTheSameBits) {
  const auto comm = workers::make_self_communicator();
  const auto make = [&] {
    return *jobs::make_device_trainer(jobs::small(), jobs::setting(), *comm, nullptr, {});
  };
  const auto straight = make(), stopped = make(), resumed = make();
  jobs::Learned all, ignored, rest;
  ASSERT_TRUE(straight->start(jobs::first_parameters()));
  jobs::take_steps(*straight, 0, 4, 2, all);
  jobs::MemoryState state;
  ASSERT_TRUE(stopped->start(jobs::first_parameters()));
  jobs::take_steps(*stopped, 0, 2, 2, ignored);
  ASSERT_TRUE(stopped->checkpoint(state));
  ASSERT_TRUE(resumed->restore(state));
  jobs::take_steps(*resumed, 2, 4, 2, rest);
  EXPECT_EQ(rest.parameters, all.parameters);
}

// ---- exchange

/// With one rank, all goes through NCCL but nothing changes.
void expect_copies(DeviceCommunicator& devices) {
  OnTheDevice on;
  const std::vector<std::size_t> slices{1000};
  std::vector<float> values(1000), found(1000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) / 3;
  kernels::DeviceBuffer<float> from, to;
  on.put(from, values);
  on.put(to, found);
  ASSERT_TRUE(devices.reduce_scatter(from.data(), to.data(), slices, on.stream()));
  ASSERT_TRUE(devices.wait(on.stream()));
  on.get(found, to.data());
  EXPECT_EQ(found, values);
  found.assign(found.size(), 0);
  on.put(to, found);
  ASSERT_TRUE(devices.all_gather(from.data(), to.data(), slices, on.stream()));
  ASSERT_TRUE(devices.wait(on.stream()));
  on.get(found, to.data());
  EXPECT_EQ(found, values);
}

TEST_F(DeviceExchange, NcclWithOneRankCopies) {
  const auto comm = workers::make_self_communicator();
  auto devices = workers::make_nccl_communicator(*comm, 0, 60);
  if (!devices && devices.error().code == Code::refused) GTEST_SKIP() << devices.error().what;
  ASSERT_TRUE(devices) << to_text(devices.error());
  expect_copies(**devices);
}

TEST_F(DeviceExchange, ThroughTheHostWithOneRankCopies) {
  const auto comm = workers::make_self_communicator();
  const auto devices = workers::make_staged_communicator(*comm, workers::cuda_memory());
  expect_copies(*devices);
}

}  // namespace
}  // namespace sovren
