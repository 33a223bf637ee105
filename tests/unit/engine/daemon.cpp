// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/engine/daemon.h"

#include "scheduler/engine/overload.h"

namespace sovren::engine {

std::vector<std::string> Daemon::orders(const std::string& node, const std::string& instance) {
  std::vector<std::string> texts;
  const auto ticket = host_->take_orders(
      node, node + "-" + instance, after_[node], [&](Result<std::vector<Order>> orders) {
        if (!orders) return texts.push_back(std::string(name(orders.error().code)));
        for (const Order& order : *orders) {
          after_[node] = order.number;
          const auto of = [](const auto& o) {
            return std::to_string(o.job.value) + "." + std::to_string(o.attempt);
          };
          texts.push_back(std::visit(
              Overload{[&](const AttemptOrder& o) { return "start " + of(o); },
                       [&](const RequestOrder& o) {
                         return std::string(request_name(o.request)) + " " + of(o);
                       },
                       [&](const SealOrder& o) {
                         return "seal " + std::to_string(o.step) + " of " + of(o);
                       },
                       [&](const AssistOrder& o) { return "assist " + of(o) + ": " + o.command; },
                       [&](const AssistEndedOrder& o) {
                         return "assist ended " + of(o) + " on " + o.node + ": " +
                                std::to_string(o.ended.exit_code);
                       }},
              order.what));
        }
      });
  host_->pump();
  if (ticket) host_->stop_waiting(*ticket);
  host_->pump();
  return texts;
}

}  // namespace sovren::engine
