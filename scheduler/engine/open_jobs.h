// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "core/base/result.h"
#include "core/model/site.h"
#include "core/model/state.h"
#include "scheduler/policy/view.h"

namespace sovren::engine {

/// How many jobs of whom have not ended, for the limits on submitted jobs.
class OpenJobs {
 public:
  static policy::Owner owner_of(const JobSpec& spec, const std::string& user, const Site& site);

  /// array: what it is an element of, if of any.
  void add(const policy::Owner& owner, JobId array, std::int64_t jobs);
  bool has_open_elements(JobId array) const { return of_array_.contains(array); }
  /// May its owner submit so many more? If not: refused, says which limit.
  Result<void> check(const policy::Owner& owner, std::int64_t more, const Site& site) const;

 private:
  /// Of all whose members that `like` names are the same.
  std::int64_t count(const policy::Owner& like) const;
  std::map<policy::Owner, std::int64_t> jobs_;
  std::map<JobId, std::int64_t> of_array_;
};

}  // namespace sovren::engine
