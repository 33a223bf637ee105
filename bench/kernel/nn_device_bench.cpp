// SPDX-License-Identifier: Apache-2.0
// The operations of a training step on a device: attention in TFLOP/s, what passes over memory in
// GB/s and beside the speed of the device's own copy. Prints a line of JSON for each. Without a
// device it says why.
//   nn_device_bench [ROUNDS]      each is timed over ROUNDS rounds (20) after one that is not
#include <cuda_runtime_api.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/rng.h"
#include "kernels/device/device.h"
#include "kernels/device/device_memory.h"
#include "kernels/nn/device_ops.h"

namespace {

using namespace sovren;
using namespace sovren::nn;
using device::Bf16;

/// Rows and widths of GPT-2 124M, 32 sequences of 1024 tokens.
constexpr std::int64_t rows = 32 * 1024, width = 768, hidden = 3072, vocab = 50257, stride = 50304;
constexpr std::int64_t classified = 4096;       // rows of logits at a time
constexpr std::int64_t parameters = 124 << 20;  // of the optimizer

void stop(const Error& error) {
  std::fprintf(stderr, "%s\n", to_text(error).c_str());
  std::exit(1);
}
void check(const Result<void>& done) {
  if (!done) stop(done.error());
}
void check(int status) {
  check(kernels::check_cuda(status, "measuring"));
}

/// Numbers in (0, 1] on the device, in bf16 or fp32: zeros would take less power, and so less time.
template <class T>
class Numbers {
 public:
  explicit Numbers(std::int64_t size) {
    const auto piece = static_cast<std::size_t>(std::min(size, std::int64_t{1} << 20));
    std::vector<T> values;
    for (std::size_t k = 0; k < piece; ++k) values.push_back(number(k));
    check(buffer_.reserve(static_cast<std::size_t>(size)));
    for (std::size_t at = 0; at < static_cast<std::size_t>(size); at += piece)
      check(kernels::copy_to_device(
          buffer_.data() + at, values.data(),
          std::min(piece, static_cast<std::size_t>(size) - at) * sizeof(T)));
  }
  T* data() const { return buffer_.data(); }

 private:
  static T number(std::size_t k) {
    const auto x = static_cast<float>(Philox(1).uniform(k));
    if constexpr (sizeof(T) == 2)
      return static_cast<T>(std::bit_cast<std::uint32_t>(x) >> 16);
    else
      return static_cast<T>(x);
  }
  kernels::DeviceBuffer<T> buffer_;
};

class Bench {
 public:
  explicit Bench(int rounds) : rounds_(rounds) {
    check(cudaStreamCreate(&stream_));
    check(cudaEventCreate(&begin_));
    check(cudaEventCreate(&end_));
  }
  ~Bench() {
    cudaEventDestroy(end_);
    cudaEventDestroy(begin_);
    cudaStreamDestroy(stream_);
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  device::Stream stream() const { return stream_; }

  double seconds(const std::function<Result<void>()>& operation) {
    check(operation());
    check(cudaEventRecord(begin_, stream_));
    for (int round = 0; round < rounds_; ++round) check(operation());
    check(cudaEventRecord(end_, stream_));
    check(cudaEventSynchronize(end_));
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, begin_, end_));
    return milliseconds / 1e3 / rounds_;
  }

  /// bytes: read and written.
  void memory_bound(const std::string& name, double bytes,
                    const std::function<Result<void>()>& operation) {
    const double time = seconds(operation);
    const double speed = bytes / time / 1e9;
    if (name == "copy") copy_speed_ = speed;
    std::printf("%-24s %9.1f us %9.0f GB/s %6.2f of copy\n", name.c_str(), time * 1e6, speed,
                speed / copy_speed_);
    std::printf("{\"question\":\"nn_device\",\"operation\":\"%s\",\"us\":%.1f,\"gb_per_s\":%.0f}\n",
                name.c_str(), time * 1e6, speed);
  }
  void attention(const AttentionShape& shape);

