// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>

#include "core/base/check.h"
#include "workers/comm/comm.h"
#include "workers/comm/reduce.h"

namespace sovren::workers {
namespace {

using Bytes = Communicator::Bytes;

Error unanswered(int rank, double deadline_s) {
  std::ostringstream what;
  what << "rank " << rank << " did not answer within " << deadline_s << " s";
  return Error{.code = Code::peer_lost, .what = what.str()};
}

/// Thrown by abort() and caught by run_on_threads: the thread's way to end without returning.
struct RankAborted {};

/// The place where all ranks meet. Every collective is one exchange: each rank puts its bytes, and
/// when the last has come, all see what all put.
class Meeting {
 public:
  using Round = std::shared_ptr<const std::vector<Bytes>>;

  Meeting(int ranks, double deadline_s)
      : deadline_s_(deadline_s), put_(ranks), calls_(ranks), here_(ranks) {}

  int size() const { return static_cast<int>(put_.size()); }

  /// call: what the rank is doing, the same text on all ranks.
  Result<Round> exchange(int rank, std::string call, Bytes mine) {
    std::unique_lock lock(mutex_);
    if (lost_) return fail(*lost_);
    put_[rank] = std::move(mine);
    calls_[rank] = std::move(call);
    here_[rank] = true;
    const std::int64_t generation = generation_;
    if (++arrived_ == size())
      finish_round();
    else
      wait_for_round(lock, generation);
    if (generation_ == generation) return fail(*lost_);
    return round_;  // the next one is not made before this rank calls again
  }

  void set_counter(std::int64_t value) {
    const std::lock_guard lock(mutex_);
    counter_ = value;
  }

  Result<std::int64_t> take(std::int64_t amount) {
    const std::lock_guard lock(mutex_);
    if (lost_) return fail(*lost_);
    if (!counter_) return fail(no_counter());
    return std::exchange(*counter_, *counter_ + amount);
  }

  /// The rank makes no more calls.
  void leave(int rank) {
    const std::lock_guard lock(mutex_);
    lose(Error{.code = Code::peer_lost, .what = "rank " + std::to_string(rank) + " left"});
  }

 private:
  void finish_round() {
    arrived_ = 0;
    std::fill(here_.begin(), here_.end(), false);
    for (int r = 1; r < size(); ++r)
      if (calls_[r] != calls_[0])
        lose(Error{.code = Code::bug,
                   .what = "rank 0 called " + calls_[0] + " while rank " + std::to_string(r) +
                           " called " + calls_[r]});
    if (lost_) return;
    round_ = std::make_shared<const std::vector<Bytes>>(std::move(put_));
    put_ = std::vector<Bytes>(calls_.size());
    ++generation_;
    changed_.notify_all();
  }

  /// Until the round is full or a rank is lost. Waits on the system clock in slices: its waits are
  /// the ones that ThreadSanitizer follows.
  void wait_for_round(std::unique_lock<std::mutex>& lock, std::int64_t generation) {
    const auto until =
        std::chrono::steady_clock::now() + std::chrono::duration<double>(deadline_s_);
    while (generation_ == generation && !lost_) {
      if (std::chrono::steady_clock::now() >= until)
        lose(unanswered(first_absent(), deadline_s_));
      else
        changed_.wait_until(lock, std::chrono::system_clock::now() + std::chrono::milliseconds(50));
    }
  }

  void lose(Error error) {
    if (!lost_) lost_ = std::move(error);
    changed_.notify_all();
  }

  int first_absent() const {
    for (int r = 0; r < size(); ++r)
      if (!here_[r]) return r;
    return 0;
  }

  const double deadline_s_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Bytes> put_;
  std::vector<std::string> calls_;
  std::vector<bool> here_;
  int arrived_ = 0;
  std::int64_t generation_ = 0;
  Round round_;
  std::optional<std::int64_t> counter_;
  std::optional<Error> lost_;
};

class ThreadCommunicator final : public Communicator {
 public:
  ThreadCommunicator(Meeting& meeting, int rank) : meeting_(meeting), rank_(rank) {}

  int rank() const override { return rank_; }
  int size() const override { return meeting_.size(); }

  Result<void> barrier() override {
    SOVREN_DO(meeting_.exchange(rank_, "barrier", {}));
    return {};
  }

  Result<void> broadcast(std::span<std::byte> data, int root) override {
    SOVREN_CHECK(root >= 0 && root < size(), "the root is a rank");
    Bytes mine;
    if (rank_ == root) mine.assign(data.begin(), data.end());
    SOVREN_TRY(round,
               meeting_.exchange(rank_, call("broadcast", data.size(), root), std::move(mine)));
    const Bytes& source = (*round)[root];
    std::copy(source.begin(), source.end(), data.begin());
    return {};
  }

