// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <string>

namespace sovren::api {

/// A token bucket per peer. Time is handed in, in seconds of any steady clock.
class RateLimiter {
 public:
  explicit RateLimiter(double burst_s) : burst_s_(burst_s) {}

  /// Takes one token of the peer's bucket, which fills at `per_s`. 0: it may go on; else the
  /// seconds until it may.
  double take(const std::string& peer, double per_s, double now_s);

  std::size_t size() const { return buckets_.size(); }

 private:
  struct Bucket {
    double tokens = 0;
    double per_s = 0;
    double at_s = 0;
  };
  void forget_full(double now_s);

  const double burst_s_;
  std::map<std::string, Bucket> buckets_;
};

}  // namespace sovren::api
