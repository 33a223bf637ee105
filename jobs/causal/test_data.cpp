// SPDX-License-Identifier: Apache-2.0
#include "jobs/causal/test_data.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "jobs/causal/data_view.h"
#include "jobs/causal/schedule.h"
#include "kernels/causal/cmi_knn.h"
#include "kernels/causal/dense_samples.h"
#include "kernels/causal/device_correlation.h"
#include "kernels/causal/device_engine.h"
#include "kernels/causal/discrete_samples.h"
#include "kernels/causal/lag_covariance.h"
#include "kernels/causal/masked_samples.h"
#include "kernels/causal/resample.h"
#include "kernels/causal/usable_times.h"

namespace sovren::jobs {

namespace {

using Test = CausalSpec::Test;

/// Streams of random numbers of a job's seed (core/base/rng.h).
constexpr std::uint64_t bootstrap_stream = 11;

kernels::Marginals marginals_of(const CausalSpec& spec) {
  return spec.test == Test::robust_parcorr ? kernels::Marginals::rank_normal
                                           : kernels::Marginals::linear;
}

/// What the tests need: the correlations that hold for every test, and where values are missing or
/// masked, the samples of each test.
class Correlations : public TestData {
 public:
  /// complete: LagCorrelation or DenseSamples, of the same table and times.
  Correlations(const CausalSpec& spec, const Inputs& inputs, std::vector<int> times,
               std::unique_ptr<kernels::SharedCorrelation> complete)
      : view_(inputs, spec.mask_type), complete_(std::move(complete)) {
    if (!inputs.table.has_missing && !inputs.mask) return;
    masked_.emplace(view_.series,
                    kernels::UsableTimes(view_.series, spec.max_lag, std::move(times), view_.mask),
                    marginals_of(spec), *complete_);
  }
  const kernels::TestSource& source() const override {
    if (masked_) return *masked_;
    return *complete_;
  }

 private:
  DataView view_;
  std::unique_ptr<kernels::SharedCorrelation> complete_;
  std::optional<kernels::MaskedSamples> masked_;
};

/// Complete data, with the rank's device beside the CPU.
class WithDevice : public TestData {
 public:
  static Result<std::unique_ptr<TestData>> make(kernels::LagCorrelation complete) {
    SOVREN_TRY(engine, kernels::make_cuda_engine(complete.view()));
    auto made = std::make_unique<WithDevice>(std::move(complete), std::move(engine));
    SOVREN_DO(made->device_.check());
    return made;
  }
  WithDevice(kernels::LagCorrelation complete, std::unique_ptr<kernels::TestEngine> engine)
      : complete_(std::move(complete)), device_(complete_, std::move(engine)) {}
  const kernels::TestSource& source() const override { return device_; }

 private:
  kernels::LagCorrelation complete_;
  kernels::DeviceCorrelation device_;
};

/// A source that needs nothing else.
template <class Source>
class Samples : public TestData {
 public:
  explicit Samples(Source source) : source_(std::move(source)) {}
  const kernels::TestSource& source() const override { return source_; }

