// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
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
      return each_piece(
          slices,
          [&](int owner, std::size_t at, std::size_t in_slice, std::size_t count) -> Result<void> {
            host_.resize(count);
            SOVREN_DO(memory_.to_host(host_.data(), from + at, count * sizeof(float)));
            SOVREN_TRY(parts, comm_.gather(std::as_bytes(std::span(host_)), owner));
            if (owner != rank()) return {};
            sum_in_order(parts);
            return memory_.to_device(to + in_slice, host_.data(), count * sizeof(float));
          });
    });
  }

  Result<void> all_gather(const float* mine, float* whole, std::span<const std::size_t> slices,
                          void* stream) override {
    return keep([&]() -> Result<void> {
      SOVREN_DO(memory_.wait(stream));
      return each_piece(
          slices,
          [&](int owner, std::size_t at, std::size_t in_slice, std::size_t count) -> Result<void> {
            host_.resize(count);
            if (owner == rank())
              SOVREN_DO(memory_.to_host(host_.data(), mine + in_slice, count * sizeof(float)));
            SOVREN_DO(comm_.broadcast(std::as_writable_bytes(std::span(host_)), owner));
            return memory_.to_device(whole + at, host_.data(), count * sizeof(float));
          });
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

  /// visit(owner, place in the whole, place in the owner's slice, elements) for each piece.
  template <class Visit>
  Result<void> each_piece(std::span<const std::size_t> slices, const Visit& visit) const {
    SOVREN_CHECK(slices.size() == static_cast<std::size_t>(size()), "each rank has its slice");
    std::size_t start = 0;
    for (int owner = 0; owner < size(); ++owner) {
      const std::size_t slice = slices[owner];
      for (std::size_t done = 0; done < slice; done += piece_)
        SOVREN_DO(visit(owner, start + done, done, std::min(piece_, slice - done)));
      start += slice;
    }
    return {};
  }

  /// host_ = ((part 0 + part 1) + part 2) + ...
  void sum_in_order(const std::vector<Communicator::Bytes>& parts) {
    std::memcpy(host_.data(), parts[0].data(), parts[0].size());
    other_.resize(host_.size());
    for (std::size_t rank = 1; rank < parts.size(); ++rank) {
      std::memcpy(other_.data(), parts[rank].data(), parts[rank].size());
      for (std::size_t i = 0; i < host_.size(); ++i) host_[i] += other_[i];
    }
  }

  Communicator& comm_;
  const DeviceMemoryPort memory_;
  const std::size_t piece_;  // elements
  std::vector<float> host_, other_;
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
