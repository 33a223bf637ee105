// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/base/check.h"
#include "jobs/training/trainer.h"
#include "jobs/training/trainer_state.h"
#include "jobs/training/tree_sum.h"

namespace sovren::jobs {

namespace {

using nn::Tensor;

class CpuTrainer final : public Trainer {
 public:
  CpuTrainer(const nn::ModelShape& shape, const nn::Transformer::Setting& setting, int threads,
             Communicator& comm)
      : comm_(comm),
        team_(threads),
        setting_(setting),
        transformer_(shape, setting, team_),
        slice_(slice_of(table().size(), comm.rank(), comm.size())),
        mine_(table().size()),
        sums_(slice_.count),
        inputs_(static_cast<std::size_t>(setting.batch) * static_cast<std::size_t>(setting.tokens)),
        targets_(inputs_.size()) {}

  const nn::ParameterTable& table() const override { return transformer_.table(); }

  Result<void> start(std::span<const float> parameters) override;
  Result<void> restore(StateReader& reader) override;
  Result<void> checkpoint(StateWriter& writer) const override;
  Result<std::vector<double>> accumulate(const Chunk& chunk) override;
  Result<double> gradient_norm() override;
  Result<void> update(const nn::AdamW& adamw, double gradient_scale) override;
  Result<std::string> bad_tensor() override;
  void drop_gradient() override { sums_.clear(); }
  Result<std::vector<double>> evaluate(const Chunk& chunk) override;
  Result<std::span<const float>> parameters() override { return std::span<const float>(model_); }

 private:
  Slice slice_of_rank(int rank) const { return slice_of(table().size(), rank, comm_.size()); }
  nn::MicroBatch read(const Chunk& chunk, std::int64_t number);
  Result<void> exchange_sums(const Chunk& chunk);
  Result<std::vector<std::vector<float>>> exchange_round(
      const std::vector<std::vector<std::int64_t>>& nodes, std::size_t round);
  Result<void> share_parameters();

