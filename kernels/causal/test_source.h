// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>

namespace sovren::kernels {

class BatchTests;
class SharedCorrelation;

/// The value of a variable, lag steps before the time point t: x_variable(t - lag).
struct Node {
  int variable = 0;
  int lag = 0;
  friend bool operator==(const Node&, const Node&) = default;
};

/// One test of x and y given Z. The p-value of a correlation costs as much as the test itself, so
/// it is left to the user: p_value_of() (student_t.h).
struct Partial {
  double value = 0;         ///< partial correlation, or what the test measures; 0: not defined
  int df = 0;               ///< samples - 2 - |Z|, constants not counted in Z; < 1: says nothing
  bool determined = false;  ///< Z explains x or y fully: value is 0
  bool by_qr = false;       ///< ill-conditioned: computed from the data, not from correlations
  /// Of tests whose p-value does not follow from value and df by Student's t; NaN: it does.
  double p_value = std::numeric_limits<double>::quiet_NaN();
};

/// How often each of the things happened that a user may want to know.
struct TestCounts {
  std::int64_t tests = 0;
  std::int64_t by_qr = 0;
  std::int64_t determined = 0;
  std::int64_t too_few_samples = 0;  ///< df < 1: never significant

  void count(const Partial& partial) {
    ++tests;
    by_qr += partial.by_qr;
    determined += partial.determined;
    too_few_samples += partial.df < 1;
  }
  bool operator==(const TestCounts&) const = default;
  TestCounts& operator+=(const TestCounts& other) {
    tests += other.tests;
    by_qr += other.by_qr;
    determined += other.determined;
    too_few_samples += other.too_few_samples;
    return *this;
  }
};

/// How much of y its parents leave unexplained.
struct Fit {
  double unexplained = 1;  ///< residual sum of squares / total sum of squares
  int samples = 0;
};

/// All tests of one target in PC1, level by level. One thread; remembers what the next level needs.
class PassTests {
 public:
  virtual ~PassTests() = default;

  /// out[c] = test of order[c] and the target, given the first `level` nodes of order other than
  /// order[c].
  virtual void run(std::span<const Node> order, int level, std::span<Partial> out) = 0;
};

/// Data that conditional independence can be tested on: what PC1 and MCI are written against.
/// LagCorrelation (a whole series), DenseSamples (any time points of it), MaskedSamples (missing
/// values, masks) and CmiKnn (nearest neighbours) implement it.
///
/// Model    samples are the time points t = 2 max_lag .. T-1, or some of them, with repetition; a
///          node may have lags 0 .. 2 max_lag. A test with a constant x or y has value 0; constants
///          in Z are dropped.
/// Laws     a test's result is bitwise independent of the tests before and beside it.
/// Threads  const and re-entrant: many threads may share one source.
class TestSource {
 public:
  virtual ~TestSource() = default;

  virtual int variables() const = 0;
  virtual int max_lag() const = 0;
  virtual int samples() const = 0;

  /// Correlation of x and y given z. Cost: |z|^3 / 3 flops (complete), |z|^2 samples (missing).
  virtual Partial partial(Node x, Node y, std::span<const Node> z) const = 0;

  virtual Fit fit(Node y, std::span<const Node> z) const = 0;

  /// Seconds of one test on one core, roughly: searches share out their work by it. The default is
  /// that of |z|^2 products per sample.
  virtual double test_s(int conditions) const;

  /// The tests of one target. The default calls partial() for each.
  virtual std::unique_ptr<PassTests> passes(Node target) const;

  /// The correlations that hold for every test, or null when samples differ from test to test.
  virtual const SharedCorrelation* shared_correlation() const { return nullptr; }

  /// Many tests as one piece of work, or null when there is no device for it.
  virtual const BatchTests* batches() const { return nullptr; }
};

}  // namespace sovren::kernels
