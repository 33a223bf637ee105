// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/device_transformer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "core/base/check.h"
#include "kernels/device/device_memory.h"
#include "kernels/nn/device_math.h"
#include "kernels/nn/device_pass.h"

namespace sovren::nn::device {
namespace {

/// Streams of the dropout's random numbers, as transformer.cpp has them.
constexpr std::uint64_t embedding_stream = 0, first_block_stream = 1, streams_of_block = 3;
constexpr int block_groups = 4;  // graphs that the blocks' backward pass is cut into

/// The host's side of one pass under way: what goes to the device and the losses that come back.
struct Slot {
  kernels::PinnedMemory memory;
  std::int32_t* inputs = nullptr;
  std::int32_t* targets = nullptr;
  std::int32_t* buckets = nullptr;
  Dropout* dropouts = nullptr;
  float* losses = nullptr;
  kernels::DeviceMark done;
  bool is_under_way = false;
};

/// Part of a pass: run as it is, then captured, then replayed.
struct Part {
  std::function<Result<void>()> work;
  std::int64_t first = 0, end = 0;  ///< the gradient that is complete after it
  std::unique_ptr<kernels::DeviceGraph> graph;
  bool has_run = false;
};

}  // namespace

struct DeviceTransformer::Body {
  Body(const ModelShape& shape, const Share& of_share) : table(shape), share(of_share) {}
  ~Body() {
    if (queue) static_cast<void>(queue->wait());
    kernels::free_on_device(memory);
  }

  std::int64_t rows() const {
    return static_cast<std::int64_t>(share.pass.batch) * share.pass.tokens;
  }
  const ModelShape& shape() const { return table.shape(); }

  Result<void> make() {
    SOVREN_CHECK(share.pass.tokens <= shape().context, "a sequence fits into the context");
    SOVREN_DO(check_shape(shape()));
    SOVREN_DO(kernels::enter_device());
    SOVREN_TRY(left, kernels::free_device_bytes());
    SOVREN_DO(check_memory(table, share, left));
    plan = plan_memory(table, share);
    SOVREN_DO(kernels::allocate_on_device(&memory, static_cast<std::size_t>(plan.bytes)));
    MemoryPlan again;
    arrays = lay_out(table, share, static_cast<std::byte*>(memory), again);
    SOVREN_TRY(stream, kernels::DeviceStream::make());
    queue = std::move(stream);
    SOVREN_DO(queue->fill_with_zero(memory, static_cast<std::size_t>(plan.bytes)));
    for (Slot& slot : slots) SOVREN_DO(make_slot(slot));
    SOVREN_TRY(multiplier, make_products());
    products = std::move(multiplier);
    pass.emplace(table, share.pass, arrays, *products, queue->handle());
    SOVREN_DO(pass->plan());
    SOVREN_DO(upload_rotation());
    cut_into_parts();
    return {};
  }

  Result<void> make_slot(Slot& slot) const {
    const auto count = static_cast<std::size_t>(rows());
    const auto ints = 2 * count + static_cast<std::size_t>(bucket_ints(rows()));
    const auto drops = static_cast<std::size_t>(dropout_count(shape()));
    SOVREN_DO(slot.memory.make(drops * sizeof(Dropout) + ints * sizeof(std::int32_t) +
                               count * sizeof(float)));
    slot.dropouts = reinterpret_cast<Dropout*>(slot.memory.data());
    slot.inputs = reinterpret_cast<std::int32_t*>(slot.dropouts + drops);
    slot.targets = slot.inputs + count;
    slot.buckets = slot.targets + count;
    slot.losses = reinterpret_cast<float*>(slot.inputs + ints);
    return {};
  }

  Result<void> upload_rotation() const {
    if (arrays.rotation == nullptr) return {};
    const std::vector<float> rotation =
        rotation_table(share.pass.tokens, shape().head_width(), shape().rope_theta, 0);
    SOVREN_DO(
        queue->copy_to_device(arrays.rotation, rotation.data(), rotation.size() * sizeof(float)));
    return queue->wait();
  }

  // ---- parts

