// SPDX-License-Identifier: Apache-2.0
#include "scheduler/engine/order_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sovren::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class OrderBookTest : public testing::Test {
 protected:
  OrderBookTest() {
    book_.head_of = [](JobId) { return "n1"; };
  }

  Result<std::int64_t> greet(const std::string& instance, std::int64_t acknowledged = 0) {
    return book_.greet(
        {.node = "n1", .instance = instance, .version = "1", .acknowledged = acknowledged});
  }
  // Numbers of the orders that have come so far.
  Result<std::uint64_t> wait(std::int64_t after, const std::string& instance = "a") {
    return book_.wait("n1", instance, after, [this](std::vector<Order> orders) {
      answers_ += 1;
      numbers_.clear();
      for (const Order& order : orders) numbers_.push_back(order.number);
    });
  }
  Result<void> tell(std::int64_t from, std::int64_t to, bool is_end = false) {
    NewsPost post{.instance = "a", .news = {}};
    for (std::int64_t n = from; n <= to; ++n)
      post.news.push_back(
          {n,
           {{1}, 1, is_end ? decltype(AttemptNews::what)(AttemptExited{}) : ReportSealed{n}, ""}});
    return book_.tell("n1", std::move(post));
  }
  void order(int attempt) { (void)book_.request({1}, attempt, Request::checkpoint); }
  void settle(bool is_running) {
    book_.note_durable([&](JobId, int) { return is_running; });
  }

  OrderBook book_;
  std::vector<std::int64_t> numbers_;
  int answers_ = 0;
};

TEST_F(OrderBookTest, KeepsAnOrderUntilItHasBeenTaken) {
  EXPECT_EQ(*greet("a"), 0);
  order(1);
  order(2);
  ASSERT_TRUE(wait(0));
  EXPECT_EQ(answers_, 0) << "the orders of one turn go out together";
  book_.flush();
  EXPECT_THAT(numbers_, ElementsAre(1, 2));
  ASSERT_TRUE(wait(0)) << "the answer was lost";
  book_.flush();
  EXPECT_THAT(numbers_, ElementsAre(1, 2));
  order(3);
  ASSERT_TRUE(wait(1));
  book_.flush();
  EXPECT_THAT(numbers_, ElementsAre(2, 3));
  ASSERT_TRUE(wait(3));
  book_.flush();
  EXPECT_EQ(answers_, 3) << "nothing to say";
  EXPECT_EQ(*greet("a"), 3) << "the same agent goes on from there";
}

TEST_F(OrderBookTest, AnswersOneWaiterPerNode) {
  (void)greet("a");
  const auto first = wait(0);
  const auto second = wait(0);
  EXPECT_EQ(answers_, 1) << "the first has been replaced";
  book_.stop_waiting(*first);
  EXPECT_EQ(answers_, 1);
  book_.stop_waiting(*second);
  EXPECT_EQ(answers_, 2);
  EXPECT_THAT(numbers_, IsEmpty());
  ASSERT_TRUE(wait(0));
  book_.forget("n1");
  EXPECT_EQ(answers_, 3) << "a node that is given up is not left waiting";
}

TEST_F(OrderBookTest, KnowsWhoMaySpeakForANode) {
  EXPECT_EQ(wait(0).error().code, Code::not_found);
  (void)greet("a");
  order(1);
  ASSERT_TRUE(greet("b"));
  EXPECT_EQ(wait(0, "a").error().code, Code::fenced);
  EXPECT_EQ(greet("a").error().code, Code::fenced);
  ASSERT_TRUE(wait(0, "b"));
  book_.flush();
  EXPECT_EQ(answers_, 0) << "orders were for the agent before";
  book_.forget("n1");
  EXPECT_EQ(wait(0, "b").error().code, Code::not_found);
  EXPECT_TRUE(greet("b"));
}

TEST_F(OrderBookTest, TakesEachPieceOfNewsOnce) {
  (void)greet("a", 4);
  EXPECT_EQ(tell(6, 6).error().code, Code::data_invalid) << "5 is missing";
  ASSERT_TRUE(tell(5, 6));
  ASSERT_TRUE(tell(5, 7)) << "told again";
  const auto news = book_.poll(0);
  ASSERT_EQ(news.size(), 3U);
  EXPECT_EQ(news[0].node, "n1");
  EXPECT_EQ(book_.acknowledged("n1"), 4) << "not durable yet";
  settle(true);
  EXPECT_EQ(book_.acknowledged("n1"), 7);
}

TEST_F(OrderBookTest, AcknowledgesAnEndOnlyWhenItsAttemptIsOver) {
  (void)greet("a");
  ASSERT_TRUE(tell(1, 1));
  ASSERT_TRUE(tell(2, 2, true));
  ASSERT_TRUE(tell(3, 3));
  settle(true);  // the attempt waits for its other nodes
  EXPECT_EQ(book_.acknowledged("n1"), 1);
  settle(false);
  EXPECT_EQ(book_.acknowledged("n1"), 3);
}

}  // namespace
}  // namespace sovren::engine
