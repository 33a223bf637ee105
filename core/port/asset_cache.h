// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace sovren {

/// Bytes of the cache, to read only: there as long as this or a copy of it is.
struct CachedAsset {
  std::shared_ptr<const void> owner;
  std::span<const std::byte> bytes;  ///< begins at a multiple of 64
};

/// Large data that the attempts on a node make once and not each for themselves: the decoded
/// textures and meshes of a scene of which the next frame is about to be rendered.
///
/// Key      64 hexadecimal digits, as SHA-256 of all that decides the bytes: the inputs' digests,
///          what was made of them, and the number of the format.
/// Errors   none: what cannot be kept is not there, and will be made again.
/// Threads  any.
class AssetCache {
 public:
  virtual ~AssetCache() = default;

  /// Whole and undamaged, as it was put; none: it is not there.
  virtual std::optional<CachedAsset> get(const std::string& key) = 0;

  /// Keeps the parts, one behind another, for whoever comes later; they may displace what has not
  /// been used for longest.
  virtual void put(const std::string& key, std::span<const std::span<const std::byte>> parts) = 0;
};

}  // namespace sovren