 private:
  int rounds_;
  double copy_speed_ = 0;
  cudaStream_t stream_ = nullptr;
  cudaEvent_t begin_ = nullptr, end_ = nullptr;
};

void Bench::attention(const AttentionShape& shape) {
  const std::int64_t tokens = std::int64_t{shape.batch} * shape.tokens;
  const Numbers<Bf16> qkv(tokens * shape.qkv_width()), d_qkv(tokens * shape.qkv_width());
  const Numbers<Bf16> out(tokens * shape.q_width()), d_out(tokens * shape.q_width());
  const Numbers<float> log_sum(tokens * shape.heads), work(device::attention_workspace(shape));
  const double forward = seconds([&] {
    return device::attention_forward(stream_, shape, qkv.data(), nullptr, out.data(),
                                     log_sum.data());
  });
  const double backward = seconds([&] {
    return device::attention_backward(stream_, shape, qkv.data(), nullptr, out.data(),
                                      log_sum.data(), d_out.data(), work.data(), d_qkv.data());
  });
  // Two products forward and five backward, of half of the tokens x tokens.
  const double product = static_cast<double>(tokens) * shape.tokens * shape.q_width();
  std::printf("attention %d x %d, %d heads of %d: forward %.1f TFLOP/s, backward %.1f\n",
              shape.batch, shape.tokens, shape.heads, shape.head_width,
              2 * product / forward / 1e12, 5 * product / backward / 1e12);
  std::printf(
      "{\"question\":\"nn_device\",\"operation\":\"attention\",\"tokens\":%d,\"head_width\":%d,"
      "\"forward_us\":%.1f,\"backward_us\":%.1f,\"forward_tflops\":%.1f,\"backward_tflops\":%.1f}"
      "\n",
      shape.tokens, shape.head_width, forward * 1e6, backward * 1e6, 2 * product / forward / 1e12,
      5 * product / backward / 1e12);
}

void measure_norms(Bench& bench) {
  const NormShape shape{NormKind::layer, rows, width};
  const double array = 2.0 * rows * width;  // bytes
  const Numbers<Bf16> x(rows * width), branch(rows * width), sum(rows * width), y(rows * width);
  const Numbers<Bf16> weight(width), bias(width);
  const Numbers<float> mean(rows), scale(rows), d_weight(width), d_bias(width);
  const Numbers<float> work(device::norm_workspace(shape));
  bench.memory_bound("residual + norm", 4 * array, [&] {
    return device::norm_forward(bench.stream(), shape, x.data(), branch.data(), nullptr,
                                weight.data(), bias.data(), sum.data(), y.data(), mean.data(),
                                scale.data());
  });
  bench.memory_bound("norm backward", 4 * array, [&] {
    return device::norm_backward(bench.stream(), shape, y.data(), sum.data(), weight.data(),
                                 mean.data(), scale.data(), x.data(), work.data(), x.data(),
                                 d_weight.data(), d_bias.data());
  });
}

void measure_pointwise(Bench& bench) {
  const std::int64_t size = rows * hidden;
  const double array = 2.0 * rows * hidden;
  const Numbers<Bf16> x(size), y(size), d_x(size);
  const Numbers<float> sums(hidden), work(device::column_sums_workspace(rows, hidden));
  bench.memory_bound("GELU", 2 * array, [&] {
    return device::gelu_forward(bench.stream(), size, x.data(), y.data());
  });
  bench.memory_bound("GELU backward", 3 * array, [&] {
    return device::gelu_backward(bench.stream(), size, x.data(), y.data(), d_x.data());
  });
  bench.memory_bound("SwiGLU", 1.5 * array, [&] {
    return device::swiglu_forward(bench.stream(), rows, hidden / 2, x.data(), y.data());
  });
  bench.memory_bound("SwiGLU backward", 2.5 * array, [&] {
    return device::swiglu_backward(bench.stream(), rows, hidden / 2, x.data(), y.data(),
                                   d_x.data());
  });
  bench.memory_bound("column sums", array, [&] {
    return device::add_column_sums(bench.stream(), rows, hidden, hidden, x.data(), work.data(),
                                   sums.data());
  });
}

