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

Result<trace::Film> sum_bands(Communicator& comm, const trace::Film& film, int tile) {
  const auto ranks = static_cast<std::size_t>(comm.size());
  const auto row =
      static_cast<std::size_t>(film.width()) * static_cast<std::size_t>(film.channels());
  const auto part = [&](std::size_t rank) {
    const Rows rows = band_of(film.height(), tile, static_cast<int>(rank), comm.size());
    return film.sums().subspan(static_cast<std::size_t>(rows.first) * row,
                               static_cast<std::size_t>(rows.count) * row);
  };
  const auto me = static_cast<std::size_t>(comm.rank());
  const std::span<const std::int64_t> own = part(me);
  trace::Film band(film.width(), static_cast<int>(own.size() / row), film.channels());
  std::copy(own.begin(), own.end(), band.sums().begin());
  // Between two ranks at a time, so that none keeps the bands of all.
  std::vector<std::int64_t> received(own.size());
  for (std::size_t turn = 1; turn < ranks; ++turn) {
    const std::size_t to_rank = (me + turn) % ranks;
    const std::size_t from_rank = (me + ranks - turn) % ranks;
    std::vector<std::span<const std::byte>> to(ranks);
    std::vector<std::span<std::byte>> from(ranks);
    to[to_rank] = std::as_bytes(part(to_rank));
    from[from_rank] = std::as_writable_bytes(std::span(received));
    SOVREN_DO(comm.exchange(to, from));
    for (std::size_t i = 0; i < received.size(); ++i) band.sums()[i] += received[i];
  }
  return band;
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
