// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "jobs/rendering/gltf_model.h"

namespace sovren::jobs {

// How the scenes' files put their models together, and what each of them makes.

int add_material(GltfModel& model, const std::string& name, const trace::Material& material);
/// A mesh of one material. Returns its number.
int add_mesh(GltfModel& model, const std::string& name, trace::Mesh triangles, int material);
/// Returns the node's number.
int add_node(GltfModel& model, const GltfNode& node);
/// A mesh with a node at the origin.
int add_object(GltfModel& model, const std::string& name, trace::Mesh triangles, int material);
int add_camera(GltfModel& model, const trace::Camera& camera, trace::Vec3 from, trace::Vec3 at);

trace::Material matte(trace::Vec3 color);
trace::Material shining(trace::Vec3 radiance);
trace::Material metal(trace::Vec3 color, float roughness);
trace::Material plastic(trace::Vec3 color, float roughness);
trace::Material glass(float ior);

/// A texture of `size` x `size` colours: at(u, v) gives each, sRGB-encoded, or data. Returns its
/// number.
int add_texture(GltfModel& model, const std::string& name, int size, trace::Texture::Format format,
                const std::function<trace::Vec3(float, float)>& at);

GltfModel cornell_scene();
GltfModel spheres_scene(float detail);
GltfModel portrait_scene(float detail);
GltfModel interior_scene(float detail);
GltfModel animation_scene(float detail);

}  // namespace sovren::jobs
