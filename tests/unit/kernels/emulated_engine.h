// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "kernels/causal/device_engine.h"

namespace sovren::kernels::testing {

/// The CPU as a device: a block is some threads, its __syncthreads() a barrier, so that the very
/// code which nvcc compiles is run, and a barrier that is missing is a race that TSan sees. Scratch
/// and shared memory begin as NaN.
class EmulatedEngine : public TestEngine {
 public:
  /// threads: of a block, even. The view must outlive this object.
  EmulatedEngine(const LagView& view, int threads) : view_(view), threads_(threads) {}

  std::string name() const override { return "emulated"; }
  std::size_t scratch_limit() const override { return scratch_limit_; }
  std::size_t work_limit() const override { return work_limit_; }
  Result<void> run(const PassBatch& batch, std::span<double> out) override;
  Result<void> run(const TestBatch& batch, std::span<double> out) override;
  Result<void> run(const SubsetBatch& batch, std::span<SubsetAnswer> out) override;
  Result<void> run(const MciBatch& batch, std::span<MciValue> out) override;

  void limit(std::size_t scratch, std::size_t work) {
    scratch_limit_ = scratch;
    work_limit_ = work;
  }
  void fail_from(int batch) { fails_from_ = batch; }
  /// Every value of one kind of batch is wrong by a little.
  enum class Kind { none, passes, tests, subsets, mci };
  void distort(Kind kind) { distorted_ = kind; }
  int batches() const { return batches_; }

 private:
  Result<void> begin();

  LagView view_;
  int threads_;
  std::size_t scratch_limit_ = std::size_t{1} << 24;
  std::size_t work_limit_ = 200 << 10;
  int batches_ = 0;
  int fails_from_ = -1;
  Kind distorted_ = Kind::none;
};

}  // namespace sovren::kernels::testing
