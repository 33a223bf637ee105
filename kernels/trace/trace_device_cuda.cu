// SPDX-License-Identifier: Apache-2.0
// Memory and launches; what threads do is in wavefront_body.h, which the tests run on the CPU.
// Compiled for sm_90; not yet run on a device.
#include <cuda_runtime.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "kernels/device/device.h"
#include "kernels/trace/cuda_launch.h"
#include "kernels/trace/trace_device.h"

namespace sovren::trace {
namespace {

class CudaTraceDevice final : public TraceDevice {
 public:
  CudaTraceDevice(std::string name, int processors, std::unique_ptr<kernels::DeviceStream> stream)
      : name_(std::move(name)), processors_(processors), stream_(std::move(stream)) {}
  ~CudaTraceDevice() override {
    for (void* data : owned_) kernels::free_on_device(data);
  }
  CudaTraceDevice(const CudaTraceDevice&) = delete;
  CudaTraceDevice& operator=(const CudaTraceDevice&) = delete;

  std::string name() const override { return name_; }
  Result<std::int64_t> free_bytes() override {
    SOVREN_DO(kernels::enter_device());
    return kernels::free_device_bytes();
  }

  Result<void*> allocate(std::size_t bytes) override {
    SOVREN_DO(kernels::enter_device());
    void* data = nullptr;
    SOVREN_DO(kernels::allocate_on_device(&data, bytes));
    owned_.push_back(data);
    return data;
  }
  void release(void* data) override {
    if (std::erase(owned_, data) > 0) kernels::free_on_device(data);
  }
  Result<void> upload(void* to, const void* from, std::size_t bytes) override {
    SOVREN_DO(kernels::enter_device());
    return stream_->copy_to_device(to, from, bytes);
  }
  Result<void> download(void* to, const void* from, std::size_t bytes) override {
    SOVREN_DO(kernels::enter_device());
    SOVREN_DO(stream_->copy_to_host(to, from, bytes));
    return stream_->wait();
  }
  Result<void> clear(void* data, std::size_t bytes) override {
    SOVREN_DO(kernels::enter_device());
    return stream_->fill_with_zero(data, bytes);
  }

  Result<void> run(const GeneratePaths& kernel) override {
    SOVREN_DO(kernels::enter_device());
    return launch(kernel, *stream_, "starting paths");
  }
  Result<void> run(const TraceRays<PathRays>& kernel) override {
    SOVREN_DO(kernels::enter_device());
    return launch_rays(kernel, *stream_, processors_, "starting the paths' rays");
  }
  Result<void> run(const ShadePaths& kernel) override {
    SOVREN_DO(kernels::enter_device());
    return launch_shade(kernel, *stream_);
  }
  Result<void> run(const TraceRays<LightRays>& kernel) override {
    SOVREN_DO(kernels::enter_device());
    return launch_rays(kernel, *stream_, processors_, "starting rays to lights");
  }
  Result<void> run(const TraceRays<DimmedRays>& kernel) override {
    SOVREN_DO(kernels::enter_device());
    return launch_dimmed_rays(kernel, *stream_, processors_);
  }
  Result<void> run(const FinishPaths& kernel) override {
    SOVREN_DO(kernels::enter_device());
    return launch(kernel, *stream_, "starting to add paths to the film");
  }
  Result<void> run(const TraceRays<PlainRays>& kernel) override {
    SOVREN_DO(kernels::enter_device());
    return launch_rays(kernel, *stream_, processors_, "starting rays");
  }

 private:
  std::string name_;
  int processors_;
  std::unique_ptr<kernels::DeviceStream> stream_;
  std::vector<void*> owned_;
};

}  // namespace

Result<std::unique_ptr<TraceDevice>> make_cuda_trace_device() {
  const kernels::DeviceList list = kernels::list_devices();
  const int used = kernels::used_device();
  const auto device = std::ranges::find(list.devices, used, &kernels::Device::index);
  if (device == list.devices.end())
    return fail({.code = Code::device,
                 .what = "there is no device " + std::to_string(used) +
                         (list.why_none.empty() ? "" : ": " + list.why_none),
                 .hint = "backend = \"cpu\" needs no device; `sovren doctor` shows what is here"});
  SOVREN_DO(kernels::enter_device());
  int processors = 0;
  SOVREN_DO(
      kernels::check_cuda(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, used),
                          "asking for the number of processors"));
  SOVREN_TRY(stream, kernels::DeviceStream::make());
  return std::make_unique<CudaTraceDevice>(device->name, processors, std::move(stream));
}

}  // namespace sovren::trace
