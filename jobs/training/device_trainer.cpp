// SPDX-License-Identifier: Apache-2.0
#include "jobs/training/device_trainer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/base/check.h"
#include "jobs/training/trainer_state.h"
#include "kernels/device/device_download.h"
#include "kernels/device/device_stream.h"
#include "kernels/nn/device_transformer.h"

namespace sovren::jobs {
namespace {

using kernels::DeviceStream;
using nn::device::Arrays;
using nn::device::DeviceTransformer;

std::size_t bytes_of(std::int64_t count) {
  return static_cast<std::size_t>(count) * sizeof(float);
}

class DeviceTrainer final : public Trainer {
 public:
  DeviceTrainer(std::unique_ptr<DeviceTransformer> model, std::unique_ptr<DeviceStream> exchange,
                const nn::Transformer::Setting& setting, Communicator& comm,
                DeviceCommunicator* devices)
      : comm_(comm),
        devices_(devices),
        setting_(setting),
        model_(std::move(model)),
        exchange_(std::move(exchange)),
        slice_(slice_of(table().size(), comm.rank(), comm.size())),
        inputs_(static_cast<std::size_t>(setting.batch) * static_cast<std::size_t>(setting.tokens)),
        targets_(inputs_.size()) {}

  const nn::ParameterTable& table() const override { return model_->table(); }

  Result<void> start(std::span<const float> parameters) override;
  Result<void> restore(StateReader& reader) override;
  Result<void> checkpoint(StateWriter& writer) const override;
  Result<std::vector<double>> accumulate(const Chunk& chunk) override;
  Result<double> gradient_norm() override;
  Result<void> update(const nn::AdamW& adamw, double gradient_scale) override;
  Result<std::string> bad_tensor() override;
  void drop_gradient() override { is_dropped_ = true; }
  Result<std::vector<double>> evaluate(const Chunk& chunk) override;
  Result<std::span<const float>> parameters() override;

 private:
  const Arrays& arrays() const { return model_->arrays(); }
  const DeviceStream& stream() const { return model_->stream(); }
  bool has_peers() const { return comm_.size() > 1; }

  nn::MicroBatch read(const Chunk& chunk, std::int64_t number);
  Result<void> set_state(std::span<const float> parameters, std::span<const float> m,
                         std::span<const float> v, std::span<const float> sum);
  Result<void> clear_gradient();
  /// What drop_gradient() has asked for.
  Result<void> forget_dropped();
  std::vector<std::size_t> cut(std::int64_t first, std::int64_t end) const;
  Result<void> sum_over_ranks(std::int64_t first, std::int64_t end);
  Result<void> add_received();
  Result<void> share_parameters();
  /// This rank's slice of an array.
  Result<std::vector<float>> download(const float* from) const;
  /// The same into a checkpoint, without memory for all of it.
  Result<void> put_from_device(StateWriter& writer, const std::string& name,
                               const float* from) const;
  Result<std::vector<float>> all_parameters() const;

