// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "core/base/id.h"
#include "core/base/result.h"
#include "core/base/units.h"
#include "scheduler/api/http_types.h"

namespace sovren::api {

/// The query of a request. What is not asked for is an error, so that a misspelt name is not
/// silently passed over.
class Query {
 public:
  explicit Query(const Target& target) : target_(target) {}

  std::string text(std::string_view name, std::string_view otherwise = "");
  Result<std::int64_t> whole(std::string_view name, std::int64_t otherwise, std::int64_t min,
                             std::int64_t max);
  /// Seconds: a plain number.
  Result<double> seconds(std::string_view name, double otherwise, double max);
  /// RFC 3339.
  Result<std::optional<Instant>> time(std::string_view name);
  /// Every name was asked for above, and none stands twice.
  Result<void> finish() const;

 private:
  const Target& target_;
  std::set<std::string, std::less<>> asked_;
};

/// "12", or "12_5": element 5 of the array whose first job is 12. Errors: usage.
Result<JobId> parse_job_id(const std::string& text);

}  // namespace sovren::api
