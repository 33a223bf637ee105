// SPDX-License-Identifier: Apache-2.0
#include <nccl.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <optional>
#include <sstream>
#include <utility>

#include "core/base/check.h"
#include "workers/comm/agree.h"
#include "workers/comm/backoff.h"
#include "workers/comm/device.h"
#include "workers/comm/nccl_library.h"

namespace sovren::workers {
namespace {

constexpr double farewell_s = 5;  // for the peers to come to the end, too

Error nccl_error(const NcclLibrary& nccl, ncclComm_t comm, ncclResult_t result, const char* call) {
  const bool is_peer = result == ncclRemoteError || result == ncclSystemError;
  const bool is_misuse = result == ncclInvalidArgument || result == ncclInvalidUsage;
  std::string what = std::string(call) + " failed: " + nccl.get_error_string(result);
  if (const char* detail = nccl.get_last_error(comm); detail != nullptr && *detail != '\0')
    what += std::string(" (") + detail + ")";
  return {.code = is_peer     ? Code::peer_lost
                  : is_misuse ? Code::bug
                              : Code::device,
          .what = std::move(what),
          .hint = "NCCL_DEBUG=INFO makes NCCL say more"};
}

class NcclCommunicator final : public DeviceCommunicator {
 public:
  NcclCommunicator(const NcclLibrary& nccl, int rank, int size, double deadline_s)
      : nccl_(nccl), rank_(rank), size_(size), deadline_s_(deadline_s) {}

  ~NcclCommunicator() override {
    if (comm_ == nullptr) return;
    deadline_s_ = std::min(deadline_s_, farewell_s);
    if (settle(nccl_.comm_finalize(comm_), "ncclCommFinalize")) nccl_.comm_destroy(comm_);
  }

