// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "core/base/result.h"
#include "core/port/asset_cache.h"
#include "kernels/trace/bvh.h"
#include "kernels/trace/scene.h"

namespace sovren::jobs {

// What the frames of an animation have in common is made by the first of them on a node and taken
// from its cache by the others. cache: null: all is made anew. What is there is keyed by a digest
// of all that decides it; what does not look as it should is made again.

/// decode_texture() of picture.h.
Result<trace::Texture> cached_texture(AssetCache* cache, std::span<const std::byte> file,
                                      std::string_view name, bool is_color, std::int64_t bytes_max);

/// build_bvh(): the same tree as long as no surface has moved.
Result<trace::Bvh> cached_bvh(AssetCache* cache, const trace::CompiledScene& scene, int threads);

}  // namespace sovren::jobs
