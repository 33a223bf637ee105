// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/crc32c.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "storage/checkpoint/shard_digest.h"

namespace sovren::storage {
namespace {

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

void expect_crc(const std::vector<std::byte>& bytes, std::uint32_t crc) {
  EXPECT_EQ(crc32c(bytes), crc);
  EXPECT_EQ(crc32c_by_table(bytes), crc);
}

TEST(Crc32c, HasTheVectorsOfRfc3720) {
  expect_crc(std::vector<std::byte>(32, std::byte{0}), 0x8A9136AA);
  expect_crc(std::vector<std::byte>(32, std::byte{0xFF}), 0x62A8AB43);
  std::vector<std::byte> up;
  for (int i = 0; i < 32; ++i) up.push_back(static_cast<std::byte>(i));
  expect_crc(up, 0x46DD794E);
  expect_crc({up.rbegin(), up.rend()}, 0x113FDB5C);
  expect_crc(bytes_of({0x01, 0xC0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,    0, 0, 0, 0,
                       0x14, 0,    0, 0, 0, 0, 4, 0, 0, 0, 0, 0x14, 0, 0, 0, 0x18,
                       0x28, 0,    0, 0, 0, 0, 0, 0, 2, 0, 0, 0,    0, 0, 0, 0}),
             0xD9963A56);
  expect_crc({}, 0);
}

TEST(Crc32c, InstructionAndTableAgreeOnAllLengthsAndPlaces) {
  std::vector<std::byte> data(300);
  std::uint64_t word = 1;
  for (auto& byte : data) {
    word = word * 6364136223846793005ULL + 1442695040888963407ULL;
    byte = static_cast<std::byte>(word >> 56);
  }
  const std::span<const std::byte> all(data);
  for (std::size_t first = 0; first < 9; ++first)
    for (std::size_t size = 0; first + size < data.size(); ++size)
      ASSERT_EQ(crc32c(all.subspan(first, size)), crc32c_by_table(all.subspan(first, size)))
          << first << " " << size;
}

TEST(Crc32c, InstructionAndTableAgreeOnLanes) {
  std::vector<std::byte> data(10'100);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(i * i >> 5);
  const std::span<const std::byte> all(data);
  for (const std::size_t size : {3071, 3072, 3073, 3080, 6143, 6144, 6145, 9216, 9999})
    for (const std::size_t first : {0, 1, 8}) {
      const auto part = all.subspan(first, size);
      EXPECT_EQ(crc32c(part, 77), crc32c_by_table(part, 77)) << first << " " << size;
    }
}

TEST(Crc32c, GoesOnWhereItStopped) {
  std::vector<std::byte> data(1000, std::byte{0x5A});
  data[7] = std::byte{1};
  const std::span<const std::byte> all(data);
  for (const std::size_t cut : {0, 1, 7, 8, 500, 999, 1000}) {
    EXPECT_EQ(crc32c(all.subspan(cut), crc32c(all.first(cut))), crc32c(all));
    EXPECT_EQ(crc32c_by_table(all.subspan(cut), crc32c_by_table(all.first(cut))), crc32c(all));
  }
}

TEST(ShardDigest, DoesNotDependOnHowTheBytesCome) {
  std::vector<std::byte> data(static_cast<std::size_t>(2 * block_bytes + 12345));
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(i * i >> 7);
  const std::span<const std::byte> all(data);
  ShardDigest whole;
  whole.update(all);
  const FileDigest expected = whole.finish();
  ASSERT_EQ(expected.crc32c.size(), 3U);
  const auto block = static_cast<std::size_t>(block_bytes);
  EXPECT_EQ(expected.crc32c[0], crc32c(all.first(block)));
  EXPECT_EQ(expected.crc32c[2], crc32c(all.subspan(2 * block)));
  ShardDigest parts;
  for (std::size_t at = 0, size = 1; at < data.size(); at += size, size = size * 3 % 700'001 + 1)
    parts.update(all.subspan(at, std::min(size, data.size() - at)));
  EXPECT_EQ(parts.finish(), expected);
}

}  // namespace
}  // namespace sovren::storage
