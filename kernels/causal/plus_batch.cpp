// SPDX-License-Identifier: Apache-2.0
// The first level of PCMCI+'s skeleton on a device: one test for each link, the most of them all.
#include <cmath>
#include <vector>

#include "core/base/check.h"
#include "kernels/causal/batch_tests.h"
#include "kernels/causal/conditions.h"
#include "kernels/causal/plus_units.h"
#include "kernels/causal/student_t.h"

namespace sovren::kernels {

void PlusTests::links_given_parents(const BatchTests& device, std::span<const PlusLink> links,
                                    std::span<const std::uint8_t> is_required,
                                    std::span<LinkFound> out) const {
  SOVREN_CHECK(links.size() == out.size() && links.size() == is_required.size(),
               "one result for each link");
  Significance significance(alpha_);
  std::vector<std::vector<Node>> z(links.size());
  std::vector<TestRequest> requests;
  for (std::size_t k = 0; k < links.size(); ++k) {
    const auto& [x, y] = links[k];
    mci_conditions(x, {y, 0}, parents(y), parents(x.variable), z[k]);
    const int df = source_.samples() - 2 - static_cast<int>(z[k].size());
    requests.push_back(
        {.x = x, .y = {y, 0}, .z = z[k], .critical = df < 1 ? -1 : significance.critical(df)});
  }
  std::vector<Partial> results(links.size());
  device.run(requests, results);
  for (std::size_t k = 0; k < links.size(); ++k) {
    const double size = std::abs(results[k].value);
    LinkFound& found = out[k];
    found = {.level = static_cast<int>(z[k].size()), .least_of_x = size, .least_of_y = size};
    found.weakest.note(p_value_of(results[k]), results[k].value);
    found.is_unlinked = !(found.weakest.p <= alpha_) && is_required[k] == 0;
    found.counts.count(results[k]);
  }
}

}  // namespace sovren::kernels
