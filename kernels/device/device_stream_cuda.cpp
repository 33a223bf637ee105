// SPDX-License-Identifier: Apache-2.0
#include <cuda_runtime_api.h>

#include "core/base/check.h"
#include "kernels/device/device.h"
#include "kernels/device/device_memory.h"
#include "kernels/device/device_stream.h"

namespace sovren::kernels {
namespace {

cudaStream_t stream_of(const DeviceStream& stream) {
  return static_cast<cudaStream_t>(stream.handle());
}

}  // namespace

Result<void> enter_device() {
  return check_cuda(cudaSetDevice(used_device()), "choosing the device");
}

Result<std::int64_t> free_device_bytes() {
  std::size_t left = 0, all = 0;
  SOVREN_DO(check_cuda(cudaMemGetInfo(&left, &all), "asking for free memory"));
  return static_cast<std::int64_t>(left);
}

Result<std::unique_ptr<DeviceStream>> DeviceStream::make() {
  std::unique_ptr<DeviceStream> made(new DeviceStream);
  cudaStream_t stream = nullptr;
  SOVREN_DO(
      check_cuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "making a stream"));
  made->stream_ = stream;
  cudaEvent_t event = nullptr;
  SOVREN_DO(
      check_cuda(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "making an event"));
  made->event_ = event;
  return made;
}

DeviceStream::~DeviceStream() {
  if (event_ != nullptr) cudaEventDestroy(static_cast<cudaEvent_t>(event_));
  if (stream_ != nullptr) cudaStreamDestroy(static_cast<cudaStream_t>(stream_));
}

Result<void> DeviceStream::wait() const {
  return check_cuda(cudaStreamSynchronize(stream_of(*this)), "waiting for the device");
}

Result<void> DeviceStream::follow(const DeviceStream& other) const {
  const auto event = static_cast<cudaEvent_t>(event_);
  SOVREN_DO(check_cuda(cudaEventRecord(event, stream_of(other)), "marking a place in a stream"));
  return check_cuda(cudaStreamWaitEvent(stream_of(*this), event, 0), "joining two streams");
}

Result<void> DeviceStream::copy_to_device(void* to, const void* from, std::size_t bytes) const {
  if (bytes == 0) return {};
  return check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_of(*this)),
                    "copying to the device");
}

Result<void> DeviceStream::copy_to_host(void* to, const void* from, std::size_t bytes) const {
  if (bytes == 0) return {};
  return check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_of(*this)),
                    "copying to the host");
}

Result<void> DeviceStream::fill_with_zero(void* data, std::size_t bytes) const {
  if (bytes == 0) return {};
  return check_cuda(cudaMemsetAsync(data, 0, bytes, stream_of(*this)), "clearing memory");
}

DeviceMark::~DeviceMark() {
  if (event_ != nullptr) cudaEventDestroy(static_cast<cudaEvent_t>(event_));
}

Result<void> DeviceMark::set(const DeviceStream& stream) {
  cudaEvent_t event = static_cast<cudaEvent_t>(event_);
  if (event == nullptr)
    SOVREN_DO(
        check_cuda(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "making an event"));
  event_ = event;
  return check_cuda(cudaEventRecord(event, stream_of(stream)), "marking a place in a stream");
}

Result<void> DeviceMark::wait() const {
  if (event_ == nullptr) return {};
  return check_cuda(cudaEventSynchronize(static_cast<cudaEvent_t>(event_)),
                    "waiting for the device");
}

DeviceGraph::~DeviceGraph() {
  if (graph_ != nullptr) cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(graph_));
}

Result<void> DeviceGraph::capture(const DeviceStream& stream,
                                  const std::function<Result<void>()>& work) {
  SOVREN_CHECK(!is_made(), "a graph is captured once");
  const cudaStream_t queue = stream_of(stream);
  SOVREN_DO(check_cuda(cudaStreamBeginCapture(queue, cudaStreamCaptureModeThreadLocal),
                       "beginning a graph"));
  const Result<void> worked = work();
  cudaGraph_t captured = nullptr;
  const cudaError_t ended = cudaStreamEndCapture(queue, &captured);
  if (!worked || ended != cudaSuccess) {
    if (captured != nullptr) cudaGraphDestroy(captured);
    SOVREN_DO(worked);
    return check_cuda(ended, "ending a graph");
  }
  cudaGraphExec_t ready = nullptr;
  const cudaError_t made = cudaGraphInstantiate(&ready, captured, 0);
  cudaGraphDestroy(captured);
  SOVREN_DO(check_cuda(made, "making a graph ready"));
  graph_ = ready;
  return {};
}

Result<void> DeviceGraph::launch(const DeviceStream& stream) const {
  return check_cuda(cudaGraphLaunch(static_cast<cudaGraphExec_t>(graph_), stream_of(stream)),
                    "starting a graph");
}

PinnedMemory::~PinnedMemory() {
  if (data_ != nullptr) cudaFreeHost(data_);
}

Result<void> PinnedMemory::make(std::size_t bytes) {
  SOVREN_CHECK(data_ == nullptr, "it is made once");
  return check_cuda(cudaMallocHost(&data_, bytes), "pinning memory of the host");
}

}  // namespace sovren::kernels
