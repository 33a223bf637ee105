// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string_view>

#include "core/base/result.h"
#include "core/model/state.h"

namespace sovren::text {

/// A State as lines of text: a letter for what the line is, and a JSON object. The form of
/// snapshots, which another version need not read: it replays the events instead.
///
/// Model    H head (with the version), S spec, N node, U usage, K request key, J job, E end.
/// Cost     about 0.5 us and 120 bytes for each pending job that shares its spec.

/// Calls put with pieces of about a MiB of whole lines. A put that fails ends it with its error.
Result<void> write_state(const State& state,
                         const std::function<Result<void>(std::string_view piece)>& put);

/// Takes the pieces in order. Errors: storage_corrupt: another version, or not as it was written.
class StateReader {
 public:
  Result<void> take(std::string_view piece);
  Result<State> finish() &&;

 private:
  Result<void> take_line(std::string_view line);
  State state_;
  std::int64_t lines_ = 0;
  bool is_begun_ = false;
  bool is_ended_ = false;
};

}  // namespace sovren::text
