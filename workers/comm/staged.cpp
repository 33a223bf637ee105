// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "workers/comm/device.h"

namespace sovren::workers {
namespace {

class StagedCommunicator final : public DeviceCommunicator {
 public:
  StagedCommunicator(Communicator& comm, DeviceMemoryPort memory, std::size_t piece)
      : comm_(comm), memory_(std::move(memory)), piece_(piece) {}

  int rank() const override { return comm_.rank(); }
  int size() const override { return comm_.size(); }

  Result<void> reduce_scatter(const float* from, float* to, std::span<const std::size_t> slices,
                              void* stream) override {
    return keep([&]() -> Result<void> {
      SOVREN_DO(memory_.wait(stream));
      return each_round(slices, [&](std::size_t done) { return reduce(from, to, slices, done); });
    });
  }

  Result<void> all_gather(const float* mine, float* whole, std::span<const std::size_t> slices,
                          void* stream) override {
    return keep([&]() -> Result<void> {
      SOVREN_DO(memory_.wait(stream));
      return each_round(slices,
                        [&](std::size_t done) { return gather(mine, whole, slices, done); });
    });
  }

  Result<void> wait(void* stream) override {
    return keep([&] { return memory_.wait(stream); });
  }

 private:
  /// The first failure is that of all later calls: the ranks are no longer in step.
  template <class Call>
  Result<void> keep(const Call& call) {
    if (lost_) return fail(*lost_);
    Result<void> done = call();
    if (!done) lost_ = done.error();
    return done;
  }

  /// round(elements of a slice that are done): a piece of every slice goes in each.
  template <class Round>
  Result<void> each_round(std::span<const std::size_t> slices, const Round& round) const {
    SOVREN_CHECK(slices.size() == static_cast<std::size_t>(size()), "each rank has its slice");
    const std::size_t most = *std::max_element(slices.begin(), slices.end());
    for (std::size_t done = 0; done < most; done += piece_) SOVREN_DO(round(done));
    return {};
  }
  std::size_t piece_of(std::size_t slice, std::size_t done) const {
    return slice <= done ? 0 : std::min(piece_, slice - done);
  }
  static std::span<float> part(std::vector<float>& host, std::size_t& used, std::size_t count) {
    used += count;
    return std::span(host).subspan(used - count, count);
  }

  /// Gives each rank this one's part of its piece, and sums what comes for the own piece.
  Result<void> reduce(const float* from, float* to, std::span<const std::size_t> slices,
                      std::size_t done) {
    const std::size_t mine = piece_of(slices[rank()], done);
    out_.resize(piece_ * slices.size());
    in_.resize(mine * slices.size());
    std::vector<std::span<const std::byte>> sent;
    std::vector<std::span<std::byte>> received;
    std::size_t start = 0, used_out = 0, used_in = 0;
    for (const std::size_t slice : slices) {
      const auto theirs = part(out_, used_out, piece_of(slice, done));
      if (!theirs.empty())
        SOVREN_DO(memory_.to_host(theirs.data(), from + start + done, theirs.size_bytes()));
      sent.push_back(std::as_bytes(theirs));
      received.push_back(std::as_writable_bytes(part(in_, used_in, mine)));
      start += slice;
    }
    SOVREN_DO(comm_.exchange(sent, received));
    if (mine == 0) return {};
    // ((part 0 + part 1) + part 2) + ...
    for (std::size_t rank = 1; rank < slices.size(); ++rank)
      for (std::size_t i = 0; i < mine; ++i) in_[i] += in_[rank * mine + i];
    return memory_.to_device(to + done, in_.data(), mine * sizeof(float));
  }

  /// Gives all ranks this one's piece.
  Result<void> gather(const float* mine, float* whole, std::span<const std::size_t> slices,
                      std::size_t done) {
    out_.resize(piece_of(slices[rank()], done));
    in_.resize(piece_ * slices.size());
    if (!out_.empty())
      SOVREN_DO(memory_.to_host(out_.data(), mine + done, out_.size() * sizeof(float)));
    const std::vector<std::span<const std::byte>> sent(slices.size(),
                                                       std::as_bytes(std::span(out_)));
    std::vector<std::span<float>> pieces;
    std::vector<std::span<std::byte>> received;
    std::size_t used = 0;
    for (const std::size_t slice : slices) {
      pieces.push_back(part(in_, used, piece_of(slice, done)));
      received.push_back(std::as_writable_bytes(pieces.back()));
    }
    SOVREN_DO(comm_.exchange(sent, received));
    std::size_t start = 0;
    for (std::size_t rank = 0; rank < slices.size(); start += slices[rank++])
      if (!pieces[rank].empty())
        SOVREN_DO(memory_.to_device(whole + start + done, pieces[rank].data(),
                                    pieces[rank].size_bytes()));
    return {};
  }

  Communicator& comm_;
  const DeviceMemoryPort memory_;
  const std::size_t piece_;  // elements
  std::vector<float> out_, in_;
  std::optional<Error> lost_;
};

}  // namespace

std::unique_ptr<DeviceCommunicator> make_staged_communicator(Communicator& comm,
                                                             DeviceMemoryPort memory,
                                                             std::size_t piece_bytes) {
  SOVREN_CHECK(piece_bytes >= sizeof(float), "a piece holds a number");
  return std::make_unique<StagedCommunicator>(comm, std::move(memory), piece_bytes / sizeof(float));
}

}  // namespace sovren::workers
