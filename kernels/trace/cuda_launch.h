// SPDX-License-Identifier: Apache-2.0
#pragma once

// For .cu files only; nvcc brings the CUDA runtime's header with it.
#ifdef __CUDACC__

#include <cstdint>

#include "kernels/device/device_memory.h"
#include "kernels/device/device_stream.h"
#include "kernels/trace/wavefront_body.h"

namespace sovren::trace {

inline constexpr unsigned cuda_block = 128;

/// A lane of a warp, for kernels of one thread for each path.
struct CudaLane {
  static constexpr unsigned all = 0xFFFFFFFFU;

  __device__ static unsigned lane() { return threadIdx.x % 32U; }
  __device__ static std::uint32_t allot(bool is_wanted, std::uint32_t* counter) {
    const unsigned wanted = __ballot_sync(all, is_wanted);
    std::uint32_t first = 0;
    if (wanted != 0 && lane() == 0)
      first = atomicAdd(counter, static_cast<std::uint32_t>(__popc(wanted)));
    first = __shfl_sync(all, first, 0);
    return first + static_cast<std::uint32_t>(__popc(wanted & ((1U << lane()) - 1U)));
  }
  __device__ static void add(std::int64_t* sum, std::int64_t value) {
    static_assert(sizeof(unsigned long long) == sizeof(std::int64_t));
    atomicAdd(reinterpret_cast<unsigned long long*>(sum), static_cast<unsigned long long>(value));
  }
  __device__ static void add(std::uint64_t* sum, std::uint64_t value) {
    atomicAdd(reinterpret_cast<unsigned long long*>(sum), value);
  }
};

/// A lane that traces rays. Its stack begins in shared memory, where a block's threads lie side by
/// side; few rays need what is behind.
struct CudaRayLane : CudaLane {
  static constexpr std::uint32_t near_entries = 8;
  struct Stack {
    WideGroup* near;
    WideGroup* far;
    __device__ void put(std::uint32_t k, WideGroup group) {
      if (k < near_entries)
        near[k * cuda_block] = group;
      else
        far[k - near_entries] = group;
    }
    __device__ WideGroup get(std::uint32_t k) const {
      return k < near_entries ? near[k * cuda_block] : far[k - near_entries];
    }
  };
  Stack entries;

  __device__ Stack stack() const { return entries; }
  __device__ static int count(bool is_so) { return __popc(__ballot_sync(all, is_so)); }
  __device__ static int lanes() { return 32; }
  /// A fifth: Ylitie et al. 2017, section 4.4.
  __device__ static bool is_lonely(int busy) { return 5 * __popc(__activemask()) < busy; }
};

/// Blocks that a processor shall hold at once; the compiler finds registers for them.
template <class Kernel>
inline constexpr int blocks_together = 1;
template <>
inline constexpr int blocks_together<ShadePaths> = 3;  // 168 registers for each thread

template <class Kernel>
__global__ void __launch_bounds__(cuda_block, blocks_together<Kernel>)
    run_kernel(const __grid_constant__ Kernel kernel) {
  kernel(CudaLane{}, blockIdx.x * cuda_block + threadIdx.x);
}

template <class Kernel, std::uint32_t entries>
__global__ void __launch_bounds__(cuda_block) run_rays(const __grid_constant__ Kernel kernel) {
  __shared__ WideGroup near[CudaRayLane::near_entries * cuda_block];
  WideGroup far[entries - CudaRayLane::near_entries];
  kernel(CudaRayLane{{}, {near + threadIdx.x, far}});
}

/// One thread for each of the kernel's size().
template <class Kernel>
Result<void> launch(const Kernel& kernel, const kernels::DeviceStream& stream,
                    const char* activity) {
  if (kernel.size() == 0) return {};
  const unsigned blocks = (kernel.size() + cuda_block - 1) / cuda_block;
  run_kernel<Kernel><<<blocks, cuda_block, 0, static_cast<cudaStream_t>(stream.handle())>>>(kernel);
  return kernels::check_cuda(cudaGetLastError(), activity);
}

/// As many threads as the device holds.
template <class Kernel, std::uint32_t entries>
Result<void> launch_resident(const Kernel& kernel, const kernels::DeviceStream& stream,
                             int processors, const char* activity) {
  int blocks = 0;
  SOVREN_DO(kernels::check_cuda(cudaOccupancyMaxActiveBlocksPerMultiprocessor(
                                    &blocks, run_rays<Kernel, entries>, cuda_block, 0),
                                activity));
  run_rays<Kernel, entries><<<static_cast<unsigned>(blocks * processors), cuda_block, 0,
                              static_cast<cudaStream_t>(stream.handle())>>>(kernel);
  return kernels::check_cuda(cudaGetLastError(), activity);
}

/// Rays through a tree; deep ones, as made-up scenes have them, need a larger stack.
template <class Job>
Result<void> launch_rays(const TraceRays<Job>& kernel, const kernels::DeviceStream& stream,
                         int processors, const char* activity) {
  constexpr std::uint32_t usual = 64;
  if (kernel.job.bvh.stack_size <= usual)
    return launch_resident<TraceRays<Job>, usual>(kernel, stream, processors, activity);
  return launch_resident<TraceRays<Job>, wide_stack_max>(kernel, stream, processors, activity);
}

/// The kernels that are compiled in files of their own.
Result<void> launch_shade(const ShadePaths& kernel, const kernels::DeviceStream& stream);
Result<void> launch_dimmed_rays(const TraceRays<DimmedRays>& kernel,
                                const kernels::DeviceStream& stream, int processors);

}  // namespace sovren::trace

#endif
