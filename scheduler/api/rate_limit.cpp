// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/rate_limit.h"

#include <algorithm>

namespace sovren::api {
namespace {

constexpr std::size_t buckets_max = 10'000;

}  // namespace

double RateLimiter::take(const std::string& peer, double per_s, double now_s) {
  if (buckets_.size() >= buckets_max && !buckets_.contains(peer)) forget_full(now_s);
  const double tokens_max = std::max(1.0, per_s * burst_s_);
  auto [at, is_new] = buckets_.try_emplace(peer, Bucket{tokens_max, per_s, now_s});
  Bucket& bucket = at->second;
  bucket.tokens = std::min(tokens_max, bucket.tokens + (now_s - bucket.at_s) * per_s);
  bucket.at_s = now_s;
  if (bucket.tokens < 1) return (1 - bucket.tokens) / per_s;
  bucket.tokens -= 1;
  return 0;
}

void RateLimiter::forget_full(double now_s) {
  std::erase_if(buckets_, [&](const auto& entry) {
    const Bucket& bucket = entry.second;
    return bucket.tokens + (now_s - bucket.at_s) * bucket.per_s >= bucket.per_s * burst_s_;
  });
  if (buckets_.size() >= buckets_max) buckets_.clear();  // all busy: better all anew than memory
}

}  // namespace sovren::api
