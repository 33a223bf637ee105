// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <tuple>

namespace sovren::kernels {

/// What is known before the data are looked at: links source(t - lag) --> target(t) that must be
/// there, and such that cannot be.
///
/// Model    forbidden: never marked, and no candidate for a condition. At lag 0, one direction
///          forbidden: if the pair is linked, then the other way; both: the pair is not tested.
///          required: kept whatever its p-value, and directed. Tests still give it value and p.
/// Laws     the links required at lag 0 form no circle, and none is forbidden too: whoever fills it
///          sees to that.
class Knowledge {
 public:
  void require(int source, int target, int lag) { required_.insert({source, target, lag}); }
  void forbid(int source, int target, int lag) { forbidden_.insert({source, target, lag}); }
  bool is_empty() const { return required_.empty() && forbidden_.empty(); }
  bool is_required(int source, int target, int lag) const {
    return required_.contains({source, target, lag});
  }
  bool is_forbidden(int source, int target, int lag) const {
    return forbidden_.contains({source, target, lag});
  }
  /// Can there be any link between the two, in either direction at lag 0?
  bool may_link(int source, int target, int lag) const {
    return !is_forbidden(source, target, lag) || (lag == 0 && !is_forbidden(target, source, 0));
  }

 private:
  using Link = std::tuple<int, int, int>;
  std::set<Link> required_;
  std::set<Link> forbidden_;
};

}  // namespace sovren::kernels
