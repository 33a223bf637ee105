// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "core/base/result.h"
#include "core/port/communicator.h"
#include "core/port/device_communicator.h"

namespace sovren::workers {

/// How data cross between a device's memory and the host's. The copies are done when they return.
struct DeviceMemoryPort {
  using Copy = std::function<Result<void>(void* to, const void* from, std::size_t bytes)>;
  std::function<Result<void>(void* stream)> wait;  ///< until all queued on the stream is done
  Copy to_host;
  Copy to_device;
};

/// The memory of CUDA's current device. Where the CUDA backend is not built, each call is refused.
DeviceMemoryPort cuda_memory();

/// Through the host, by `comm`: for ranks that share a device, which NCCL refuses, for machines
/// without NCCL, and for tests.
///
/// Model    copies and waits inside each call, by pieces of piece_bytes of each slice: no device
///          memory of its own, and little of the host's.
/// Order    sums run in rank order.
std::unique_ptr<DeviceCommunicator> make_staged_communicator(Communicator& comm,
                                                             DeviceMemoryPort memory,
                                                             std::size_t piece_bytes = 16U << 20);

/// Through NCCL (libnccl.so.2, opened here, so that programs start without it). device: CUDA's
/// number of this rank's device, made the current one; no two ranks' may be the same.
///
/// Model    no call blocks: each is polled until deadline_s, and a lost or late peer ends in
///          ncclCommAbort. Slices of one size go by ncclReduceScatter and ncclAllGather; others by
///          one ncclReduce or ncclBroadcast for each rank, grouped, because padding them would take
///          device memory that no plan of the caller's knows of.
/// Order    sums run along NCCL's ring: the same bits for the same ranks on the same devices.
/// Errors   refused: no NCCL, or one before 2.18; device, peer_lost.
Result<std::unique_ptr<DeviceCommunicator>> make_nccl_communicator(Communicator& comm, int device,
                                                                   double deadline_s);

struct DeviceLink {
  std::unique_ptr<DeviceCommunicator> comm;
  std::string why;  ///< this way; for the log
};
/// NCCL where every rank has a device of its own and NCCL is there, else through the host.
Result<DeviceLink> join_devices(Communicator& comm, int device, double deadline_s);

}  // namespace sovren::workers