  Result<void> all_reduce(std::span<double> values, Reduce op) override {
    return reduce(values, op, "all_reduce double");
  }
  Result<void> all_reduce(std::span<std::int64_t> values, Reduce op) override {
    return reduce(values, op, "all_reduce int64");
  }

  Result<std::vector<Bytes>> all_gather(std::span<const std::byte> mine) override {
    SOVREN_TRY(round, meeting_.exchange(rank_, "all_gather", Bytes(mine.begin(), mine.end())));
    return *round;
  }

  Result<std::vector<Bytes>> gather(std::span<const std::byte> mine, int root) override {
    SOVREN_CHECK(root >= 0 && root < size(), "the root is a rank");
    SOVREN_TRY(round,
               meeting_.exchange(rank_, call("gather", 0, root), Bytes(mine.begin(), mine.end())));
    if (rank_ != root) return std::vector<Bytes>{};
    return *round;
  }

  Result<void> exchange(std::span<const std::span<const std::byte>> to,
                        std::span<const std::span<std::byte>> from) override {
    SOVREN_CHECK(to.size() == from.size() && static_cast<int>(to.size()) == size(),
                 "something for each rank");
    Bytes mine;  // for all ranks, one behind another, each after its size
    for (const auto& part : to) {
      const std::uint64_t bytes = part.size();
      const auto head = std::as_bytes(std::span(&bytes, 1));
      mine.insert(mine.end(), head.begin(), head.end());
      mine.insert(mine.end(), part.begin(), part.end());
    }
    SOVREN_TRY(round, meeting_.exchange(rank_, "exchange", std::move(mine)));
    for (std::size_t r = 0; r < from.size(); ++r) {
      const std::byte* at = (*round)[r].data();
      std::uint64_t bytes = 0;
      for (int skipped = 0; skipped <= rank_; ++skipped) {
        if (skipped > 0) at += bytes;
        std::memcpy(&bytes, at, sizeof bytes);
        at += sizeof bytes;
      }
      SOVREN_CHECK(bytes == from[r].size(), "both sides know the size");
      std::copy_n(at, bytes, from[r].begin());
    }
    return {};
  }

  Result<void> set_counter(std::int64_t value) override {
    SOVREN_DO(meeting_.exchange(rank_, call("set_counter", 0, 0), {}));
    if (rank_ == 0) meeting_.set_counter(value);
    return barrier();
  }
  Result<std::int64_t> take(std::int64_t amount) override { return meeting_.take(amount); }

  [[noreturn]] void abort(int) override {
    meeting_.leave(rank_);
    throw RankAborted{};
  }

 private:
  static std::string call(const char* verb, std::size_t size, int detail) {
    return std::string(verb) + "(" + std::to_string(size) + ", " + std::to_string(detail) + ")";
  }

  template <class T>
  Result<void> reduce(std::span<T> values, Reduce op, const char* verb) {
    const auto bytes = std::as_bytes(values);
    SOVREN_TRY(round, meeting_.exchange(rank_, call(verb, values.size(), static_cast<int>(op)),
                                        Bytes(bytes.begin(), bytes.end())));
    std::vector<T> all(values.size() * round->size());
    auto* to = reinterpret_cast<std::byte*>(all.data());
    for (const Bytes& one : *round) to = std::copy(one.begin(), one.end(), to);
    reduce_tree(std::span(all), round->size(), op);
    std::copy_n(all.begin(), values.size(), values.begin());
    return {};
  }

  Meeting& meeting_;
  const int rank_;
};

}  // namespace

void run_on_threads(int ranks, double deadline_s, const std::function<void(Communicator&)>& body) {
  SOVREN_CHECK(ranks >= 1, "there is at least one rank");
  Meeting meeting(ranks, deadline_s);
  std::vector<std::exception_ptr> thrown(ranks);
  std::vector<std::thread> threads;
  for (int r = 0; r < ranks; ++r)
    threads.emplace_back([&, r] {
      ThreadCommunicator comm(meeting, r);
      try {
        body(comm);
      } catch (const RankAborted&) {
        // The others have been told by abort().
      } catch (...) {
        thrown[r] = std::current_exception();
      }
      meeting.leave(r);
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::exception_ptr& one : thrown)
    if (one) std::rethrow_exception(one);
}

}  // namespace sovren::workers