  Communicator& comm_;
  DeviceCommunicator* const devices_;
  const nn::Transformer::Setting setting_;
  const std::unique_ptr<DeviceTransformer> model_;
  const std::unique_ptr<DeviceStream> exchange_;  ///< between the devices
  const Slice slice_;
  std::int64_t summed_ = 0;  ///< micro-batches of the step so far, of all ranks
  bool is_dropped_ = false;
  std::vector<float> host_;                    ///< what parameters() showed
  mutable kernels::DeviceDownload downloads_;  ///< keeps its memory
  std::vector<std::int32_t> inputs_, targets_;
};

// ---- state

Result<void> DeviceTrainer::set_state(std::span<const float> parameters, std::span<const float> m,
                                      std::span<const float> v, std::span<const float> sum) {
  SOVREN_DO(clear_gradient());
  SOVREN_DO(model_->set_parameters(parameters));
  const float* mine = parameters.data() + slice_.first;
  SOVREN_DO(stream().copy_to_device(arrays().master, mine, bytes_of(slice_.count)));
  SOVREN_DO(stream().copy_to_device(arrays().m, m.data(), m.size_bytes()));
  SOVREN_DO(stream().copy_to_device(arrays().v, v.data(), v.size_bytes()));
  SOVREN_DO(stream().copy_to_device(arrays().sum, sum.data(), sum.size_bytes()));
  return stream().wait();
}

Result<void> DeviceTrainer::start(std::span<const float> parameters) {
  const std::vector<float> zeros(static_cast<std::size_t>(slice_.count));
  return set_state(parameters, zeros, zeros, {});
}

Result<void> DeviceTrainer::checkpoint(StateWriter& writer) const {
  SOVREN_TRY(model, all_parameters());
  SOVREN_DO(put_parameters(writer, table(), model, comm_.rank(), comm_.size()));
  SOVREN_DO(put_from_device(writer, "optimizer/m", arrays().m));
  SOVREN_DO(put_from_device(writer, "optimizer/v", arrays().v));
  std::vector<std::int64_t> parts;
  if (summed_ > 0 && !is_dropped_) {
    SOVREN_DO(put_from_device(writer, sum_name(0), arrays().sum));
    parts = {0, summed_};
  }
  return put_parts(writer, parts, comm_.rank());
}

Result<void> DeviceTrainer::restore(StateReader& reader) {
  SOVREN_TRY(model, get_parameters(reader, table()));
  SOVREN_TRY(m, get_slice(reader, "optimizer/m", slice_));
  SOVREN_TRY(v, get_slice(reader, "optimizer/v", slice_));
  SOVREN_TRY(parts, get_parts(reader));
  std::vector<float> sum;
  if (!parts.empty()) {
    if (parts.size() != 2)
      return fail({.code = Code::mismatch,
                   .what = "the checkpoint's gradient is not of a device: it has " +
                           std::to_string(parts.size() / 2) + " sums"});
    SOVREN_TRY(found, get_slice(reader, sum_name(0), slice_));
    sum = std::move(found);
  }
  SOVREN_DO(set_state(model, m, v, sum));
  summed_ = parts.empty() ? 0 : parts[1];
  return {};
}

Result<std::vector<float>> DeviceTrainer::download(const float* from) const {
  std::vector<float> values(static_cast<std::size_t>(slice_.count));
  const std::span<std::byte> bytes = std::as_writable_bytes(std::span(values));
  SOVREN_DO(downloads_.run(stream(), from, bytes.size(),
                           [&](std::size_t at, std::span<const std::byte> piece) -> Result<void> {
                             std::copy(piece.begin(), piece.end(), bytes.subspan(at).begin());
                             return {};
                           }));
  return values;
}

Result<void> DeviceTrainer::put_from_device(StateWriter& writer, const std::string& name,
                                            const float* from) const {
  constexpr auto number_bytes = static_cast<std::int64_t>(sizeof(float));
  return downloads_.run(stream(), from, bytes_of(slice_.count),
                        [&](std::size_t at, std::span<const std::byte> piece) {
                          const Rows rows{slice_.first + std::int64_t(at) / number_bytes,
                                          std::ssize(piece) / number_bytes};
                          return writer.put({name, Dtype::f32, {table().size()}}, rows, piece);
                        });
}

/// In fp32: the master parameters of all ranks.
Result<std::vector<float>> DeviceTrainer::all_parameters() const {
  SOVREN_TRY(mine, download(arrays().master));
  std::vector<float> all(static_cast<std::size_t>(table().size()));
  const auto to = std::as_bytes(std::span(mine));
  std::vector<std::span<std::byte>> from;
  for (int rank = 0; rank < comm_.size(); ++rank) {
    const Slice slice = slice_of(table().size(), rank, comm_.size());
    from.push_back(std::as_writable_bytes(std::span(all).subspan(
        static_cast<std::size_t>(slice.first), static_cast<std::size_t>(slice.count))));
  }
  const std::vector<std::span<const std::byte>> same(from.size(), to);
  SOVREN_DO(comm_.exchange(same, from));
  return all;
}

Result<std::span<const float>> DeviceTrainer::parameters() {
  SOVREN_TRY(all, all_parameters());
  host_ = std::move(all);
  return std::span<const float>(host_);
}

// ---- gradient

nn::MicroBatch DeviceTrainer::read(const Chunk& chunk, std::int64_t number) {
  const std::int64_t sequence = chunk.sequence + number * setting_.batch;
  chunk.read(sequence, inputs_, targets_);
  return {inputs_, targets_, sequence};
}

Result<void> DeviceTrainer::clear_gradient() {
  is_dropped_ = false;
  summed_ = 0;
  SOVREN_DO(stream().fill_with_zero(arrays().gradient, bytes_of(table().size())));
  return stream().fill_with_zero(arrays().sum, bytes_of(slice_.count));
}

Result<void> DeviceTrainer::forget_dropped() {
  return is_dropped_ ? clear_gradient() : Result<void>();
}

Result<std::vector<double>> DeviceTrainer::accumulate(const Chunk& chunk) {
  SOVREN_DO(forget_dropped());
  const Slice run = run_of(chunk.count, comm_.rank(), comm_.size());
  const float scale = 1.0F / static_cast<float>(chunk.step_count);
  const auto ready = [this](std::int64_t first, std::int64_t end) {
    return sum_over_ranks(first, end);
  };
  for (std::int64_t number = run.first; number < run.first + run.count; ++number) {
    const bool is_last = number + 1 == run.first + run.count;
    SOVREN_DO(model_->start_backward(
        read(chunk, number), scale,
        is_last && has_peers() ? DeviceTransformer::Ready(ready) : DeviceTransformer::Ready()));
  }
  if (has_peers() && run.count == 0)
    for (const auto& [first, end] : model_->ready_ranges()) SOVREN_DO(ready(first, end));
  SOVREN_TRY(losses, model_->finish());
  if (has_peers()) SOVREN_DO(add_received());
  summed_ += chunk.count;
  return gather_numbers(comm_, losses);
}

/// Elements of [first, end) in each rank's slice.
std::vector<std::size_t> DeviceTrainer::cut(std::int64_t first, std::int64_t end) const {
  std::vector<std::size_t> counts;
  for (int rank = 0; rank < comm_.size(); ++rank) {
    const Slice slice = slice_of(table().size(), rank, comm_.size());
    const std::int64_t count =
        std::min(end, slice.first + slice.count) - std::max(first, slice.first);
    counts.push_back(static_cast<std::size_t>(std::max<std::int64_t>(count, 0)));
  }
  return counts;
}

/// Queued behind what makes the gradient; the stream of the passes goes on meanwhile.
Result<void> DeviceTrainer::sum_over_ranks(std::int64_t first, std::int64_t end) {
  SOVREN_DO(exchange_->follow(stream()));
  const std::int64_t place = std::max<std::int64_t>(first - slice_.first, 0);
  return devices_->reduce_scatter(arrays().gradient + first,
                                  arrays().received + std::min(place, slice_.count),
                                  cut(first, end), exchange_->handle());
}

/// Waits here, not on the device: a lost peer then ends this rank, too.
Result<void> DeviceTrainer::add_received() {
  SOVREN_DO(devices_->wait(exchange_->handle()));
  if (slice_.count > 0)
    SOVREN_DO(nn::device::add_to(stream().handle(), slice_.count, arrays().received, arrays().sum));
  return stream().fill_with_zero(arrays().gradient, bytes_of(table().size()));
}

Result<double> DeviceTrainer::gradient_norm() {
  SOVREN_DO(forget_dropped());
  std::vector<double> squares(
      static_cast<std::size_t>((slice_.count + nn::norm_block - 1) / nn::norm_block));
  SOVREN_DO(
      nn::device::block_squares(stream().handle(), slice_.count, arrays().sum, arrays().squares));
  SOVREN_DO(
      stream().copy_to_host(squares.data(), arrays().squares, squares.size() * sizeof(double)));
  SOVREN_DO(stream().wait());
  SOVREN_TRY(all, gather_numbers(comm_, squares));
  double sum = 0;
  for (const double square : all) sum += square;
  return std::sqrt(sum);
}

Result<std::string> DeviceTrainer::bad_tensor() {
  constexpr std::int64_t none = std::numeric_limits<std::int64_t>::max();
  SOVREN_DO(forget_dropped());
  SOVREN_TRY(gradient, download(arrays().sum));
  const auto bad = std::find_if(gradient.begin(), gradient.end(),
                                [](float value) { return !std::isfinite(value); });
  std::int64_t first = bad == gradient.end() ? none : slice_.first + (bad - gradient.begin());
  SOVREN_DO(comm_.all_reduce(std::span(&first, 1), Reduce::min));
  return first == none ? "" : table().holder(first).name;
}

// ---- update

Result<void> DeviceTrainer::update(const nn::AdamW& adamw, double gradient_scale) {
  SOVREN_DO(forget_dropped());
  const Arrays& a = arrays();
  for (const TensorPart& part : parts_of_slice(table(), slice_)) {
    nn::AdamW with_decay = adamw;
    if (!part.decays) with_decay.weight_decay = 0;
    const std::int64_t at = part.first - slice_.first;
    SOVREN_DO(nn::device::adamw_update(stream().handle(), with_decay, gradient_scale, part.count,
                                       a.master + at, a.sum + at, a.m + at, a.v + at,
                                       a.parameters + part.first));
  }
  SOVREN_DO(clear_gradient());
  if (has_peers()) SOVREN_DO(share_parameters());
  return stream().wait();
}

/// The new parameters of all slices. They are bf16 and only copied, so two go as one number.
Result<void> DeviceTrainer::share_parameters() {
  std::vector<std::size_t> pairs = cut(0, table().size());
  for (std::size_t& count : pairs) {
    SOVREN_CHECK(count % 2 == 0, "tensors begin at whole lines of the cache");
    count /= 2;
  }
  SOVREN_DO(exchange_->follow(stream()));
  auto* whole = reinterpret_cast<float*>(arrays().parameters);
  SOVREN_DO(devices_->all_gather(whole + slice_.first / 2, whole, pairs, exchange_->handle()));
  return devices_->wait(exchange_->handle());
}

Result<std::vector<double>> DeviceTrainer::evaluate(const Chunk& chunk) {
  const Slice run = run_of(chunk.count, comm_.rank(), comm_.size());
  for (std::int64_t number = run.first; number < run.first + run.count; ++number)
    SOVREN_DO(model_->start_loss(read(chunk, number)));
  SOVREN_TRY(losses, model_->finish());
  return gather_numbers(comm_, losses);
}

/// Every rank has its trainer, or every rank the error.
Result<void> agree_on(Communicator& comm, const Result<void>& mine) {
  std::int64_t is_good = mine ? 1 : 0;
  SOVREN_DO(comm.all_reduce(std::span(&is_good, 1), Reduce::min));
  SOVREN_DO(mine);
  if (is_good == 0)
    return fail({.code = Code::refused,
                 .what = "another rank's device cannot take its share of the training",
                 .hint = "its log says why"});
  return {};
}

}  // namespace

Result<std::unique_ptr<Trainer>> make_device_trainer(
    const nn::ModelShape& shape, const nn::Transformer::Setting& setting, Communicator& comm,
    DeviceCommunicator* devices, const std::function<void(const std::string&)>& log) {
  SOVREN_CHECK(comm.size() == 1 || devices != nullptr, "ranks have a way between their devices");
  const nn::ParameterTable table(shape);
  const nn::device::Share share{.pass = setting,
                                .slice = slice_of(table.size(), comm.rank(), comm.size()).count,
                                .ranks = comm.size()};
  auto model = DeviceTransformer::make(shape, share);
  auto exchange = DeviceStream::make();
  Result<void> mine;
  if (!exchange) mine = fail(exchange.error());
  if (!model) mine = fail(model.error());
  if (!mine && log) log(to_text(mine.error()));
  SOVREN_DO(agree_on(comm, mine));
  if (log) log("memory of the device:\n" + nn::device::to_text((*model)->plan()));
  return std::make_unique<DeviceTrainer>(std::move(*model), std::move(*exchange), setting, comm,
                                         devices);
}

}  // namespace sovren::jobs
