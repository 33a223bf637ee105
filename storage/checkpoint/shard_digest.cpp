// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/shard_digest.h"

#include <algorithm>

#include "storage/checkpoint/crc32c.h"

namespace sovren::storage {

void ShardDigest::update(std::span<const std::byte> data) {
  // 64 KiB at a time: the second checksum finds the bytes in the cache.
  constexpr std::int64_t step_bytes = 65536;
  while (!data.empty()) {
    const std::int64_t in_block = digest_.bytes % block_bytes;
    if (in_block == 0) digest_.crc32c.push_back(0);
    const auto size = static_cast<std::size_t>(
        std::min({static_cast<std::int64_t>(data.size()), block_bytes - in_block, step_bytes}));
    digest_.crc32c.back() = crc32c(data.first(size), digest_.crc32c.back());
    if (kind_ == DigestKind::sha256) sha256_.update(data.first(size));
    digest_.bytes += static_cast<std::int64_t>(size);
    data = data.subspan(size);
  }
}

FileDigest ShardDigest::finish() {
  if (kind_ == DigestKind::sha256) digest_.sha256 = sha256_.hex();
  return std::move(digest_);
}

}  // namespace sovren::storage
