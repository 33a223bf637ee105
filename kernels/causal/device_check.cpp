// SPDX-License-Identifier: Apache-2.0
// Is what a device computes what the CPU computes? Asked once, before a search relies on it.
#include <algorithm>
#include <cmath>

#include "kernels/causal/conditions.h"
#include "kernels/causal/device_correlation.h"

namespace sovren::kernels {
namespace {

constexpr double tolerance = 1e-9;
constexpr std::size_t nodes_max = 44;  ///< tests by threads, warps and blocks

class Never : public Judge {
 public:
  bool is_separated(const Partial&) const override { return false; }
};

/// Collects what differs.
class Comparison {
 public:
  void add(const char* what, double device, double cpu) {
    if (std::abs(device - cpu) <= tolerance || !what_.empty()) return;
    what_ =
        std::string(what) + ": " + std::to_string(device) + " instead of " + std::to_string(cpu);
  }
  Result<void> result() const {
    if (what_.empty()) return {};
    return fail({.code = Code::device,
                 .what = "the device computes other values than the CPU, " + what_,
                 .hint = "use backend = \"cpu\", and report it"});
  }

 private:
  std::string what_;
};

/// Some that vary, all variables at one lag before the next.
std::vector<Node> some_nodes(const LagCorrelation& complete, int first_lag, int last_lag) {
  std::vector<Node> nodes;
  for (int lag = first_lag; lag <= last_lag; ++lag)
    for (int i = 0; i < complete.variables() && nodes.size() < nodes_max; ++i)
      if (!complete.is_constant({i, lag})) nodes.push_back({i, lag});
  return nodes;
}

void compare_tests(const LagCorrelation& complete, const DeviceCorrelation& device,
                   Comparison& comparison) {
  const auto nodes = some_nodes(complete, 0, 2 * complete.max_lag());
  std::vector<TestRequest> requests;
  for (std::size_t size = 0; size + 2 <= nodes.size(); ++size)
    requests.push_back({.x = nodes[size], .y = nodes[size + 1], .z = std::span(nodes).first(size)});
  std::vector<Partial> found(requests.size());
  device.run(requests, found);
  for (std::size_t k = 0; k < found.size(); ++k)
    comparison.add("tests", found[k].value,
                   complete.partial(requests[k].x, requests[k].y, requests[k].z).value);
}

void compare_passes(const LagCorrelation& complete, const DeviceCorrelation& device,
                    Comparison& comparison) {
  const auto order = some_nodes(complete, 1, complete.max_lag());
  const auto levels = std::min<std::size_t>(order.size(), 4);
  std::vector<std::vector<Partial>> found(levels, std::vector<Partial>(order.size()));
  std::vector<PassRequest> requests;
  for (std::size_t level = 0; level < levels; ++level)
    requests.push_back({.target = {0, 0},
                        .order = order,
                        .level = static_cast<int>(level),
                        .critical = 2,
                        .out = found[level]});
  device.run(requests);
  for (const PassRequest& request : requests) {
    std::vector<Partial> cpu(order.size());
    complete.passes(request.target)->run(order, request.level, cpu);
    for (std::size_t c = 0; c < cpu.size(); ++c)
      comparison.add("condition selection", request.out[c].value, cpu[c].value);
  }
}

void compare_subsets(const LagCorrelation& complete, const DeviceCorrelation& device,
                     Comparison& comparison) {
  const auto nodes = some_nodes(complete, 0, 2 * complete.max_lag());
  if (nodes.size() < 5) return;
  const auto list = std::span(nodes).subspan(2, std::min<std::size_t>(nodes.size() - 2, 40));
  const SubsetRequest request{.x = nodes[0],
                              .y = nodes[1],
                              .base = {},
                              .list = list,
                              .size = 1,
                              .critical = -1,
                              .known = {}};
  SubsetOutcome outcome;
  device.run(std::span(&request, 1), Never(), std::span(&outcome, 1));
  double least = 2;
  for (const Node& node : list) {
    const Partial cpu = complete.partial(request.x, request.y, std::span(&node, 1));
    if (std::abs(cpu.value) < std::abs(least)) least = cpu.value;
  }
  comparison.add("subsets", outcome.weakest.value, least);
}

void compare_row(const LagCorrelation& complete, const DeviceCorrelation& device,
                 Comparison& comparison) {
  if (complete.max_lag() == 0) return;
  const int n = complete.variables();
  std::vector<std::vector<Node>> parents(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i)
    parents[static_cast<std::size_t>(i)] = {{i, 1}, {(i + 1) % n, complete.max_lag()}};
  const int target = 0;
  std::vector<Partial> found(2 * static_cast<std::size_t>(n));
  if (!device.run(MciRequest{.parents = parents, .targets = std::span(&target, 1), .max_lag = 1},
                  found))
    return;
  std::vector<Node> z;
  for (std::size_t at = 0; at < found.size(); ++at) {
    const Node x{static_cast<int>(at / 2), static_cast<int>(at % 2)};
    if (std::isnan(found[at].value)) continue;
    mci_conditions(x, {target, 0}, parents[0], parents[static_cast<std::size_t>(x.variable)], z);
    comparison.add("MCI", found[at].value, complete.partial(x, {target, 0}, z).value);
  }
}

}  // namespace

Result<void> DeviceCorrelation::check() const {
  Comparison comparison;
  compare_tests(complete_, *this, comparison);
  compare_passes(complete_, *this, comparison);
  compare_subsets(complete_, *this, comparison);
  compare_row(complete_, *this, comparison);
  if (!trouble().empty())
    return fail({.code = Code::device,
                 .what = trouble(),
                 .hint = "backend = \"cpu\" needs no device; `sovren doctor` shows what is here"});
  repeated_ = 0;
  return comparison.result();
}

}  // namespace sovren::kernels