  Communicator& comm_;
  nn::Team team_;
  const nn::Transformer::Setting setting_;
  nn::Transformer transformer_;
  const Slice slice_;  ///< of the parameters, that this rank steps
  std::vector<float> model_;
  std::vector<float> m_, v_;  ///< of the slice
  TreeSum mine_;              ///< of several ranks: whole gradients of this one's micro-batches
  TreeSum sums_;              ///< of the slice: all micro-batches of the step so far
  std::vector<std::int32_t> inputs_, targets_;
};

Result<void> CpuTrainer::start(std::span<const float> parameters) {
  model_.assign(parameters.begin(), parameters.end());
  m_.assign(static_cast<std::size_t>(slice_.count), 0);
  v_.assign(static_cast<std::size_t>(slice_.count), 0);
  sums_.clear();
  return {};
}

Result<void> CpuTrainer::checkpoint(StateWriter& writer) const {
  SOVREN_DO(put_parameters(writer, table(), model_, comm_.rank(), comm_.size()));
  SOVREN_DO(put_slice(writer, "optimizer/m", table().size(), slice_, m_));
  SOVREN_DO(put_slice(writer, "optimizer/v", table().size(), slice_, v_));
  std::vector<std::int64_t> parts;
  for (const TreeSum::Part& part : sums_.parts()) {
    SOVREN_DO(put_slice(writer, sum_name(parts.size() / 2), table().size(), slice_, part.sum));
    parts.push_back(part.first);
    parts.push_back(part.count);
  }
  return put_parts(writer, parts, comm_.rank());
}

Result<void> CpuTrainer::restore(StateReader& reader) {
  SOVREN_TRY(model, get_parameters(reader, table()));
  model_ = std::move(model);
  SOVREN_TRY(m, get_slice(reader, "optimizer/m", slice_));
  m_ = std::move(m);
  SOVREN_TRY(v, get_slice(reader, "optimizer/v", slice_));
  v_ = std::move(v);
  sums_.clear();
  SOVREN_TRY(parts, get_parts(reader));
  for (std::size_t i = 0; i + 1 < parts.size(); i += 2) {
    SOVREN_TRY(sum, get_slice(reader, sum_name(i / 2), slice_));
    sums_.push(team_, {parts[i], parts[i + 1], std::move(sum)});
  }
  return {};
}

/// Micro-batch `number` of the chunk.
nn::MicroBatch CpuTrainer::read(const Chunk& chunk, std::int64_t number) {
  const std::int64_t sequence = chunk.sequence + number * setting_.batch;
  chunk.read(sequence, inputs_, targets_);
  return {inputs_, targets_, sequence};
}

Result<std::vector<double>> CpuTrainer::accumulate(const Chunk& chunk) {
  const Slice run = run_of(chunk.count, comm_.rank(), comm_.size());
  const float scale = 1.0F / static_cast<float>(chunk.step_count);
  TreeSum& sum = comm_.size() == 1 ? sums_ : mine_;
  std::vector<double> losses;
  for (std::int64_t number = run.first; number < run.first + run.count; ++number) {
    std::vector<float> gradient = sum.zeros();
    losses.push_back(transformer_.backward(model_, read(chunk, number), scale, gradient));
    sum.push(team_, {chunk.first + number, 1, std::move(gradient)});
  }
  if (comm_.size() > 1) SOVREN_DO(exchange_sums(chunk));
  return gather_numbers(comm_, losses);
}

/// Sends each rank its slice of this rank's sums, and adds what came for the own slice.
Result<void> CpuTrainer::exchange_sums(const Chunk& chunk) {
  std::size_t rounds = 0;
  std::vector<std::vector<std::int64_t>> nodes;  // of each rank
  for (int rank = 0; rank < comm_.size(); ++rank) {
    const Slice run = run_of(chunk.count, rank, comm_.size());
    nodes.push_back(node_sizes(chunk.first + run.first, run.count));
    rounds = std::max(rounds, nodes.back().size());
  }
  std::vector<std::vector<std::vector<float>>> slices;  // of each round, of each rank
  for (std::size_t round = 0; round < rounds; ++round) {
    SOVREN_TRY(of_ranks, exchange_round(nodes, round));
    slices.push_back(std::move(of_ranks));
  }
  mine_.clear();
  std::int64_t first = chunk.first;
  for (std::size_t rank = 0; rank < nodes.size(); ++rank)
    for (std::size_t round = 0; round < nodes[rank].size(); ++round) {
      sums_.push(team_, {first, nodes[rank][round], std::move(slices[round][rank])});
      first += nodes[rank][round];
    }
  return {};
}

/// The own slice of each rank's sum number `round`; empty where a rank has fewer.
Result<std::vector<std::vector<float>>> CpuTrainer::exchange_round(
    const std::vector<std::vector<std::int64_t>>& nodes, std::size_t round) {
  std::vector<std::vector<float>> slices(nodes.size());
  std::vector<std::span<const std::byte>> to(nodes.size());
  std::vector<std::span<std::byte>> from(nodes.size());
  for (std::size_t rank = 0; rank < nodes.size(); ++rank) {
    if (round < nodes[rank].size()) slices[rank] = sums_.room();
    from[rank] = std::as_writable_bytes(std::span(slices[rank]));
    if (round >= mine_.parts().size()) continue;
    const Slice theirs = slice_of_rank(static_cast<int>(rank));
    to[rank] = std::as_bytes(std::span(mine_.parts()[round].sum)
                                 .subspan(static_cast<std::size_t>(theirs.first),
                                          static_cast<std::size_t>(theirs.count)));
  }
  SOVREN_DO(comm_.exchange(to, from));
  return slices;
}

Result<double> CpuTrainer::gradient_norm() {
  sums_.close(team_);
  std::vector<double> squares(
      static_cast<std::size_t>((slice_.count + nn::norm_block - 1) / nn::norm_block));
  nn::block_squares(team_, sums_.sum(), squares);
  SOVREN_TRY(all, gather_numbers(comm_, squares));
  double sum = 0;
  for (const double square : all) sum += square;
  return std::sqrt(sum);
}

Result<void> CpuTrainer::update(const nn::AdamW& adamw, double gradient_scale) {
  const std::span<const float> gradient = sums_.sum();
  for (const TensorPart& part : parts_of_slice(table(), slice_)) {
    nn::AdamW with_decay = adamw;
    if (!part.decays) with_decay.weight_decay = 0;
    const auto at = static_cast<std::size_t>(part.first - slice_.first);
    const auto count = static_cast<std::size_t>(part.count);
    nn::adamw_update(team_, with_decay, gradient_scale,
                     std::span(model_).subspan(static_cast<std::size_t>(part.first), count),
                     gradient.subspan(at, count), std::span(m_).subspan(at, count),
                     std::span(v_).subspan(at, count));
  }
  sums_.clear();
  return share_parameters();
}

Result<void> CpuTrainer::share_parameters() {
  if (comm_.size() == 1) return {};
  std::vector<std::span<const std::byte>> to;
  std::vector<std::span<std::byte>> from;
  const auto bytes_of = [&](const Slice& slice) {
    return std::as_writable_bytes(std::span(model_).subspan(static_cast<std::size_t>(slice.first),
                                                            static_cast<std::size_t>(slice.count)));
  };
  for (int rank = 0; rank < comm_.size(); ++rank) {
    to.push_back(bytes_of(slice_));
    from.push_back(bytes_of(slice_of_rank(rank)));
  }
  return comm_.exchange(to, from);
}

Result<std::string> CpuTrainer::bad_tensor() {
  constexpr std::int64_t none = std::numeric_limits<std::int64_t>::max();
  const std::span<const float> gradient = sums_.sum();
  const auto bad = std::find_if(gradient.begin(), gradient.end(),
                                [](float value) { return !std::isfinite(value); });
  std::int64_t first = bad == gradient.end() ? none : slice_.first + (bad - gradient.begin());
  SOVREN_DO(comm_.all_reduce(std::span(&first, 1), Reduce::min));
  return first == none ? "" : table().holder(first).name;
}

Result<std::vector<double>> CpuTrainer::evaluate(const Chunk& chunk) {
  const Slice run = run_of(chunk.count, comm_.rank(), comm_.size());
  std::vector<double> losses;
  for (std::int64_t number = run.first; number < run.first + run.count; ++number)
    losses.push_back(transformer_.loss(model_, read(chunk, number)));
  return gather_numbers(comm_, losses);
}

}  // namespace

std::unique_ptr<Trainer> make_cpu_trainer(const nn::ModelShape& shape,
                                          const nn::Transformer::Setting& setting, int threads,
                                          Communicator& comm) {
  return std::make_unique<CpuTrainer>(shape, setting, threads, comm);
}

Slice slice_of(std::int64_t size, int rank, int ranks) {
  const std::int64_t blocks = (size + nn::norm_block - 1) / nn::norm_block;
  const std::int64_t first = std::min(size, blocks * rank / ranks * nn::norm_block);
  const std::int64_t end = std::min(size, blocks * (rank + 1) / ranks * nn::norm_block);
  return {first, end - first};
}

Slice run_of(int count, int rank, int ranks) {
  const std::int64_t first = std::int64_t{count} * rank / ranks;
  return {first, std::int64_t{count} * (rank + 1) / ranks - first};
}

}  // namespace sovren::jobs