  std::int64_t offset_of(Role role, int layer) const { return table.find(role, layer)->offset; }
  /// The first element of a block; of the final norm where there is no such block.
  std::int64_t block_offset(int layer) const {
    return layer < shape().layers ? offset_of(Role::norm_1_weight, layer)
                                  : offset_of(Role::final_norm_weight, -1);
  }

  void cut_into_parts() {
    const int layers = shape().layers;
    backward.push_back({.work = [this]() -> Result<void> {
                          SOVREN_DO(pass->forward(true));
                          return pass->head_backward(scale);
                        },
                        .first = block_offset(layers),
                        .end = table.size()});
    const int groups = std::min(layers, block_groups);
    for (int group = groups - 1; group >= 0; --group) {
      const int first = layers * group / groups, end = layers * (group + 1) / groups;
      backward.push_back({.work = [this, first, end]() -> Result<void> {
                            for (int layer = end - 1; layer >= first; --layer)
                              SOVREN_DO(pass->block_backward(layer));
                            return {};
                          },
                          .first = block_offset(first),
                          .end = block_offset(end)});
    }
    backward.push_back({.work = [this] { return pass->embedding_backward(); },
                        .first = 0,
                        .end = block_offset(0)});
    loss.work = [this]() -> Result<void> {
      SOVREN_DO(pass->forward(false));
      return pass->head_losses();
    };
  }

  /// A first run by itself loads all kernels, which a capture had better not.
  Result<void> run(Part& part) const {
    if (!part.has_run) {
      part.has_run = true;
      return part.work();
    }
    if (!part.graph) {
      auto graph = std::make_unique<kernels::DeviceGraph>();
      SOVREN_DO(graph->capture(*queue, part.work));
      part.graph = std::move(graph);
    }
    return part.graph->launch(*queue);
  }

  void use_scale(float wanted) {
    if (wanted == scale) return;
    scale = wanted;
    backward.front().graph.reset();  // the others do not know of it
  }

  // ---- micro-batches

  /// The slot's turn: its former pass is done, and its losses are noted.
  Result<Slot*> next_slot() {
    Slot& slot = slots[turn++ % slots.size()];
    SOVREN_DO(collect(slot));
    return &slot;
  }

  Result<void> collect(Slot& slot) {
    if (!slot.is_under_way) return {};
    SOVREN_DO(slot.done.wait());
    slot.is_under_way = false;
    double sum = 0;
    for (std::int64_t row = 0; row < rows(); ++row) sum += slot.losses[row];
    results.push_back(sum / static_cast<double>(rows()));
    return {};
  }

  void fill_dropouts(Slot& slot, std::int64_t first_sequence) const {
    const float rate = share.pass.dropout;
    const std::uint64_t seed = share.pass.seed;
    const std::int64_t first_row = first_sequence * share.pass.tokens;
    slot.dropouts[0] = {rate, seed, embedding_stream, first_row};
    for (int layer = 0; layer < shape().layers; ++layer) {
      const std::uint64_t stream =
          first_block_stream + streams_of_block * static_cast<std::uint64_t>(layer);
      Dropout* of_layer = slot.dropouts + 1 + 3 * layer;
      of_layer[0] = {rate, seed, stream, first_sequence};  // the attention counts sequences
      of_layer[1] = {rate, seed, stream + 1, first_row};
      of_layer[2] = {rate, seed, stream + 2, first_row};
    }
  }

  Result<void> send(Slot& slot, const MicroBatch& data) const {
    SOVREN_CHECK(static_cast<std::int64_t>(data.inputs.size()) == rows() &&
                     data.targets.size() == data.inputs.size(),
                 "a micro-batch has the shape that was set");
    const std::size_t bytes = data.inputs.size_bytes();
    const auto ints = static_cast<std::size_t>(bucket_ints(rows()));
    std::memcpy(slot.inputs, data.inputs.data(), bytes);
    std::memcpy(slot.targets, data.targets.data(), bytes);
    fill_buckets(data.inputs, std::span(slot.buckets, ints));
    fill_dropouts(slot, data.first_sequence);
    SOVREN_DO(queue->copy_to_device(arrays.inputs, slot.inputs, bytes));
    SOVREN_DO(queue->copy_to_device(arrays.targets, slot.targets, bytes));
    SOVREN_DO(queue->copy_to_device(arrays.buckets, slot.buckets, ints * sizeof(std::int32_t)));
    return queue->copy_to_device(
        arrays.dropouts, slot.dropouts,
        static_cast<std::size_t>(dropout_count(shape())) * sizeof(Dropout));
  }