 private:
  Source source_;
};

/// This rank's tiles. Empty together with an error: the others then learn of it by the size.
Result<std::vector<double>> compute_mine(const Communicator& comm, const kernels::LagTiles& tiles,
                                         Backend backend) {
  const Rows mine = rows_of_rank(tiles.count(), comm.rank(), comm.size());
  const auto first = static_cast<int>(mine.first);
  const auto last = static_cast<int>(mine.first + mine.count);
  std::vector<double> values(tiles.size(first, last));
  SOVREN_DO(tiles.compute(first, last, values, backend));
  return values;
}

/// All ranks' tiles, one behind another.
Result<std::vector<double>> exchange(Communicator& comm, const kernels::LagTiles& tiles,
                                     const Result<std::vector<double>>& mine) {
  const std::span<const double> sent =
      mine ? std::span<const double>(*mine) : std::span<const double>();
  SOVREN_TRY(parts, comm.all_gather(std::as_bytes(sent)));
  if (!mine) return fail(mine.error());
  std::vector<double> all(tiles.size(0, tiles.count()));
  std::size_t at = 0;
  for (int rank = 0; rank < comm.size(); ++rank) {
    const Communicator::Bytes& part = parts[static_cast<std::size_t>(rank)];
    const Rows rows = rows_of_rank(tiles.count(), rank, comm.size());
    const std::size_t size =
        tiles.size(static_cast<int>(rows.first), static_cast<int>(rows.first + rows.count));
    if (part.size() != size * sizeof(double))
      return fail({.code = Code::device,
                   .what = "rank " + std::to_string(rank) + " could not compute its correlations",
                   .hint = "its log says why"});
    if (size > 0) std::memcpy(all.data() + at, part.data(), part.size());
    at += size;
  }
  return all;
}

/// Each rank with its device, or none.
Result<std::unique_ptr<TestData>> share_device(Communicator& comm,
                                               kernels::LagCorrelation complete) {
  auto made = WithDevice::make(std::move(complete));
  std::int64_t is_made = made ? 1 : 0;
  SOVREN_DO(comm.all_reduce(std::span(&is_made, 1), Reduce::min));
  if (made && is_made == 0)
    return fail({.code = Code::device,
                 .what = "another rank cannot test on its device",
                 .hint = "its log says why"});
  return made;
}

/// The same on every rank, each of which made a part of it.
Result<std::unique_ptr<TestData>> share_correlations(Communicator& comm, const CausalSpec& spec,
                                                     const Inputs& inputs, Backend backend) {
  const DataView view(inputs, spec.mask_type);
  SOVREN_TRY(tiles, kernels::LagTiles::make(view.series, spec.max_lag));
  SOVREN_TRY(all, exchange(comm, tiles, compute_mine(comm, tiles, backend)));
  if (backend == Backend::cuda && !inputs.table.has_missing && !inputs.mask)
    return share_device(comm, std::move(tiles).assemble(all));
  return std::make_unique<Correlations>(
      spec, inputs, kernels::all_times(inputs.table.rows, spec.max_lag),
      std::make_unique<kernels::LagCorrelation>(std::move(tiles).assemble(all)));
}

Result<std::unique_ptr<TestData>> make_cmi_knn(const CausalSpec& spec, const DataView& view,
                                               kernels::UsableTimes times) {
  const kernels::CmiKnnOptions options{.neighbors = spec.neighbors,
                                       .shuffle_neighbors = spec.shuffle_neighbors,
                                       .shuffles = spec.shuffles,
                                       .seed = spec.seed};
  SOVREN_TRY(samples, kernels::CmiKnn::make(view.series, std::move(times), options));
  return std::make_unique<Samples<kernels::CmiKnn>>(std::move(samples));
}

Result<std::unique_ptr<TestData>> make_discrete(const CausalSpec& spec, const DataView& view,
                                                kernels::UsableTimes times) {
  const auto test = spec.test == Test::g2 ? kernels::DiscreteTest::g2 : kernels::DiscreteTest::chi2;
  SOVREN_TRY(samples, kernels::DiscreteSamples::make(view.series, std::move(times), test));
  return std::make_unique<Samples<kernels::DiscreteSamples>>(std::move(samples));
}

Result<std::unique_ptr<TestData>> make_correlations(const CausalSpec& spec, const Inputs& inputs,
                                                    const DataView& view, std::vector<int> times) {
  SOVREN_TRY(dense,
             kernels::DenseSamples::make(view.series, spec.max_lag, times, marginals_of(spec)));
  return std::make_unique<Correlations>(spec, inputs, std::move(times),
                                        std::make_unique<kernels::DenseSamples>(std::move(dense)));
}

/// On these time points, on this rank alone.
Result<std::unique_ptr<TestData>> make_test_data(const CausalSpec& spec, const Inputs& inputs,
                                                 std::vector<int> times) {
  const DataView view(inputs, spec.mask_type);
  if (spec.test == Test::parcorr || spec.test == Test::robust_parcorr)
    return make_correlations(spec, inputs, view, std::move(times));
  kernels::UsableTimes usable(view.series, spec.max_lag, std::move(times), view.mask);
  if (spec.test == Test::cmi_knn) return make_cmi_knn(spec, view, std::move(usable));
  return make_discrete(spec, view, std::move(usable));
}

}  // namespace

Result<std::unique_ptr<TestData>> share_test_data(Communicator& comm, const CausalSpec& spec,
                                                  const Inputs& inputs, Backend backend) {
  if (spec.test == Test::parcorr) return share_correlations(comm, spec, inputs, backend);
  return make_test_data(spec, inputs, kernels::all_times(inputs.table.rows, spec.max_lag));
}

std::unique_ptr<TestData> make_replicate_data(const CausalSpec& spec, const Inputs& inputs,
                                              int replicate) {
  const int samples = inputs.table.rows - 2 * spec.max_lag;
  const int block =
      spec.bootstrap_block > 0 ? spec.bootstrap_block : kernels::cube_root_block(samples);
  auto data = make_test_data(
      spec, inputs,
      kernels::bootstrap_times(inputs.table.rows, spec.max_lag, std::min(block, samples), spec.seed,
                               bootstrap_stream, static_cast<std::uint64_t>(replicate)));
  SOVREN_CHECK(data.has_value(), "the search on all time points went well");
  return *std::move(data);
}

std::int64_t memory_needed_bytes(const CausalSpec& spec, const Inputs& inputs) {
  const auto n = static_cast<double>(inputs.table.columns);
  const double lags = spec.max_lag + 1;
  const double products = 8 * n * n * ((4 * spec.max_lag + 1) + (2 * spec.max_lag + 1));
  const auto dense = static_cast<double>(
      kernels::DenseSamples::bytes(inputs.table.columns, spec.max_lag, inputs.table.rows));
  double tests = 0;
  if (spec.test == Test::parcorr) tests += products;
  if (spec.test == Test::robust_parcorr || spec.bootstrap > 0) tests += dense;
  const double results = 8 * n * n * lags * 10;  // units, matrices, and the image of result.h5
  const double series = 8.0 * static_cast<double>(inputs.table.values.size()) * 4;
  return static_cast<std::int64_t>(tests + results + series);
}

}  // namespace sovren::jobs
