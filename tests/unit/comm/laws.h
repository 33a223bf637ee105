// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "core/port/communicator.h"
#include "workers/comm/reduce.h"

namespace sovren::workers::laws {

using Bytes = Communicator::Bytes;

struct Law {
  const char* name;
  void (*holds)(Communicator&);
};
inline void PrintTo(const Law& law, std::ostream* out) {
  *out << law.name;
}

/// Bytes that name their rank and place, so that a mixed-up buffer shows.
inline Bytes pattern(int rank, std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<std::byte>((static_cast<std::size_t>(rank) * 131 + i * 7 + 1) & 0xff);
  return bytes;
}

/// Sizes of all sorts, none among them, and one larger than a round of the test communicator.
inline std::size_t size_of_rank(int rank) {
  constexpr std::size_t sizes[] = {5, 0, 4096, 70'001};
  return sizes[rank % 4];
}

inline bool has_same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

/// A value whose sum depends on the order of summation.
inline double awkward(int rank, std::size_t i) {
  const double magnitude =
      std::pow(10.0, static_cast<double>((static_cast<std::size_t>(rank) * 5 + i) % 17) - 8);
  return (static_cast<double>((static_cast<std::size_t>(rank) * 2654435761U + i * 40503U) % 1000) -
          500.0) *
         magnitude / 3.0;
}

inline void ranks_are_numbered(Communicator& comm) {
  const std::int64_t mine = comm.rank();
  const auto all = comm.all_gather(std::as_bytes(std::span(&mine, 1)));
  ASSERT_TRUE(all.has_value()) << to_text(all.error());
  ASSERT_EQ(all->size(), static_cast<std::size_t>(comm.size()));
  for (int r = 0; r < comm.size(); ++r) {
    ASSERT_EQ((*all)[r].size(), sizeof(std::int64_t));
    std::int64_t theirs = -1;
    std::memcpy(&theirs, (*all)[r].data(), sizeof(theirs));
    EXPECT_EQ(theirs, r);
  }
}

inline void all_gather_keeps_every_size(Communicator& comm) {
  for (int turn = 0; turn < 4; ++turn) {
    const Bytes mine = pattern(comm.rank(), size_of_rank(comm.rank() + turn));
    const auto all = comm.all_gather(mine);
    ASSERT_TRUE(all.has_value()) << to_text(all.error());
    ASSERT_EQ(all->size(), static_cast<std::size_t>(comm.size()));
    for (int r = 0; r < comm.size(); ++r)
      EXPECT_EQ((*all)[r], pattern(r, size_of_rank(r + turn))) << "rank " << r;
  }
}

inline void gather_gives_to_the_root_only(Communicator& comm) {
  for (int root = 0; root < comm.size(); ++root) {
    const auto all = comm.gather(pattern(comm.rank(), size_of_rank(comm.rank() + root)), root);
    ASSERT_TRUE(all.has_value()) << to_text(all.error());
    if (comm.rank() != root) {
      EXPECT_TRUE(all->empty());
      continue;
    }
    ASSERT_EQ(all->size(), static_cast<std::size_t>(comm.size()));
    for (int r = 0; r < comm.size(); ++r) EXPECT_EQ((*all)[r], pattern(r, size_of_rank(r + root)));
  }
}

inline void broadcast_copies_the_root(Communicator& comm) {
  for (int root = 0; root < comm.size(); ++root)
    for (const std::size_t size : {0, 1, 4096, 250'001}) {
      Bytes data = comm.rank() == root ? pattern(root, size) : Bytes(size);
      const auto done = comm.broadcast(data, root);
      ASSERT_TRUE(done.has_value()) << to_text(done.error());
      EXPECT_EQ(data, pattern(root, size));
    }
}

/// The sum is the tree's to the last bit, for few values and for many.
inline void sum_has_the_bits_of_the_tree(Communicator& comm) {
  const auto ranks = static_cast<std::size_t>(comm.size());
  for (const std::size_t n : {0, 1, 3, 1024, 1025, 20'011}) {
    std::vector<double> all(ranks * n);
    for (std::size_t r = 0; r < ranks; ++r)
      for (std::size_t i = 0; i < n; ++i) all[r * n + i] = awkward(static_cast<int>(r), i);
    std::vector<double> mine(all.begin() + comm.rank() * static_cast<std::ptrdiff_t>(n),
                             all.begin() + (comm.rank() + 1) * static_cast<std::ptrdiff_t>(n));
    reduce_tree(std::span(all), ranks, Reduce::sum);
    const auto done = comm.all_reduce(std::span(mine), Reduce::sum);
    ASSERT_TRUE(done.has_value()) << to_text(done.error());
    const std::span<double> first(all.data(), n);
    EXPECT_TRUE(std::equal(mine.begin(), mine.end(), first.begin(), has_same_bits))
        << n << " values";
  }
}

inline void whole_numbers_reduce_exactly(Communicator& comm) {
  constexpr std::int64_t big = std::numeric_limits<std::int64_t>::max() - 64;
  const std::int64_t rank = comm.rank(), size = comm.size();
  std::vector<std::int64_t> sum{rank, 1, -rank}, least{rank, -rank, big + rank},
      most{rank, -rank, big + rank};
  ASSERT_TRUE(comm.all_reduce(std::span(sum), Reduce::sum).has_value());
  ASSERT_TRUE(comm.all_reduce(std::span(least), Reduce::min).has_value());
  ASSERT_TRUE(comm.all_reduce(std::span(most), Reduce::max).has_value());
  const std::int64_t triangle = size * (size - 1) / 2;
  EXPECT_EQ(sum, (std::vector<std::int64_t>{triangle, size, -triangle}));
  EXPECT_EQ(least, (std::vector<std::int64_t>{0, 1 - size, big}));
  EXPECT_EQ(most, (std::vector<std::int64_t>{size - 1, 0, big + size - 1}));
}

inline void nan_wins_over_every_number(Communicator& comm) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> values(3, comm.rank() == comm.size() - 1 ? nan : 1.0 + comm.rank());
  for (const Reduce op : {Reduce::sum, Reduce::min, Reduce::max}) {
    std::vector<double> copy = values;
    ASSERT_TRUE(comm.all_reduce(std::span(copy), op).has_value());
    for (const double value : copy) EXPECT_TRUE(std::isnan(value));
  }
}

inline void calls_follow_one_another_in_any_mix(Communicator& comm) {
  std::int64_t expected = 0;
  for (int turn = 0; turn < 50; ++turn) {
    std::int64_t one = comm.rank() + turn;
    ASSERT_TRUE(comm.all_reduce(std::span(&one, 1), Reduce::max).has_value());
    EXPECT_EQ(one, comm.size() - 1 + turn);
    ASSERT_TRUE(
        comm.broadcast(std::as_writable_bytes(std::span(&one, 1)), turn % comm.size()).has_value());
    expected += one;
    ASSERT_TRUE(comm.barrier().has_value());
  }
  EXPECT_EQ(expected, 50 * (comm.size() - 1) + 49 * 50 / 2);
}

/// What rank `from` gives rank `to`: any sizes, none among them, larger than a round too.
inline Bytes given(int from, int to) {
  Bytes bytes = pattern(from * 7 + to, size_of_rank(from + to));
  if (from == 0 && to == 1) bytes.resize(150'001, std::byte{9});
  return bytes;
}

inline void exchange_gives_each_what_is_its(Communicator& comm) {
  const int ranks = comm.size();
  std::vector<Bytes> mine, theirs;
  for (int r = 0; r < ranks; ++r) {
    mine.push_back(given(comm.rank(), r));
    theirs.emplace_back(given(r, comm.rank()).size());
  }
  const std::vector<std::span<const std::byte>> to(mine.begin(), mine.end());
  const std::vector<std::span<std::byte>> from(theirs.begin(), theirs.end());
  ASSERT_TRUE(comm.exchange(to, from).has_value());
  for (int r = 0; r < ranks; ++r) EXPECT_EQ(theirs[r], given(r, comm.rank())) << "from rank " << r;
}

/// As an all-gather into place: each rank's part lies where the others' come.
inline void exchange_in_place(Communicator& comm) {
  const auto rank = static_cast<std::size_t>(comm.rank());
  const auto ranks = static_cast<std::size_t>(comm.size());
  std::vector<std::int64_t> whole(10 * ranks, -1);
  for (std::size_t i = 0; i < 10; ++i)
    whole[10 * rank + i] = static_cast<std::int64_t>(10 * rank + i);
  std::vector<std::span<const std::byte>> to;
  std::vector<std::span<std::byte>> from;
  for (std::size_t r = 0; r < ranks; ++r) {
    to.push_back(std::as_bytes(std::span(whole).subspan(10 * rank, 10)));
    from.push_back(std::as_writable_bytes(std::span(whole).subspan(10 * r, 10)));
  }
  ASSERT_TRUE(comm.exchange(to, from).has_value());
  for (std::size_t i = 0; i < whole.size(); ++i) EXPECT_EQ(whole[i], static_cast<std::int64_t>(i));
}

/// Takes 1, 2 or 3 numbers at a time, as long as there are some below `end`; nothing else is called
/// meanwhile. Returns for each number how often it was taken by any rank.
inline std::vector<std::int64_t> take_until(Communicator& comm, std::int64_t end) {
  std::vector<std::int64_t> times(static_cast<std::size_t>(end), 0);
  for (std::int64_t turn = comm.rank();; ++turn) {
    const std::int64_t amount = 1 + turn % 3;
    const auto first = comm.take(amount);
    if (!first.has_value()) {
      ADD_FAILURE() << to_text(first.error());
      break;
    }
    if (*first >= end) break;
    for (std::int64_t i = *first; i < std::min(*first + amount, end); ++i)
      ++times[static_cast<std::size_t>(i)];
  }
  EXPECT_TRUE(comm.all_reduce(std::span(times), Reduce::sum).has_value());
  return times;
}

inline void counter_hands_out_each_number_once(Communicator& comm) {
  for (const std::int64_t start : {0, 17, 3}) {
    ASSERT_TRUE(comm.set_counter(start).has_value());
    const auto times = take_until(comm, 700);
    for (std::int64_t i = 0; i < 700; ++i)
      ASSERT_EQ(times[static_cast<std::size_t>(i)], i >= start ? 1 : 0) << i << " from " << start;
  }
}

/// One rank takes while the others are in a collective call already.
inline void counter_is_there_at_any_time(Communicator& comm) {
  ASSERT_TRUE(comm.set_counter(5).has_value());
  for (int turn = 0; turn < comm.size(); ++turn) {
    if (comm.rank() == turn) {
      EXPECT_EQ(comm.take(0), 5 + 2 * turn);
      EXPECT_EQ(comm.take(2), 5 + 2 * turn);
    }
    ASSERT_TRUE(comm.barrier().has_value());
  }
  EXPECT_EQ(comm.take(0), 5 + 2 * comm.size());
  EXPECT_TRUE(comm.barrier().has_value()) << "nobody leaves before all have looked";
}

inline const std::vector<Law>& all() {
  static const std::vector<Law> laws{
      {"RanksAreNumbered", ranks_are_numbered},
      {"AllGatherKeepsEverySize", all_gather_keeps_every_size},
      {"GatherGivesToTheRootOnly", gather_gives_to_the_root_only},
      {"BroadcastCopiesTheRoot", broadcast_copies_the_root},
      {"SumHasTheBitsOfTheTree", sum_has_the_bits_of_the_tree},
      {"WholeNumbersReduceExactly", whole_numbers_reduce_exactly},
      {"NanWinsOverEveryNumber", nan_wins_over_every_number},
      {"ExchangeGivesEachWhatIsIts", exchange_gives_each_what_is_its},
      {"ExchangeInPlace", exchange_in_place},
      {"CounterHandsOutEachNumberOnce", counter_hands_out_each_number_once},
      {"CounterIsThereAtAnyTime", counter_is_there_at_any_time},
      {"CallsFollowOneAnotherInAnyMix", calls_follow_one_another_in_any_mix}};
  return laws;
}

}  // namespace sovren::workers::laws
