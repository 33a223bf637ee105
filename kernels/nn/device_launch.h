// SPDX-License-Identifier: Apache-2.0
#pragma once

// For .cu files only; nvcc brings the CUDA runtime's header with it.
#ifdef __CUDACC__

#include "kernels/device/device_memory.h"
#include "kernels/nn/device_math.h"

namespace sovren::nn::device {

/// A thread of a CUDA block. Fragments of matrices: PTX ISA, "mma.m16n8k16" and "ldmatrix".
struct CudaThread {
  __device__ int index() const { return static_cast<int>(threadIdx.x); }
  __device__ int lane() const { return index() % warp_size; }
  __device__ int warp() const { return index() / warp_size; }
  __device__ int threads() const { return static_cast<int>(blockDim.x); }
  __device__ int warps() const { return threads() / warp_size; }
  __device__ std::int64_t block_x() const { return blockIdx.x; }
  __device__ int block_y() const { return static_cast<int>(blockIdx.y); }
  __device__ int block_z() const { return static_cast<int>(blockIdx.z); }
  __device__ std::int64_t blocks_x() const { return gridDim.x; }

  __device__ void sync() const { __syncthreads(); }
  __device__ void sync_warp() const { __syncwarp(); }
  template <class Number>
  __device__ Number shuffle_xor(Number x, int mask) const {
    return __shfl_xor_sync(0xFFFFFFFFU, x, mask);
  }

  /// c (16 x 8) += a (16 x 16) b (16 x 8), bf16 with sums in fp32; each lane holds its parts.
  __device__ void multiply(float (&c)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                           std::uint32_t b1) const {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
        "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  }
  /// Four 8 x 8 matrices of bf16 from shared memory: row i of matrix k begins where lane 8 k + i
  /// says. r[k]: row lane / 4, columns 2 (lane % 4) and the next.
  __device__ void load_matrices(std::uint32_t (&r)[4], const Bf16* row) const {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(row))
                 : "memory");
  }
  /// The same, each matrix transposed.
  __device__ void load_transposed(std::uint32_t (&r)[4], const Bf16* row) const {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(row))
                 : "memory");
  }

  /// Starts a copy of 16 bytes from global to shared memory, or of zeros where not `is_inside`.
  __device__ void copy_async(Bf16* shared, const Bf16* global, bool is_inside) const {
    const int bytes = is_inside ? 16 : 0;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)),
                 "l"(__cvta_generic_to_global(global)), "r"(bytes)
                 : "memory");
  }
  /// The copies that this thread has started since the last commit() are a group.
  __device__ void commit() const { asm volatile("cp.async.commit_group;" ::: "memory"); }
  /// Waits for this thread's groups, but for the last `open` of them.
  template <int open>
  __device__ void wait() const {
    asm volatile("cp.async.wait_group %0;" ::"n"(open) : "memory");
  }

 private:
  static __device__ std::uint32_t shared_address(const void* pointer) {
    return static_cast<std::uint32_t>(__cvta_generic_to_shared(pointer));
  }
};

template <class Kernel>
__global__ void __launch_bounds__(Kernel::most_threads) run_kernel(const Kernel kernel) {
  extern __shared__ __align__(16) char shared[];
  kernel(CudaThread{}, shared);
}

/// Puts one kernel on the stream.
struct Launch {
  Stream stream;

  template <class Kernel>
  Result<void> operator()(const Kernel& kernel, const char* activity) const {
    const Grid grid = kernel.grid();
    if (grid.x == 0 || grid.y == 0 || grid.z == 0) return {};
    constexpr std::size_t without_asking = 48 << 10;  // bytes of shared memory
    if (grid.shared > without_asking)
      SOVREN_DO(kernels::check_cuda(
          cudaFuncSetAttribute(run_kernel<Kernel>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(grid.shared)),
          activity));
    const dim3 blocks(static_cast<unsigned>(grid.x), static_cast<unsigned>(grid.y),
                      static_cast<unsigned>(grid.z));
    run_kernel<Kernel><<<blocks, static_cast<unsigned>(grid.threads), grid.shared,
                         static_cast<cudaStream_t>(stream)>>>(kernel);
    return kernels::check_cuda(cudaGetLastError(), activity);
  }
};

}  // namespace sovren::nn::device

#endif
