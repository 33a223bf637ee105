// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "kernels/causal/device_body.h"
#include "kernels/causal/device_mci_body.h"
#include "kernels/causal/device_subset_body.h"

namespace sovren::kernels {

/// Passes of many targets. out: one value for each of the nodes.
struct PassBatch {
  std::span<const PassItem> items;
  std::span<const Node> nodes;
  std::size_t scratch = 0;  ///< doubles
};

/// Tests of x and y given Z: nodes Z, x, y of each, one test behind another.
struct TestItem {
  std::size_t nodes = 0;  ///< where they begin in the batch's nodes
  int count = 0;
  std::size_t out = 0;  ///< where its value goes in the batch's out
};

/// Tests of about one size, done in one launch.
struct TestBatch {
  std::span<const TestItem> items;
  std::span<const Node> nodes;
  int largest = 0;  ///< count of any item
};

struct SubsetBatch {
  std::span<const SubsetItem> items;
  std::span<const Node> nodes;
  int largest = 0;  ///< SubsetItem::nodes() of any item
};

/// Rows of MCI. sides ascend by count. out: `entries` values for each target.
struct MciBatch {
  std::span<const MciTarget> targets;
  std::span<const MciSide> sides;
  std::span<const Node> nodes;  ///< of the targets' parents and of the sides
  std::size_t blocks = 0;       ///< doubles
  std::size_t scratch = 0;      ///< doubles, of the panels
  std::size_t entries = 0;
};

/// A machine that runs the bodies of device_body.h over batches: a CUDA device, or (in tests) the
/// CPU as one. Holds its own copy of the correlations.
///
/// Laws     a value does not depend on what else is in the batch, bit for bit, on one kind of
/// device. Threads  one call at a time. Errors   device: it failed, or has not the memory. It is
/// then of no further use.
class TestEngine {
 public:
  virtual ~TestEngine() = default;
  virtual std::string name() const = 0;
  /// Doubles that a batch may have as scratch.
  virtual std::size_t scratch_limit() const = 0;
  /// Bytes that one test may need as work; larger ones are left to the CPU.
  virtual std::size_t work_limit() const = 0;

  virtual Result<void> run(const PassBatch& batch, std::span<double> out) = 0;
  virtual Result<void> run(const TestBatch& batch, std::span<double> out) = 0;
  virtual Result<void> run(const SubsetBatch& batch, std::span<SubsetAnswer> out) = 0;
  virtual Result<void> run(const MciBatch& batch, std::span<MciValue> out) = 0;
};

/// Who does a test: a thread in its registers, a warp or a block in shared memory.
enum class Crew : std::uint8_t { thread, warp, block };

constexpr Crew crew_of(int nodes) {
  if (nodes <= register_nodes) return Crew::thread;
  return nodes <= warp_nodes ? Crew::warp : Crew::block;
}

/// One launch of MCI: all tests of targets [first_target, last_target) and sides [first_side,
/// last_side), which need at most `bytes` each.
struct MciLaunch {
  std::size_t first_target = 0, last_target = 0;
  std::size_t first_side = 0, last_side = 0;
  std::size_t bytes = 0;
};

/// Launches in which all tests need about the same work, so that few large ones do not make room
/// scarce for all. Those that need more than work_limit are in none. Targets and sides ascend by
/// parent_count and count.
std::vector<MciLaunch> plan_mci(const MciBatch& batch, std::size_t work_limit);

/// On the CUDA device that this process uses (kernels/device/device.h). Errors: device (none, or
/// its memory is too small; this build has no CUDA).
Result<std::unique_ptr<TestEngine>> make_cuda_engine(const LagView& correlations);

}  // namespace sovren::kernels
