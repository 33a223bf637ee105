// SPDX-License-Identifier: Apache-2.0
#include "jobs/causal/bootstrap.h"

#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

namespace sovren::jobs {
namespace {

using kernels::LinkTable;
using kernels::Mark;

/// A search that is done and found this.
class Found : public kernels::Search {
 public:
  explicit Found(LinkTable links) : links_(std::move(links)) {}
  std::string phase() const override { return "done"; }
  int units() const override { return 0; }
  double cost_s(int) const override { return 0; }
  kernels::UnitResult run(int) const override { return {}; }
  void close(std::span<const kernels::UnitResult>) override {}
  double fraction() const override { return 1; }
  double fraction_after() const override { return 1; }
  int conditioning_level() const override { return 0; }
  const LinkTable& links() const override { return links_; }

 private:
  LinkTable links_;
};

/// Two variables; the graph has 0 --> 1 at lag 1. Three of five replicates have it, one turns its
/// mark into o-o, one has nothing there; one has 1 --> 0 besides.
LinkTable replicate_links(int replicate) {
  LinkTable links(2, 0, 1);
  links.value[links.index(0, 1, 1)] = 0.1 * replicate;
  if (replicate < 3) links.mark[links.index(0, 1, 1)] = Mark::directed;
  if (replicate == 3) links.mark[links.index(0, 1, 1)] = Mark::undirected;
  if (replicate == 4) links.mark[links.index(1, 0, 1)] = Mark::directed;
  return links;
}

TEST(Bootstrap, CountsTheReplicatesWithTheMarkOfTheGraph) {
  Bootstrap bootstrap(replicate_links(0), 5, 1.0, [](int replicate) {
    return Replicate{nullptr, std::make_unique<Found>(replicate_links(replicate))};
  });
  ASSERT_EQ(bootstrap.units(), 5);
  std::vector<kernels::UnitResult> results;
  for (int replicate = 0; replicate < 5; ++replicate) results.push_back(bootstrap.run(replicate));
  bootstrap.close(results);
  EXPECT_EQ(bootstrap.units(), 0);
  const Confidence& confidence = bootstrap.confidence();
  const LinkTable& links = bootstrap.links();
  EXPECT_DOUBLE_EQ(confidence.same_mark[links.index(0, 1, 1)], 0.6);
  EXPECT_DOUBLE_EQ(confidence.same_mark[links.index(1, 0, 1)], 0.8);  // of no link
  EXPECT_DOUBLE_EQ(confidence.same_mark[links.index(0, 0, 1)], 1.0);
  ASSERT_EQ(confidence.value_low.size(), 1U);  // of 0, 0.1, ... 0.4, by linear interpolation
  EXPECT_NEAR(confidence.value_low[0], 0.02, 1e-12);
  EXPECT_NEAR(confidence.value_high[0], 0.38, 1e-12);
}

}  // namespace
}  // namespace sovren::jobs
