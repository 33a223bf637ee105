// SPDX-License-Identifier: Apache-2.0
// The Cornell box as Cornell University's Program of Computer Graphics measured it ("Cornell Box
// Data"): places in millimetres.
//
// Colours: the page gives reflectances every 4 nm. Here they are linear sRGB: the CIE 1931 observer
// (Wyman, Sloan, Shirley 2013's fit), under D65, over the white of D65. The light's radiance is its
// published values at 700, 600 and 500 nm as red, green and blue.
#include <array>

#include "jobs/rendering/generate/scene_parts.h"
#include "jobs/rendering/generate/shapes.h"
#include "kernels/trace/math.h"

namespace sovren::jobs {
namespace {

using trace::Mesh;
using trace::Vec3;
using Quad = std::array<Vec3, 4>;

constexpr Vec3 white{0.738F, 0.736F, 0.740F};
constexpr Vec3 green{0.0685F, 0.398F, 0.0866F};
constexpr Vec3 red{0.490F, 0.0503F, 0.0511F};
constexpr Vec3 light_radiance{18.4F, 15.6F, 8.0F};

constexpr float height = 548.8F, depth = 559.2F;
constexpr float light_x0 = 213, light_x1 = 343, light_z0 = 227, light_z1 = 332;

Mesh mesh_of(std::initializer_list<Quad> quads) {
  Mesh mesh;
  for (const Quad& q : quads) {
    const float metres = 0.001F;
    append(mesh, quad(q[0] * metres, q[1] * metres, q[2] * metres, q[3] * metres));
  }
  return mesh;
}

/// The ceiling around the light, which is a hole in it: four strips.
Mesh ceiling() {
  const float x1 = 556;
  const auto strip = [](float left, float right, float front, float back) {
    return Quad{{{right, height, front},
                 {right, height, back},
                 {left, height, back},
                 {left, height, front}}};
  };
  return mesh_of({strip(0, light_x0, 0, depth), strip(light_x1, x1, 0, depth),
                  strip(light_x0, light_x1, 0, light_z0),
                  strip(light_x0, light_x1, light_z1, depth)});
}

/// A block without its underside, as published: its top, then its four sides.
Mesh block(Vec3 a, Vec3 b, Vec3 c, Vec3 d) {
  const auto side = [](Vec3 from, Vec3 to) {
    return Quad{{{from.x, 0, from.z}, from, to, {to.x, 0, to.z}}};
  };
  return mesh_of({Quad{{a, b, c, d}}, side(d, c), side(a, d), side(b, a), side(c, b)});
}

}  // namespace

GltfModel cornell_scene() {
  GltfModel model;
  const int white_paint = add_material(model, "white", matte(white));
  const int green_paint = add_material(model, "green", matte(green));
  const int red_paint = add_material(model, "red", matte(red));
  trace::Material lamp = shining(light_radiance);
  lamp.base_color = {0.78F, 0.78F, 0.78F};
  const int light = add_material(model, "light", lamp);

  add_object(model, "floor",
             mesh_of({{{{552.8F, 0, 0}, {0, 0, 0}, {0, 0, depth}, {549.6F, 0, depth}}}}),
             white_paint);
  add_object(model, "ceiling", ceiling(), white_paint);
  add_object(
      model, "back wall",
      mesh_of({{{{549.6F, 0, depth}, {0, 0, depth}, {0, height, depth}, {556, height, depth}}}}),
      white_paint);
  add_object(model, "right wall",
             mesh_of({{{{0, 0, depth}, {0, 0, 0}, {0, height, 0}, {0, height, depth}}}}),
             green_paint);
  add_object(
      model, "left wall",
      mesh_of({{{{552.8F, 0, 0}, {549.6F, 0, depth}, {556, height, depth}, {556, height, 0}}}}),
      red_paint);
  add_object(model, "light",
             mesh_of({{{{light_x1, height, light_z0},
                        {light_x1, height, light_z1},
                        {light_x0, height, light_z1},
                        {light_x0, height, light_z0}}}}),
             light);
  add_object(model, "short block",
             block({130, 165, 65}, {82, 165, 225}, {240, 165, 272}, {290, 165, 114}), white_paint);
  add_object(model, "tall block",
             block({423, 330, 247}, {265, 330, 296}, {314, 330, 456}, {472, 330, 406}),
             white_paint);

  // A film of 25 mm behind a lens of 35 mm.
  const float y_fov = 2 * trace::arc_tan2(0.5F * 25, 35);
  add_camera(model, {.name = "camera", .y_fov = y_fov}, {0.278F, 0.273F, -0.8F},
             {0.278F, 0.273F, 0});
  add_camera(model, {.name = "closeup", .y_fov = 0.6F}, {0.41F, 0.36F, -0.32F},
             {0.2F, 0.13F, 0.26F});
  return model;
}

}  // namespace sovren::jobs
