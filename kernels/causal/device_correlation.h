// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "kernels/causal/batch_tests.h"
#include "kernels/causal/device_engine.h"
#include "kernels/causal/lag_covariance.h"

namespace sovren::kernels {

/// Nearer to a threshold, or to one another, than this, values of a device decide nothing: the CPU
/// tests again. Above the error of a value at device_pivot_min.
inline constexpr double device_margin = 1e-11;

/// Complete data with a device beside the CPU: single tests go to the CPU, batches to the device.
///
/// Model    the device gives values; what is decided from them is decided here. Ill-conditioned
///          tests (a pivot below device_pivot_min), those near a threshold, and passes of PC1 in
///          which two candidates are too close to be put in order, are repeated on the CPU.
/// Owner    complete must outlive this object.
/// Threads  as BatchTests: one batch at a time on the device.
class DeviceCorrelation : public TestSource, public BatchTests {
 public:
  DeviceCorrelation(const LagCorrelation& complete, std::unique_ptr<TestEngine> engine);

  /// Compares some tests of every kind with the CPU's. Errors: device: it fails, or gives other
  /// values.
  Result<void> check() const;

  int variables() const override { return complete_.variables(); }
  int max_lag() const override { return complete_.max_lag(); }
  int samples() const override { return complete_.samples(); }
  Partial partial(Node x, Node y, std::span<const Node> z) const override {
    return complete_.partial(x, y, z);
  }
  Fit fit(Node y, std::span<const Node> z) const override { return complete_.fit(y, z); }
  std::unique_ptr<PassTests> passes(Node target) const override { return complete_.passes(target); }
  double test_s(int conditions) const override { return complete_.test_s(conditions); }
  const SharedCorrelation* shared_correlation() const override { return &complete_; }
  const BatchTests* batches() const override { return this; }

  void run(std::span<const PassRequest> requests) const override;
  void run(std::span<const TestRequest> requests, std::span<Partial> out) const override;
  void run(std::span<const SubsetRequest> requests, const Judge& judge,
           std::span<SubsetOutcome> out) const override;
  bool run(const MciRequest& request, std::span<Partial> out) const override;
  std::string trouble() const override;
  std::int64_t repeated() const override { return repeated_; }

 private:
  template <class Batch, class Out>
  bool on_device(const Batch& batch, std::span<Out> out) const;
  bool has_device() const;
  void finish_pass(const PassRequest& request, std::span<const double> values) const;
  void pass_on_cpu(const PassRequest& request) const;
  void run_crew(std::span<const TestRequest> requests, Crew crew, std::span<Partial> out) const;
  Partial repeat(Node x, Node y, std::span<const Node> z) const;
  std::vector<Node> varying(std::span<const Node> nodes) const;

  bool ask(std::span<const SubsetItem> items, std::span<const Node> nodes,
           std::span<SubsetAnswer> out) const;
  void single_subsets(std::span<const SubsetRequest> requests, const Judge& judge,
                      std::span<SubsetOutcome> out) const;
  void finish_subsets(const SubsetRequest& request, const Judge& judge, const SubsetAnswer& answer,
                      SubsetOutcome& out) const;
  SubsetOutcome subsets_on_cpu(const SubsetRequest& request, const Judge& judge) const;

  bool run_targets(MciBatch batch, std::span<const MciTarget> targets,
                   std::span<Partial> out) const;

  const LagCorrelation& complete_;
  mutable std::mutex mutex_;  ///< of the next two
  mutable std::unique_ptr<TestEngine> engine_;
  mutable std::string trouble_;
  mutable std::atomic<std::int64_t> repeated_ = 0;
  std::size_t scratch_limit_;
  std::size_t work_limit_;
};

/// Runs a batch; false: the device failed now or before, and is given up.
template <class Batch, class Out>
bool DeviceCorrelation::on_device(const Batch& batch, std::span<Out> out) const {
  const std::scoped_lock lock(mutex_);
  if (!engine_) return false;
  const Result<void> done = engine_->run(batch, out);
  if (done) return true;
  trouble_ = engine_->name() + ": " + done.error().what;
  engine_.reset();
  return false;
}

}  // namespace sovren::kernels
