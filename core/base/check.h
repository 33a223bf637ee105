// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace sovren {

/// Prints the broken claim with its place and aborts. Aborting is safe: the event log replays,
/// checkpoints are sealed.
[[noreturn]] void check_failed(const char* claim, const char* why, const char* file, int line);

}  // namespace sovren

/// A claim whose failure is a bug in Sovren. On in release builds.
#define SOVREN_CHECK(claim, why) \
  ((claim) ? static_cast<void>(0) : sovren::check_failed(#claim, why, __FILE__, __LINE__))
