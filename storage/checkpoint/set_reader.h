// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/port/state_io.h"
#include "storage/checkpoint/manifest.h"
#include "storage/checkpoint/set_cipher.h"

namespace sovren::storage {

/// Reads rows from the shards at the places the manifest names, without HDF5. Each block of bytes
/// is compared with its CRC-32C whenever it is read, also after verification. Shards are opened
/// when first needed, and stay open. cipher: of an encrypted set; every block is proven by it.
std::unique_ptr<StateReader> make_set_reader(Manifest manifest, std::string set_path,
                                             std::optional<SetCipher> cipher = std::nullopt);

}  // namespace sovren::storage
