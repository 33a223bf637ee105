// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "kernels/trace/compiled_scene.h"
#include "kernels/trace/scene.h"

namespace sovren::trace {

/// How many levels a texture has, itself the first: down to one texel, or mip_levels_max.
int mip_level_count(int width, int height);

/// Appends the smaller copies of a texture, the largest first, in its own format. Each texel is the
/// mean, in linear light, of what it covers of the level above, parts of texels included where a
/// size is odd: all levels have the same mean, but for the rounding of bytes.
void build_mips(const Texture& texture, std::vector<std::byte>& out);

/// Makes scene.mip_texels and scene.texture_views of scene.textures. The views point into the
/// scene's vectors, which must not change any more.
void build_texture_views(CompiledScene& scene);

}  // namespace sovren::trace
