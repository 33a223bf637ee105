// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sovren::storage {

/// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78) as in RFC 3720 appendix B.4. crc: of the
/// bytes before, 0 at the start. By the SSE 4.2 instruction where the processor has it.
std::uint32_t crc32c(std::span<const std::byte> data, std::uint32_t crc = 0);

/// The same from tables: what other processors run, and the oracle of the test.
std::uint32_t crc32c_by_table(std::span<const std::byte> data, std::uint32_t crc = 0);

}  // namespace sovren::storage
