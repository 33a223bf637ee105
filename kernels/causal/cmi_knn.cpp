// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/cmi_knn.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "core/base/check.h"
#include "core/base/rng.h"
#include "kernels/causal/local_permutation.h"
#include "kernels/causal/marginals.h"

namespace sovren::kernels {
namespace {

// Streams of the seed.
constexpr std::uint64_t ties_stream = 0x746965'00000000;
constexpr std::uint64_t test_stream = 0x74657374'00000000;

std::uint64_t code(Node node) {
  return (static_cast<std::uint64_t>(node.variable) << 32) | static_cast<std::uint64_t>(node.lag);
}

std::uint64_t first_64(const Philox::Block& block) {
  return (std::uint64_t{block[0]} << 32) | block[1];
}

/// A generator of its own for each test.
Philox of_test(std::uint64_t seed, Node x, Node y, std::span<const Node> z) {
  std::uint64_t stream = test_stream;
  const auto add = [&](Node node) { stream = first_64(Philox(seed, stream).block(code(node))); };
  add(x);
  add(y);
  for (const Node node : z) add(node);
  return Philox(seed, stream);
}

}  // namespace

Result<CmiKnn> CmiKnn::make(const Series& series, UsableTimes times, const CmiKnnOptions& options) {
  SOVREN_DO(check_series(series, times.max_lag()));
  SOVREN_CHECK(options.neighbors > 0 && options.shuffles >= 1 && options.shuffle_neighbors >= 1,
               "there are neighbours and shuffles");
  const std::size_t samples = times.all().size();
  if (samples > static_cast<std::size_t>(max_rank_samples))
    return fail({.code = Code::data_invalid,
                 .what = "cmi-knn ranks at most " + std::to_string(max_rank_samples) +
                         " samples, and there are " + std::to_string(samples),
                 .hint = "give a shorter series, or every n-th step of it; or test with "
                         "robust-parcorr"});
  return CmiKnn(series, std::move(times), options);
}

CmiKnn::CmiKnn(const Series& series, UsableTimes times, const CmiKnnOptions& options)
    : options_(options), times_(std::move(times)), steps_(series.steps) {
  const auto n = static_cast<std::size_t>(series.variables);
  const auto steps = static_cast<std::size_t>(series.steps);
  values_.assign(n * steps, 0.0);
  for (std::size_t t = 0; t < steps; ++t)
    for (std::size_t i = 0; i < n; ++i)
      if (series.is_valid(t * n + i)) values_[i * steps + t] = series.values[t * n + i];
}

bool CmiKnn::rank(Node node, std::span<const int> times, Ranks& ranks) const {
  const double* const from = values_.data() + std::ptrdiff_t{node.variable} * steps_ - node.lag;
  std::vector<double> values;
  values.reserve(times.size());
  for (const int t : times) values.push_back(from[t]);
  std::vector<std::uint16_t> order(times.size());
  std::iota(order.begin(), order.end(), std::uint16_t{0});
  std::ranges::sort(order, {}, [&](std::uint16_t s) { return values[s]; });
  const Philox random(options_.seed, ties_stream ^ first_64(Philox(0).block(code(node))));
  std::vector<std::pair<std::uint64_t, std::uint16_t>> tied;
  for (std::size_t first = 0, end = 0; first < order.size(); first = end) {
    tied.clear();
    for (; end < order.size() && values[order[end]] == values[order[first]]; ++end)
      tied.emplace_back(first_64(random.block(order[end])), order[end]);
    std::ranges::sort(tied);
    for (std::size_t place = 0; place < tied.size(); ++place)
      order[first + place] = tied[place].second;
  }
  ranks.assign(rank_stride(static_cast<int>(times.size())), 0);
  for (std::size_t place = 0; place < order.size(); ++place)
    ranks[order[place]] = static_cast<std::uint16_t>(place);
  return standardise(values, Marginals::linear) > 0;
}

int CmiKnn::neighbors(int samples) const {
  const double k = options_.neighbors < 1 ? options_.neighbors * samples : options_.neighbors;
  return std::max(1, static_cast<int>(std::min(k, 1e9)));
}

Partial CmiKnn::partial(Node x, Node y, std::span<const Node> given) const {
  std::vector<Node> z(given.begin(), given.end());
  std::ranges::sort(z, {}, code);
  const std::vector<int> times = times_.of_test(x, y, z);
  const int samples = static_cast<int>(times.size());
  const int k = neighbors(samples);
  Partial result{.p_value = 1};
  if (samples < static_cast<int>(z.size()) + 3 || samples < k + 1) return result;
  result.df = samples;

  RankSpace space{.samples = samples, .y = {}, .z = {}};
  Ranks ranks_x;
  const bool is_x_varying = rank(x, times, ranks_x);
  const bool is_y_varying = rank(y, times, space.y);
  if (!is_x_varying || !is_y_varying) return result;
  Ranks ranks_z;
  for (const Node node : z)
    if (rank(node, times, ranks_z)) space.z.push_back(ranks_z);

  const bool is_local = !space.z.empty() && options_.shuffle_neighbors < samples;
  std::vector<std::uint16_t> nearest;
  if (is_local) nearest = nearest_in_z(space, options_.shuffle_neighbors);
  LocalPermutation permutation(nearest, samples);
  const Philox random = of_test(options_.seed, x, y, z);
  const std::size_t stride = rank_stride(samples);
  const auto count = static_cast<std::size_t>(options_.shuffles) + 1;
  std::vector<std::uint16_t> xs(stride * count);  // the data, then its shuffles
  std::ranges::copy(ranks_x, xs.begin());
  for (std::size_t s = 1; s < count; ++s)
    permutation.shuffle(random, s, ranks_x, std::span(xs).subspan(s * stride, stride));
  std::vector<std::int64_t> sums(count);
  knn_sums(space, xs, k, sums);

  const auto of_k = static_cast<double>(digamma_table(k).back());
  result.value = digamma_unit * (of_k + static_cast<double>(sums[0]) / samples);
  const auto as_large = std::ranges::count_if(std::span(sums).subspan(1),
                                              [&](std::int64_t sum) { return sum >= sums[0]; });
  result.p_value = static_cast<double>(as_large) / options_.shuffles;
  return result;
}

Fit CmiKnn::fit(Node, std::span<const Node>) const {
  SOVREN_CHECK(false, "nearest neighbours fit nothing: there is one pc_alpha");
  return {};
}

double CmiKnn::test_s(int conditions) const {
  const auto n = static_cast<double>(samples());
  const double shuffles = options_.shuffles + 1;
  return shuffles * n * (1e-7 + 2e-10 * n) + n * n * 5e-10 * (conditions + 10);
}

}  // namespace sovren::kernels
