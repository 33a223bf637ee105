// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "core/base/id.h"
#include "core/base/result.h"

namespace sovren {

/// What a job waits for. The id of an array's first job stands for all of its elements, except for
/// corresponding, which waits for the element of the same number.
struct Dependency {
  enum class Kind {
    after,          ///< it has started, or ended without a start
    any,            ///< it has ended
    ok,             ///< COMPLETED
    not_ok,         ///< it has ended otherwise
    corresponding,  ///< of an array: its element of the same number is COMPLETED
    singleton       ///< no other job of this name and user is before it in the queue or running
  };
  Kind kind = Kind::ok;
  JobId job;  ///< none for singleton
  bool operator==(const Dependency&) const = default;
};

/// "ok:12,any:13,notok:3,after:4,corr:5,singleton": all must hold. "failed" is an old name of
/// "notok". Empty: none.
///
/// Errors   spec_invalid; `what` begins with the term that is wrong.
Result<std::vector<Dependency>> parse_after(std::string_view text);

}  // namespace sovren
