// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/base/result.h"
#include "core/port/device_communicator.h"
#include "jobs/training/trainer.h"

namespace sovren::jobs {

/// On this rank's device, in bf16 with fp32 master parameters and gradients.
///
/// Model    a rank sums its micro-batches' gradients on the device; while the last of a chunk goes
///          backward, what is complete is summed over the ranks, each into its slice, on a second
///          stream. A rank steps its slice and all gather the new parameters.
/// devices  between the ranks' devices; may be null with one rank. Outlives the trainer.
/// log      gets the plan of the device's memory; may be empty.
/// Errors   refused: a model that devices do not take, one that does not fit into the device's
///          memory, or a build without CUDA, the same on every rank.
Result<std::unique_ptr<Trainer>> make_device_trainer(
    const nn::ModelShape& shape, const nn::Transformer::Setting& setting, Communicator& comm,
    DeviceCommunicator* devices, const std::function<void(const std::string&)>& log);

}  // namespace sovren::jobs
