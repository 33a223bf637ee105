// SPDX-License-Identifier: Apache-2.0
// Rows of MCI in batches of targets.
#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "kernels/causal/device_correlation.h"

namespace sovren::kernels {
namespace {

/// Tests of one launch need about the same work: sizes up to the same of these.
constexpr int class_ends[] = {4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256};

int class_of(int size) {
  return static_cast<int>(std::ranges::lower_bound(class_ends, size) - class_ends);
}

/// [begin, end) of each run of equal classes.
template <class Item, class Size>
std::vector<std::pair<std::size_t, std::size_t>> runs(std::span<const Item> items, Size size) {
  std::vector<std::pair<std::size_t, std::size_t>> found;
  for (std::size_t k = 0; k < items.size(); ++k) {
    if (k == 0 || class_of(size(items[k])) != class_of(size(items[k - 1])))
      found.emplace_back(k, k);
    found.back().second = k + 1;
  }
  return found;
}

}  // namespace

std::vector<MciLaunch> plan_mci(const MciBatch& batch, std::size_t work_limit) {
  const auto target_size = [](const MciTarget& target) { return target.parent_count; };
  const auto side_size = [](const MciSide& side) { return side.count; };
  std::vector<MciLaunch> launches;
  for (const auto& [first_target, last_target] : runs(batch.targets, target_size)) {
    for (const auto& [first_side, last_side] : runs(batch.sides, side_size)) {
      // The largest stand last.
      const auto parents = static_cast<std::size_t>(batch.targets[last_target - 1].parent_count);
      std::size_t end = last_side;
      while (end > first_side &&
             mci_work_bytes(parents, static_cast<std::size_t>(batch.sides[end - 1].count)) >
                 work_limit)
        --end;
      if (end == first_side) continue;
      const auto count = static_cast<std::size_t>(batch.sides[end - 1].count);
      launches.push_back({.first_target = first_target,
                          .last_target = last_target,
                          .first_side = first_side,
                          .last_side = end,
                          .bytes = mci_work_bytes(parents, count)});
    }
  }
  return launches;
}

bool DeviceCorrelation::run(const MciRequest& request, std::span<Partial> out) const {
  const auto lags = static_cast<std::size_t>(request.max_lag) + 1;
  const std::size_t entries = static_cast<std::size_t>(variables()) * lags;
  SOVREN_CHECK(out.size() == request.targets.size() * entries, "out is (targets, N, max_lag + 1)");
  if (!has_device()) return false;
  std::ranges::fill(out, Partial{.value = not_a_number()});

  std::vector<Node> nodes;
  std::vector<MciSide> sides;
  for (int i = 0; i < variables(); ++i) {
    for (int lag = request.min_lag; lag <= request.max_lag; ++lag) {
      if (complete_.is_constant({i, lag})) continue;
      const std::size_t begin = nodes.size();
      for (const Node parent : request.parents[static_cast<std::size_t>(i)])
        if (const Node moved{parent.variable, parent.lag + lag}; !complete_.is_constant(moved))
          nodes.push_back(moved);
      nodes.push_back({i, lag});
      sides.push_back(
          {.nodes = begin,
           .count = static_cast<int>(nodes.size() - begin),
           .entry = static_cast<std::size_t>(i) * lags + static_cast<std::size_t>(lag)});
    }
  }
  std::ranges::stable_sort(sides, {}, &MciSide::count);
  MciBatch batch{.sides = sides, .entries = entries};
  for (MciSide& side : sides) {
    side.block = batch.blocks;
    batch.blocks += block_size(static_cast<std::size_t>(side.count));
  }

  std::vector<MciTarget> targets;
  for (std::size_t k = 0; k < request.targets.size(); ++k) {
    const Node y{request.targets[k], 0};
    if (complete_.is_constant(y)) continue;
    const auto parents = varying(request.parents[static_cast<std::size_t>(y.variable)]);
    targets.push_back({.y = y,
                       .parents = nodes.size(),
                       .parent_count = static_cast<int>(parents.size()),
                       .out = k * entries});
    nodes.insert(nodes.end(), parents.begin(), parents.end());
  }
  std::ranges::stable_sort(targets, {}, &MciTarget::parent_count);
  batch.nodes = nodes;
  return run_targets(batch, targets, out);
}

/// As many targets at a time as have room for their panels.
bool DeviceCorrelation::run_targets(MciBatch batch, std::span<const MciTarget> targets,
                                    std::span<Partial> out) const {
  const auto columns = static_cast<std::size_t>(variables() * (2 * max_lag() + 1));
  std::vector<MciTarget> chosen;
  std::vector<MciValue> values;
  for (std::size_t next = 0; next < targets.size();) {
    chosen.clear();
    batch.scratch = 0;
    for (; next < targets.size(); ++next) {
      const auto parents = static_cast<std::size_t>(targets[next].parent_count);
      const std::size_t size = panel_size(parents, columns);
      if (batch.scratch + size > scratch_limit_ && !chosen.empty()) break;
      chosen.push_back(targets[next]);
      chosen.back().panel = batch.scratch;
      chosen.back().places = (chosen.size() - 1) * columns;
      chosen.back().out = (chosen.size() - 1) * batch.entries;
      batch.scratch += size;
    }
    batch.targets = chosen;
    if (batch.scratch > scratch_limit_) continue;  // a single one that is too large: the CPU's
    values.assign(chosen.size() * batch.entries, MciValue{});
    if (!on_device(batch, std::span(values))) return false;
    for (std::size_t k = 0; k < chosen.size(); ++k) {
      const std::size_t from = chosen[k].out;
      const std::size_t to = targets[next - chosen.size() + k].out;
      for (std::size_t entry = 0; entry < batch.entries; ++entry) {
        const MciValue& value = values[from + entry];
        if (value.conditions < 0) continue;
        out[to + entry] = {.value = value.value, .df = samples() - 2 - value.conditions};
      }
    }
  }
  return true;
}

}  // namespace sovren::kernels
