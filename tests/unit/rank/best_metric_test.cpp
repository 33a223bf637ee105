// SPDX-License-Identifier: Apache-2.0
#include "workers/rank/best_metric.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sovren::workers {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::map<std::string, double> metrics{
    {"training_loss", 2}, {"training_gradient_norm", 1}, {"training_validation_loss", 3}};

std::string of(const std::string& metric) {
  return missing_metric({.best_metric = metric}, 40, metrics);
}

TEST(BestMetric, NothingIsSaidWhenNothingIsWrong) {
  EXPECT_EQ(of(""), "");
  EXPECT_EQ(of("training_loss"), "");
}

TEST(BestMetric, NamesWhatThereIsAndWhatWasMeant) {
  EXPECT_THAT(of("training_los"), HasSubstr("did you mean 'training_loss'?"));
  EXPECT_THAT(of("validation_loss"), HasSubstr("did you mean 'training_validation_loss'?"));
  EXPECT_THAT(of("beauty"), Not(HasSubstr("did you mean")));
  EXPECT_THAT(of("beauty"),
              HasSubstr("at step 40 there is no metric 'beauty'; there are "
                        "training_gradient_norm, training_loss, training_validation_loss;"));
  EXPECT_THAT(missing_metric({.best_metric = "x"}, 1, {}), HasSubstr("there are none;"));
}

}  // namespace
}  // namespace sovren::workers
