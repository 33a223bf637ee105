// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/film_sums.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace sovren::jobs {

Rows band_of(int height, int tile, int rank, int ranks) {
  const std::int64_t tile_rows = (height + tile - 1) / tile;
  const auto edge = [&](std::int64_t at) {
    return std::min<std::int64_t>(height, tile_rows * at / ranks * tile);
  };
  return {.first = edge(rank), .count = edge(rank + 1) - edge(rank)};
}

namespace {

std::span<const std::int64_t> sums_of(const trace::Film& film, Rows rows) {
  const auto row =
      static_cast<std::size_t>(film.width()) * static_cast<std::size_t>(film.channels());
  return film.sums().subspan(static_cast<std::size_t>(rows.first) * row,
                             static_cast<std::size_t>(rows.count) * row);
}

/// sum: of this rank's rows over all ranks. rows: those of each rank.
Result<void> sum_rows(Communicator& comm, const trace::Film& film, const std::vector<Rows>& rows,
                      std::span<std::int64_t> sum) {
  const std::size_t ranks = rows.size();
  const auto me = static_cast<std::size_t>(comm.rank());
  const std::span<const std::int64_t> own = sums_of(film, rows[me]);
  std::copy(own.begin(), own.end(), sum.begin());
  // Between two ranks at a time, so that none keeps the rows of all.
  std::vector<std::int64_t> received(ranks > 1 ? own.size() : 0);
  for (std::size_t turn = 1; turn < ranks; ++turn) {
    const std::size_t to_rank = (me + turn) % ranks;
    const std::size_t from_rank = (me + ranks - turn) % ranks;
    std::vector<std::span<const std::byte>> to(ranks);
    std::vector<std::span<std::byte>> from(ranks);
    to[to_rank] = std::as_bytes(sums_of(film, rows[to_rank]));
    from[from_rank] = std::as_writable_bytes(std::span(received));
    SOVREN_DO(comm.exchange(to, from));
    for (std::size_t i = 0; i < received.size(); ++i) sum[i] += received[i];
  }
  return {};
}

std::vector<Rows> bands_of(const Communicator& comm, const trace::Film& film, int tile) {
  std::vector<Rows> bands;
  for (int rank = 0; rank < comm.size(); ++rank)
    bands.push_back(band_of(film.height(), tile, rank, comm.size()));
  return bands;
}

}  // namespace

Result<trace::Film> sum_bands(Communicator& comm, const trace::Film& film, int tile) {
  const std::vector<Rows> bands = bands_of(comm, film, tile);
  const Rows own = bands[static_cast<std::size_t>(comm.rank())];
  trace::Film band(film.width(), static_cast<int>(own.count), film.channels());
  SOVREN_DO(sum_rows(comm, film, bands, band.sums()));
  return band;
}

Result<void> put_bands(StateWriter& writer, const std::string& name, Communicator& comm,
                       const trace::Film& film, int tile) {
  const auto put = [&](Rows rows, std::span<const std::int64_t> sums) -> Result<void> {
    if (rows.count == 0) return {};
    return writer.put<std::int64_t>(name, {film.height(), film.width(), film.channels()}, rows,
                                    sums);
  };
  if (comm.size() == 1) return put({0, film.height()}, film.sums());
  constexpr std::int64_t piece_bytes = std::int64_t{4} << 20;
  const std::int64_t row_bytes = std::int64_t{8} * film.width() * film.channels();
  const std::int64_t piece_rows = std::max<std::int64_t>(1, piece_bytes / row_bytes);
  const std::vector<Rows> bands = bands_of(comm, film, tile);
  std::int64_t most_rows = 0;
  for (const Rows& band : bands) most_rows = std::max(most_rows, band.count);
  std::vector<std::int64_t> sum;
  for (std::int64_t at = 0; at < most_rows; at += piece_rows) {
    std::vector<Rows> pieces;
    for (const Rows& band : bands)
      pieces.push_back({band.first + std::min(at, band.count),
                        std::clamp<std::int64_t>(band.count - at, 0, piece_rows)});
    const Rows own = pieces[static_cast<std::size_t>(comm.rank())];
    sum.resize(sums_of(film, own).size());
    SOVREN_DO(sum_rows(comm, film, pieces, sum));
    SOVREN_DO(put(own, sum));
  }
  return {};
}

Result<trace::Film> sum_films(Communicator& comm, const trace::Film& film, int tile) {
  SOVREN_TRY(band, sum_bands(comm, film, tile));
  SOVREN_TRY(bands, comm.gather(std::as_bytes(band.sums()), 0));
  if (comm.rank() != 0) return trace::Film();
  trace::Film whole(film.width(), film.height(), film.channels());
  std::span<std::byte> rest = std::as_writable_bytes(whole.sums());
  for (const Communicator::Bytes& bytes : bands) {
    if (!bytes.empty()) std::memcpy(rest.data(), bytes.data(), bytes.size());
    rest = rest.subspan(bytes.size());
  }
  return whole;
}

}  // namespace sovren::jobs
