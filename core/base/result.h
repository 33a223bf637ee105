// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tl/expected.hpp>
#include <utility>

#include "core/base/error.h"

namespace sovren {

/// A value, or the Error that says why there is none. Dropping one is a compile error.
template <class T>
using Result = tl::expected<T, Error>;

/// The failing branch of a Result: `return fail({.code = Code::storage_io, .what = "..."});`
inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace sovren

#define SOVREN_JOIN_INNER(a, b) a##b
#define SOVREN_JOIN(a, b) SOVREN_JOIN_INNER(a, b)

/// SOVREN_TRY(value, call()): value is what call() returned; a failure is returned from the calling
/// function.
#define SOVREN_TRY(name, ...) \
  SOVREN_TRY_INNER(SOVREN_JOIN(result_of_line_, __LINE__), name, __VA_ARGS__)
#define SOVREN_TRY_INNER(result, name, ...)                                     \
  auto result = (__VA_ARGS__);                                                  \
  if (!result) return tl::unexpected<sovren::Error>(std::move(result).error()); \
  auto name = std::move(result).value()

/// SOVREN_DO(call()): call() must succeed; a failure is returned from the calling function.
#define SOVREN_DO(...)                                                      \
  do {                                                                      \
    if (auto sovren_done = (__VA_ARGS__); !sovren_done)                     \
      return tl::unexpected<sovren::Error>(std::move(sovren_done).error()); \
  } while (false)