  /// Meets the other ranks under the id.
  Result<void> start(const ncclUniqueId& id) {
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;
    const ncclResult_t started = nccl_.comm_init(&comm_, size_, id, rank_, &config);
    if (comm_ == nullptr) return lose(nccl_error(nccl_, nullptr, started, "ncclCommInitRank"));
    return settle(started, "ncclCommInitRank");
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  Result<void> reduce_scatter(const float* from, float* to, std::span<const std::size_t> slices,
                              void* stream) override {
    if (lost_) return fail(*lost_);
    const auto queue = static_cast<cudaStream_t>(stream);
    if (are_equal(slices))
      return settle(nccl_.reduce_scatter(from, to, slices[0], ncclFloat32, ncclSum, comm_, queue),
                    "ncclReduceScatter");
    return grouped(slices, "ncclReduce", [&](int root, std::size_t first) {
      return nccl_.reduce(from + first, to, slices[root], ncclFloat32, ncclSum, root, comm_, queue);
    });
  }

  Result<void> all_gather(const float* mine, float* whole, std::span<const std::size_t> slices,
                          void* stream) override {
    if (lost_) return fail(*lost_);
    const auto queue = static_cast<cudaStream_t>(stream);
    if (are_equal(slices))
      return settle(nccl_.all_gather(mine, whole, slices[0], ncclFloat32, comm_, queue),
                    "ncclAllGather");
    return grouped(slices, "ncclBroadcast", [&](int root, std::size_t first) {
      const float* from = root == rank_ ? mine : whole + first;
      return nccl_.broadcast(from, whole + first, slices[root], ncclFloat32, root, comm_, queue);
    });
  }

  Result<void> wait(void* stream) override {
    if (lost_) return fail(*lost_);
    Backoff backoff(deadline_s_);
    for (;;) {
      const cudaError_t state = cudaStreamQuery(static_cast<cudaStream_t>(stream));
      if (state == cudaSuccess) return {};
      static_cast<void>(cudaGetLastError());  // "not ready" is no error of the next call
      if (state != cudaErrorNotReady)
        return lose({.code = Code::device,
                     .what = std::string("CUDA: ") + cudaGetErrorString(state) +
                             " while waiting for the device"});
      ncclResult_t peers = ncclSuccess;
      const ncclResult_t asked = nccl_.comm_get_async_error(comm_, &peers);
      if (asked != ncclSuccess) peers = asked;
      if (peers != ncclSuccess && peers != ncclInProgress)
        return lose(nccl_error(nccl_, comm_, peers, "an exchange between devices"));
      if (!backoff.pause()) return lose(late("an exchange between devices"));
    }
  }

 private:
  bool are_equal(std::span<const std::size_t> slices) const {
    SOVREN_CHECK(slices.size() == static_cast<std::size_t>(size_), "each rank has its slice");
    return std::all_of(slices.begin(), slices.end(),
                       [&](std::size_t slice) { return slice == slices[0]; });
  }

  /// call(root, first element of its slice) for each slice that is not empty, as one launch.
  Result<void> grouped(std::span<const std::size_t> slices, const char* name,
                       const std::function<ncclResult_t(int, std::size_t)>& call) {
    ncclResult_t worst = nccl_.group_start();
    std::size_t first = 0;
    for (int root = 0; root < size_; first += slices[root], ++root) {
      if (slices[root] == 0) continue;
      const ncclResult_t result = call(root, first);
      if (worst == ncclSuccess && result != ncclInProgress) worst = result;
    }
    const ncclResult_t ended = nccl_.group_end();
    return settle(worst == ncclSuccess ? ended : worst, name);
  }

  /// Polls what does not block until it has succeeded or failed.
  Result<void> settle(ncclResult_t state, const char* call) {
    Backoff backoff(deadline_s_);
    while (state == ncclInProgress) {
      const ncclResult_t asked = nccl_.comm_get_async_error(comm_, &state);
      if (asked != ncclSuccess) state = asked;
      if (state == ncclInProgress && !backoff.pause()) return lose(late(call));
    }
    if (state != ncclSuccess) return lose(nccl_error(nccl_, comm_, state, call));
    return {};
  }

  Error late(const char* call) const {
    std::ostringstream what;
    what << "a rank did not answer within " << deadline_s_ << " s (" << call << ")";
    return {.code = Code::peer_lost, .what = what.str()};
  }

  /// Ends what is under way on the device, which else would wait for the lost peer for ever.
  Result<void> lose(Error error) {
    if (comm_ != nullptr) nccl_.comm_abort(comm_);
    comm_ = nullptr;
    lost_ = error;
    return fail(std::move(error));
  }

  const NcclLibrary& nccl_;
  const int rank_;
  const int size_;
  double deadline_s_;
  ncclComm_t comm_ = nullptr;
  std::optional<Error> lost_;
};

Result<void> prepare(int device) {
  if (const cudaError_t status = cudaSetDevice(device); status != cudaSuccess)
    return fail({.code = Code::device,
                 .what = std::string("CUDA: ") + cudaGetErrorString(status) +
                         " while choosing the device"});
  if (!nccl_library()) return fail(nccl_library().error());
  return {};
}

}  // namespace

Result<std::unique_ptr<DeviceCommunicator>> make_nccl_communicator(Communicator& comm, int device,
                                                                   double deadline_s) {
  SOVREN_DO(agree(comm, prepare(device)));
  const NcclLibrary& nccl = *nccl_library();
  ncclUniqueId id{};
  Result<void> has_id;
  if (comm.rank() == 0)
    if (const ncclResult_t result = nccl.get_unique_id(&id); result != ncclSuccess)
      has_id = fail(nccl_error(nccl, nullptr, result, "ncclGetUniqueId"));
  SOVREN_DO(agree(comm, has_id));
  SOVREN_DO(comm.broadcast(std::as_writable_bytes(std::span(&id, 1)), 0));
  auto made = std::make_unique<NcclCommunicator>(nccl, comm.rank(), comm.size(), deadline_s);
  // A rank that fails leaves the others waiting until their deadline; then they fail as well.
  SOVREN_DO(agree(comm, made->start(id)));
  return made;
}

}  // namespace sovren::workers
