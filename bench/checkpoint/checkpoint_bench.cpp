// SPDX-License-Identifier: Apache-2.0
// How fast is a checkpoint sealed and restored, compared with plain writing and reading of the same
// bytes; how long is the job blocked; what does it cost in CPU time? All ways take turns in every
// round; figures are medians of the rounds, ratios medians of the rounds' ratios.

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "bench/checkpoint/core_image.h"
#include "bench/checkpoint/ways.h"
#include "storage/checkpoint/checkpoint_set.h"
#include "storage/checkpoint/shard_digest.h"
#include "storage/file/file.h"
#include "workers/comm/comm.h"

namespace sovren::bench {
namespace {

using storage::CheckpointStore;
using storage::DigestKind;
using storage::StoreSetting;

constexpr std::size_t piece_bytes = std::size_t{4} << 20;
constexpr std::size_t small_bytes = std::size_t{1} << 20;
constexpr int many_ranks = 4;

void expect(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "checkpoint_bench: %s\n", what.c_str());
  std::exit(1);
}

template <class T>
void expect(const Result<T>& result) {
  if (!result) expect(false, to_text(result.error()));
}

/// write(2) in pieces of 4 MiB and fsync: what a disk gives to a program that does nothing else.
void write_plainly(const std::string& path, std::span<const std::byte> bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  expect(fd >= 0, "cannot create " + path);
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), std::min(bytes.size(), piece_bytes));
    expect(written > 0, "cannot write " + path);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  expect(::fsync(fd) == 0, "cannot fsync " + path);
  ::close(fd);
}

void forget_pages(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  expect(fd >= 0, "cannot open " + path);
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  ::close(fd);
}

/// read(2) in pieces of 4 MiB; digest: computed on the way, unless null.
void read_plainly(const std::string& path, storage::ShardDigest* digest) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  expect(fd >= 0, "cannot open " + path);
  std::vector<std::byte> buffer(piece_bytes);
  for (;;) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    expect(got >= 0, "cannot read " + path);
    if (got == 0) break;
    if (digest != nullptr) digest->update(std::span(buffer).first(static_cast<std::size_t>(got)));
  }
  ::close(fd);
}

/// One state, and a folder with stores that take turns.
class Bench {
 public:
  Bench(std::string dir, std::size_t bytes)
      : dir_(std::move(dir)), values_(bytes / sizeof(double)) {
    for (std::size_t i = 0; i < values_.size(); ++i) values_[i] = static_cast<double>(i * i);
    expect(storage::remove_tree(dir_));
    expect(storage::make_directories(dir_));
    sha256_ = open("sha256", {});
    crc32c_ = open("crc32c", {.digest = DigestKind::crc32c});
    sync_ = open("sync", {.writing = StoreSetting::Writing::sync});
    small_ = open("small", {});
    for (int rank = 0; rank < many_ranks; ++rank) many_.push_back(open("many", {}));
    const auto sealed = sha256_->seal(*comm_, header(), fill(values_));
    expect(sealed);
    sealed_ = sealed->path + "/shard-00000.h5";
  }
  ~Bench() { static_cast<void>(storage::remove_tree(dir_)); }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  std::vector<Way> ways() {
    const auto all = static_cast<double>(values_.size() * sizeof(double));
    const std::span<const double> small = std::span(values_).first(small_bytes / sizeof(double));
    enum : std::size_t { raw = 0, one_rank = 1, raw_small = 9, read_and_verify = 11 };
    std::vector<Way> ways;
    const auto add = [&](const char* name, double bytes, std::size_t base,
                         std::function<void()> work, std::function<void()> prepare = {},
                         std::function<void()> clean_up = {}) {
      ways.push_back(
          {name, bytes, base, std::move(prepare), std::move(work), std::move(clean_up), {}, {}});
    };
    const auto forget = [this] { forget_pages(sealed_); };
    add(
        "raw write + fsync", all, raw, [this] { raw_write(values_); }, {},
        [this] { remove_raw(); });
    add(
        "seal", all, raw, [this] { seal(*sha256_, values_); }, {}, [this] { keep_one(*sha256_); });
    add(
        "seal, digest = crc32c", all, raw, [this] { seal(*crc32c_, values_); }, {},
        [this] { keep_one(*crc32c_); });
    add(
        "seal, mode = sync", all, raw, [this] { seal(*sync_, values_); }, {},
        [this] { keep_one(*sync_); });
    add(
        "seal by 4 ranks", all, one_rank, [this] { seal_by_many(); }, {},
        [this] { keep_one(*many_[0]); });
    add(
        "seal, job blocked", all, raw, [this] { start(*sha256_); }, {},
        [this] { finish(*sha256_); });
    add(
        "seal, job blocked, new memory", all, raw, [this] { start(*fresh_); },
        [this] { fresh_ = open("fresh", {}); }, [this] { finish(*fresh_); });
    add(
        "seal, job blocked, first of a job", all, raw, [this] { start(*fresh_); },
        [this] { open_prepared(); }, [this] { finish(*fresh_); });
    add(
        "HDF5's core-driver image", all, raw,
        [this] {
          expect(write_core_image(dir_ + "/raw", values_));
          expect(storage::rename_durable(dir_ + "/raw", dir_ + "/raw.done"));
        },
        {}, [this] { remove_raw(); });
    add(
        "raw write + fsync of 1 MiB", small_bytes, raw_small, [this, small] { raw_write(small); },
        {}, [this] { remove_raw(); });
    add(
        "seal of 1 MiB", small_bytes, raw_small, [this, small] { seal(*small_, small); }, {},
        [this] { keep_one(*small_); });
    add(
        "raw read + CRC-32C + SHA-256", all, read_and_verify,
        [this] {
          storage::ShardDigest digest;
          read_plainly(sealed_, &digest);
          expect(digest.finish().bytes > 0, "nothing was read");
        },
        forget);
    add(
        "restore (verified, all rows)", all, read_and_verify, [this] { restore(); }, forget,
        [this] { expect(sha256_->forget_restores()); });
    add(
        "raw read", all, read_and_verify, [this] { read_plainly(sealed_, nullptr); }, forget);
    add(
        "verify", all, read_and_verify,
        [this] { expect(storage::verify_set(storage::parent_directory(sealed_))); }, forget);
    return ways;
  }

