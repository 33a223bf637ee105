// SPDX-License-Identifier: Apache-2.0
// Indexing, memory and launches; the arithmetic is in device_body.h and its neighbours, which the
// tests run on the CPU. Compiled for sm_90; not yet run on a device.
#include <cuda_runtime.h>

#include <algorithm>

#include "kernels/causal/device_engine.h"
#include "kernels/device/device.h"
#include "kernels/device/device_memory.h"

namespace sovren::kernels {
namespace {

constexpr int warp_size = 32;
constexpr int test_warps = 4;                 // warps of a block whose warps work by themselves
constexpr int pass_threads = 256;             // of a block that shares columns
constexpr int block_threads = 128;            // of a block that does one test
constexpr std::size_t warp_bytes = 32 << 10;  // a test that needs more is done by a block

struct Warp {
  __device__ int rank() const { return static_cast<int>(threadIdx.x) % warp_size; }
  __device__ int size() const { return warp_size; }
  __device__ void sync() const { __syncwarp(); }
  /// Of those in the block: which, and how many.
  static __device__ int index() { return static_cast<int>(threadIdx.x) / warp_size; }
  static __device__ int count() { return static_cast<int>(blockDim.x) / warp_size; }
};

struct Block {
  __device__ int rank() const { return static_cast<int>(threadIdx.x); }
  __device__ int size() const { return static_cast<int>(blockDim.x); }
  __device__ void sync() const { __syncthreads(); }
  static __device__ int index() { return 0; }
  static __device__ int count() { return 1; }
};

struct SharedAtomics {
  static __device__ void lower(std::uint64_t& value, std::uint64_t other) {
    static_assert(sizeof(unsigned long long) == sizeof(std::uint64_t));
    atomicMin(reinterpret_cast<unsigned long long*>(&value), other);
  }
  static __device__ int add(std::int32_t& value) { return atomicAdd(&value, 1); }
  static __device__ std::uint64_t read(const std::uint64_t& value) {
    return *static_cast<const volatile std::uint64_t*>(&value);
  }
};

__global__ void run_passes(LagView view, const PassItem* items, const Node* nodes, double* scratch,
                           double* out) {
  const PassItem item = items[blockIdx.x];
  run_pass(Block{}, view, item, nodes + item.nodes, scratch + item.scratch, out + item.nodes);
}

__global__ void test_by_threads(LagView view, const TestItem* items, std::size_t count,
                                const Node* nodes, double* out) {
  const std::size_t k = static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (k >= count) return;
  out[items[k].out] = partial_by_thread(view, nodes + items[k].nodes, items[k].count);
}

/// stride: doubles of work of a group.
template <class Group>
__global__ void test_by_groups(LagView view, const TestItem* items, std::size_t count,
                               const Node* nodes, std::size_t stride, double* out) {
  extern __shared__ double work[];
  const std::size_t k = static_cast<std::size_t>(blockIdx.x) * Group::count() +
                        static_cast<std::size_t>(Group::index());
  if (k >= count) return;
  const Group group;
  const double value = partial_by_group(group, view, nodes + items[k].nodes, items[k].count,
                                        work + Group::index() * stride);
  if (group.rank() == 0) out[items[k].out] = value;
}

/// Workers' findings, and what they share, become the answer of the pair.
__device__ void answer(const SubsetAnswer* found, int workers, const SubsetShared& shared,
                       SubsetAnswer& out) {
  SubsetAnswer all;
  for (int worker = 0; worker < workers; ++worker) all.take(found[worker]);
  all.unsure_count = shared.unsure_count;
  for (int k = 0; k < unsure_places; ++k) all.unsure[k] = shared.unsure[k];
  out = all;
}

/// A warp for each pair; each of its threads is a worker.
__global__ void search_by_threads(LagView view, const SubsetItem* items, std::size_t count,
                                  const Node* pool, SubsetAnswer* out) {
  extern __shared__ double memory[];
  auto* const shared = reinterpret_cast<SubsetShared*>(memory) + Warp::index();
  auto* const found =
      reinterpret_cast<SubsetAnswer*>(reinterpret_cast<SubsetShared*>(memory) + Warp::count()) +
      Warp::index() * warp_size;
  const std::size_t k = static_cast<std::size_t>(blockIdx.x) * Warp::count() +
                        static_cast<std::size_t>(Warp::index());
  if (k >= count) return;
  const Warp warp;
  if (warp.rank() == 0) *shared = SubsetShared{};
  warp.sync();
  Node nodes[register_nodes];
  int places[register_nodes];
  SubsetAnswer own;
  search_subsets<SharedAtomics>(Alone{}, warp.rank(), warp_size, view, items[k], pool,
                                SubsetWork{nodes, places, nullptr}, *shared, own);
  found[warp.rank()] = own;
  warp.sync();
  if (warp.rank() == 0) answer(found, warp_size, *shared, out[k]);
}

/// A block for each pair; its warps, or the whole of it, are workers. largest: nodes of any item.
template <class Group>
__global__ void search_by_groups(LagView view, const SubsetItem* items, const Node* pool,
                                 int largest, SubsetAnswer* out) {
  extern __shared__ double memory[];
  const int workers = Group::count();
  const std::size_t size = group_test_size(static_cast<std::size_t>(largest));
  double* const matrix = memory + Group::index() * size;
  auto* const shared = reinterpret_cast<SubsetShared*>(memory + workers * size);
  auto* const found = reinterpret_cast<SubsetAnswer*>(shared + 1);
  auto* const nodes = reinterpret_cast<Node*>(found + workers) + Group::index() * largest;
  auto* const places =
      reinterpret_cast<int*>(reinterpret_cast<Node*>(found + workers) + workers * largest) +
      Group::index() * largest;
  if (threadIdx.x == 0) *shared = SubsetShared{};
  __syncthreads();
  const Group group;
  SubsetAnswer own;
  search_subsets<SharedAtomics>(group, Group::index(), workers, view, items[blockIdx.x], pool,
                                SubsetWork{nodes, places, matrix}, *shared, own);
  if (group.rank() == 0) found[Group::index()] = own;
  __syncthreads();
  if (threadIdx.x == 0) answer(found, workers, *shared, out[blockIdx.x]);
}

__global__ void make_blocks(LagView view, const MciSide* sides, const Node* nodes, double* blocks) {
  const MciSide side = sides[blockIdx.x];
  make_block(Block{}, view, nodes + side.nodes, side.count, blocks + side.block);
}

__global__ void make_panels(LagView view, const MciTarget* targets, const Node* nodes,
                            double* scratch, int* places) {
  const MciTarget target = targets[blockIdx.x];
  make_panel(Block{}, view, target, nodes + target.parents, scratch + target.panel,
             places + target.places);
}

/// x: sides, some in a block; y: targets. stride: doubles of work of a group.
template <class Group>
__global__ void test_mci_row(LagView view, const MciTarget* targets, const MciSide* sides,
                             std::size_t side_count, const Node* nodes, const double* scratch,
                             const int* places, const double* blocks, std::size_t stride,
                             MciValue* out) {
  extern __shared__ double work[];
  const std::size_t s = static_cast<std::size_t>(blockIdx.x) * Group::count() +
                        static_cast<std::size_t>(Group::index());
  if (s >= side_count) return;
  const Group group;
  const MciTarget target = targets[blockIdx.y];
  const MciSide side = sides[s];
  const MciValue value =
      test_mci(group, view, target, scratch + target.panel, places + target.places,
               nodes + side.nodes, side.count, blocks + side.block, work + Group::index() * stride);
  if (group.rank() == 0) out[target.out + side.entry] = value;
}

/// Blocks of `per_block` things that hold all of `count`.
unsigned grid(std::size_t count, int per_block) {
  const auto each = static_cast<std::size_t>(per_block);
  return static_cast<unsigned>((count + each - 1) / each);
}

class CudaEngine : public TestEngine {
 public:
  Result<void> start(const LagView& correlations);

