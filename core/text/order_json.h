// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/port/orders.h"

namespace sovren::text {

// The bodies of the agents' routes, /v1/agents/{node}..., as JSON (docs/formats.md). Unknown fields
// are ignored. Errors of reading: data_invalid: no JSON, an unknown kind of order or news, a field
// that is missing or of another type, or numbers that leave a gap.

std::string hello_to_json(const AgentHello& hello);
Result<AgentHello> hello_from_json(std::string_view body);

std::string hello_reply_to_json(const HelloReply& reply);
Result<HelloReply> hello_reply_from_json(std::string_view body);

/// {"orders":[{"number":7,"order":"start",...},...]}. A job's spec is its resolved TOML text.
std::string orders_to_json(std::span<const Order> orders);
Result<std::vector<Order>> orders_from_json(std::string_view body);

/// {"instance":"...","news":[{"number":3,"news":"exited",...},...]}.
std::string news_to_json(const NewsPost& post);
Result<NewsPost> news_from_json(std::string_view body);

/// {"acknowledged":3}: up to this number all is durable, and need not be told again.
std::string acknowledgement_to_json(std::int64_t number);
Result<std::int64_t> acknowledgement_from_json(std::string_view body);

}  // namespace sovren::text
