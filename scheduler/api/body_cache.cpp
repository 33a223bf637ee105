// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/body_cache.h"

#include <utility>

namespace sovren::api {

std::shared_ptr<const SubmitBody> BodyCache::find(const std::string& digest) const {
  const std::lock_guard lock(mutex_);
  const auto found = bodies_.find(digest);
  return found == bodies_.end() ? nullptr : found->second;
}

void BodyCache::add(const std::string& digest, std::shared_ptr<const SubmitBody> body) {
  const std::lock_guard lock(mutex_);
  if (!bodies_.try_emplace(digest, std::move(body)).second) return;
  in_order_.push_back(digest);
  if (in_order_.size() <= bodies_max) return;
  bodies_.erase(in_order_.front());
  in_order_.pop_front();
}

}  // namespace sovren::api
