// SPDX-License-Identifier: Apache-2.0
#include "core/text/order_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/text/job_file.h"
#include "tests/unit/core_text/random_spec.h"

namespace sovren::text {
namespace {

using testing::HasSubstr;
using testing_text::Draw;

AttemptOrder random_attempt(std::uint64_t seed) {
  Draw draw(seed);
  AttemptOrder order{.job = {draw.between(1, 1'000'000)},
                     .attempt = static_cast<int>(draw.between(1, 9)),
                     .ranks = static_cast<int>(draw.between(1, 64)),
                     .node = draw.word(),
                     .user = draw.text(),
                     .dir = "/" + draw.text(),
                     .oldest_set_job = {draw.below(100)},
                     .mtbf_s = draw.uniform() * 1e6,
                     .spec = testing_text::random_spec(seed),
                     .sequence = draw.coin() ? draw.word() : ""};
  if (draw.coin()) order.slots = {{order.node, 3}, {draw.word(), order.ranks}};
  return order;
}

Order random_order(std::uint64_t seed, std::int64_t number) {
  Draw draw(seed + 1000);
  const JobId job{draw.between(1, 1000)};
  const int attempt = static_cast<int>(draw.between(1, 9));
  switch (seed % 5) {
    case 0:
      return {number, random_attempt(seed)};
    case 1:
      return {number, RequestOrder{job, attempt, static_cast<Request>(draw.below(5))}};
    case 2:
      return {number, SealOrder{job, attempt, draw.below(1'000'000)}};
    case 3:
      return {number, AssistOrder{job, attempt, draw.word(), draw.text(), draw.word(), draw.text(),
                                  draw.text(), 3, 2, 1, draw.below(1'000'000)}};
    default:
      return {number, AssistEndedOrder{job, attempt, draw.word(), {draw.word(), 1, draw.text()}}};
  }
}

NumberedNews random_news(std::uint64_t seed, std::int64_t number) {
  Draw draw(seed + 2000);
  AttemptNews news{.job = {draw.between(1, 1000)},
                   .attempt = static_cast<int>(draw.between(1, 9)),
                   .what = AttemptGone{}};
  switch (seed % 5) {
    case 0:
      news.what = testing_text::random_report(
          seed, static_cast<std::size_t>(draw.below(std::variant_size_v<RankReport>)));
      break;
    case 1:
      news.what = AttemptExited{
          static_cast<int>(draw.below(256)),
          draw.coin() ? std::optional(Error{.code = Code::device, .what = draw.text()})
                      : std::nullopt};
      break;
    case 2:
      news.what = AssistAsked{draw.word(), draw.word(), draw.text()};
      break;
    case 3:
      news.what = AssistEnded{draw.word(), static_cast<int>(draw.below(256)), ""};
      break;
    default:
      break;
  }
  return {number, news};
}

TEST(OrderJson, ReadsBackWhatItWrote) {
  std::vector<Order> orders;
  NewsPost post{.instance = "i1", .news = {}};
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    orders.push_back(random_order(seed, static_cast<std::int64_t>(seed) + 7));
    post.news.push_back(random_news(seed, static_cast<std::int64_t>(seed) + 1));
  }
  const auto orders_again = orders_from_json(orders_to_json(orders));
  ASSERT_TRUE(orders_again) << to_text(orders_again.error());
  EXPECT_EQ(*orders_again, orders);
  const auto post_again = news_from_json(news_to_json(post));
  ASSERT_TRUE(post_again) << to_text(post_again.error());
  EXPECT_EQ(*post_again, post);

  const AgentHello hello{.node = "n1",
                         .instance = "f00d",
                         .version = "0.1.0",
                         .resources = {.cpus = 4, .gpus = 1, .labels = {{"region", "eu"}}},
                         .acknowledged = 12,
                         .attempts = {{{3}, 1, true}, {{4}, 2, false}}};
  EXPECT_EQ(*hello_from_json(hello_to_json(hello)), hello);
  const HelloReply reply{30, 41};
  EXPECT_EQ(*hello_reply_from_json(hello_reply_to_json(reply)), reply);
  EXPECT_EQ(*acknowledgement_from_json(acknowledgement_to_json(99)), 99);
}

TEST(OrderJson, IsWrittenThus) {
  EXPECT_EQ(orders_to_json(std::vector<Order>{{5, RequestOrder{{1}, 2, Request::kill}}}),
            R"({"orders":[{"number":5,"order":"request","job":1,"attempt":2,"request":"kill"}]})");
  EXPECT_EQ(news_to_json({"f00d", {{1, {{1}, 2, AttemptExited{75, std::nullopt}, ""}}}}),
            R"({"instance":"f00d","news":[{"number":1,"news":"exited","job":1,"attempt":2,)"
            R"("exit_code":75}]})");
}

TEST(OrderJson, RefusesWhatIsNotWellFormed) {
  const auto of_orders = [](const char* body) { return orders_from_json(body).error(); };
  EXPECT_EQ(of_orders("{").code, Code::data_invalid);
  EXPECT_THAT(of_orders(R"({"orders":{}})").what, HasSubstr("must be an array"));
  EXPECT_THAT(of_orders(R"({"orders":[{"number":1,"order":"dance"}]})").what,
              HasSubstr("'dance' is not known"));
  EXPECT_THAT(of_orders(R"({"orders":[{"number":1,"order":"assist","job":1}]})").what,
              HasSubstr("/attempt is missing"));
  const std::string gap =
      R"({"orders":[{"number":1,"order":"request","job":1,"attempt":1,"request":"stop"},)"
      R"({"number":3,"order":"request","job":1,"attempt":1,"request":"stop"}]})";
  EXPECT_THAT(of_orders(gap.c_str()).what, HasSubstr("orders number 3 follows 1"));
  EXPECT_THAT(
      news_from_json(R"({"instance":"x","news":[{"number":1,"news":"gone"}]})").error().what,
      HasSubstr("/job is missing"));
  EXPECT_EQ(hello_from_json(R"({"node":"n"})").error().code, Code::data_invalid);
  EXPECT_EQ(acknowledgement_from_json("[]").error().code, Code::data_invalid);
}

}  // namespace
}  // namespace sovren::text