  Result<void> fetch(Slot& slot) const {
    SOVREN_DO(queue->copy_to_host(slot.losses, arrays.losses,
                                  static_cast<std::size_t>(rows()) * sizeof(float)));
    SOVREN_DO(slot.done.set(*queue));
    slot.is_under_way = true;
    return {};
  }

  const ParameterTable table;
  const Share share;
  MemoryPlan plan;
  void* memory = nullptr;
  Arrays arrays;
  std::unique_ptr<kernels::DeviceStream> queue;
  std::unique_ptr<Products> products;
  std::optional<DevicePass> pass;
  std::vector<Part> backward;
  Part loss;
  float scale = 0;
  std::array<Slot, 2> slots;
  std::size_t turn = 0;
  std::vector<double> results;
};

DeviceTransformer::DeviceTransformer(std::unique_ptr<Body> body) : body_(std::move(body)) {}
DeviceTransformer::~DeviceTransformer() = default;

Result<std::unique_ptr<DeviceTransformer>> DeviceTransformer::make(const ModelShape& shape,
                                                                   const Share& share) {
  auto body = std::make_unique<Body>(shape, share);
  SOVREN_DO(body->make());
  return std::unique_ptr<DeviceTransformer>(new DeviceTransformer(std::move(body)));
}

const ParameterTable& DeviceTransformer::table() const {
  return body_->table;
}
const Arrays& DeviceTransformer::arrays() const {
  return body_->arrays;
}
const MemoryPlan& DeviceTransformer::plan() const {
  return body_->plan;
}
const kernels::DeviceStream& DeviceTransformer::stream() const {
  return *body_->queue;
}

Result<void> DeviceTransformer::set_parameters(std::span<const float> parameters) {
  SOVREN_CHECK(static_cast<std::int64_t>(parameters.size()) == table().size(),
               "there are all parameters");
  std::vector<Bf16> rounded(parameters.size());
  for (std::size_t i = 0; i < rounded.size(); ++i) rounded[i] = to_bf16(parameters[i]);
  SOVREN_DO(
      stream().copy_to_device(arrays().parameters, rounded.data(), rounded.size() * sizeof(Bf16)));
  return stream().wait();
}

std::vector<std::pair<std::int64_t, std::int64_t>> DeviceTransformer::ready_ranges() const {
  std::vector<std::pair<std::int64_t, std::int64_t>> ranges;
  for (const Part& part : body_->backward) ranges.emplace_back(part.first, part.end);
  return ranges;
}

Result<void> DeviceTransformer::start_backward(const MicroBatch& data, float gradient_scale,
                                               const Ready& ready) {
  SOVREN_TRY(slot, body_->next_slot());
  SOVREN_DO(body_->send(*slot, data));
  body_->use_scale(gradient_scale);
  for (Part& part : body_->backward) {
    SOVREN_DO(body_->run(part));
    if (ready) SOVREN_DO(ready(part.first, part.end));
  }
  return body_->fetch(*slot);
}

Result<void> DeviceTransformer::start_loss(const MicroBatch& data) {
  SOVREN_TRY(slot, body_->next_slot());
  SOVREN_DO(body_->send(*slot, data));
  SOVREN_DO(body_->run(body_->loss));
  return body_->fetch(*slot);
}

Result<std::vector<double>> DeviceTransformer::finish() {
  for (std::size_t i = 0; i < body_->slots.size(); ++i) {  // the older one first
    SOVREN_TRY(slot, body_->next_slot());
    static_cast<void>(slot);
  }
  return std::exchange(body_->results, {});
}

}  // namespace sovren::nn::device
