// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "jobs/rendering/gltf_accessor.h"
#include "kernels/trace/scene.h"

namespace sovren::jobs::gltf {

/// Numbers that KHR_mesh_quantization adds count where the file says that it uses them.
inline unsigned stored(const Document& document, unsigned always, unsigned quantized) {
  return document.uses("KHR_mesh_quantization") ? always | quantized : always;
}

/// One attribute of `count` vertices; empty when absent.
template <class Vec>
Result<std::vector<Vec>> read_attribute(Document& document, const Place& attributes,
                                        const char* key, const Wanted& wanted, std::size_t count) {
  std::vector<Vec> values;
  if (!attributes.has(key)) return values;
  SOVREN_TRY(read, read_vectors<Vec>(document, attributes, key, wanted));
  if (read.size() != count)
    return attributes.wrong_at(
        key, "has " + std::to_string(read.size()) + " elements, POSITION " + std::to_string(count));
  return read;
}

/// Normals of no length, as some writers have them at corners of faces without size, become the
/// mean of the faces about them; all others get length 1.
void repair_normals(trace::Mesh& mesh);

}  // namespace sovren::jobs::gltf
