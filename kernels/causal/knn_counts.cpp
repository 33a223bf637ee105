// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/knn_counts.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "kernels/linalg/clones.h"

namespace sovren::kernels {
namespace {

using Word = std::uint16_t;
constexpr std::size_t lanes = 32;  // of the widest vector
constexpr Word padding = 65'535;   // a distance that no sample has
constexpr double euler = 0.577215664901532860606512090082;

inline __attribute__((always_inline)) Word distance(Word a, Word b) {
  return static_cast<Word>(a > b ? a - b : b - a);
}

/// to[j] = max(to[j], |ranks[j] - own|)
SOVREN_CLONES_16 void widen(Word* to, const Word* ranks, Word own, std::size_t n) {
  for (std::size_t j = 0; j < n; ++j) to[j] = std::max(to[j], distance(ranks[j], own));
}

/// to[j] = max(from[j], |ranks[j] - own|); returns how many are at most e.
inline __attribute__((always_inline)) Word join(Word* to, const Word* from, const Word* ranks,
                                                Word own, Word e, std::size_t n) {
  Word count = 0;
  for (std::size_t j = 0; j < n; ++j) {
    const Word d = std::max(from[j], distance(ranks[j], own));
    to[j] = d;
    count = static_cast<Word>(count + (d <= e));
  }
  return count;
}

inline __attribute__((always_inline)) Word count_joined(const Word* from, const Word* ranks,
                                                        Word own, Word e, std::size_t n) {
  Word count = 0;
  for (std::size_t j = 0; j < n; ++j)
    count = static_cast<Word>(count + (std::max(from[j], distance(ranks[j], own)) <= e));
  return count;
}

inline __attribute__((always_inline)) Word count_up_to(const Word* d, Word e, std::size_t n) {
  Word count = 0;
  for (std::size_t j = 0; j < n; ++j) count = static_cast<Word>(count + (d[j] <= e));
  return count;
}

/// What the tests of all xs share at one sample.
struct Row {
  const Word* yz;              ///< distances, padded
  const Word* z;               ///< the same; zeros without z
  const std::int64_t* shared;  ///< by eps: digamma(k_z) - digamma(k_yz)
  int sample;
  int want;   ///< k + 1: a sample is its own nearest
  int least;  ///< eps is at least this
  int samples;
};

/// The threshold to try next between two whose counts are known, or, before that, from the last
/// one's count: counts grow with the square of the distance or so.
inline __attribute__((always_inline)) int next_threshold(int low, int low_count, int high,
                                                         int high_count, int last, int last_count,
                                                         int want, int tries) {
  int next;
  if (tries > 5)
    next = low + (high - low) / 2;
  else if (low_count > 0 && high_count > 0)
    next = low + static_cast<int>(static_cast<std::int64_t>(want - low_count) * (high - low) /
                                  (high_count - low_count));
  else
    next = last + static_cast<int>(static_cast<std::int64_t>(want - last_count) * last /
                                   (2 * std::max(1, last_count)));
  return std::clamp(next, low + 1, high - 1);
}

/// Adds what this sample contributes to each sum. work: one row.
SOVREN_CLONES_16 void add_sample(const Row& row, const Word* xs, std::size_t stride,
                                 const std::int64_t* digamma, Word* work, std::int64_t* sums,
                                 std::size_t count) {
  int guess = row.least;
  for (std::size_t s = 0; s < count; ++s) {
    const Word* const x = xs + s * stride;
    const Word own = x[row.sample];
    int low = row.least - 1;  // fewer than want are at most low
    int low_count = 0;        // 0: not counted
    int high = row.samples - 1;
    int high_count = 0;
    int at = std::max(guess, row.least);
    int found = join(work, row.yz, x, own, static_cast<Word>(at), stride);
    for (int tries = 1;; ++tries) {
      if (found >= row.want)
        high = at, high_count = found;
      else
        low = at, low_count = found;
      if (high - low <= 1) break;
      at = next_threshold(low, low_count, high, high_count, at, found, row.want, tries);
      found = count_up_to(work, static_cast<Word>(at), stride);
    }
    guess = high;
    const int k_xz = count_joined(row.z, x, own, static_cast<Word>(high - 1), stride);
    sums[s] += row.shared[high] - digamma[k_xz];
  }
}

/// cumulative[e] = how many of the distances are below e, e = 0 .. samples.
void count_below(std::span<const Word> distances, std::span<int> cumulative) {
  std::ranges::fill(cumulative, 0);
  for (const Word d : distances) ++cumulative[static_cast<std::size_t>(d) + 1];
  for (std::size_t e = 1; e < cumulative.size(); ++e) cumulative[e] += cumulative[e - 1];
}

/// row := distances of a sample in z, zeros without z; padded.
void distances_in_z(const RankSpace& space, std::size_t sample, std::span<Word> row) {
  const auto samples = static_cast<std::size_t>(space.samples);
  std::ranges::fill(row.first(samples), Word{0});
  std::ranges::fill(row.subspan(samples), padding);
  for (const Ranks& ranks : space.z) widen(row.data(), ranks.data(), ranks[sample], samples);
}

}  // namespace

std::size_t rank_stride(int samples) {
  return (static_cast<std::size_t>(samples) + lanes - 1) / lanes * lanes;
}

std::vector<std::int64_t> digamma_table(int count) {
  std::vector<std::int64_t> table(static_cast<std::size_t>(count) + 1);
  double sum = -euler;
  for (int c = 1; c <= count; ++c) {
    table[static_cast<std::size_t>(c)] = std::llround(sum / digamma_unit);
    sum += 1.0 / c;
  }
  return table;
}

void knn_sums(const RankSpace& space, std::span<const std::uint16_t> xs, int k,
              std::span<std::int64_t> sums) {
  const std::size_t stride = rank_stride(space.samples);
  const auto samples = static_cast<std::size_t>(space.samples);
  SOVREN_CHECK(1 <= k && k < space.samples && space.samples <= max_rank_samples,
               "there are k neighbours, and ranks of 16 bits");
  SOVREN_CHECK(xs.size() == sums.size() * stride && space.y.size() == stride,
               "rows are padded, and there is a sum for each");
  const std::vector<std::int64_t> digamma = digamma_table(space.samples);
  std::vector<Word> z(stride);
  std::vector<Word> yz(stride);
  std::vector<Word> work(stride);
  std::vector<int> below_z(samples + 1);
  std::vector<int> below_yz(samples + 1);
  std::vector<std::int64_t> shared(samples);
  std::ranges::fill(sums, std::int64_t{0});
  for (std::size_t i = 0; i < samples; ++i) {
    distances_in_z(space, i, z);
    std::ranges::copy(z, yz.begin());
    widen(yz.data(), space.y.data(), space.y[i], samples);
    count_below(std::span(z).first(samples), below_z);
    count_below(std::span(yz).first(samples), below_yz);
    int least = 1;
    while (below_yz[static_cast<std::size_t>(least) + 1] <= k) ++least;
    for (std::size_t eps = 1; eps < samples; ++eps)
      shared[eps] = digamma[static_cast<std::size_t>(below_z[eps])] -
                    digamma[static_cast<std::size_t>(below_yz[eps])];
    const Row row{yz.data(), z.data(), shared.data(), static_cast<int>(i),
                  k + 1,     least,    space.samples};
    add_sample(row, xs.data(), stride, digamma.data(), work.data(), sums.data(), sums.size());
  }
}

std::vector<std::uint16_t> nearest_in_z(const RankSpace& space, int count) {
  const auto samples = static_cast<std::size_t>(space.samples);
  SOVREN_CHECK(1 <= count && count <= space.samples, "there are so many samples");
  std::vector<Word> row(rank_stride(space.samples));
  std::vector<int> below(samples + 1);
  std::vector<std::uint16_t> nearest;
  nearest.reserve(samples * static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < samples; ++i) {
    distances_in_z(space, i, row);
    count_below(std::span(row).first(samples), below);
    int radius = 0;  // so many or fewer are nearer, and enough are not farther
    while (below[static_cast<std::size_t>(radius) + 1] < count) ++radius;
    int at_radius = count - below[static_cast<std::size_t>(radius)];
    for (std::size_t j = 0; j < samples; ++j)
      if (row[j] < radius || (row[j] == radius && at_radius-- > 0))
        nearest.push_back(static_cast<std::uint16_t>(j));
  }
  return nearest;
}

}  // namespace sovren::kernels
