// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/film_sums.h"

#include <gtest/gtest.h>

#include <cstring>
#include <mutex>
#include <vector>

#include "jobs/rendering/film_summary.h"
#include "workers/comm/comm.h"

namespace sovren::jobs {
namespace {

using trace::Film;

TEST(FilmSums, BandsAreWholeRowsOfTilesAndCoverThePicture) {
  for (const int ranks : {1, 2, 3, 7, 20}) {
    std::int64_t next = 0;
    for (int rank = 0; rank < ranks; ++rank) {
      const Rows rows = band_of(50, 8, rank, ranks);
      EXPECT_EQ(rows.first, next);
      EXPECT_TRUE(rows.first % 8 == 0 || rows.first == 50);
      next += rows.count;
    }
    EXPECT_EQ(next, 50);
  }
}

TEST(FilmSums, AddUpWhatTheRanksHave) {
  constexpr int ranks = 3;
  const auto number = [](int rank, std::size_t i) {
    return static_cast<std::int64_t>(i * 7) + (std::int64_t{1} << 40) * rank;
  };
  workers::run_on_threads(ranks, 30, [&](Communicator& comm) {
    Film film(5, 11, Film::picture_channels);
    for (std::size_t i = 0; i < film.sums().size(); ++i) film.sums()[i] = number(comm.rank(), i);
    const auto whole = sum_films(comm, film, 2);
    ASSERT_TRUE(whole);
    EXPECT_EQ(whole->sums().size(), comm.rank() == 0 ? film.sums().size() : 0);
    for (std::size_t i = 0; i < whole->sums().size(); ++i)
      EXPECT_EQ(whole->sums()[i], number(0, i) + number(1, i) + number(2, i));
    const auto band = sum_bands(comm, film, 2);
    ASSERT_TRUE(band);
    const Rows rows = band_of(11, 2, comm.rank(), ranks);
    EXPECT_EQ(band->sums().size(),
              static_cast<std::size_t>(rows.count) * 5 * Film::picture_channels);
    const auto first = static_cast<std::size_t>(rows.first) * 5 * Film::picture_channels;
    EXPECT_EQ(band->sums()[3], number(0, first + 3) + number(1, first + 3) + number(2, first + 3));
  });
}

/// Keeps the rows of one array that the ranks put.
class KeptRows final : public StateWriter {
 public:
  using StateWriter::put;
  Result<void> put(const ArrayInfo& info, Rows rows, std::span<const std::byte> data) override {
    const std::lock_guard lock(mutex_);
    const auto row_bytes = static_cast<std::size_t>(info.shape[1] * info.shape[2] * 8);
    bytes.resize(static_cast<std::size_t>(info.shape[0]) * row_bytes);
    EXPECT_EQ(data.size(), static_cast<std::size_t>(rows.count) * row_bytes);
    std::memcpy(bytes.data() + static_cast<std::size_t>(rows.first) * row_bytes, data.data(),
                data.size());
    rows_put += rows.count;
    return {};
  }
  std::vector<std::byte> bytes;
  std::int64_t rows_put = 0;

 private:
  std::mutex mutex_;
};

TEST(FilmSums, ArePutInPiecesToo) {
  constexpr int width = 12'000;  // a row takes 1 MiB
  constexpr int height = 11;
  const auto number = [](int rank, std::size_t i) {
    return static_cast<std::int64_t>(i * 7) + (std::int64_t{1} << 40) * rank;
  };
  for (const int ranks : {1, 2, 3}) {
    KeptRows state;
    workers::run_on_threads(ranks, 30, [&](Communicator& comm) {
      Film film(width, height, Film::picture_channels);
      for (std::size_t i = 0; i < film.sums().size(); ++i) film.sums()[i] = number(comm.rank(), i);
      ASSERT_TRUE(put_bands(state, "film", comm, film, 2));
    });
    EXPECT_EQ(state.rows_put, height);
    std::vector<std::int64_t> sums(state.bytes.size() / sizeof(std::int64_t));
    std::memcpy(sums.data(), state.bytes.data(), state.bytes.size());
    bool is_right = sums.size() == std::size_t{width} * height * Film::picture_channels;
    for (std::size_t i = 0; i < sums.size(); ++i) {
      std::int64_t sum = 0;
      for (int rank = 0; rank < ranks; ++rank) sum += number(rank, i);
      is_right = is_right && sums[i] == sum;
    }
    EXPECT_TRUE(is_right) << ranks;
  }
}

Film checkered() {
  Film film(4, 2, Film::all_channels);
  for (int y = 0; y < 2; ++y)
    for (int x = 0; x < 4; ++x)
      for (std::uint32_t s = 0; s < 4; ++s)
        trace::add_sample({.radiance = {static_cast<float>(x), 0.5F, (s % 2) * 2.0F},
                           .alpha = 0.5F,
                           .normal = {0, -1, 0},
                           .object_id = 3},
                          s, film.channels(), [&](Film::Channel channel, std::int64_t value) {
                            film.pixel(x, y)[static_cast<std::size_t>(channel)] += value;
                          });
  return film;
}

TEST(FilmSummary, GetSmallerBySquaresOfPixels) {
  const Film small = smaller(checkered(), 2);
  ASSERT_EQ(small.width(), 2);
  ASSERT_EQ(small.height(), 1);
  // Red is x: (0 + 1) and (2 + 3), in two rows, of four samples each.
  EXPECT_EQ(small.pixel(0, 0)[Film::red], std::int64_t{8} << 30);
  EXPECT_EQ(small.pixel(1, 0)[Film::red], std::int64_t{40} << 30);
  EXPECT_EQ(small.pixel(1, 0)[Film::count], 16);
  EXPECT_EQ(smaller(checkered(), 100).width(), 4);
  EXPECT_EQ(mean_samples(checkered()), 4);
}

TEST(FilmSummary, SayWhereSamplesWereNoNumbers) {
  Film film = checkered();
  EXPECT_EQ(bad_samples(film).count, 0);
  film.pixel(2, 1)[Film::bad] = 5;
  film.pixel(3, 1)[Film::bad] = 1;
  const BadSamples bad = bad_samples(film);
  EXPECT_EQ(bad.count, 6);
  EXPECT_EQ(bad.x, 2);
  EXPECT_EQ(bad.y, 1);
}

}  // namespace
}  // namespace sovren::jobs
