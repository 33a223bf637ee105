// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "core/base/id.h"
#include "core/model/site.h"

namespace sovren {

/// A node that is wanted for a pool.
struct NodeWish {
  AllocationId allocation;
  Pool pool;             ///< as the site file has it
  std::string site_job;  ///< known already, of an earlier run: only to be followed
  /// An earlier run may have asked for it without writing down the answer: look for it first.
  bool may_be_there = false;
};

// What has become of it.
struct WishQueued {
  std::string site_job;  ///< its id at the site
  bool operator==(const WishQueued&) const = default;
};
struct WishStarted {
  double left_s = 0;  ///< until the site ends it; 0: it told no end
  bool operator==(const WishStarted&) const = default;
};
struct WishRefused {
  std::string why;  ///< the site's words
  bool operator==(const WishRefused&) const = default;
};
struct WishEnded {
  std::string why;  ///< "TIMEOUT", or that the site does not know it any more
  bool operator==(const WishEnded&) const = default;
};
struct PoolNews {
  AllocationId allocation;
  std::variant<WishQueued, WishStarted, WishRefused, WishEnded> what;
  bool operator==(const PoolNews&) const = default;
};

/// Asks a site for nodes and gives them back.
///
/// Model    ask and give_back are wishes: both return at once and are carried out until they
///          succeed or are refused. News of an allocation come in the order Queued, Started, then
///          Ended or Refused, each at least once; after the last it is forgotten here.
/// Errors   a site that does not answer is asked again; silence() says so meanwhile.
/// Threads  any.
class PoolHost {
 public:
  virtual ~PoolHost() = default;
  virtual void ask(const NodeWish& wish) = 0;
  /// Also of one that the site has not taken yet: then it is not asked for.
  virtual void give_back(AllocationId allocation) = 0;
  /// What is new; never waits.
  virtual std::vector<PoolNews> poll() = 0;
  /// Why the site does not answer; empty: it does.
  virtual std::string silence() = 0;
};

}  // namespace sovren
