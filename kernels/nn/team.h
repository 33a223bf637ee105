// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>

namespace sovren::nn {

/// The threads of one rank: they wait between two calls, so that a kernel of ten microseconds may
/// use them.
///
/// Laws     which thread takes which part is open; so a part writes only what is its own, and the
///          parts are cut by the shape of the data alone, never by the number of threads: then the
///          results are the same bits for any number.
/// Threads  run() from one thread; parts do not call run().
class Team {
 public:
  explicit Team(int threads);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int threads() const;

  /// Calls part(0) .. part(parts - 1), each once; returns when all have returned.
  void run(std::int64_t parts, const std::function<void(std::int64_t part)>& part);

  /// Calls block(first, end) for 0 .. count cut into blocks of `size`.
  void run_blocks(std::int64_t count, std::int64_t size,
                  const std::function<void(std::int64_t first, std::int64_t end)>& block) {
    run((count + size - 1) / size,
        [&](std::int64_t part) { block(part * size, std::min(count, (part + 1) * size)); });
  }

 private:
  struct Crew;
  std::unique_ptr<Crew> crew_;
};

}  // namespace sovren::nn
