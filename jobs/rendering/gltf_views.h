// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/result.h"
#include "jobs/rendering/gltf_nodes.h"
#include "kernels/trace/scene.h"

namespace sovren::jobs::gltf {

/// The camera of a node, named as the camera is, else as the node. It stands as the node does when
/// the shutter opens and closes, without the node's scale.
/// Not used: aspectRatio and xmag (the picture's sides decide), znear and zfar (nothing is cut
/// off).
Result<trace::Camera> read_camera(const Document& document, const Node& node,
                                  const trace::Affine& opens, const trace::Affine& closes);

/// The light (KHR_lights_punctual) of a node. Not used: range, which no real light has.
Result<trace::PunctualLight> read_light(const Document& document, const Node& node,
                                        const trace::Affine& world_from_node);

}  // namespace sovren::jobs::gltf
