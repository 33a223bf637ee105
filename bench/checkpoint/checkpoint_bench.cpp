// SPDX-License-Identifier: Apache-2.0
// How fast is a checkpoint sealed, compared with writing and syncing the same bytes plainly; how
// long is the job blocked; how fast is a set verified? All ways take turns in every round, so that
// a busy machine slows all alike; figures are medians of the rounds, ratios medians of the rounds'
// ratios.

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "bench/checkpoint/core_image.h"
#include "storage/checkpoint/checkpoint_set.h"
#include "storage/file/file.h"
#include "workers/comm/comm.h"

namespace sovren::bench {
namespace {

using Clock = std::chrono::steady_clock;
using storage::CheckpointStore;

constexpr double gib = 1024.0 * 1024.0 * 1024.0;

struct Cost {
  double wall_s = 0;
  double cpu_s = 0;
};

void expect(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "checkpoint_bench: %s\n", what.c_str());
  std::exit(1);
}

template <class T>
void expect(const Result<T>& result) {
  if (!result) expect(false, to_text(result.error()));
}

double cpu_s() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Cost measured(const std::function<void()>& work) {
  const double cpu = cpu_s();
  const auto start = Clock::now();
  work();
  return {std::chrono::duration<double>(Clock::now() - start).count(), cpu_s() - cpu};
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

/// write(2) in pieces of 4 MiB and fsync: what a disk gives to a program that does nothing else.
void write_plainly(const std::string& path, std::span<const std::byte> bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  expect(fd >= 0, "cannot create " + path);
  constexpr std::size_t piece_bytes = std::size_t{4} << 20;
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

void read_plainly(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  std::vector<std::byte> buffer(std::size_t{4} << 20);
  while (::read(fd, buffer.data(), buffer.size()) > 0) continue;
  ::close(fd);
}

struct Row {
  const char* name;
  std::vector<double> wall_s;
  std::vector<double> cpu_s;
  std::size_t base;  ///< row that its ratio is against

  void add(const Cost& cost) {
    wall_s.push_back(cost.wall_s);
    cpu_s.push_back(cost.cpu_s);
  }
};

class Bench {
 public:
  Bench(std::string dir, std::size_t bytes)
      : dir_(std::move(dir)), values_(bytes / sizeof(double)) {
    for (std::size_t i = 0; i < values_.size(); ++i) values_[i] = static_cast<double>(i * i);
    expect(storage::remove_tree(dir_));
    auto store = CheckpointStore::open(dir_ + "/checkpoints");
    expect(store);
    store_.push_back(std::move(*store));
  }
  ~Bench() { static_cast<void>(storage::remove_tree(dir_)); }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  void round(int number) {
    // Another one begins in each round.
    using Way = void (Bench::*)(int);
    constexpr Way ways[] = {&Bench::raw, &Bench::seal, &Bench::core_image, &Bench::background,
                            &Bench::background_cold};
    constexpr std::size_t count = std::size(ways);
    for (std::size_t i = 0; i < count; ++i)
      (this->*ways[(i + static_cast<std::size_t>(number)) % count])(number);
    verify();
    expect(store_[0].prune({.keep = 1}, JobId{1}, 1));
  }

  void print() const {
    const double size_gib = static_cast<double>(values_.size() * sizeof(double)) / gib;
    std::printf("%-34s %10s %10s %12s\n", "", "GiB/s", "ratio", "CPU s/GiB");
    std::string json;
    for (const Row& row : rows_) {
      std::vector<double> ratios;
      const Row& base = rows_[row.base];
      for (std::size_t i = 0; i < row.wall_s.size(); ++i)
        ratios.push_back(base.wall_s[i] / row.wall_s[i]);
      const double rate = size_gib / median(row.wall_s);
      const double cpu = median(row.cpu_s) / size_gib;
      std::printf("%-34s %10.3f %10.2f %12.3f\n", row.name, rate, median(ratios), cpu);
      char line[256];
      std::snprintf(line, sizeof line,
                    "%s{\"name\":\"%s\",\"gib_per_s\":%.4f,\"ratio\":%.4f,\"ratio_to\":\"%s\","
                    "\"s_per_gib\":%.4f,\"cpu_s_per_gib\":%.4f}",
                    json.empty() ? "" : ",", row.name, rate, median(ratios), base.name,
                    median(row.wall_s) / size_gib, cpu);
      json += line;
    }
    std::printf("job blocked: %.3f s/GiB with the memory of the last seal, %.3f with new memory\n",
                median(rows_[blocking].wall_s) / size_gib,
                median(rows_[blocking_cold].wall_s) / size_gib);
    std::printf(
        "{\"schema\":\"sovren.bench.checkpoint/1\",\"bytes\":%zu,\"rounds\":%zu,\"rows\":[%s]}\n",
        values_.size() * sizeof(double), rows_[0].wall_s.size(), json.c_str());
  }

 private:
  enum RowName : std::size_t { plain, sealing, image, blocking, blocking_cold, reading, verifying };

  void raw(int) {
    const std::string path = dir_ + "/raw";
    rows_[plain].add(measured([&] {
      write_plainly(path, std::as_bytes(std::span(values_)));
      expect(storage::rename_durable(path, path + ".done"));
    }));
    expect(storage::remove_tree(path + ".done"));
  }
  void seal(int number) {
    rows_[sealing].add(measured([&] {
      const auto sealed = store_[0].seal(*comm_, header(2 * number + 1), fill());
      expect(sealed);
      sealed_ = sealed->path;
    }));
  }
  void core_image(int) {
    const std::string path = dir_ + "/image.h5";
    rows_[image].add(measured([&] {
      expect(write_core_image(path, values_));
      expect(storage::rename_durable(path, path + ".done"));
    }));
    expect(storage::remove_tree(path + ".done"));
  }
  void background(int number) { start_and_finish(store_[0], number, blocking); }
  void background_cold(int number) {
    auto store = CheckpointStore::open(dir_ + "/checkpoints");
    expect(store);
    start_and_finish(*store, number, blocking_cold);
  }
  void start_and_finish(CheckpointStore& store, int number, RowName row) {
    std::vector<storage::PendingSeal> pending;
    rows_[row].add(measured([&] {
      auto started = store.start_seal(*comm_, header(2 * number + 2), fill());
      expect(started);
      pending.push_back(std::move(*started));
    }));
    expect(store.finish_seal(*comm_, std::move(pending.back())));
  }
  void verify() {
    const std::string shard = sealed_ + "/shard-00000.h5";
    forget_pages(shard);
    rows_[reading].add(measured([&] { read_plainly(shard); }));
    forget_pages(shard);
    rows_[verifying].add(measured([&] { expect(storage::verify_set(sealed_)); }));
  }

  static storage::SetHeader header(int step) {
    return {.job = JobId{1}, .attempt = 1, .step = step, .kind = "bench", .facts = {}};
  }
  std::function<Result<void>(StateWriter&)> fill() const {
    return [this](StateWriter& writer) {
      return writer.put_all<double>("x", std::span<const double>(values_));
    };
  }

  std::string dir_;
  std::vector<double> values_;
  std::vector<CheckpointStore> store_;
  std::unique_ptr<Communicator> comm_ = workers::make_self_communicator();
  std::string sealed_;
  std::vector<Row> rows_{
      {"raw write + fsync", {}, {}, plain},      {"seal (laid out, streamed)", {}, {}, plain},
      {"core-driver image", {}, {}, plain},      {"start_seal (job blocked)", {}, {}, plain},
      {"start_seal, new memory", {}, {}, plain}, {"raw read, pages dropped", {}, {}, reading},
      {"verify, pages dropped", {}, {}, reading}};
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
  for (int number = 0; number < rounds; ++number) bench.round(number);
  bench.print();
  return 0;
}