 private:
  std::optional<CheckpointStore> open(const std::string& name, StoreSetting setting) {
    auto store = CheckpointStore::open(dir_ + "/" + name, std::move(setting));
    expect(store);
    return std::move(*store);
  }
  storage::SetHeader header() {
    return {.job = JobId{1}, .attempt = 1, .step = ++step_, .kind = "bench", .facts = {}};
  }
  static std::function<Result<void>(StateWriter&)> fill(std::span<const double> values) {
    return [values](StateWriter& writer) { return writer.put_all<double>("x", values); };
  }

  void raw_write(std::span<const double> values) {
    write_plainly(dir_ + "/raw", std::as_bytes(values));
    expect(storage::rename_durable(dir_ + "/raw", dir_ + "/raw.done"));
  }
  void remove_raw() { expect(storage::remove_tree(dir_ + "/raw.done")); }

  void seal(CheckpointStore& store, std::span<const double> values) {
    const auto sealed = store.seal(*comm_, header(), fill(values));
    expect(sealed);
    if (&store == &*sha256_) sealed_ = sealed->path + "/shard-00000.h5";
  }
  void seal_by_many() {
    const storage::SetHeader head = header();
    workers::run_on_threads(many_ranks, 600, [&](Communicator& comm) {
      const auto rows = static_cast<std::int64_t>(values_.size());
      const std::int64_t first = rows * comm.rank() / comm.size();
      const std::int64_t end = rows * (comm.rank() + 1) / comm.size();
      CheckpointStore& store = *many_[static_cast<std::size_t>(comm.rank())];
      expect(store.seal(comm, head, [&](StateWriter& writer) {
        return writer.put<double>(
            "x", {rows}, Rows{first, end - first},
            std::span(values_).subspan(static_cast<std::size_t>(first),
                                       static_cast<std::size_t>(end - first)));
      }));
    });
  }
  static void keep_one(CheckpointStore& store) { expect(store.prune({.keep = 2}, JobId{1}, 1)); }
  void open_prepared() {
    fresh_ = open("fresh", {});
    expect(fresh_->prepare(*comm_, fill(values_)));
    std::this_thread::sleep_for(std::chrono::seconds(1));  // a job has twice as long
  }
  void start(CheckpointStore& store) {
    auto started = store.start_seal(*comm_, header(), fill(values_));
    expect(started);
    pending_.emplace(std::move(*started));
  }
  void finish(CheckpointStore& store) {
    const auto sealed = store.finish_seal(*comm_, std::move(*pending_));
    expect(sealed);
    pending_.reset();
    keep_one(store);
    if (&store == &*sha256_) sealed_ = sealed->path + "/shard-00000.h5";
  }
  void restore() {
    std::vector<storage::RejectedSet> rejected;
    auto found = sha256_->restore_newest(*comm_, {}, JobId{1}, rejected);
    expect(found);
    expect(found->has_value() && rejected.empty(), "no set was restored");
    const auto rows = static_cast<std::int64_t>(values_.size());
    expect((*found)->reader->get("x", Dtype::f64, {0, rows},
                                 std::as_writable_bytes(std::span(target_))));
    expect(target_.back() == values_.back(), "another state was restored");
  }

  std::string dir_;
  std::vector<double> values_;
  std::vector<double> target_ = values_;
  std::unique_ptr<Communicator> comm_ = workers::make_self_communicator();
  std::optional<CheckpointStore> sha256_, crc32c_, sync_, small_, fresh_;
  std::vector<std::optional<CheckpointStore>> many_;
  std::optional<storage::PendingSeal> pending_;
  std::string sealed_;  ///< a shard of the newest set of sha256_
  std::int64_t step_ = 0;
};

}  // namespace
}  // namespace sovren::bench

int main(int argc, char** argv) {
  const std::string dir = argc > 1 ? argv[1] : "checkpoint_bench.tmp";
  const std::size_t mebibytes = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 256;
  const int rounds = argc > 3 ? std::atoi(argv[3]) : 12;
  if (mebibytes == 0 || rounds < 1) {
    std::fprintf(stderr, "usage: checkpoint_bench [FOLDER [MEBIBYTES [ROUNDS]]]\n");
    return 2;
  }
  sovren::bench::Bench bench(dir, mebibytes << 20);
  auto ways = bench.ways();
  sovren::bench::run_rounds(ways, rounds);
  sovren::bench::print(ways);
  return 0;
}
