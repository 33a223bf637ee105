// SPDX-License-Identifier: Apache-2.0
// One second: a ball bounces (cubic in time), another rolls (linear), a column bends by its skin,
// and the camera goes round.
#include <array>
#include <cmath>
#include <vector>

#include "jobs/rendering/generate/scene_parts.h"
#include "jobs/rendering/generate/shapes.h"
#include "kernels/trace/math.h"

namespace sovren::jobs {
namespace {

using trace::Vec2;
using trace::Vec3;
using trace::Vec4;
using Path = GltfChannel::Path;
using Interpolation = GltfChannel::Interpolation;

constexpr float degrees = 180 / trace::pi;

Vec4 with_zero(Vec3 v) {
  return {v.x, v.y, v.z, 0};
}

/// Falls, touches the ground at half time and comes up again: height 4 h t (t - 1) + h... as one
/// cubic each way, whose tangents are the true speeds.
void bounce(GltfModel& model, int node, float radius) {
  constexpr float height = 1.1F, half_s = 0.5F;
  const float speed = 2 * height / half_s;  // at the ground, of a fall from rest
  const float across = 0.9F;                // metres per second
  GltfChannel channel{node, Path::translation, Interpolation::cubic, {0, half_s, 1}, {}};
  const auto key = [&](Vec3 arrives, Vec3 at, Vec3 leaves) {
    for (const Vec3 v : {arrives, at, leaves}) channel.values.push_back(with_zero(v));
  };
  key({across, 0, 0}, {-1.1F, radius + height, -0.3F}, {across, 0, 0});
  key({across, -speed, 0}, {-1.1F + across * half_s, radius, -0.3F}, {across, speed, 0});
  key({across, 0, 0}, {-1.1F + across, radius + height, -0.3F}, {across, 0, 0});
  model.animation.push_back(channel);
}

/// Rolls towards the right without slipping.
void roll(GltfModel& model, int node, float radius) {
  constexpr float way = 1.4F;
  constexpr int keys = 9;
  GltfChannel move{node, Path::translation, Interpolation::linear, {}, {}};
  GltfChannel turn{node, Path::rotation, Interpolation::linear, {}, {}};
  for (int i = 0; i < keys; ++i) {
    const float share = static_cast<float>(i) / (keys - 1);
    move.times_s.push_back(share);
    turn.times_s.push_back(share);
    move.values.push_back({-0.3F + way * share, radius, 0.75F, 0});
    turn.values.push_back(quaternion({0, 0, 1}, -way * share / radius * degrees));
  }
  model.animation.push_back(move);
  model.animation.push_back(turn);
}

Vec3 stripes(float u, float) {
  const bool is_light = static_cast<int>(u * 8) % 2 == 0;
  return is_light ? Vec3{0.95F, 0.93F, 0.88F} : Vec3{0.85F, 0.25F, 0.1F};
}

constexpr int joints = 4;
constexpr float column_height = 1.6F;

/// A column whose points follow the joints above and below them.
GltfPart column_part(float detail, int material) {
  constexpr float thick = 0.16F;
  const int rows = std::max(8, static_cast<int>(40 * std::sqrt(detail)));
  std::vector<Vec2> profile;
  for (int i = 0; i <= rows; ++i)
    profile.push_back({thick, column_height * static_cast<float>(i) / static_cast<float>(rows)});
  for (int i = 0; i <= 8; ++i) {  // a round top
    const float angle = trace::pi / 2 * static_cast<float>(i) / 8;
    profile.push_back({i == 8 ? 0 : thick * cosine(angle), column_height + thick * sine(angle)});
  }
  // The profile's first point of the top is the column's last.
  profile.erase(profile.begin() + rows);
  GltfPart part;
  part.triangles = lathe(profile, std::max(8, static_cast<int>(32 * std::sqrt(detail))));
  part.triangles.material = material;
  for (const Vec3 p : part.triangles.positions) {
    const float at = std::clamp(p.y / column_height, 0.0F, 1.0F) * (joints - 1);
    const auto below = static_cast<std::uint8_t>(std::min(at, joints - 1.5F));
    const float share = at - static_cast<float>(below);
    const float eased = share * share * (3 - 2 * share);
    part.joints.push_back({below, static_cast<std::uint8_t>(below + 1), 0, 0});
    part.weights.push_back({1 - eased, eased, 0, 0});
  }
  return part;
}

void bending_column(GltfModel& model, float detail) {
  const int paint = add_material(model, "paint", [] {
    trace::Material material = plastic({0.1F, 0.42F, 0.3F}, 0.4F);
    material.clearcoat = 1;
    return material;
  }());
  model.meshes.push_back({"column", {column_part(detail, paint)}});
  const int mesh = static_cast<int>(model.meshes.size()) - 1;
  GltfSkin skin;
  const Vec3 foot{1.05F, 0, -0.7F};
  const float length = column_height / (joints - 1);
  for (int j = 0; j < joints; ++j) {
    GltfNode node;
    node.name = "joint " + std::to_string(j + 1);
    node.translation = j == 0 ? foot : Vec3{0, length, 0};
    const int number = add_node(model, node);
    if (j > 0) model.nodes[static_cast<std::size_t>(number) - 1].children.push_back(number);
    skin.joints.push_back(number);
    skin.joint_from_object.push_back(moved({0, -length * static_cast<float>(j), 0}));
    if (j == 0) continue;
    // To one side and to the other, at rest at both ends.
    GltfChannel bend{number, Path::rotation, Interpolation::cubic, {0, 0.5F, 1}, {}};
    for (const float angle : {-22.0F, 22.0F, -22.0F})
      for (const Vec4 value : {Vec4{0, 0, 0, 0}, quaternion({0, 0, 1}, angle), Vec4{0, 0, 0, 0}})
        bend.values.push_back(value);
    model.animation.push_back(bend);
  }
  model.skins.push_back(skin);
  GltfNode holder;
  holder.name = "column";
  holder.mesh = mesh;
  holder.skin = static_cast<int>(model.skins.size()) - 1;
  add_node(model, holder);
}

void moving_camera(GltfModel& model) {
  const Vec3 at{0.1F, 0.65F, 0};
  constexpr int keys = 9;
  constexpr float distance = 4.6F;
  const auto place = [&](float share) {
    const float angle = -0.35F + 0.7F * share;
    return Vec3{distance * sine(angle), 1.7F, distance * cosine(angle)};
  };
  const int node = add_camera(model, {.name = "camera", .y_fov = 0.62F}, place(0), at);
  GltfChannel move{node, Path::translation, Interpolation::linear, {}, {}};
  GltfChannel turn{node, Path::rotation, Interpolation::linear, {}, {}};
  for (int i = 0; i < keys; ++i) {
    const float share = static_cast<float>(i) / (keys - 1);
    move.times_s.push_back(share);
    turn.times_s.push_back(share);
    move.values.push_back(with_zero(place(share)));
    turn.values.push_back(looking(place(share), at));
  }
  model.animation.push_back(move);
  model.animation.push_back(turn);
}

}  // namespace

GltfModel animation_scene(float detail) {
  GltfModel model;
  moving_camera(model);
  // A stage that bends up into a wall without an edge.
  const auto stage = [](float u, float v) {
    constexpr float half = 5, bend = 1.5F, front = 4, back = 2.2F, wall = 4;
    const float turn = bend * trace::pi / 2, whole = front + back + turn + wall;
    const float x = (u - 0.5F) * 2 * half, way = v * whole;
    if (way < front + back) return Vec3{x, 0, front - way};
    if (way < front + back + turn) {
      const float angle = (way - front - back) / bend;
      return Vec3{x, bend * (1 - cosine(angle)), -back - bend * sine(angle)};
    }
    return Vec3{x, bend + way - front - back - turn, -back - bend};
  };
  add_object(model, "stage", sheet(2, 60, stage),
             add_material(model, "paper", matte({0.75F, 0.73F, 0.7F})));

  const auto segments = std::max(8, static_cast<int>(44 * std::sqrt(detail)) / 2 * 2);
  const int chrome = add_material(model, "chrome", metal({0.95F, 0.94F, 0.92F}, 0.05F));
  const int bouncing = add_object(model, "bouncing ball", ball(0.28F, segments), chrome);
  bounce(model, bouncing, 0.28F);
  trace::Material striped = plastic({1, 1, 1}, 0.15F);
  striped.base_color_texture.texture =
      add_texture(model, "stripes", 64, trace::Texture::Format::srgb8, stripes);
  trace::Mesh beach_ball = ball(0.35F, segments);
  transform(beach_ball, turned({1, 0, 0}, 90));  // stripes about the axis that it rolls on
  const int rolling = add_object(model, "rolling ball", std::move(beach_ball),
                                 add_material(model, "stripes", striped));
  roll(model, rolling, 0.35F);
  bending_column(model, detail);

  const auto lamp = [&](const char* name, Vec3 radiance, Vec3 a, Vec3 b, Vec3 c, Vec3 d) {
    add_object(model, name, quad(a, b, c, d), add_material(model, name, shining(radiance)));
  };
  lamp("key light", {11, 10.2F, 9}, {-3.6F, 2.6F, 1.2F}, {-2.4F, 2.4F, 2.8F}, {-1.9F, 4, 2.4F},
       {-3.1F, 4.2F, 0.8F});
  lamp("top light", {3, 3.2F, 3.6F}, {-1.5F, 4.5F, -1}, {1.5F, 4.5F, -1}, {1.5F, 4.5F, 1},
       {-1.5F, 4.5F, 1});
  // What the polished ball shows where the others are not.
  lamp("front light", {0.7F, 0.72F, 0.75F}, {3.5F, 0.2F, 6.5F}, {-3.5F, 0.2F, 6.5F},
       {-3.5F, 4, 6.5F}, {3.5F, 4, 6.5F});
  lamp("side light", {1.4F, 1.3F, 1.2F}, {4.6F, 0.3F, 2.5F}, {4.6F, 0.3F, -1.5F},
       {4.6F, 3.2F, -1.5F}, {4.6F, 3.2F, 2.5F});
  return model;
}

}  // namespace sovren::jobs
