// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/model/job_spec.h"
#include "kernels/device/device.h"

namespace sovren::workers {

/// Where this rank computes, and why there.
struct BackendChoice {
  Backend backend = Backend::cpu;    ///< never auto_
  std::vector<std::string> devices;  ///< names of the accelerators; empty on the CPU
  std::string why;                   ///< for the log
};

/// auto: CUDA when a device is there, else the CPU.
/// Errors   refused: CUDA was asked for and there is none; repeating would not help.
Result<BackendChoice> choose_backend(Backend wanted, const kernels::DeviceList& found);

/// Which of the `devices` that a node's ranks see is this rank's: they go round. local_rank: its
/// number on the node as mpirun gives it (OMPI_COMM_WORLD_LOCAL_RANK); null: it is alone there.
int device_of_rank(const char* local_rank, int devices);

}  // namespace sovren::workers
