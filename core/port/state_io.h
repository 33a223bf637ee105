// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/base/check.h"
#include "core/base/result.h"

namespace sovren {

/// Element types of state arrays. Stored by name; never renamed.
enum class Dtype { u8, i32, i64, f32, f64 };
std::size_t dtype_bytes(Dtype dtype);
std::string_view dtype_name(Dtype dtype);

template <class T>
constexpr Dtype dtype_of() {
  if constexpr (std::is_same_v<T, std::uint8_t>)
    return Dtype::u8;
  else if constexpr (std::is_same_v<T, std::int32_t>)
    return Dtype::i32;
  else if constexpr (std::is_same_v<T, std::int64_t>)
    return Dtype::i64;
  else if constexpr (std::is_same_v<T, float>)
    return Dtype::f32;
  else {
    static_assert(std::is_same_v<T, double>, "no Dtype for this type");
    return Dtype::f64;
  }
}

/// Some rows (first dimension) of a global array.
struct Rows {
  std::int64_t first = 0;
  std::int64_t count = 0;
};

/// Global description of one array: row-major, rows along the first dimension.
struct ArrayInfo {
  std::string name;  ///< "mci/val": slashes make HDF5 groups
  Dtype dtype = Dtype::f64;
  std::vector<std::int64_t> shape;
};

/// Where a job kind puts its state. Each row of an array is put by exactly one rank; every rank
/// that calls put for an array states the same info; a rank without rows need not call. Buffers may
/// be reused as soon as put returns.
class StateWriter {
 public:
  virtual ~StateWriter() = default;
  virtual Result<void> put(const ArrayInfo& info, Rows rows, std::span<const std::byte> data) = 0;

  template <class T>
  Result<void> put(std::string name, std::vector<std::int64_t> shape, Rows rows,
                   std::span<const T> data) {
    return put(ArrayInfo{std::move(name), dtype_of<T>(), std::move(shape)}, rows,
               std::as_bytes(data));
  }
  /// A whole array, put by the one rank that calls this.
  template <class T>
  Result<void> put_all(std::string name, std::span<const T> data) {
    const auto n = static_cast<std::int64_t>(data.size());
    return put<T>(std::move(name), {n}, Rows{0, n}, data);
  }
};

/// Where a job kind gets its state back, on any number of ranks: any rank may read any rows.
///
/// Errors   storage_corrupt: no such array, another dtype, rows out of range, or a checksum that
/// does not match.
class StateReader {
 public:
  virtual ~StateReader() = default;
  virtual Result<ArrayInfo> info(std::string_view name) const = 0;
  virtual Result<void> get(std::string_view name, Dtype dtype, Rows rows,
                           std::span<std::byte> out) = 0;

  /// Rows as a vector of T.
  template <class T>
  Result<std::vector<T>> get_rows(std::string_view name, Rows rows) {
    auto array = info(name);
    if (!array) return tl::unexpected<Error>(array.error());
    std::size_t row_elements = 1;
    for (std::size_t d = 1; d < array->shape.size(); ++d)
      row_elements *= static_cast<std::size_t>(array->shape[d]);
    std::vector<T> out(row_elements * static_cast<std::size_t>(rows.count));
    if (auto got = get(name, dtype_of<T>(), rows, std::as_writable_bytes(std::span(out))); !got)
      return tl::unexpected<Error>(got.error());
    return out;
  }
  template <class T>
  Result<std::vector<T>> get_all(std::string_view name) {
    auto array = info(name);
    if (!array) return tl::unexpected<Error>(array.error());
    return get_rows<T>(name, Rows{0, array->shape.empty() ? 0 : array->shape[0]});
  }
};

}  // namespace sovren
