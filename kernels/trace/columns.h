// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "kernels/trace/vec.h"

namespace sovren::trace {

/// 16 bytes, which a device reads and writes at once.
#ifdef __CUDACC__
using Word = uint4;
#else
struct alignas(16) Word {
  std::uint32_t x, y, z, w;
};
#endif

/// An array of plain values that is cut into words, each word of all values side by side: threads
/// that read neighbours read one stretch of memory.
///
/// Shape    (words, capacity), in memory that somebody else owns.
template <class T>
struct Columns {
  static_assert(std::is_trivially_copyable_v<T>);
  static constexpr std::size_t words = (sizeof(T) + sizeof(Word) - 1) / sizeof(Word);

  Word* data = nullptr;
  std::uint32_t capacity = 0;

  static constexpr std::size_t size_bytes(std::uint32_t capacity) {
    return words * sizeof(Word) * capacity;
  }

  SOVREN_BOTH T get(std::uint32_t i) const {
    Word parts[words];
    SOVREN_UNROLL for (std::size_t k = 0; k < words; ++k) parts[k] = data[k * capacity + i];
    T value;
    __builtin_memcpy(static_cast<void*>(&value), parts, sizeof value);
    return value;
  }
  SOVREN_BOTH void put(std::uint32_t i, const T& value) const { put_part<0, sizeof(T)>(i, value); }
  /// Writes bytes [first, first + size) of the value alone, and what shares their words.
  template <std::size_t first, std::size_t size>
  SOVREN_BOTH void put_part(std::uint32_t i, const T& value) const {
    Word parts[words] = {};
    __builtin_memcpy(parts, &value, sizeof value);
    SOVREN_UNROLL for (std::size_t k = first / sizeof(Word); k * sizeof(Word) < first + size; ++k)
        data[k * capacity + i] = parts[k];
  }
};

}  // namespace sovren::trace