void measure_tokens(Bench& bench) {
  std::vector<std::int32_t> tokens;
  for (std::int64_t k = 0; k < rows; ++k)
    tokens.push_back(static_cast<std::int32_t>(k * 7919 % vocab));
  std::vector<std::int32_t> by_token(static_cast<std::size_t>(device::bucket_ints(rows)));
  device::fill_buckets(tokens, by_token);
  kernels::DeviceBuffer<std::int32_t> ids, buckets;
  check(ids.upload(tokens));
  check(buckets.upload(by_token));
  const double array = 2.0 * rows * width;
  const Numbers<Bf16> table(stride * width), places(1024 * width), x(rows * width);
  const Numbers<float> d_table(stride * width), d_places(1024 * width), losses(classified);
  bench.memory_bound("embedding", 2 * array, [&] {
    return device::embed(bench.stream(), rows, 1024, width, ids.data(), table.data(), places.data(),
                         x.data());
  });
  bench.memory_bound("embedding backward", 6 * array, [&] {  // gradients are fp32, read and written
    return device::embed_backward(bench.stream(), rows, 1024, width, stride, ids.data(),
                                  buckets.data(), x.data(), d_table.data(), d_places.data());
  });
  const Numbers<Bf16> logits(classified * stride);
  bench.memory_bound("classifier", 4.0 * classified * stride, [&] {
    return device::classify(bench.stream(), classified, vocab, stride, ids.data(), 1.0F,
                            logits.data(), losses.data());
  });
}

void measure_optimizer(Bench& bench) {
  const Numbers<float> p(parameters), g(parameters), m(parameters), v(parameters);
  const Numbers<Bf16> copy(parameters);
  const Numbers<double> squares((parameters + norm_block - 1) / norm_block);
  constexpr double bytes = 4.0 * parameters;
  bench.memory_bound("AdamW", 7.5 * bytes, [&] {
    return device::adamw_update(bench.stream(), {.learning_rate = 1e-4}, 1, parameters, p.data(),
                                g.data(), m.data(), v.data(), copy.data());
  });
  bench.memory_bound("squares", bytes, [&] {
    return device::block_squares(bench.stream(), parameters, g.data(), squares.data());
  });
  bench.memory_bound("vector sum", 3 * bytes, [&] {
    return device::add_to(bench.stream(), parameters, g.data(), p.data());
  });
  bench.memory_bound("rounding", 1.5 * bytes, [&] {
    return device::round_to_bf16(bench.stream(), parameters, p.data(), copy.data());
  });
}

}  // namespace

int main(int argc, char** argv) {
  const kernels::DeviceList list = kernels::list_devices();
  if (list.devices.empty()) {
    std::printf("no device: %s\n", list.why_none.c_str());
    return 0;
  }
  std::printf("device: %s\n", list.devices.front().name.c_str());
  Bench bench(argc > 1 ? std::stoi(argv[1]) : 20);
  {
    constexpr std::int64_t size = 512 << 20;
    const Numbers<float> from(size / 4), to(size / 4);
    bench.memory_bound("copy", 2.0 * size, [&] {
      return kernels::check_cuda(
          cudaMemcpyAsync(to.data(), from.data(), size, cudaMemcpyDeviceToDevice,
                          static_cast<cudaStream_t>(bench.stream())),
          "copying");
    });
  }
  bench.attention({32, 1024, 12, 12, 64});
  bench.attention({4, 4096, 16, 16, 64});
  bench.attention({4, 4096, 16, 16, 128});
  bench.attention({8, 2048, 32, 8, 128});
  measure_norms(bench);
  measure_pointwise(bench);
  measure_tokens(bench);
  measure_optimizer(bench);
  return 0;
}
