// SPDX-License-Identifier: Apache-2.0
#define OMPI_SKIP_MPICXX 1
#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <ctime>
#include <numeric>
#include <optional>
#include <sstream>
#include <thread>

#include "core/base/check.h"
#include "workers/comm/backoff.h"
#include "workers/comm/comm.h"
#include "workers/comm/reduce.h"

namespace sovren::workers {
namespace {

using Bytes = Communicator::Bytes;

Error mpi_error(int code, const char* call) {
  char text[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(code, text, &length);
  int error_class = MPI_SUCCESS;
  MPI_Error_class(code, &error_class);
  const bool is_misuse = error_class == MPI_ERR_TRUNCATE || error_class == MPI_ERR_COUNT ||
                         error_class == MPI_ERR_ARG || error_class == MPI_ERR_ROOT;
  return Error{.code = is_misuse ? Code::bug : Code::peer_lost,
               .what = std::string(call) + " failed: " + text};
}

/// What the request under way reads and writes; outlives a call that gave up waiting.
struct Buffers {
  Bytes out, in;
  std::vector<int> counts, starts, from_counts, from_starts;
  std::int64_t size = 0;
  std::vector<std::int64_t> sizes;
  std::int64_t amount = 0, taken = 0;
};

/// The counter of set_counter() and take(), in memory that rank 0 shares with the ranks of its
/// node. Ranks elsewhere ask rank 0 by message, where a thread answers whatever the rank does.
/// MPI's own way, MPI_Fetch_and_op on a window, is no way between nodes: Debian turns off the one
/// component that has it over TCP, and that one answers only while its rank is in a call of MPI.
class SharedCounter {
 public:
  static constexpr int ask_tag = 1, answer_tag = 2;

  explicit SharedCounter(MPI_Comm comm) : comm_(comm) { MPI_Comm_rank(comm, &rank_); }

  /// Collective. After a failure the counter can only be left as it is.
  Result<void> open(int ranks_per_node) {
    SOVREN_DO(find_node(ranks_per_node));
    if (!is_node_of_rank_0()) return {};
    void* memory = nullptr;
    const MPI_Aint bytes = rank_ == 0 ? sizeof(std::int64_t) : 0;
    if (const int code = MPI_Win_allocate_shared(bytes, sizeof(std::int64_t), MPI_INFO_NULL, node_,
                                                 &memory, &window_);
        code != MPI_SUCCESS)
      return fail(mpi_error(code, "MPI_Win_allocate_shared"));
    MPI_Aint size = 0;
    int unit = 0;
    MPI_Win_shared_query(window_, 0, &size, &unit, &memory);
    cell_ = static_cast<std::int64_t*>(memory);
    return rank_ == 0 ? start_answering() : Result<void>();
  }

  /// Collective.
  void close() {
    server_ = {};
    if (window_ != MPI_WIN_NULL) MPI_Win_free(&window_);
    MPI_Comm_free(&node_);
  }

  bool is_here() const { return cell_ != nullptr; }
  void set(std::int64_t value) { std::atomic_ref(*cell_).store(value); }
  std::int64_t take(std::int64_t amount) { return std::atomic_ref(*cell_).fetch_add(amount); }

 private:
  // A piece of work takes tens of milliseconds, a look some microseconds.
  static constexpr timespec nap{0, 500'000};

  Result<void> find_node(int ranks_per_node) {
    MPI_Comm host = MPI_COMM_NULL;
    int code = MPI_Comm_split_type(comm_, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &host);
    if (code != MPI_SUCCESS) return fail(mpi_error(code, "MPI_Comm_split_type"));
    MPI_Comm_set_errhandler(host, MPI_ERRORS_RETURN);
    int rank_here = 0;
    MPI_Comm_rank(host, &rank_here);
    code = MPI_Comm_split(host, rank_here / ranks_per_node, rank_here, &node_);
    MPI_Comm_free(&host);
    if (code != MPI_SUCCESS) return fail(mpi_error(code, "MPI_Comm_split"));
    MPI_Comm_set_errhandler(node_, MPI_ERRORS_RETURN);
    return {};
  }

  bool is_node_of_rank_0() const {
    MPI_Group all = MPI_GROUP_NULL, here = MPI_GROUP_NULL;
    MPI_Comm_group(comm_, &all);
    MPI_Comm_group(node_, &here);
    const int root = 0;
    int root_here = MPI_UNDEFINED;
    MPI_Group_translate_ranks(all, 1, &root, here, &root_here);
    MPI_Group_free(&all);
    MPI_Group_free(&here);
    return root_here != MPI_UNDEFINED;
  }

  Result<void> start_answering() {
    int ranks = 0, ranks_here = 0, level = MPI_THREAD_SINGLE;
    MPI_Comm_size(comm_, &ranks);
    MPI_Comm_size(node_, &ranks_here);
    if (ranks_here == ranks) return {};
    MPI_Query_thread(&level);
    if (level != MPI_THREAD_MULTIPLE)
      return fail({.code = Code::mismatch,
                   .what = "this MPI library lets only one thread of a process call it",
                   .hint = "let the job have one node, or a library with MPI_THREAD_MULTIPLE"});
    server_ = std::jthread([this](const std::stop_token& stop) {
      for (; !stop.stop_requested(); ::nanosleep(&nap, nullptr)) answer();
    });
    return {};
  }

  /// An error here is that of a lost peer, which the next collective call finds.
  void answer() {
    for (MPI_Status status;;) {
      int is_asked = 0;
      const int code = MPI_Iprobe(MPI_ANY_SOURCE, ask_tag, comm_, &is_asked, &status);
      if (code != MPI_SUCCESS || is_asked == 0) return;
      std::int64_t amount = 0;
      MPI_Recv(&amount, 1, MPI_INT64_T, status.MPI_SOURCE, ask_tag, comm_, MPI_STATUS_IGNORE);
      const std::int64_t before = take(amount);
      MPI_Send(&before, 1, MPI_INT64_T, status.MPI_SOURCE, answer_tag, comm_);
    }
  }

  MPI_Comm comm_;
  int rank_ = 0;
  MPI_Comm node_ = MPI_COMM_NULL;
  MPI_Win window_ = MPI_WIN_NULL;
  std::int64_t* cell_ = nullptr;  ///< null where rank 0's memory is not seen
  std::jthread server_;
};

class MpiCommunicator final : public Communicator {
 public:
  MpiCommunicator(MPI_Comm comm, int rank, int size, double deadline_s, std::size_t round_bytes,
                  int ranks_per_node)
      : comm_(comm),
        rank_(rank),
        size_(size),
        deadline_s_(deadline_s),
        round_bytes_(round_bytes),
        ranks_per_node_(ranks_per_node) {}

  ~MpiCommunicator() override {
    // A rank that no longer answers would make MPI_Finalize wait for ever, and it may still read
    // and write what the last request named: leave both.
    if (!barrier()) {
      static_cast<void>(buffers_.release());
      static_cast<void>(counter_.release());
      return;
    }
    if (counter_) counter_->close();
    MPI_Comm_free(&comm_);
    MPI_Finalize();
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  Result<void> barrier() override {
    return wait("MPI_Ibarrier", [&](MPI_Request* request) { return MPI_Ibarrier(comm_, request); });
  }

  Result<void> broadcast(std::span<std::byte> data, int root) override {
    SOVREN_CHECK(root >= 0 && root < size_, "the root is a rank");
    for (std::size_t done = 0; done < data.size();) {
      const auto part = data.subspan(done, std::min(data.size() - done, round_bytes_));
      if (rank_ == root)
        out_.assign(part.begin(), part.end());
      else
        out_.resize(part.size());
      SOVREN_DO(wait("MPI_Ibcast", [&](MPI_Request* request) {
        return MPI_Ibcast(out_.data(), static_cast<int>(part.size()), MPI_BYTE, root, comm_,
                          request);
      }));
      if (rank_ != root) std::copy(out_.begin(), out_.end(), part.begin());
      done += part.size();
    }
    return {};
  }

  Result<void> all_reduce(std::span<double> values, Reduce op) override {
    return reduce(values, op);
  }
  Result<void> all_reduce(std::span<std::int64_t> values, Reduce op) override {
    return reduce(values, op);
  }

  Result<std::vector<Bytes>> all_gather(std::span<const std::byte> mine) override {
    return collect(mine, everyone);
  }
  Result<std::vector<Bytes>> gather(std::span<const std::byte> mine, int root) override {
    SOVREN_CHECK(root >= 0 && root < size_, "the root is a rank");
    return collect(mine, root);
  }

  Result<void> exchange(std::span<const std::span<const std::byte>> to,
                        std::span<const std::span<std::byte>> from) override {
    SOVREN_CHECK(to.size() == from.size() && static_cast<int>(to.size()) == size_,
                 "something for each rank");
    copy_to_oneself(to[rank_], from[rank_]);
    std::size_t mine = 0;
    for (int r = 0; r < size_; ++r)
      if (r != rank_) mine = std::max({mine, to[r].size(), from[r].size()});
    SOVREN_TRY(sizes, sizes_of_all(mine));
    const auto largest = static_cast<std::size_t>(*std::max_element(sizes.begin(), sizes.end()));
    const std::size_t most = std::max<std::size_t>(1, round_bytes_ / static_cast<unsigned>(size_));
    for (std::size_t done = 0; done < largest; done += most)
      SOVREN_DO(exchange_round(to, from, done, most));
    return {};
  }

  Result<void> set_counter(std::int64_t value) override {
    SOVREN_DO(barrier());
    if (!counter_) {
      counter_ = std::make_unique<SharedCounter>(comm_);
      if (auto opened = counter_->open(ranks_per_node_); !opened)
        return lose(std::move(opened).error());
    }
    if (rank_ == 0) counter_->set(value);
    return barrier();
  }

  Result<std::int64_t> take(std::int64_t amount) override {
    if (lost_) return fail(*lost_);
    if (!counter_) return fail(no_counter());
    if (counter_->is_here()) return counter_->take(amount);
    buffers_->amount = amount;
    SOVREN_DO(wait("MPI_Isend", [&](MPI_Request* request) {
      return MPI_Isend(&buffers_->amount, 1, MPI_INT64_T, 0, SharedCounter::ask_tag, comm_,
                       request);
    }));
    SOVREN_DO(wait("MPI_Irecv", [&](MPI_Request* request) {
      return MPI_Irecv(&buffers_->taken, 1, MPI_INT64_T, 0, SharedCounter::answer_tag, comm_,
                       request);
    }));
    return buffers_->taken;
  }

  [[noreturn]] void abort(int exit_code) override {
    // MPI_Abort asks the launcher to end the others; were it to hang, this rank still ends.
    std::thread([exit_code] {
      ::sleep(abort_s);
      ::_exit(exit_code);
    }).detach();
    MPI_Abort(comm_, exit_code);
    ::_exit(exit_code);
  }

 private:
  static constexpr int everyone = -1;
  static constexpr unsigned abort_s = 3;

  /// Starts a collective and polls it. After a failure the request may still be under way: it works
  /// on out_ and in_, which then are never touched again.
  template <class Start>
  Result<void> wait(const char* call, Start start, Backoff::For wanted = Backoff::For::answer) {
    if (lost_) return fail(*lost_);
    MPI_Request request = MPI_REQUEST_NULL;
    if (const int code = start(&request); code != MPI_SUCCESS) return lose(mpi_error(code, call));
    Backoff backoff(deadline_s_, wanted);
    for (int done = 0;;) {
      if (const int code = MPI_Test(&request, &done, MPI_STATUS_IGNORE); code != MPI_SUCCESS)
        return lose(mpi_error(code, call));
      if (done != 0) return {};
      if (backoff.pause()) continue;
      std::ostringstream what;
      what << "a rank did not answer within " << deadline_s_ << " s (" << call << ")";
      return lose(Error{.code = Code::peer_lost, .what = what.str()});
    }
  }

  Result<void> lose(Error error) {
    lost_ = error;
    return fail(std::move(error));
  }

  /// The bytes of every rank, in rounds of at most round_bytes_ over all ranks together.
  Result<std::vector<Bytes>> collect(std::span<const std::byte> mine, int root) {
    SOVREN_TRY(sizes, sizes_of_all(mine.size()));
    const std::size_t most = std::max<std::size_t>(1, round_bytes_ / static_cast<unsigned>(size_));
    const bool is_target = root == everyone || root == rank_;
    std::vector<Bytes> all(is_target ? size_ : 0);
    for (int r = 0; is_target && r < size_; ++r) all[r].reserve(sizes[r]);
    const auto largest = static_cast<std::size_t>(*std::max_element(sizes.begin(), sizes.end()));
    for (std::size_t done = 0; done < largest; done += most) {
      std::vector<int> counts(size_), starts(size_);
      for (int r = 0; r < size_; ++r) counts[r] = part_of(sizes[r], done, most);
      std::exclusive_scan(counts.begin(), counts.end(), starts.begin(), 0);
      const auto part = mine.subspan(std::min(done, mine.size()), counts[rank_]);
      out_.assign(part.begin(), part.end());
      in_.resize(is_target ? starts.back() + counts.back() : 0);
      SOVREN_DO(wait(root == everyone ? "MPI_Iallgatherv" : "MPI_Igatherv", [&](MPI_Request* r) {
        counts_ = counts;
        starts_ = starts;
        if (root == everyone)
          return MPI_Iallgatherv(out_.data(), counts_[rank_], MPI_BYTE, in_.data(), counts_.data(),
                                 starts_.data(), MPI_BYTE, comm_, r);
        return MPI_Igatherv(out_.data(), counts_[rank_], MPI_BYTE, in_.data(), counts_.data(),
                            starts_.data(), MPI_BYTE, root, comm_, r);
      }));
      for (int r = 0; is_target && r < size_; ++r)
        all[r].insert(all[r].end(), in_.begin() + starts[r], in_.begin() + starts[r] + counts[r]);
    }
    return all;
  }

  /// Bytes done .. done + most of what each pair of ranks exchanges.
  Result<void> exchange_round(std::span<const std::span<const std::byte>> to,
                              std::span<const std::span<std::byte>> from, std::size_t done,
                              std::size_t most) {
    std::vector<int>& from_counts = buffers_->from_counts;
    std::vector<int>& from_starts = buffers_->from_starts;
    counts_.assign(size_, 0);
    from_counts.assign(size_, 0);
    for (int r = 0; r < size_; ++r) {
      if (r == rank_) continue;
      counts_[r] = part_of(static_cast<std::int64_t>(to[r].size()), done, most);
      from_counts[r] = part_of(static_cast<std::int64_t>(from[r].size()), done, most);
    }
    starts_.resize(size_);
    from_starts.resize(size_);
    std::exclusive_scan(counts_.begin(), counts_.end(), starts_.begin(), 0);
    std::exclusive_scan(from_counts.begin(), from_counts.end(), from_starts.begin(), 0);
    out_.resize(starts_.back() + counts_.back());
    in_.resize(from_starts.back() + from_counts.back());
    for (int r = 0; r < size_; ++r)
      if (counts_[r] > 0) std::copy_n(to[r].begin() + done, counts_[r], out_.begin() + starts_[r]);
    const auto start = [&](MPI_Request* request) {
      return MPI_Ialltoallv(out_.data(), counts_.data(), starts_.data(), MPI_BYTE, in_.data(),
                            from_counts.data(), from_starts.data(), MPI_BYTE, comm_, request);
    };
    SOVREN_DO(wait("MPI_Ialltoallv", start, Backoff::For::bulk));
    for (int r = 0; r < size_; ++r)
      if (from_counts[r] > 0)
        std::copy_n(in_.begin() + from_starts[r], from_counts[r], from[r].begin() + done);
    return {};
  }

  static int part_of(std::int64_t size, std::size_t done, std::size_t most) {
    const auto whole = static_cast<std::size_t>(size);
    return static_cast<int>(whole <= done ? 0 : std::min(whole - done, most));
  }

  Result<std::vector<std::int64_t>> sizes_of_all(std::size_t mine) {
    buffers_->size = static_cast<std::int64_t>(mine);
    buffers_->sizes.assign(size_, 0);
    SOVREN_DO(wait("MPI_Iallgather", [&](MPI_Request* request) {
      return MPI_Iallgather(&buffers_->size, 1, MPI_INT64_T, buffers_->sizes.data(), 1, MPI_INT64_T,
                            comm_, request);
    }));
    return buffers_->sizes;
  }

  /// Each rank gets one slice of the values from all ranks, combines it by the tree, and all gather
  /// the slices: the least traffic, and the bits of reduce_tree over whole rows. Few values are
  /// simply gathered: one round trip instead of two.
  template <class T>
  Result<void> reduce(std::span<T> values, Reduce op) {
    const std::size_t row_max = std::max<std::size_t>(1, round_bytes_ / sizeof(T) / size_);
    for (std::size_t done = 0; done < values.size(); done += row_max) {
      const auto part = values.subspan(done, std::min(values.size() - done, row_max));
      if (part.size() <= few)
        SOVREN_DO(reduce_few(part, op));
      else
        SOVREN_DO(reduce_many(part, op));
    }
    return {};
  }
  static constexpr std::size_t few = 1024;

  template <class T>
  Result<void> reduce_few(std::span<T> values, Reduce op) {
    const auto bytes = std::as_bytes(values);
    out_.assign(bytes.begin(), bytes.end());
    in_.resize(out_.size() * size_);
    SOVREN_DO(wait("MPI_Iallgather", [&](MPI_Request* request) {
      const int count = static_cast<int>(out_.size());
      return MPI_Iallgather(out_.data(), count, MPI_BYTE, in_.data(), count, MPI_BYTE, comm_,
                            request);
    }));
    std::vector<T> all(values.size() * size_);
    std::copy(in_.begin(), in_.end(), std::as_writable_bytes(std::span(all)).begin());
    reduce_tree(std::span(all), size_, op);
    std::copy_n(all.begin(), values.size(), values.begin());
    return {};
  }

  template <class T>
  Result<void> reduce_many(std::span<T> values, Reduce op) {
    std::vector<int> counts(size_), starts(size_);  // bytes of each rank's slice
    for (int r = 0; r < size_; ++r) {
      const std::size_t first = values.size() * r / size_, end = values.size() * (r + 1) / size_;
      starts[r] = static_cast<int>(first * sizeof(T));
      counts[r] = static_cast<int>((end - first) * sizeof(T));
    }
    const std::size_t slice = counts[rank_];
    counts_ = counts;
    starts_ = starts;
    buffers_->from_counts.assign(size_, counts[rank_]);
    buffers_->from_starts.resize(size_);
    for (int r = 0; r < size_; ++r) buffers_->from_starts[r] = static_cast<int>(slice) * r;
    const auto bytes = std::as_bytes(values);
    out_.assign(bytes.begin(), bytes.end());
    in_.resize(slice * size_);
    SOVREN_DO(wait("MPI_Ialltoallv", [&](MPI_Request* request) {
      return MPI_Ialltoallv(out_.data(), counts_.data(), starts_.data(), MPI_BYTE, in_.data(),
                            buffers_->from_counts.data(), buffers_->from_starts.data(), MPI_BYTE,
                            comm_, request);
    }));
    std::vector<T> all(in_.size() / sizeof(T));
    std::copy(in_.begin(), in_.end(), std::as_writable_bytes(std::span(all)).begin());
    reduce_tree(std::span(all), size_, op);
    const auto combined = std::as_bytes(std::span(all)).first(slice);
    out_.assign(combined.begin(), combined.end());
    in_.resize(bytes.size());
    SOVREN_DO(wait("MPI_Iallgatherv", [&](MPI_Request* request) {
      return MPI_Iallgatherv(out_.data(), counts_[rank_], MPI_BYTE, in_.data(), counts_.data(),
                             starts_.data(), MPI_BYTE, comm_, request);
    }));
    std::copy(in_.begin(), in_.end(), std::as_writable_bytes(values).begin());
    return {};
  }

  MPI_Comm comm_;
  const int rank_;
  const int size_;
  const double deadline_s_;
  const std::size_t round_bytes_;
  const int ranks_per_node_;
  std::optional<Error> lost_;
  std::unique_ptr<SharedCounter> counter_;
  std::unique_ptr<Buffers> buffers_ = std::make_unique<Buffers>();
  Bytes& out_ = buffers_->out;
  Bytes& in_ = buffers_->in;
  std::vector<int>& counts_ = buffers_->counts;
  std::vector<int>& starts_ = buffers_->starts;
};

}  // namespace

Result<std::unique_ptr<Communicator>> make_mpi_communicator(double deadline_s,
                                                            std::size_t round_bytes,
                                                            int ranks_per_node) {
  SOVREN_CHECK(ranks_per_node > 0, "a node has ranks");
  SOVREN_CHECK(round_bytes > 0 && round_bytes <= mpi_round_bytes, "MPI counts are int");
  int provided = 0;
  if (const int code = MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &provided);
      code != MPI_SUCCESS)
    return fail(mpi_error(code, "MPI_Init_thread"));
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  MPI_Comm comm = MPI_COMM_NULL;
  if (const int code = MPI_Comm_dup(MPI_COMM_WORLD, &comm); code != MPI_SUCCESS)
    return fail(mpi_error(code, "MPI_Comm_dup"));
  MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN);
  int rank = 0, size = 0;
  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &size);
  return std::unique_ptr<Communicator>(
      std::make_unique<MpiCommunicator>(comm, rank, size, deadline_s, round_bytes, ranks_per_node));
}

std::string mpi_library_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  return text.data();
}

}  // namespace sovren::workers
