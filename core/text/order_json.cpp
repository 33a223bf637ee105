// SPDX-License-Identifier: Apache-2.0
#include "core/text/order_json.h"

#include <array>

#include "core/text/job_file.h"
#include "core/text/model_fields.h"
#include "core/text/report_value.h"

namespace sovren {

// In the namespace of the types, where Writer and Reader find them by their argument.
static void fields(auto& io, HeldAttempt& a) {
  io.required("job", a.job);
  io.required("attempt", a.attempt);
  io.required("is_running", a.is_running);
}
static void fields(auto& io, AgentHello& h) {
  io.required("node", h.node);
  io.required("instance", h.instance);
  io.optional("version", h.version);
  io.required("resources", h.resources);
  io.optional("acknowledged", h.acknowledged);
  io.optional("attempts", h.attempts);
}
static void fields(auto& io, HelloReply& r) {
  io.required("node_timeout_s", r.node_timeout_s);
  io.required("orders_after", r.orders_after);
}
// The spec is put beside these, as text.
static void fields(auto& io, AttemptOrder& o) {
  io.required("job", o.job);
  io.required("attempt", o.attempt);
  io.required("ranks", o.ranks);
  io.required("node", o.node);
  io.unless("slots", o.slots, std::vector<Slot>());
  io.optional("user", o.user);
  io.required("dir", o.dir);
  io.optional("oldest_set_job", o.oldest_set_job);
  io.optional("mtbf_s", o.mtbf_s);
  io.unless("array_job", o.array_job, JobId());
  io.unless("element", o.element, std::int64_t{-1});
  io.unless("sequence", o.sequence, std::string());
}
static void fields(auto& io, RequestOrder& o) {
  io.required("job", o.job);
  io.required("attempt", o.attempt);
  io.required("request", o.request);
}
static void fields(auto& io, SealOrder& o) {
  io.required("job", o.job);
  io.required("attempt", o.attempt);
  io.required("step", o.step);
}
static void fields(auto& io, AssistOrder& o) {
  io.required("job", o.job);
  io.required("attempt", o.attempt);
  io.required("launch", o.launch);
  io.required("command", o.command);
  io.required("head", o.head);
  io.optional("user", o.user);
  io.required("dir", o.dir);
  io.required("ranks", o.ranks);
  io.optional("cpus_per_rank", o.cpus_per_rank);
  io.optional("gpus_per_rank", o.gpus_per_rank);
  io.optional("memory_per_rank_bytes", o.memory_per_rank_bytes);
}
static void fields(auto& io, AssistEnded& n) {
  io.required("launch", n.launch);
  io.required("exit_code", n.exit_code);
  io.unless("why", n.why, std::string());
}
static void fields(auto& io, AssistEndedOrder& o) {
  io.required("job", o.job);
  io.required("attempt", o.attempt);
  io.required("node", o.node);
  fields(io, o.ended);
}
// A report is put beside these, as an object.
static void fields(auto&, RankReport&) {}
static void fields(auto& io, AttemptExited& n) {
  io.required("exit_code", n.exit_code);
  io.optional("error", n.error);
}
static void fields(auto& io, AssistAsked& n) {
  io.required("node", n.node);
  io.required("launch", n.launch);
  io.required("command", n.command);
}
static void fields(auto&, AttemptGone&) {}

}  // namespace sovren