  std::string name() const override { return name_; }
  std::size_t scratch_limit() const override { return scratch_limit_; }
  std::size_t work_limit() const override { return work_limit_; }
  Result<void> run(const PassBatch& batch, std::span<double> out) override;
  Result<void> run(const TestBatch& batch, std::span<double> out) override;
  Result<void> run(const SubsetBatch& batch, std::span<SubsetAnswer> out) override;
  Result<void> run(const MciBatch& batch, std::span<MciValue> out) override;

 private:
  Result<void> begin(std::span<const Node> nodes) {
    SOVREN_DO(check_cuda(cudaSetDevice(device_), "choosing the device"));
    return nodes_.upload(nodes);
  }
  template <class Kernel>
  Result<void> allow(Kernel kernel) {
    return check_cuda(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                           static_cast<int>(work_limit_)),
                      "asking for shared memory");
  }
  Result<void> launch(const MciLaunch& launch);
  /// Groups of a block whose warps work by themselves, that each need so many bytes.
  int warps_for(std::size_t bytes) const {
    return static_cast<int>(std::clamp<std::size_t>(work_limit_ / bytes, 1, test_warps));
  }

  int device_ = 0;
  std::string name_;
  std::size_t scratch_limit_ = 0;
  std::size_t work_limit_ = 0;
  LagView view_;
  DeviceBuffer<double> core_, edges_, inverse_length_, offset_, scratch_, blocks_, values_;
  DeviceBuffer<Node> nodes_;
  DeviceBuffer<int> places_;
  DeviceBuffer<PassItem> passes_;
  DeviceBuffer<TestItem> tests_;
  DeviceBuffer<SubsetItem> subsets_;
  DeviceBuffer<SubsetAnswer> answers_;
  DeviceBuffer<MciTarget> targets_;
  DeviceBuffer<MciSide> sides_;
  DeviceBuffer<MciValue> mci_values_;
};

Result<void> CudaEngine::start(const LagView& from) {
  device_ = used_device();
  SOVREN_DO(check_cuda(cudaSetDevice(device_), "choosing the device"));
  cudaDeviceProp properties;
  SOVREN_DO(check_cuda(cudaGetDeviceProperties(&properties, device_), "asking what it is"));
  name_ = properties.name;
  // What a kernel declares itself is a few hundred bytes at most.
  work_limit_ = properties.sharedMemPerBlockOptin - 1024;
  view_ = from;
  const auto edges = static_cast<std::size_t>(from.variables) *
                     static_cast<std::size_t>(edge_positions(from.steps, from.max_lag));
  SOVREN_DO(core_.upload({from.core, from.core_size()}));
  SOVREN_DO(edges_.upload({from.edges, edges}));
  SOVREN_DO(inverse_length_.upload({from.inverse_length, from.moments()}));
  SOVREN_DO(offset_.upload({from.offset, from.moments()}));
  view_.core = core_.data();
  view_.edges = edges_.data();
  view_.inverse_length = inverse_length_.data();
  view_.offset = offset_.data();
  std::size_t free = 0;
  std::size_t total = 0;
  SOVREN_DO(check_cuda(cudaMemGetInfo(&free, &total), "asking for its memory"));
  // The rest is for nodes, values and the blocks of MCI; 2 GiB of panels keep any device busy.
  scratch_limit_ = std::min<std::size_t>(free / 2, std::size_t{2} << 30) / sizeof(double);
  SOVREN_DO(allow(test_by_groups<Warp>));
  SOVREN_DO(allow(test_by_groups<Block>));
  SOVREN_DO(allow(search_by_groups<Warp>));
  SOVREN_DO(allow(search_by_groups<Block>));
  SOVREN_DO(allow(test_mci_row<Warp>));
  return allow(test_mci_row<Block>);
}

Result<void> CudaEngine::run(const PassBatch& batch, std::span<double> out) {
  SOVREN_DO(begin(batch.nodes));
  SOVREN_DO(passes_.upload(batch.items));
  SOVREN_DO(scratch_.reserve(batch.scratch));
  SOVREN_DO(values_.reserve(out.size()));
  run_passes<<<grid(batch.items.size(), 1), pass_threads>>>(view_, passes_.data(), nodes_.data(),
                                                            scratch_.data(), values_.data());
  SOVREN_DO(check_cuda(cudaGetLastError(), "starting passes"));
  return values_.download(out, "computing passes");
}

Result<void> CudaEngine::run(const TestBatch& batch, std::span<double> out) {
  SOVREN_DO(begin(batch.nodes));
  SOVREN_DO(tests_.upload(batch.items));
  SOVREN_DO(values_.reserve(out.size()));
  const std::size_t count = batch.items.size();
  const std::size_t size = group_test_size(static_cast<std::size_t>(batch.largest));
  switch (crew_of(batch.largest)) {
    case Crew::thread:
      test_by_threads<<<grid(count, block_threads), block_threads>>>(view_, tests_.data(), count,
                                                                     nodes_.data(), values_.data());
      break;
    case Crew::warp: {
      const int warps = warps_for(8 * size);
      test_by_groups<Warp>
          <<<grid(count, warps), warps * warp_size, 8 * size* static_cast<std::size_t>(warps)>>>(
              view_, tests_.data(), count, nodes_.data(), size, values_.data());
      break;
    }
    case Crew::block:
      test_by_groups<Block><<<grid(count, 1), block_threads, 8 * size>>>(
          view_, tests_.data(), count, nodes_.data(), size, values_.data());
  }
  SOVREN_DO(check_cuda(cudaGetLastError(), "starting tests"));
  return values_.download(out, "computing tests");
}

Result<void> CudaEngine::run(const SubsetBatch& batch, std::span<SubsetAnswer> out) {
  SOVREN_DO(begin(batch.nodes));
  SOVREN_DO(subsets_.upload(batch.items));
  SOVREN_DO(answers_.reserve(out.size()));
  const std::size_t count = batch.items.size();
  const auto largest = static_cast<std::size_t>(batch.largest);
  switch (crew_of(batch.largest)) {
    case Crew::thread: {
      constexpr std::size_t bytes =
          test_warps * (sizeof(SubsetShared) + warp_size * sizeof(SubsetAnswer));
      search_by_threads<<<grid(count, test_warps), test_warps * warp_size, bytes>>>(
          view_, subsets_.data(), count, nodes_.data(), answers_.data());
      break;
    }
    case Crew::warp:
      search_by_groups<Warp>
          <<<grid(count, 1), test_warps * warp_size, search_bytes(test_warps, largest)>>>(
              view_, subsets_.data(), nodes_.data(), batch.largest, answers_.data());
      break;
    case Crew::block:
      search_by_groups<Block><<<grid(count, 1), block_threads, search_bytes(1, largest)>>>(
          view_, subsets_.data(), nodes_.data(), batch.largest, answers_.data());
  }
  SOVREN_DO(check_cuda(cudaGetLastError(), "starting a search of subsets"));
  return answers_.download(out, "searching subsets");
}

Result<void> CudaEngine::run(const MciBatch& batch, std::span<MciValue> out) {
  if (batch.targets.empty() || batch.sides.empty()) return {};
  SOVREN_DO(begin(batch.nodes));
  SOVREN_DO(targets_.upload(batch.targets));
  SOVREN_DO(sides_.upload(batch.sides));
  SOVREN_DO(blocks_.reserve(batch.blocks));
  SOVREN_DO(scratch_.reserve(batch.scratch));
  SOVREN_DO(places_.reserve(batch.targets.size() * view_.moments()));
  SOVREN_DO(mci_values_.upload(out));  // what no launch computes stays as it is
  make_blocks<<<grid(batch.sides.size(), 1), block_threads>>>(view_, sides_.data(), nodes_.data(),
                                                              blocks_.data());
  make_panels<<<grid(batch.targets.size(), 1), pass_threads>>>(
      view_, targets_.data(), nodes_.data(), scratch_.data(), places_.data());
  SOVREN_DO(check_cuda(cudaGetLastError(), "starting panels"));
  for (const MciLaunch& one : plan_mci(batch, work_limit_)) SOVREN_DO(launch(one));
  return mci_values_.download(out, "computing rows");
}

Result<void> CudaEngine::launch(const MciLaunch& launch) {
  const std::size_t side_count = launch.last_side - launch.first_side;
  const auto targets = static_cast<unsigned>(launch.last_target - launch.first_target);
  const std::size_t stride = launch.bytes / sizeof(double);
  if (launch.bytes <= warp_bytes) {
    const int warps = warps_for(launch.bytes);
    test_mci_row<Warp><<<dim3(grid(side_count, warps), targets), warps * warp_size,
                         launch.bytes* static_cast<std::size_t>(warps)>>>(
        view_, targets_.data() + launch.first_target, sides_.data() + launch.first_side, side_count,
        nodes_.data(), scratch_.data(), places_.data(), blocks_.data(), stride, mci_values_.data());
  } else {
    test_mci_row<Block><<<dim3(grid(side_count, 1), targets), block_threads, launch.bytes>>>(
        view_, targets_.data() + launch.first_target, sides_.data() + launch.first_side, side_count,
        nodes_.data(), scratch_.data(), places_.data(), blocks_.data(), stride, mci_values_.data());
  }
  return check_cuda(cudaGetLastError(), "starting rows");
}

}  // namespace

Result<std::unique_ptr<TestEngine>> make_cuda_engine(const LagView& correlations) {
  auto engine = std::make_unique<CudaEngine>();
  SOVREN_DO(engine->start(correlations));
  return engine;
}

}  // namespace sovren::kernels
