// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/crc32c.h"

#include <array>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace sovren::storage {
namespace {

static_assert(std::endian::native == std::endian::little, "shards hold little-endian numbers");

using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

// tables[k][b]: the CRC of byte b followed by k zero bytes (slicing by 8, Kounavis and Berry 2005).
constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78U : 0U);
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < 8; ++k)
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[k - 1][byte];
      tables[k][byte] = (before >> 8) ^ tables[0][before & 255];
    }
  return tables;
}

constexpr Tables tables = make_tables();

std::uint64_t load_u64(const std::byte* data) {
  std::uint64_t word = 0;
  std::memcpy(&word, data, sizeof word);
  return word;
}

#if defined(__x86_64__)
// The instruction takes a word each cycle but answers after three: three lanes keep it busy. A lane
// is this long, and the states of lanes before the last are moved behind it by a table.
constexpr std::size_t lane_bytes = 1024;

/// What becomes of a state when lane_bytes zero bytes follow, by byte of the state; it is linear.
using LaneShift = std::array<std::array<std::uint32_t, 256>, 4>;

LaneShift make_lane_shift() {
  LaneShift shift{};
  for (std::size_t bit = 0; bit < 32; ++bit) {
    std::uint32_t state = 1U << bit;
    for (std::size_t i = 0; i < lane_bytes; ++i) state = (state >> 8) ^ tables[0][state & 255];
    shift[bit / 8][std::size_t{1} << (bit % 8)] = state;
  }
  for (auto& by_byte : shift)
    for (std::size_t byte = 1; byte < 256; ++byte)
      by_byte[byte] = by_byte[byte & (byte - 1)] ^ by_byte[byte & (~byte + 1)];
  return shift;
}

std::uint64_t shifted(std::uint64_t state, const LaneShift& shift) {
  return shift[0][state & 255] ^ shift[1][(state >> 8) & 255] ^ shift[2][(state >> 16) & 255] ^
         shift[3][(state >> 24) & 255];
}

__attribute__((target("sse4.2"))) std::uint32_t crc32c_by_instruction(
    std::span<const std::byte> data, std::uint32_t crc) {
  static const LaneShift shift = make_lane_shift();
  std::uint64_t state = ~crc;
  const std::byte* at = data.data();
  std::size_t left = data.size();
  for (; left >= 3 * lane_bytes; left -= 3 * lane_bytes, at += 3 * lane_bytes) {
    std::uint64_t second = 0;
    std::uint64_t third = 0;
    for (std::size_t i = 0; i < lane_bytes; i += 8) {
      state = _mm_crc32_u64(state, load_u64(at + i));
      second = _mm_crc32_u64(second, load_u64(at + lane_bytes + i));
      third = _mm_crc32_u64(third, load_u64(at + 2 * lane_bytes + i));
    }
    state = shifted(shifted(state, shift) ^ second, shift) ^ third;
  }
  for (; left >= 8; left -= 8, at += 8) state = _mm_crc32_u64(state, load_u64(at));
  auto state32 = static_cast<std::uint32_t>(state);
  for (; left > 0; --left, ++at)
    state32 = _mm_crc32_u8(state32, std::to_integer<unsigned char>(*at));
  return ~state32;
}
#endif

}  // namespace

std::uint32_t crc32c_by_table(std::span<const std::byte> data, std::uint32_t crc) {
  std::uint32_t state = ~crc;
  const std::byte* at = data.data();
  std::size_t left = data.size();
  for (; left >= 8; left -= 8, at += 8) {
    const std::uint64_t word = load_u64(at) ^ state;
    state = 0;
    for (std::size_t k = 0; k < 8; ++k) state ^= tables[7 - k][(word >> (8 * k)) & 255];
  }
  for (; left > 0; --left, ++at)
    state = (state >> 8) ^ tables[0][(state ^ std::to_integer<std::uint32_t>(*at)) & 255];
  return ~state;
}

std::uint32_t crc32c(std::span<const std::byte> data, std::uint32_t crc) {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  if (has_instruction) return crc32c_by_instruction(data, crc);
#endif
  return crc32c_by_table(data, crc);
}

}  // namespace sovren::storage
