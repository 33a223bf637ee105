// SPDX-License-Identifier: Apache-2.0
// The first subset that separates a pair, for many pairs at once.
#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "kernels/causal/device_correlation.h"
#include "kernels/causal/subset_rank.h"

namespace sovren::kernels {
namespace {

/// Subsets of a request; most_subsets: more than anyone tests.
std::uint64_t subsets_of(const SubsetRequest& request) {
  return subset_count(static_cast<int>(request.list.size()), request.size);
}

/// base, and of the list the subset with this rank.
std::vector<Node> conditions(const SubsetRequest& request, std::uint64_t rank) {
  std::vector<int> places(static_cast<std::size_t>(request.size));
  subset_of_rank(rank, static_cast<int>(request.list.size()), request.size, places.data());
  std::vector<Node> z(request.base.begin(), request.base.end());
  for (const int place : places) z.push_back(request.list[static_cast<std::size_t>(place)]);
  return z;
}

std::uint64_t known_places(const SubsetRequest& request, std::size_t first = 0) {
  std::uint64_t count = 0;
  for (std::size_t place = first; place < request.known.size(); ++place)
    count += request.known[place];
  return count;
}

/// How many of the subsets below this rank are known already.
std::uint64_t known_below(const SubsetRequest& request, std::uint64_t rank) {
  const auto known = [&](int place) { return request.known[static_cast<std::size_t>(place)] != 0; };
  if (request.known.empty()) return 0;
  if (rank >= subsets_of(request))
    return subset_count(static_cast<int>(known_places(request)), request.size);
  std::vector<int> places(static_cast<std::size_t>(request.size));
  subset_of_rank(rank, static_cast<int>(request.list.size()), request.size, places.data());
  std::uint64_t below = 0;
  int next = 0;
  for (int at = 0; at < request.size; ++at) {
    const int place = places[static_cast<std::size_t>(at)];
    // Those that have a smaller place here, and the same before.
    for (; next < place; ++next)
      if (known(next))
        below += subset_count(
            static_cast<int>(known_places(request, static_cast<std::size_t>(next) + 1)),
            request.size - 1 - at);
    if (!known(place)) break;
    ++next;
  }
  return below;
}

bool is_known(const SubsetRequest& request, std::uint64_t rank) {
  return known_below(request, rank + 1) > known_below(request, rank);
}

/// The test with the least |value|; the first of equal ones.
void keep_weakest(const Partial& partial, std::uint64_t rank, std::uint64_t& weakest_rank,
                  Partial& weakest) {
  const double own = std::abs(partial.value);
  const double best = std::abs(weakest.value);
  if (weakest_rank != no_rank && (own > best || (own == best && rank > weakest_rank))) return;
  weakest_rank = rank;
  weakest = partial;
}

}  // namespace

SubsetOutcome DeviceCorrelation::subsets_on_cpu(const SubsetRequest& request,
                                                const Judge& judge) const {
  SubsetOutcome outcome;
  std::uint64_t weakest = no_rank;
  for (std::uint64_t rank = 0; rank < subsets_of(request); ++rank) {
    if (is_known(request, rank)) continue;
    const Partial partial = complete_.partial(request.x, request.y, conditions(request, rank));
    outcome.counts.count(partial);
    if (judge.is_separated(partial)) {
      outcome.rank = static_cast<std::int64_t>(rank);
      outcome.weakest = partial;
      break;
    }
    keep_weakest(partial, rank, weakest, outcome.weakest);
  }
  return outcome;
}

bool DeviceCorrelation::ask(std::span<const SubsetItem> items, std::span<const Node> nodes,
                            std::span<SubsetAnswer> out) const {
  // By crew: few large ones must not make room scarce for all.
  for (const Crew crew : {Crew::thread, Crew::warp, Crew::block}) {
    std::vector<SubsetItem> chosen;
    std::vector<std::size_t> places;
    SubsetBatch batch{.nodes = nodes};
    for (std::size_t k = 0; k < items.size(); ++k) {
      if (crew_of(items[k].nodes()) != crew) continue;
      chosen.push_back(items[k]);
      places.push_back(k);
      batch.largest = std::max(batch.largest, items[k].nodes());
    }
    if (chosen.empty()) continue;
    batch.items = chosen;
    std::vector<SubsetAnswer> answers(chosen.size());
    if (!on_device(batch, std::span(answers))) return false;
    for (std::size_t k = 0; k < places.size(); ++k) out[places[k]] = answers[k];
  }
  return true;
}

/// Requests with one subset each: a value is all that is asked for.
void DeviceCorrelation::single_subsets(std::span<const SubsetRequest> requests, const Judge& judge,
                                       std::span<SubsetOutcome> out) const {
  std::vector<std::vector<Node>> conditions_of;
  std::vector<TestRequest> tests;
  std::vector<std::size_t> places;
  conditions_of.reserve(requests.size());
  for (std::size_t k = 0; k < requests.size(); ++k) {
    const SubsetRequest& request = requests[k];
    if (subsets_of(request) != 1 || is_known(request, 0)) continue;
    conditions_of.push_back(conditions(request, 0));
    places.push_back(k);
    tests.push_back(
        {.x = request.x, .y = request.y, .z = conditions_of.back(), .critical = request.critical});
  }
  std::vector<Partial> results(tests.size());
  run(tests, results);
  for (std::size_t k = 0; k < places.size(); ++k) {
    SubsetOutcome& outcome = out[places[k]];
    outcome.counts.count(results[k]);
    outcome.weakest = results[k];
    if (judge.is_separated(results[k])) outcome.rank = 0;
  }
}

void DeviceCorrelation::run(std::span<const SubsetRequest> requests, const Judge& judge,
                            std::span<SubsetOutcome> out) const {
  SOVREN_CHECK(out.size() == requests.size(), "one result for each pair");
  std::ranges::fill(out, SubsetOutcome{});
  single_subsets(requests, judge, out);
  std::vector<SubsetItem> items;
  std::vector<std::size_t> places;
  std::vector<Node> nodes;
  for (std::size_t k = 0; k < requests.size(); ++k) {
    const SubsetRequest& request = requests[k];
    const std::uint64_t count = subsets_of(request);
    if (count < 2 || known_below(request, count) == count) continue;
    const std::size_t test = request.base.size() + static_cast<std::size_t>(request.size) + 2;
    if (count >= most_subsets || samples() - static_cast<int>(test) < 1 ||
        search_bytes(1, test) > work_limit_) {
      out[k] = subsets_on_cpu(request, judge);
      continue;
    }
    items.push_back({.x = request.x,
                     .y = request.y,
                     .base = nodes.size(),
                     .list = nodes.size() + request.base.size(),
                     .base_count = static_cast<int>(request.base.size()),
                     .list_count = static_cast<int>(request.list.size()),
                     .size = request.size,
                     .last = count,
                     .critical = request.critical,
                     .margin = device_margin});
    nodes.insert(nodes.end(), request.base.begin(), request.base.end());
    nodes.insert(nodes.end(), request.list.begin(), request.list.end());
    places.push_back(k);
  }
  std::vector<SubsetAnswer> answers(items.size());
  bool is_done = ask(items, nodes, answers);
  // Ranks above a separating one are looked at by chance. Where too many could not be judged, look
  // again at those below only, so that what follows does not depend on chance.
  std::vector<SubsetItem> again;
  std::vector<std::size_t> again_at;
  for (std::size_t k = 0; k < items.size() && is_done; ++k) {
    if (answers[k].unsure_count <= unsure_places || answers[k].separating == no_rank) continue;
    again.push_back(items[k]);
    again.back().last = answers[k].separating + 1;
    again_at.push_back(k);
  }
  std::vector<SubsetAnswer> second(again.size());
  is_done = is_done && ask(again, nodes, second);
  for (std::size_t k = 0; k < again_at.size() && is_done; ++k) answers[again_at[k]] = second[k];
  for (std::size_t k = 0; k < places.size(); ++k) {
    if (is_done)
      finish_subsets(requests[places[k]], judge, answers[k], out[places[k]]);
    else
      out[places[k]] = subsets_on_cpu(requests[places[k]], judge);
  }
}

/// The CPU judges the ranks that the device could not, in their order.
void DeviceCorrelation::finish_subsets(const SubsetRequest& request, const Judge& judge,
                                       const SubsetAnswer& answer, SubsetOutcome& out) const {
  if (answer.unsure_count > unsure_places) {
    out = subsets_on_cpu(request, judge);
    repeated_ += out.counts.tests;
    return;
  }
  const int df = samples() - 2 - static_cast<int>(request.base.size()) - request.size;
  std::vector<std::uint64_t> unsure(answer.unsure, answer.unsure + answer.unsure_count);
  std::ranges::sort(unsure);
  std::uint64_t separating = answer.separating;
  Partial found{.value = answer.separating_value, .df = df};
  std::uint64_t weakest = answer.weakest;
  Partial least{.value = answer.weakest_value, .df = df};
  for (const std::uint64_t rank : unsure) {
    if (rank > separating) break;
    if (is_known(request, rank)) continue;
    const Partial partial = repeat(request.x, request.y, conditions(request, rank));
    out.counts.count(partial);
    --out.counts.tests;  // all are counted below
    if (judge.is_separated(partial)) {
      separating = rank;
      found = partial;
      break;
    }
    keep_weakest(partial, rank, weakest, least);
  }
  const bool is_separated = separating != no_rank;
  out.rank = is_separated ? static_cast<std::int64_t>(separating) : -1;
  out.weakest = is_separated ? found : least;
  const std::uint64_t looked_at = is_separated ? separating + 1 : subsets_of(request);
  out.counts.tests += static_cast<std::int64_t>(looked_at - known_below(request, looked_at));
}

}  // namespace sovren::kernels
