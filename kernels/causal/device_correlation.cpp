// SPDX-License-Identifier: Apache-2.0
// Passes of PC1 and single tests in batches. Subsets: device_subsets.cpp; MCI: device_mci.cpp.
#include "kernels/causal/device_correlation.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "kernels/causal/conditions.h"

namespace sovren::kernels {
namespace {

/// Doubles of nodes and values that a batch may have: bounds what lies on the device beside
/// scratch.
constexpr std::size_t batch_nodes = std::size_t{1} << 25;

/// Are two values that count as dependent too close to be put in order, or one to the threshold?
bool is_undecided(std::span<const Partial> results, double critical) {
  std::vector<double> sizes;
  for (const Partial& result : results) {
    const double size = std::abs(result.value);
    if (std::abs(size - critical) < device_margin) return true;
    if (size > critical) sizes.push_back(size);
  }
  std::ranges::sort(sizes);
  for (std::size_t k = 1; k < sizes.size(); ++k)
    if (sizes[k] - sizes[k - 1] < device_margin) return true;
  return false;
}

}  // namespace

DeviceCorrelation::DeviceCorrelation(const LagCorrelation& complete,
                                     std::unique_ptr<TestEngine> engine)
    : complete_(complete),
      engine_(std::move(engine)),
      scratch_limit_(engine_->scratch_limit()),
      work_limit_(engine_->work_limit()) {}

std::string DeviceCorrelation::trouble() const {
  const std::scoped_lock lock(mutex_);
  return trouble_;
}

bool DeviceCorrelation::has_device() const {
  const std::scoped_lock lock(mutex_);
  return engine_ != nullptr;
}

Partial DeviceCorrelation::repeat(Node x, Node y, std::span<const Node> z) const {
  ++repeated_;
  return complete_.partial(x, y, z);
}

std::vector<Node> DeviceCorrelation::varying(std::span<const Node> nodes) const {
  std::vector<Node> kept;
  for (const Node node : nodes)
    if (!complete_.is_constant(node)) kept.push_back(node);
  return kept;
}

void DeviceCorrelation::pass_on_cpu(const PassRequest& request) const {
  complete_.passes(request.target)->run(request.order, request.level, request.out);
}

void DeviceCorrelation::run(std::span<const PassRequest> requests) const {
  std::vector<PassItem> items;
  std::vector<Node> nodes;
  std::vector<double> values;
  std::size_t next = 0;
  while (next < requests.size()) {
    items.clear();
    nodes.clear();
    const std::size_t first = next;
    std::size_t scratch = 0;
    for (; next < requests.size(); ++next) {
      const PassRequest& request = requests[next];
      SOVREN_CHECK(request.out.size() == request.order.size(), "one result for each candidate");
      const auto level = static_cast<std::size_t>(request.level);
      const std::size_t size = pass_size(level, request.order.size());
      const bool is_full =
          scratch + size > scratch_limit_ || nodes.size() + request.order.size() > batch_nodes;
      if (is_full && next > first) break;
      items.push_back({.target = request.target,
                       .level = request.level,
                       .count = static_cast<int>(request.order.size()),
                       .nodes = nodes.size(),
                       .scratch = scratch});
      nodes.insert(nodes.end(), request.order.begin(), request.order.end());
      scratch += size;
    }
    values.resize(nodes.size());
    const PassBatch batch{.items = items, .nodes = nodes, .scratch = scratch};
    const bool is_done = scratch <= scratch_limit_ && on_device(batch, std::span(values));
    for (std::size_t k = first; k < next; ++k) {
      if (is_done)
        finish_pass(requests[k],
                    std::span(values).subspan(items[k - first].nodes, requests[k].order.size()));
      else
        pass_on_cpu(requests[k]);
    }
  }
}

void DeviceCorrelation::finish_pass(const PassRequest& request,
                                    std::span<const double> values) const {
  const int df = samples() - 2 - request.level;
  std::vector<Node> z;
  for (std::size_t c = 0; c < values.size() && df >= 1; ++c) {
    request.out[c] = {.value = values[c], .df = df};
    if (!std::isnan(values[c])) continue;
    first_others(request.order, c, request.level, z);
    request.out[c] = repeat(request.order[c], request.target, z);
  }
  if (df >= 1 && !is_undecided(request.out, request.critical)) return;
  repeated_ += std::ssize(request.order);
  pass_on_cpu(request);
}

void DeviceCorrelation::run(std::span<const TestRequest> requests, std::span<Partial> out) const {
  SOVREN_CHECK(out.size() == requests.size(), "one result for each test");
  for (const Crew crew : {Crew::thread, Crew::warp, Crew::block}) run_crew(requests, crew, out);
}

/// Those of the tests that this crew does.
void DeviceCorrelation::run_crew(std::span<const TestRequest> requests, Crew crew,
                                 std::span<Partial> out) const {
  std::vector<TestItem> items;
  std::vector<Node> nodes;
  std::vector<std::size_t> asked;
  std::vector<double> values;
  int largest = 0;
  const auto flush = [&] {
    values.resize(items.size());
    const TestBatch batch{.items = items, .nodes = nodes, .largest = largest};
    const bool is_done = !items.empty() && on_device(batch, std::span(values));
    for (std::size_t k = 0; k < items.size(); ++k) {
      const TestRequest& request = requests[asked[k]];
      Partial& result = out[asked[k]];
      result = {.value = is_done ? values[k] : not_a_number(), .df = samples() - items[k].count};
      const double distance = std::abs(std::abs(result.value) - request.critical);
      if (!(distance >= device_margin)) result = repeat(request.x, request.y, request.z);
    }
    items.clear();
    nodes.clear();
    asked.clear();
    largest = 0;
  };
  for (std::size_t k = 0; k < requests.size(); ++k) {
    const TestRequest& request = requests[k];
    std::vector<Node> z = varying(request.z);
    const int count = static_cast<int>(z.size()) + 2;
    if (crew_of(count) != crew) continue;
    if (samples() - count < 1 || complete_.is_constant(request.x) ||
        complete_.is_constant(request.y) ||
        8 * group_test_size(static_cast<std::size_t>(count)) > work_limit_) {
      out[k] = complete_.partial(request.x, request.y, request.z);
      continue;
    }
    if (nodes.size() + static_cast<std::size_t>(count) > batch_nodes) flush();
    items.push_back({.nodes = nodes.size(), .count = count, .out = items.size()});
    asked.push_back(k);
    largest = std::max(largest, count);
    nodes.insert(nodes.end(), z.begin(), z.end());
    nodes.push_back(request.x);
    nodes.push_back(request.y);
  }
  flush();
}

}  // namespace sovren::kernels
