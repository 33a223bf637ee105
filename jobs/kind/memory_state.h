// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/port/state_io.h"

namespace sovren::jobs {

/// The state of a job in memory, strict about the contract of StateWriter: for tests of job kinds.
///
/// Model    the ranks put their rows -> complete() -> any rank of any later run gets rows.
/// Errors   bug: rows put twice, rows out of range, two infos for one array, sizes that do not fit.
/// Threads  put and get may be called from several threads at once.
class MemoryState : public StateWriter, public StateReader {
 public:
  using StateReader::get_all;
  using StateReader::get_rows;
  using StateWriter::put;

  Result<void> put(const ArrayInfo& info, Rows rows, std::span<const std::byte> data) override;
  Result<ArrayInfo> info(std::string_view name) const override;
  Result<void> get(std::string_view name, Dtype dtype, Rows rows,
                   std::span<std::byte> out) override;

  /// Was every row of every array put?
  Result<void> complete() const;

  /// Names of the arrays that differ in info or bytes, of those under "measured/" in info; empty
  /// when the states are the same.
  std::vector<std::string> difference(const MemoryState& other) const;

  std::vector<std::string> names() const;

 private:
  struct Array {
    ArrayInfo info;
    std::vector<std::byte> bytes;
    std::vector<bool> is_put;  ///< per row
  };
  mutable std::mutex mutex_;
  std::map<std::string, Array, std::less<>> arrays_;
};

}  // namespace sovren::jobs
