// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"
#include "jobs/rendering/scene_textures.h"
#include "kernels/trace/material.h"

namespace sovren::jobs {

struct NamedMaterial {
  std::string name;
  trace::Material material;
};

/// The materials of an MTL file. Where a material has none of the keys of physically based
/// rendering (Pr Pm Ps Pc Pcr), Blinn and Phong's are taken for what is nearest: alpha of GGX =
/// root(2 / (Ns + 2)); Ks is twice the reflection at normal incidence of a dielectric of 1.5 (8 %
/// of it); Ks 0, or illum below 2: matte. Glass (illum 4, 6, 7, 9): a body of index Ni, tinted by
/// Tf. d, Tr, map_d: what is not there. Ke is radiance.
///
/// What is not known is told in `warnings`, once for each key.
/// Errors   input_missing, data_invalid with file and line; those of textures.
/// Source   Wavefront, MTL format (1995); Exocortex's keys for physically based rendering (2015).
Result<std::vector<NamedMaterial>> read_mtl(const std::string& path, SceneTextures& textures,
                                            std::vector<std::string>& warnings);

}  // namespace sovren::jobs
