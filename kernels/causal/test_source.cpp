// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/test_source.h"

#include <vector>

#include "core/base/check.h"
#include "kernels/causal/conditions.h"

namespace sovren::kernels {
namespace {

class OneByOne : public PassTests {
 public:
  OneByOne(const TestSource& source, Node target) : source_(source), target_(target) {}

  void run(std::span<const Node> order, int level, std::span<Partial> out) override {
    SOVREN_CHECK(out.size() == order.size(), "one result for each candidate");
    std::vector<Node> z;
    for (std::size_t c = 0; c < order.size(); ++c) {
      first_others(order, c, level, z);
      out[c] = source_.partial(order[c], target_, z);
    }
  }

 private:
  const TestSource& source_;
  Node target_;
};

}  // namespace

double TestSource::test_s(int conditions) const {
  const double columns = conditions + 2.0;
  return 1e-6 + 1e-9 * columns * columns * samples();
}

std::unique_ptr<PassTests> TestSource::passes(Node target) const {
  return std::make_unique<OneByOne>(*this, target);
}

}  // namespace sovren::kernels
