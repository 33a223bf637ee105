// SPDX-License-Identifier: Apache-2.0
#include "jobs/causal/correlation_share.h"

#include <cstring>
#include <optional>

#include "jobs/causal/schedule.h"
#include "kernels/causal/lag_covariance.h"
#include "kernels/causal/masked_samples.h"

namespace sovren::jobs {

namespace {

class Correlations : public TestData {
 public:
  Correlations(kernels::LagCorrelation correlation, const kernels::Series& series,
               std::vector<std::uint8_t> valid)
      : valid_(std::move(valid)), complete_(std::move(correlation)) {
    kernels::Series kept = series;
    kept.valid = valid_;
    if (!valid_.empty()) masked_.emplace(kept, complete_);
  }
  const kernels::TestSource& source() const override {
    if (masked_) return *masked_;
    return complete_;
  }

 private:
  std::vector<std::uint8_t> valid_;
  kernels::LagCorrelation complete_;
  std::optional<kernels::MaskedSamples> masked_;
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

}  // namespace

Result<std::unique_ptr<TestData>> share_correlations(Communicator& comm, const Table& table,
                                                     int max_lag, Backend backend) {
  std::vector<std::uint8_t> valid = validity(table);
  const kernels::Series series{table.values, table.rows, table.columns, valid};
  SOVREN_TRY(tiles, kernels::LagTiles::make(series, max_lag));
  SOVREN_TRY(all, exchange(comm, tiles, compute_mine(comm, tiles, backend)));
  return std::make_unique<Correlations>(std::move(tiles).assemble(all), series, std::move(valid));
}

std::int64_t memory_needed_bytes(const Table& table, int max_lag) {
  const auto n = static_cast<double>(table.columns);
  const double lags = max_lag + 1;
  const double correlations = 8 * n * n * ((4 * max_lag + 1) + (2 * max_lag + 1));
  const double results = 8 * n * n * lags * 8;  // rows, matrices, and the image of result.h5
  const double series = 8.0 * static_cast<double>(table.values.size()) * 4;
  return static_cast<std::int64_t>(correlations + results + series);
}

}  // namespace sovren::jobs
