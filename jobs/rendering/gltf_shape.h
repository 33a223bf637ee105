// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "core/base/result.h"
#include "kernels/trace/scene.h"

namespace sovren::jobs::gltf {

class Document;
class Place;

/// What bends a mesh at one moment.
struct Bend {
  std::vector<float> weights;         ///< of its morph targets; fewer: the others are 0
  std::vector<trace::Affine> joints;  ///< world from bind space, of each; empty: no skin
};

/// The triangles of a primitive of a mesh, as the file has them; its material is not set. None: it
/// has no triangles (a warning says so).
/// Errors   data_invalid: an attribute of another type, length or place than it must have, a vertex
///          that is not finite, an index without a vertex; refused: too large.
Result<std::optional<trace::Mesh>> read_shape(Document& document, const Place& primitive);

/// Bends what read_shape() made: first by morph targets, then by a skin, which takes it into the
/// world. opens, closes: of the shutter; when they are the same, positions_end stays empty.
Result<void> bend_shape(Document& document, const Place& primitive, const Bend& opens,
                        const Bend& closes, trace::Mesh& mesh);

}  // namespace sovren::jobs::gltf
