// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/base/result.h"
#include "core/port/communicator.h"
#include "jobs/causal/scores.h"
#include "jobs/causal/table.h"

namespace sovren::jobs {

/// Values laid one behind another as bytes, to go from rank to rank. Both sides know the order.
class Packer {
 public:
  template <class T>
  requires std::is_trivially_copyable_v<T>
  void number(const T& value) {
    const auto bytes = std::as_bytes(std::span(&value, 1));
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  template <class T>
  requires std::is_trivially_copyable_v<T>
  void numbers(std::span<const T> values) {
    number<std::uint64_t>(values.size());
    const auto bytes = std::as_bytes(values);
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  void text(std::string_view value) { numbers(std::span(value.data(), value.size())); }
  void texts(std::span<const std::string> values);
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

/// Reads what a Packer laid. Bytes come from a rank of the same program: a size that does not fit
/// is a bug.
class Unpacker {
 public:
  explicit Unpacker(std::span<const std::byte> bytes) : rest_(bytes) {}
  template <class T>
  T number() {
    T value;
    take(std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }
  template <class T>
  std::vector<T> numbers() {
    std::vector<T> values(number<std::uint64_t>());
    take(std::as_writable_bytes(std::span(values)));
    return values;
  }
  std::string text() {
    const std::vector<char> bytes = numbers<char>();
    return {bytes.begin(), bytes.end()};
  }
  std::vector<std::string> texts();
  bool is_empty() const { return rest_.empty(); }

 private:
  void take(std::span<std::byte> out);
  std::span<const std::byte> rest_;
};

/// All that a causal analysis reads from disk.
struct Inputs {
  Table table;
  std::optional<Truth> truth;
  std::optional<Table> mask;  ///< the same rows and variables; not 0: masked
};

/// Rank 0 reads the inputs, or finds out why it cannot; every rank gets the same inputs or the same
/// error. So files have to lie where rank 0 runs, and are read once.
Result<Inputs> read_and_share(Communicator& comm, const std::function<Result<Inputs>()>& read);

}  // namespace sovren::jobs
