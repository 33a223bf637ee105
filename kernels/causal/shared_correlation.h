// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "kernels/causal/test_source.h"

namespace sovren::kernels {

struct TestColumns;

/// Samples on which one correlation of each two lagged variables holds for every test: what the
/// fast paths of PC1 and MCI are written against. LagCorrelation (a whole series) and DenseSamples
/// (any list of time points) implement it.
///
/// Laws     correlation(a, b) == correlation(b, a), bit for bit; correlations() and row() give the
///          same bits. That of a node with itself is 1, that of a constant 0.
/// Cost     one virtual call for each row of correlations: keep the calls out of inner loops.
class SharedCorrelation : public TestSource {
 public:
  virtual double correlation(Node a, Node b) const = 0;

  /// out[k] = correlation(a, others[k])
  virtual void correlations(Node a, std::span<const Node> others, std::span<double> out) const = 0;

  /// out[k] = correlation(a, {k, lag}), k = 0 .. N-1.
  virtual void row(Node a, int lag, std::span<double> out) const = 0;

  /// Has the variable no variation in the samples at this lag (std <= 1e-12 max|x|), or is a value
  /// of it missing there? Its correlations are then 0.
  virtual bool is_constant(Node node) const = 0;
  /// Is a value of the variable missing among the samples at this lag?
  virtual bool is_incomplete(Node node) const = 0;

  /// The samples themselves, for the tests that correlations cannot decide. No node is constant.
  virtual TestColumns columns(std::span<const Node> nodes) const = 0;

  Partial partial(Node x, Node y, std::span<const Node> z) const override;
  Fit fit(Node y, std::span<const Node> z) const override;
  double test_s(int conditions) const override;
  std::unique_ptr<PassTests> passes(Node target) const override;
  const SharedCorrelation* shared_correlation() const override { return this; }

 private:
  std::vector<Node> varying(std::span<const Node> nodes) const;
  void gather(std::span<const Node> nodes, std::span<double> lower) const;
};

}  // namespace sovren::kernels
