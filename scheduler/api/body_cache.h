// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "scheduler/api/submit_body.h"

namespace sovren::api {

/// What was read from the newest bodies: those who submit the same again and again do not have it
/// read again and again, and the jobs share one spec.
///
/// Threads  any.
class BodyCache {
 public:
  std::shared_ptr<const SubmitBody> find(const std::string& digest) const;
  void add(const std::string& digest, std::shared_ptr<const SubmitBody> body);

 private:
  static constexpr std::size_t bodies_max = 64;

  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const SubmitBody>> bodies_;
  std::deque<std::string> in_order_;  ///< oldest first
};

}  // namespace sovren::api
