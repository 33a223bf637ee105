// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/trace/material.h"
#include "kernels/trace/vec.h"

namespace sovren::trace {

/// A scene as a file describes it at one moment: plain values, no file's format left. Loaders make
/// it (jobs/rendering), compile() turns it into what kernels read (compiled_scene.h).
///
/// Units    lengths as the file has them (metres in glTF); radiance, intensity and irradiance in
///          one arbitrary unit, in linear sRGB. Space: right-handed, y up.
/// Time     positions and transforms at the shutter's opening; those named _end at its closing.

/// An image that surfaces look up. Four channels, row 0 is the top, as the file has it.
struct Texture {
  /// srgb8: r, g and b are sRGB-encoded bytes, a linear; linear8: bytes of data; float32: linear.
  enum class Format { srgb8, linear8, float32 };
  enum class Wrap { repeat, clamp, mirror };
  enum class Filter { linear, nearest };
  std::string name;  ///< of the file or the node, for messages
  int width = 0, height = 0;
  Format format = Format::srgb8;
  Wrap wrap_u = Wrap::repeat, wrap_v = Wrap::repeat;
  Filter filter = Filter::linear;
  std::vector<std::byte> texels;  ///< (height, width, 4) of bytes or floats
};

/// Triangles of one material. Every array but positions and triangles may be empty.
struct Mesh {
  std::string name;
  int material = 0;
  std::vector<Vec3> positions;
  std::vector<Vec3> positions_end;  ///< empty: the shape does not change while the shutter is open
  std::vector<Vec3> normals;        ///< empty: flat faces
  std::vector<Vec4> tangents;       ///< w: sign of the bitangent, +1 or -1
  std::array<std::vector<Vec2>, 2> uv;  ///< (0, 0) is the top left corner of an image, as in glTF
  std::vector<Vec4> colors;             ///< linear; multiplies the base colour
  std::vector<std::array<std::uint32_t, 3>> triangles;
};

/// A mesh that stands somewhere.
struct Instance {
  std::string name;  ///< of the node
  int mesh = 0;
  int object_id = 0;  ///< the same for all parts of one node; counted from 1, 0 is the background
  Affine world_from_object;
  Affine world_from_object_end;  ///< the same when it stands still
};

/// A light without extent (or, with a radius, a ball that emits evenly and that no ray hits).
struct PunctualLight {
  enum class Kind { point, spot, directional };
  std::string name;
  Kind kind = Kind::point;
  Vec3 position;
  Vec3 direction{0, 0, -1};  ///< into which it shines; unit
  /// point, spot: radiant intensity (irradiance at distance 1); directional: irradiance on a plane
  /// that faces it.
  Vec3 intensity{1, 1, 1};
  float cos_inner = 1;  ///< spot: full inside, falls to nothing at cos_outer as KHR_lights_punctual
  float cos_outer = 0.70710678F;
};

/// Looks along its -z, y is up, as in glTF.
struct Camera {
  enum class Kind { perspective, orthographic };
  std::string name;
  Kind kind = Kind::perspective;
  Affine world_from_camera;
  Affine world_from_camera_end;
  float y_fov = 0.6911112F;  ///< radians, over the image's height
  float y_extent = 1;        ///< orthographic: half the height of what is seen
  float lens_radius = 0;     ///< 0: a pinhole
  float focus_distance = 1;  ///< along the view direction, of the plane that is sharp
  std::string node_name;     ///< of the node that it hangs on, by which it may be asked for too
};

/// Light from all around, at infinity. In world space, the direction (x, y, z) looks up
/// u = atan2(z, x) / 2 pi + 1/2, v = acos(y) / pi: +x is the image's middle, +y its top row (as
/// three.js has it, and Blender after its import of glTF).
struct Environment {
  int texture = -1;    ///< of Scene::textures, float32; -1: none
  Vec3 tint{0, 0, 0};  ///< multiplies the texture; without one, the radiance itself
  float rotation = 0;  ///< radians about +y, counter-clockwise seen from above
};

struct Scene {
  std::vector<Texture> textures;
  std::vector<Material> materials;
  std::vector<Mesh> meshes;
  std::vector<Instance> instances;
  std::vector<PunctualLight> lights;
  std::vector<Camera> cameras;
  Environment environment;
  std::vector<std::string> warnings;  ///< what the loader could not honour, one line each
};

}  // namespace sovren::trace
