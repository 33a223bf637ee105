// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/base/result.h"
#include "kernels/device/device_stream.h"
#include "kernels/nn/device_plan.h"
#include "kernels/nn/model.h"
#include "kernels/nn/transformer.h"

namespace sovren::nn::device {

/// A transformer on this rank's device (used_device()): forward and backward of micro-batches of a
/// fixed shape, as nn::Transformer, in bf16 with sums and gradients in fp32.
///
/// Owner    all arrays, of the optimizer as well: one allocation, planned before (device_plan.h).
/// Model    passes are queued and run on; finish() waits for their losses. The first pass of a sort
///          runs as it comes, the second is captured as CUDA graphs, which later ones replay.
/// Laws     the same bits for the same shapes, values and device.
/// Errors   refused: a shape that the operations do not take, or that does not fit into what is
///          free of the device's memory, or no cuBLASLt; device.
class DeviceTransformer {
 public:
  static Result<std::unique_ptr<DeviceTransformer>> make(const ModelShape& shape,
                                                         const Share& share);
  ~DeviceTransformer();

  const ParameterTable& table() const;
  const Arrays& arrays() const;
  const MemoryPlan& plan() const;
  const kernels::DeviceStream& stream() const;

  /// Rounded to bf16, on the device; waits for it.
  Result<void> set_parameters(std::span<const float> parameters);

  /// Told when the gradient of elements [first, end) is complete as far as this pass goes, once all
  /// before is done on the stream.
  using Ready = std::function<Result<void>(std::int64_t first, std::int64_t end)>;
  /// The ranges that `ready` is told of, in that order: the final norm and a head of its own, the
  /// blocks from the last to the first by groups, the tables. Together they are all elements.
  std::vector<std::pair<std::int64_t, std::int64_t>> ready_ranges() const;

  /// gradient += the gradient of the micro-batch's mean loss x gradient_scale. Graphs are made anew
  /// for another scale.
  Result<void> start_backward(const MicroBatch& data, float gradient_scale,
                              const Ready& ready = nullptr);
  /// Without dropout and gradient.
  Result<void> start_loss(const MicroBatch& data);
  /// Mean losses per token of all passes started since the last call, in their order.
  Result<std::vector<double>> finish();

 private:
  struct Body;
  explicit DeviceTransformer(std::unique_ptr<Body> body);
  std::unique_ptr<Body> body_;
};

}  // namespace sovren::nn::device
