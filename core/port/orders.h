// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/base/id.h"
#include "core/model/event.h"
#include "core/port/launcher.h"

namespace sovren {

// What the scheduler and a node's agent tell each other (docs/formats.md; core/text/order_json.h).
// An agent says hello, takes orders by their number and tells news by theirs; either side may ask
// or tell again, and what was seen before is known by its number.

/// An attempt that an agent has seen. is_running: else its end is among the news to come.
struct HeldAttempt {
  JobId job;
  int attempt = 0;
  bool is_running = false;
  bool operator==(const HeldAttempt&) const = default;
};

/// The first words of an agent on each connection, and after each answer not_found.
struct AgentHello {
  std::string node;
  std::string instance;  ///< made anew by each agent process
  std::string version;
  NodeResources resources;
  std::int64_t acknowledged = 0;      ///< newest news that the scheduler has acknowledged
  std::vector<HeldAttempt> attempts;  ///< headed here and not forgotten, or helped with
  bool operator==(const AgentHello&) const = default;
};

struct HelloReply {
  double node_timeout_s = 0;      ///< silent for longer, the node counts as down
  std::int64_t orders_after = 0;  ///< ask for orders after this one
  bool operator==(const HelloReply&) const = default;
};

/// Pass this on to the attempt. Of an attempt that the agent does not have, a kill is answered by
/// AttemptGone, and the others by nothing. Obeyed once or twice, it is the same.
struct RequestOrder {
  JobId job;
  int attempt = 0;
  Request request = Request::kill;
  bool operator==(const RequestOrder&) const = default;
};

/// The attempt's sealed set is in the log: older sets may be deleted now.
struct SealOrder {
  JobId job;
  int attempt = 0;
  std::int64_t step = 0;
  bool operator==(const SealOrder&) const = default;
};

/// AttemptOrder: start it. One that the agent has seen, or older than one that it has seen of the
/// job, is never started; unless it runs, AttemptGone is the answer (after its end, if that is
/// still to be told).
using OrderBody =
    std::variant<AttemptOrder, RequestOrder, SealOrder, AssistOrder, AssistEndedOrder>;

struct Order {
  std::int64_t number = 0;  ///< counts from orders_after + 1 without gaps
  OrderBody what;
  bool operator==(const Order&) const = default;
};

/// One piece of news; told again until it is acknowledged.
struct NumberedNews {
  std::int64_t number = 0;  ///< counts from 1 without gaps within an instance
  AttemptNews news;
  bool operator==(const NumberedNews&) const = default;
};
struct NewsPost {
  std::string instance;
  std::vector<NumberedNews> news;
  bool operator==(const NewsPost&) const = default;
};

}  // namespace sovren