namespace sovren::text {
namespace {

// In the order of the variants' alternatives.
constexpr std::array<std::string_view, std::variant_size_v<OrderBody>> order_names{
    "start", "request", "seal_recorded", "assist", "assist_ended"};
using NewsBody = decltype(AttemptNews::what);
constexpr std::array<std::string_view, std::variant_size_v<NewsBody>> news_names{
    "report", "exited", "assist_asked", "assist_ended", "gone"};

tl::unexpected<Error> invalid(std::string what) {
  return fail({.code = Code::data_invalid, .what = std::move(what)});
}

template <class T>
std::string object_to_json(const T& value) {
  Json json = Json::object();
  Writer(json).all(value);
  return dump_json(json);
}

template <class T>
Result<T> object_from_json(std::string_view body, const char* what) {
  SOVREN_TRY(json, parse_json(body, what));
  T value{};
  Reader reader(json);
  if (!reader.error()) fields(reader, value);
  if (reader.error()) return invalid(std::string(what) + ": " + reader.error()->what);
  return value;
}

// Makes the alternative of a variant that bears this name, and reads its fields.
template <class Variant, std::size_t index = 0>
Result<Variant> read_named(const std::array<std::string_view, std::variant_size_v<Variant>>& names,
                           const std::string& name, const Json& json) {
  if constexpr (index == std::variant_size_v<Variant>) {
    return invalid("'" + name + "' is not known to this version");
  } else {
    if (names[index] != name) return read_named<Variant, index + 1>(names, name, json);
    Variant value(std::in_place_index<index>);
    Reader reader(json);
    fields(reader, std::get<index>(value));
    if (reader.error()) return invalid(name + ": " + reader.error()->what);
    return value;
  }
}

Json value_of(const Order& order) {
  Json json = {{"number", order.number},
               {"order", std::string(order_names.at(order.what.index()))}};
  Writer writer(json);
  std::visit([&](const auto& each) { writer.all(each); }, order.what);
  if (const auto* start = std::get_if<AttemptOrder>(&order.what))
    json["spec"] = print_job_file(start->spec);
  return json;
}

// The jobs of an array come one after the other, and most have one text: the last is remembered.
Result<JobSpec> spec_of(std::string toml) {
  thread_local std::string last_text;
  thread_local JobSpec last_spec;
  if (toml == last_text && !toml.empty()) return last_spec;
  auto spec = parse_job_file({.name = "spec", .text = toml, .base_dir = ""});
  if (!spec) return fail(std::move(spec.error().front()).within("reading the job of an order"));
  last_text = std::move(toml);
  last_spec = *spec;
  return *std::move(spec);
}

Result<Order> order_of(const Json& json) {
  Order order;
  SOVREN_TRY(number, get_int(json, "number"));
  SOVREN_TRY(name, get_string(json, "order"));
  SOVREN_TRY(what, read_named<OrderBody>(order_names, name, json));
  order.number = number;
  order.what = std::move(what);
  if (auto* start = std::get_if<AttemptOrder>(&order.what)) {
    SOVREN_TRY(toml, get_string(json, "spec"));
    SOVREN_TRY(spec, spec_of(std::move(toml)));
    start->spec = std::move(spec);
  }
  return order;
}

Json value_of(const NumberedNews& numbered) {
  const AttemptNews& news = numbered.news;
  Json json = {{"number", numbered.number},
               {"news", std::string(news_names.at(news.what.index()))},
               {"job", news.job.value},
               {"attempt", news.attempt}};
  Writer writer(json);
  std::visit([&](const auto& each) { writer.all(each); }, news.what);
  if (const auto* report = std::get_if<RankReport>(&news.what))
    json["report"] = report_to_value(*report);
  return json;
}

Result<NumberedNews> news_of(const Json& json) {
  SOVREN_TRY(number, get_int(json, "number"));
  SOVREN_TRY(name, get_string(json, "news"));
  NumberedNews numbered{.number = number, .news = {}};
  Reader reader(json);
  reader.required("job", numbered.news.job);
  reader.required("attempt", numbered.news.attempt);
  if (reader.error()) return invalid(reader.error()->what);
  SOVREN_TRY(what, read_named<NewsBody>(news_names, name, json));
  numbered.news.what = std::move(what);
  if (auto* report = std::get_if<RankReport>(&numbered.news.what)) {
    SOVREN_TRY(value, get_member(json, "report"));
    SOVREN_TRY(read, report_from_value(*value));
    *report = std::move(read);
  }
  return numbered;
}

template <class T>
Json list_of(std::span<const T> values) {
  Json list = Json::array();
  for (const T& value : values) list.push_back(value_of(value));
  return list;
}

// The members of the list `key`, each by `read`; their numbers count up by one.
template <class T>
Result<std::vector<T>> read_list(const Json& json, const char* key,
                                 Result<T> (*read)(const Json&)) {
  SOVREN_TRY(list, get_member(json, key));
  if (!list->is_array()) return invalid(std::string("/") + key + " must be an array");
  std::vector<T> values;
  for (const Json& each : *list) {
    auto value = read(each);
    if (!value)
      return fail(std::move(value).error().within("reading " + std::string(key) + "/" +
                                                  std::to_string(values.size())));
    if (!values.empty() && value->number != values.back().number + 1)
      return invalid(std::string(key) + " number " + std::to_string(value->number) + " follows " +
                     std::to_string(values.back().number));
    values.push_back(*std::move(value));
  }
  return values;
}

}  // namespace

std::string hello_to_json(const AgentHello& hello) {
  return object_to_json(hello);
}
Result<AgentHello> hello_from_json(std::string_view body) {
  return object_from_json<AgentHello>(body, "hello");
}

std::string hello_reply_to_json(const HelloReply& reply) {
  return object_to_json(reply);
}
Result<HelloReply> hello_reply_from_json(std::string_view body) {
  return object_from_json<HelloReply>(body, "hello reply");
}

std::string orders_to_json(std::span<const Order> orders) {
  return dump_json({{"orders", list_of(orders)}});
}
Result<std::vector<Order>> orders_from_json(std::string_view body) {
  SOVREN_TRY(json, parse_json(body, "orders"));
  return read_list<Order>(json, "orders", &order_of);
}

std::string news_to_json(const NewsPost& post) {
  return dump_json(
      {{"instance", post.instance}, {"news", list_of(std::span<const NumberedNews>(post.news))}});
}
Result<NewsPost> news_from_json(std::string_view body) {
  SOVREN_TRY(json, parse_json(body, "news"));
  SOVREN_TRY(instance, get_string(json, "instance"));
  SOVREN_TRY(news, read_list<NumberedNews>(json, "news", &news_of));
  return NewsPost{std::move(instance), std::move(news)};
}

std::string acknowledgement_to_json(std::int64_t number) {
  return dump_json({{"acknowledged", number}});
}
Result<std::int64_t> acknowledgement_from_json(std::string_view body) {
  SOVREN_TRY(json, parse_json(body, "acknowledgement"));
  return get_int(json, "acknowledged");
}

}  // namespace sovren::text
