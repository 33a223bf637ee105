// SPDX-License-Identifier: Apache-2.0
// What agents say and ask (core/port/orders.h). The engine keeps the books; here is only JSON.
#include <memory>

#include "core/text/order_json.h"
#include "scheduler/api/api.h"
#include "scheduler/api/problem.h"

namespace sovren::api {
namespace {

constexpr double orders_wait_max_s = 60;

}  // namespace

Result<void> Api::agent_hello(Call& call) {
  SOVREN_TRY(hello, text::hello_from_json(call.request.body));
  if (hello.node != call.parameters[0])
    return fail({.code = Code::usage,
                 .what = "the path is of node '" + call.parameters[0] + "', the body of '" +
                         hello.node + "'"});
  return host_->hello(std::move(hello),
                      [responder = call.responder](const Result<HelloReply>& reply) {
                        if (!reply) return answer(responder, reply.error());
                        responder.send({.body = text::hello_reply_to_json(*reply)});
                      });
}

Result<void> Api::agent_orders(Call& call) {
  Query query(call.request.target);
  const std::string instance = query.text("instance");
  SOVREN_TRY(after_number, query.whole("after", 0, 0, INT64_MAX));
  SOVREN_TRY(wait_s, query.seconds("wait", 0, orders_wait_max_s));
  SOVREN_DO(query.finish());
  SOVREN_TRY(ticket, host_->take_orders(
                         call.parameters[0], instance, after_number,
                         [responder = call.responder](const Result<std::vector<Order>>& orders) {
                           if (!orders) return answer(responder, orders.error());
                           responder.send({.body = text::orders_to_json(*orders)});
                         }));
  if (wait_s == 0)
    host_->stop_waiting(ticket);
  else
    after(wait_s, [this, ticket] { host_->stop_waiting(ticket); });
  return {};
}

Result<void> Api::agent_news(Call& call) {
  SOVREN_TRY(news, text::news_from_json(call.request.body));
  return host_->tell(call.parameters[0], std::move(news),
                     [responder = call.responder](const Result<std::int64_t>& number) {
                       if (!number) return answer(responder, number.error());
                       responder.send({.body = text::acknowledgement_to_json(*number)});
                     });
}

Result<void> Api::agent_leave(Call& call) {
  Query query(call.request.target);
  const std::string instance = query.text("instance");
  SOVREN_DO(query.finish());
  return host_->leave(call.parameters[0], instance,
                      [responder = call.responder](const Result<void>& done) {
                        if (!done) return answer(responder, done.error());
                        responder.send({.body = "{}\n"});
                      });
}

}  // namespace sovren::api
