// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/port/asset_cache.h"

namespace sovren::workers {

/// An AssetCache in a folder of files, one for each key, that all this user's attempts on the node
/// share: in a memory file system, so that taking one is mapping it.
///
/// Safety   A file appears when it is whole, and is never changed. It is taken only with the right
///          head and checksum; one without is deleted. A folder that others can write to is not
///          used.
/// Size     all files together are at most limit_bytes, and leave a quarter of the file system and
///          half of the machine's free memory free; the one that was taken longest ago goes first.
///          What is mapped stays until it is let go.
/// null: limit_bytes is 0, or there can be no such folder.
std::unique_ptr<AssetCache> open_asset_folder(const std::string& dir, std::int64_t limit_bytes);

/// The folder of this user and machine, in /dev/shm; limit: SOVREN_ASSET_CACHE_BYTES (0: none),
/// else a tenth of the machine's memory.
std::unique_ptr<AssetCache> open_asset_cache();

}  // namespace sovren::workers
