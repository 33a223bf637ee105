// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "core/base/result.h"
#include "kernels/trace/wavefront_body.h"

namespace sovren::trace {

/// A machine with its own memory that runs the kernels of wavefront_body.h: a CUDA device, or (in
/// tests) the CPU as one.
///
/// Order    what is asked for is done in that order; download() waits for it.
/// Threads  one call at a time.   Errors   device: it failed; it is then of no further use.
class TraceDevice {
 public:
  virtual ~TraceDevice() = default;
  virtual std::string name() const = 0;  ///< "NVIDIA H200"
  virtual Result<std::int64_t> free_bytes() = 0;

  /// On 16 bytes; given back with this object, or by release().
  virtual Result<void*> allocate(std::size_t bytes) = 0;
  virtual void release(void* data) = 0;
  virtual Result<void> upload(void* to, const void* from, std::size_t bytes) = 0;
  virtual Result<void> download(void* to, const void* from, std::size_t bytes) = 0;
  virtual Result<void> clear(void* data, std::size_t bytes) = 0;

  virtual Result<void> run(const GeneratePaths& kernel) = 0;
  virtual Result<void> run(const TraceRays<PathRays>& kernel) = 0;
  virtual Result<void> run(const ShadePaths& kernel) = 0;
  virtual Result<void> run(const TraceRays<LightRays>& kernel) = 0;
  virtual Result<void> run(const TraceRays<DimmedRays>& kernel) = 0;
  virtual Result<void> run(const FinishPaths& kernel) = 0;
  virtual Result<void> run(const TraceRays<PlainRays>& kernel) = 0;
};

/// The CUDA device that this process uses (kernels/device/device.h). Errors: device: there is none;
/// this build has no CUDA.
Result<std::unique_ptr<TraceDevice>> make_cuda_trace_device();

}  // namespace sovren::trace
