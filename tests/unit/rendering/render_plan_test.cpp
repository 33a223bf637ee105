// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/render_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <tuple>

namespace sovren::jobs {
namespace {

using Epochs = RenderPlan::Epochs;

TEST(RenderPlan, DrawsEachSampleOfEachPixelOnce) {
  for (const auto& [width, height, tile, samples] :
       {std::tuple(37, 21, 8, 70), std::tuple(16, 16, 16, 1), std::tuple(5, 40, 16, 16),
        std::tuple(33, 9, 4, 17), std::tuple(20, 20, 7, 32)})
    for (const Epochs epochs : {Epochs::one, Epochs::doubling}) {
      const RenderPlan plan(width, height, tile, samples, epochs);
      const std::vector<std::int32_t> all =
          tiles_of(std::vector<std::uint8_t>(static_cast<std::size_t>(plan.tiles()), 1));
      std::map<std::tuple<int, int, std::uint32_t>, int> seen;
      for (int epoch = 0; epoch < plan.epochs(); ++epoch)
        for (std::int64_t u = 0; u < plan.units(epoch, plan.tiles()); ++u) {
          const trace::RenderUnit unit = plan.unit(epoch, all, u);
          EXPECT_LE(unit.samples, 16u);
          for (int y = unit.y_begin; y < unit.y_end; ++y)
            for (int x = unit.x_begin; x < unit.x_end; ++x)
              for (std::uint32_t s = 0; s < unit.samples; ++s)
                ++seen[{x, y, unit.first_sample + s}];
        }
      EXPECT_EQ(seen.size(), static_cast<std::size_t>(width * height * samples));
      EXPECT_TRUE(
          std::all_of(seen.begin(), seen.end(), [](auto& each) { return each.second == 1; }));
    }
}

TEST(RenderPlan, ShowsTheWholePictureFirst) {
  const RenderPlan plan(64, 32, 16, 64, Epochs::one);
  const std::vector<std::int32_t> all{0, 1, 2, 3, 4, 5, 6, 7};
  for (std::int64_t u = 0; u < 8; ++u) EXPECT_EQ(plan.unit(0, all, u).samples, 1u);
  EXPECT_EQ(plan.unit(0, all, 8).first_sample, 1u);
  EXPECT_EQ(plan.unit(0, all, 8).samples, 15u);
}

TEST(RenderPlan, LooksAtTheNoiseAfterSixteenAndTwiceAsManyEachTime) {
  const RenderPlan plan(64, 64, 16, 100, Epochs::doubling);
  ASSERT_EQ(plan.epochs(), 4);
  EXPECT_EQ(plan.samples_after(0), 16);
  EXPECT_EQ(plan.samples_after(1), 32);
  EXPECT_EQ(plan.samples_after(2), 64);
  EXPECT_EQ(plan.samples_after(3), 100);
  EXPECT_EQ(RenderPlan(64, 64, 16, 16, Epochs::doubling).epochs(), 1);
  EXPECT_EQ(RenderPlan(64, 64, 16, 100, Epochs::one).epochs(), 1);
}

TEST(RenderPlan, KnowsHowManySamplesATileHas) {
  const RenderPlan plan(64, 16, 16, 40, Epochs::doubling);  // epochs end at 16, 32, 40
  EXPECT_EQ(plan.samples_done(0, 4, 0, 0), 0);
  EXPECT_EQ(plan.samples_done(0, 4, 2, 1), 1);
  EXPECT_EQ(plan.samples_done(0, 4, 2, 2), 0);
  EXPECT_EQ(plan.samples_done(0, 4, 8, 3), 16);
  EXPECT_EQ(plan.samples_done(2, 3, 1, 0), 40);
  EXPECT_EQ(plan.samples_done(2, 3, 1, 1), 32);
}

TEST(RenderPlan, KeepsNeighboursOfNoisyTilesActive) {
  const RenderPlan plan(5, 4, 1, 64, Epochs::doubling);  // 5 x 4 tiles
  std::vector<double> errors(20, 0.0);
  errors[7] = 0.5;  // (2, 1)
  std::vector<std::uint8_t> active(20, 1);
  active[13] = 0;  // (3, 2) was done before: it stays so
  const std::vector<std::int32_t> still = tiles_of(still_active(plan, errors, active, 0.1));
  EXPECT_EQ(still, (std::vector<std::int32_t>{1, 2, 3, 6, 7, 8, 11, 12}));
  errors[7] = 0.1;  // just good enough
  EXPECT_TRUE(tiles_of(still_active(plan, errors, active, 0.1)).empty());
}

}  // namespace
}  // namespace sovren::jobs
