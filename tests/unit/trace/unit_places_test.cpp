// SPDX-License-Identifier: Apache-2.0
#include "kernels/trace/unit_places.h"

#include <gtest/gtest.h>

#include <set>
#include <tuple>
#include <vector>

namespace sovren::trace {
namespace {

std::vector<UnitPlace> placed(std::vector<UnitPlace> units, std::vector<std::uint32_t> samples) {
  std::uint64_t first = 0;
  for (std::size_t i = 0; i < units.size(); ++i) {
    units[i].first = first;
    first += static_cast<std::uint64_t>(units[i].width * units[i].height) * samples[i];
  }
  return units;
}

TEST(UnitPlaces, EverySampleOfEveryUnitHasOneNumber) {
  const std::vector<std::uint32_t> samples{3, 1, 16, 2};
  const std::vector<UnitPlace> units =
      placed({{5, 7, 9, 6, 100}, {0, 0, 1, 1, 0}, {14, 7, 3, 9, 0}, {5, 7, 9, 6, 103}}, samples);
  std::set<std::tuple<int, int, std::uint32_t>> found;
  std::uint64_t index = 0;
  for (std::size_t i = 0; i < units.size(); ++i) {
    const UnitPlace& unit = units[i];
    const auto pixels = static_cast<std::uint32_t>(unit.width * unit.height);
    for (std::uint32_t k = 0; k < pixels * samples[i]; ++k, ++index) {
      const SamplePlace place =
          sample_place(units.data(), static_cast<std::uint32_t>(units.size()), index);
      EXPECT_TRUE(place.x >= unit.x && place.x < unit.x + unit.width && place.y >= unit.y &&
                  place.y < unit.y + unit.height)
          << index;
      EXPECT_EQ(place.sample, unit.first_sample + k / pixels) << index;
      EXPECT_TRUE(found.insert({place.x, place.y, place.sample}).second) << index;
    }
  }
  EXPECT_EQ(found.size(), index);
}

TEST(UnitPlaces, AWarpIsARectangle) {
  const UnitPlace unit{64, 128, 64, 64};
  for (const std::uint64_t warp : {0U, 3U, 127U}) {
    std::set<int> columns, rows;
    for (std::uint64_t i = 0; i < 32; ++i) {
      const SamplePlace place = sample_place(&unit, 1, 32 * warp + i);
      columns.insert(place.x);
      rows.insert(place.y);
    }
    EXPECT_EQ(columns.size(), 8U);
    EXPECT_EQ(rows.size(), 4U);
  }
}

TEST(UnitPlaces, CountsBeyond32Bits) {
  std::vector<UnitPlace> units;
  for (std::uint64_t i = 0; i < 3000; ++i)
    units.push_back({static_cast<int>(i % 2) * 4096, 0, 4096, 4096,
                     static_cast<std::uint32_t>(i * 1024), i << 34});
  const SamplePlace place = sample_place(units.data(), 3000, (2999ULL << 34) + (1023ULL << 24) + 5);
  EXPECT_EQ(place.x, 4096 + 1);
  EXPECT_EQ(place.y, 1);
  EXPECT_EQ(place.sample, 2999U * 1024 + 1023);
}

TEST(UnitPlaces, ChannelsOfAWindowLieOneBehindAnother) {
  const FilmWindow window{10, 20, 7, 5, 3};
  std::set<std::uint64_t> places;
  for (int channel = 0; channel < 3; ++channel)
    for (int y = 20; y < 25; ++y)
      for (int x = 10; x < 17; ++x) places.insert(film_place(window, x, y, channel));
  EXPECT_EQ(places.size(), 105U);
  EXPECT_EQ(*places.rbegin(), 104U);
  EXPECT_EQ(film_place(window, 11, 20, 0), film_place(window, 10, 20, 0) + 1);
}

}  // namespace
}  // namespace sovren::trace
