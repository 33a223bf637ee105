// SPDX-License-Identifier: Apache-2.0
// A living room with the sun in its window: for the benches. Many small bodies, much light that
// comes by way of walls.
#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "jobs/rendering/generate/scene_parts.h"
#include "jobs/rendering/generate/shapes.h"
#include "kernels/trace/math.h"

namespace sovren::jobs {
namespace {

using trace::Material;
using trace::Mesh;
using trace::mix;
using trace::Vec2;
using trace::Vec3;

constexpr Vec3 room{5.4F, 2.7F, 4.4F};  ///< about the origin in x and z, from the floor up
constexpr float window_low = 0.7F, window_high = 2.3F, window_half = 0.95F;  // in the wall at -x

/// Puts the room together. Steps and counts follow the detail.
class Room {
 public:
  explicit Room(float detail) : detail_(detail) {}

  GltfModel build() {
    add_camera(model_, {.name = "camera", .y_fov = 1.0F}, {2.2F, 1.5F, 2.05F},
               {-0.2F, 0.8F, -0.95F});
    add_walls();
    add_floor();
    add_curtains();
    add_rug();
    add_sofa();
    add_table();
    add_shelf();
    add_plant();
    add_lights();
    return std::move(model_);
  }

 private:
  int sides(float usual) const {
    return std::max(4, static_cast<int>(usual * trace::root(detail_)) / 2 * 2);
  }
  int count(float usual) const { return std::max(2, static_cast<int>(usual * detail_)); }

  int paint(const std::string& name, const Material& material) {
    return add_material(model_, name, material);
  }
  void stand(const std::string& name, int mesh, Vec3 at, float turn_degrees = 0) {
    GltfNode node;
    node.name = name;
    node.mesh = mesh;
    node.translation = at;
    node.rotation = quaternion({0, 1, 0}, turn_degrees);
    add_node(model_, node);
  }
  void put(const std::string& name, Mesh mesh, int material, Vec3 at = {}, float turn_degrees = 0) {
    stand(name, add_mesh(model_, name, std::move(mesh), material), at, turn_degrees);
  }
  static Mesh at(Mesh mesh, Vec3 by) {
    transform(mesh, moved(by));
    return mesh;
  }
  static void tint(Mesh& mesh, Vec3 color) {
    mesh.colors.assign(mesh.positions.size(), {color.x, color.y, color.z, 1});
  }

  void add_walls() {
    const int plaster = paint("plaster", matte({0.78F, 0.76F, 0.72F}));
    const float x = room.x / 2, z = room.z / 2, h = room.y;
    const auto wall = [](Vec3 a, Vec3 b, float low, float high) {
      return quad({a.x, low, a.z}, {b.x, low, b.z}, {b.x, high, b.z}, {a.x, high, a.z});
    };
    Mesh walls = wall({-x, 0, -z}, {x, 0, -z}, 0, h);
    append(walls, wall({x, 0, -z}, {x, 0, z}, 0, h));
    append(walls, wall({x, 0, z}, {-x, 0, z}, 0, h));
    append(walls, quad({-x, h, -z}, {x, h, -z}, {x, h, z}, {-x, h, z}));
    // Around the window.
    append(walls, wall({-x, 0, z}, {-x, 0, window_half}, 0, h));
    append(walls, wall({-x, 0, -window_half}, {-x, 0, -z}, 0, h));
    append(walls, wall({-x, 0, window_half}, {-x, 0, -window_half}, 0, window_low));
    append(walls, wall({-x, 0, window_half}, {-x, 0, -window_half}, window_high, h));
    put("walls", std::move(walls), plaster);

    Mesh frame;
    const float middle = (window_low + window_high) / 2, tall = window_high - window_low;
    for (const float side : {-window_half, 0.0F, window_half})
      append(frame, at(rounded_box({0.07F, tall, 0.06F}, 0.01F, 3), {-x, middle, side}));
    for (const float height : {window_low, middle, window_high})
      append(frame, at(rounded_box({0.07F, 0.06F, 2 * window_half}, 0.01F, 3), {-x, height, 0}));
    append(frame, at(rounded_box({0.25F, 0.04F, 2.1F}, 0.015F, 4), {-x + 0.1F, window_low, 0}));
    put("window frame", std::move(frame),
        paint("white wood", plastic({0.8F, 0.79F, 0.76F}, 0.35F)));
  }

  /// Planks of different lengths, each of its own colour.
  void add_floor() {
    Mesh planks;
    constexpr float wide = 0.14F;
    const int rows = static_cast<int>(room.z / wide) + 1;
    std::uint32_t number = 0;
    for (int row = 0; row < rows; ++row) {
      float x = -room.x / 2 - chance(31, static_cast<std::uint32_t>(row));
      while (x < room.x / 2) {
        const float length = 0.9F + 0.8F * chance(32, ++number);
        Mesh plank = rounded_box({length - 0.003F, 0.02F, wide - 0.003F}, 0.002F, 1);
        const float shade = 0.75F + 0.5F * chance(33, number);
        tint(plank, {0.30F * shade, 0.17F * shade, 0.085F * shade});
        append(planks,
               at(std::move(plank),
                  {x + length / 2, -0.01F, -room.z / 2 + wide * (static_cast<float>(row) + 0.5F)}));
        x += length;
      }
    }
    put("floor", std::move(planks), paint("oak", plastic({1, 1, 1}, 0.28F)));
  }

  void add_curtains() {
    Material cloth = matte({0.62F, 0.55F, 0.45F});
    cloth.sheen_color = {0.2F, 0.2F, 0.2F};
    cloth.sheen_roughness = 0.5F;
    const int material = paint("curtain", cloth);
    const auto fall = [](float u, float v) {
      const float fold = sine(u * 46) * 0.035F + 0.015F * sine(u * 17 + v * 2);
      const float wide = 0.5F + 0.06F * v;
      return Vec3{0.14F + fold * (0.7F + 0.5F * v), 2.5F * (1 - v) + 0.03F, (u - 0.5F) * wide};
    };
    const int mesh = add_mesh(model_, "curtain", sheet(sides(180), sides(56), fall), material);
    stand("left curtain", mesh, {-room.x / 2, 0, 1.2F});
    stand("right curtain", mesh, {-room.x / 2, 0, -1.2F});
    const std::array<Vec3, 2> rod{
        {{-room.x / 2 + 0.14F, 2.56F, -1.6F}, {-room.x / 2 + 0.14F, 2.56F, 1.6F}}};
    put("curtain rod", tube(rod, std::array<float, 2>{0.014F, 0.014F}, sides(16)),
        paint("brass", metal({0.85F, 0.65F, 0.32F}, 0.25F)));
  }

  /// Tufts of wool in a circle.
  void add_rug() {
    Mesh rug;
    const int tufts = count(15000);
    for (int i = 0; i < tufts; ++i) {
      const auto n = static_cast<std::uint32_t>(i);
      const float radius = 1.15F * trace::root(chance(41, n)),
                  angle = 2 * trace::pi * chance(42, n);
      const Vec3 foot{radius * cosine(angle), 0, radius * sine(angle)};
      const Vec3 tip = foot + Vec3{0.03F * (chance(43, n) - 0.5F), 0.022F + 0.012F * chance(44, n),
                                   0.03F * (chance(45, n) - 0.5F)};
      Mesh tuft = tube(std::array<Vec3, 2>{foot, tip}, std::array<float, 2>{0.011F, 0.007F}, 3);
      const bool is_ring = radius > 0.55F && radius < 0.8F;
      const float shade = 0.85F + 0.3F * chance(46, n);
      tint(tuft, (is_ring ? Vec3{0.45F, 0.16F, 0.09F} : Vec3{0.7F, 0.64F, 0.54F}) * shade);
      append(rug, tuft);
    }
    put("rug", std::move(rug), paint("wool", matte({1, 1, 1})), {0.15F, 0.002F, 0.1F});
  }

  void add_sofa() {
    Material cloth = matte({0.09F, 0.17F, 0.19F});
    cloth.sheen_color = {0.2F, 0.25F, 0.27F};
    cloth.sheen_roughness = 0.4F;
    const int material = paint("sofa cloth", cloth);
    const int steps = sides(7);
    const auto box = [&](Vec3 size, float radius, Vec3 by) {
      return at(rounded_box(size, radius, steps), by);
    };
    Mesh body = box({2.2F, 0.22F, 0.9F}, 0.05F, {0, 0.22F, 0});
    append(body, box({2.2F, 0.62F, 0.22F}, 0.08F, {0, 0.52F, -0.42F}));
    for (const float side : {-1.0F, 1.0F})
      append(body, box({0.2F, 0.5F, 0.9F}, 0.08F, {side * 1.05F, 0.36F, 0}));
    for (const float seat : {-0.64F, 0.0F, 0.64F}) {
      append(body, box({0.63F, 0.17F, 0.68F}, 0.07F, {seat, 0.41F, 0.06F}));
      Mesh back = rounded_box({0.61F, 0.44F, 0.17F}, 0.08F, steps);
      transform(back, moved({seat, 0.68F, -0.24F}) * turned({1, 0, 0}, -12));
      append(body, back);
    }
    const Vec3 place{-0.35F, 0, -1.6F};
    put("sofa", std::move(body), material, place);
    const int warm = paint("pillow", matte({0.62F, 0.3F, 0.08F}));
    const int mesh =
        add_mesh(model_, "pillow", rounded_box({0.42F, 0.42F, 0.14F}, 0.068F, steps), warm);
    for (const float side : {-1.0F, 1.0F}) {
      GltfNode node;
      node.name = "pillow";
      node.mesh = mesh;
      node.translation = place + Vec3{side * 0.72F, 0.68F, -0.06F};
      node.rotation = quaternion(trace::normalized({-1, 0, side * 0.9F}), 26);
      add_node(model_, node);
    }
    Mesh feet;
    for (const float x : {-1.0F, 1.0F})
      for (const float z : {-0.35F, 0.35F})
        append(feet, at(lathe(std::array<Vec2, 2>{{{0.02F, 0}, {0.03F, 0.12F}}}, sides(16)),
                        {x * 0.98F, 0, z}));
    put("sofa feet", std::move(feet), paint("dark wood", plastic({0.09F, 0.05F, 0.03F}, 0.3F)),
        place);
  }

  /// A round table with a bowl of fruit, glasses, and chairs around it.
  void add_table() {
    const Vec3 place{1.55F, 0, -0.95F};
    const int wood = paint("walnut", plastic({0.2F, 0.1F, 0.05F}, 0.3F));
    const std::array<Vec2, 9> foot{{{0, 0},
                                    {0.28F, 0},
                                    {0.28F, 0},
                                    {0.27F, 0.03F},
                                    {0.06F, 0.06F},
                                    {0.045F, 0.4F},
                                    {0.09F, 0.68F},
                                    {0.09F, 0.7F},
                                    {0, 0.7F}}};
    Mesh table = lathe(foot, sides(64));
    const std::array<Vec2, 8> top{{{0, 0.7F},
                                   {0.53F, 0.7F},
                                   {0.545F, 0.705F},
                                   {0.55F, 0.72F},
                                   {0.545F, 0.735F},
                                   {0.53F, 0.74F},
                                   {0.53F, 0.74F},
                                   {0, 0.74F}}};
    append(table, lathe(top, sides(96)));
    put("table", std::move(table), wood, place);

    const std::array<Vec2, 9> bowl{{{0, 0},
                                    {0.06F, 0},
                                    {0.11F, 0.03F},
                                    {0.16F, 0.09F},
                                    {0.165F, 0.095F},
                                    {0.155F, 0.095F},
                                    {0.1F, 0.04F},
                                    {0.05F, 0.015F},
                                    {0, 0.015F}}};
    put("bowl", lathe(bowl, sides(72)), paint("china", plastic({0.8F, 0.8F, 0.78F}, 0.08F)),
        place + Vec3{0, 0.74F, 0});
    const int orange = paint("orange", plastic({0.85F, 0.3F, 0.03F}, 0.4F));
    const int fruit = add_mesh(model_, "orange", ball(0.042F, sides(36)), orange);
    const std::array<Vec3, 5> heap{{{-0.045F, 0.065F, 0.01F},
                                    {0.045F, 0.065F, 0.015F},
                                    {0, 0.065F, -0.07F},
                                    {0, 0.07F, 0.09F},
                                    {0, 0.13F, 0.005F}}};
    for (const Vec3 by : heap) stand("orange", fruit, place + Vec3{0, 0.74F, 0} + by);
    const std::array<Vec2, 10> cup{{{0, 0},
                                    {0.03F, 0},
                                    {0.034F, 0.006F},
                                    {0.038F, 0.12F},
                                    {0.0385F, 0.122F},
                                    {0.0365F, 0.122F},
                                    {0.036F, 0.12F},
                                    {0.032F, 0.014F},
                                    {0.028F, 0.01F},
                                    {0, 0.01F}}};
    const int cups = add_mesh(model_, "glass", lathe(cup, sides(48)), paint("glass", glass(1.5F)));
    for (const Vec3 by : {Vec3{0.3F, 0.741F, 0.15F}, Vec3{-0.28F, 0.741F, 0.2F}})
      stand("glass", cups, place + by);
    add_chairs(place, wood);
  }

  void add_chairs(Vec3 table, int wood) {
    const int steps = sides(5);
    Mesh chair = at(rounded_box({0.44F, 0.04F, 0.42F}, 0.018F, steps), {0, 0.45F, 0});
    const auto rod = [&](Vec3 a, Vec3 b, float thick_a, float thick_b) {
      std::vector<Vec3> points;
      std::vector<float> radii;
      for (int i = 0; i <= 8; ++i) {
        points.push_back(mix(a, b, static_cast<float>(i) / 8));
        radii.push_back(mix(thick_a, thick_b, static_cast<float>(i) / 8));
      }
      append(chair, tube(points, radii, sides(14)));
    };
    // tube() has no uv: the seat's are not needed either.
    chair.uv[0].clear();
    for (const float x : {-1.0F, 1.0F}) {
      rod({x * 0.21F, 0, 0.2F}, {x * 0.18F, 0.45F, 0.17F}, 0.013F, 0.02F);
      rod({x * 0.21F, 0, -0.22F}, {x * 0.18F, 0.45F, -0.17F}, 0.013F, 0.02F);
      rod({x * 0.18F, 0.45F, -0.18F}, {x * 0.2F, 0.92F, -0.27F}, 0.018F, 0.014F);
    }
    for (const float x : {-0.12F, -0.06F, 0.0F, 0.06F, 0.12F})
      rod({x, 0.46F, -0.18F}, {x * 1.1F, 0.88F, -0.26F}, 0.009F, 0.008F);
    Mesh rail = rounded_box({0.44F, 0.09F, 0.025F}, 0.011F, steps);
    rail.uv[0].clear();
    append(chair, at(std::move(rail), {0, 0.9F, -0.265F}));
    const int mesh = add_mesh(model_, "chair", std::move(chair), wood);
    for (const float angle : {20.0F, 115.0F, 205.0F, 290.0F}) {
      const float turn = angle * trace::pi / 180;
      stand("chair", mesh, table + Vec3{-0.62F * sine(turn), 0, -0.62F * cosine(turn)}, angle);
    }
  }

  void add_shelf() {
    const int wood = paint("shelf", plastic({0.55F, 0.5F, 0.43F}, 0.4F));
    Mesh boards;
    const float wide = 1.1F, tall = 2.1F, deep = 0.3F;
    for (const float side : {-1.0F, 1.0F})
      append(boards,
             at(rounded_box({0.03F, tall, deep}, 0.003F, 2), {side * wide / 2, tall / 2, 0}));
    constexpr int levels = 6;
    for (int level = 0; level < levels; ++level)
      append(boards, at(rounded_box({wide, 0.025F, deep}, 0.003F, 2),
                        {0, 0.05F + 0.4F * static_cast<float>(level), 0}));
    const Vec3 place{1.6F, 0, -room.z / 2 + 0.17F};
    put("shelf", std::move(boards), wood, place);

    Mesh books;
    std::uint32_t number = 0;
    for (int level = 0; level + 1 < levels; ++level) {
      float x = -wide / 2 + 0.03F;
      const float full = wide / 2 - 0.03F - 0.35F * chance(51, static_cast<std::uint32_t>(level));
      while (x < full) {
        const float thick = 0.015F + 0.03F * chance(52, ++number);
        const float height = 0.2F + 0.12F * chance(53, number);
        Mesh book =
            rounded_box({thick - 0.001F, height, 0.16F + 0.06F * chance(54, number)}, 0.003F, 1);
        const float hue = chance(55, number) * 2 * trace::pi;
        tint(book, Vec3{0.3F + 0.25F * sine(hue), 0.26F + 0.2F * sine(hue + 2.1F),
                        0.24F + 0.2F * sine(hue + 4.2F)});
        append(books,
               at(std::move(book),
                  {x + thick / 2, 0.0625F + 0.4F * static_cast<float>(level) + height / 2, 0.02F}));
        x += thick;
      }
    }
    put("books", std::move(books), paint("book", plastic({1, 1, 1}, 0.45F)), place);
  }

  void add_plant() {
    const Vec3 place{-2.1F, 0, -1.75F};
    const std::array<Vec2, 7> pot{{{0, 0},
                                   {0.13F, 0},
                                   {0.13F, 0},
                                   {0.18F, 0.32F},
                                   {0.165F, 0.32F},
                                   {0.16F, 0.29F},
                                   {0, 0.29F}}};
    put("pot", lathe(pot, sides(64)), paint("clay", plastic({0.5F, 0.22F, 0.13F}, 0.6F)), place);
    Mesh leaves;
    const int number = count(110);
    for (int i = 0; i < number; ++i) {
      const auto n = static_cast<std::uint32_t>(i);
      const float around = 360 * chance(61, n), length = 0.35F + 0.45F * chance(62, n);
      const float rise = 0.3F + 0.9F * chance(63, n), wide = 0.05F + 0.04F * chance(64, n);
      // A blade that rises and bends over under its weight.
      Mesh leaf = sheet(6, 16, [&](float u, float v) {
        const float across = (u - 0.5F) * 2 * wide * sine(trace::pi * (0.08F + 0.9F * v));
        const float up = rise * v - 0.75F * v * v * length;
        return Vec3{across, up + 0.25F * across * across / wide, length * v};
      });
      transform(leaf, moved({0, 0.3F + 0.5F * chance(65, n), 0}) * turned({0, 1, 0}, around));
      const float shade = 0.7F + 0.6F * chance(66, n);
      tint(leaf, {0.05F * shade, 0.19F * shade, 0.045F * shade});
      append(leaves, leaf);
    }
    put("leaves", std::move(leaves), paint("leaf", plastic({1, 1, 1}, 0.35F)), place);
  }

  void add_lights() {
    trace::PunctualLight sun;
    sun.name = "sun";
    sun.kind = trace::PunctualLight::Kind::directional;
    sun.intensity = {40, 34, 25};
    model_.lights.push_back(sun);
    GltfNode node;
    node.name = "sun";
    node.light = 0;
    node.rotation = looking({-4, 3.1F, 1.6F}, {0, 0, 0});
    add_node(model_, node);

    const int glow = paint("lamp", shining({16, 12, 7.5F}));
    const int bulb = add_mesh(model_, "bulb", ball(0.06F, sides(24)), glow);
    const int cord_metal = paint("black metal", metal({0.05F, 0.05F, 0.05F}, 0.4F));
    const std::array<Vec2, 7> shade{{{0.02F, 0.2F},
                                     {0.05F, 0.19F},
                                     {0.15F, 0},
                                     {0.152F, 0},
                                     {0.152F, 0},
                                     {0.054F, 0.196F},
                                     {0.02F, 0.21F}}};
    std::vector<Vec2> outside(shade.rbegin(), shade.rend());
    const int cap = add_mesh(model_, "lamp shade", lathe(outside, sides(64)), cord_metal);
    for (const float x : {1.25F, 1.85F}) {
      const Vec3 at{x, 1.65F, -0.95F};
      stand("bulb", bulb, at + Vec3{0, 0.06F, 0});
      stand("lamp shade", cap, at);
      const std::array<Vec3, 2> cord{{at + Vec3{0, 0.2F, 0}, {at.x, room.y, at.z}}};
      put("cord", tube(cord, std::array<float, 2>{0.004F, 0.004F}, 6), cord_metal);
    }
  }

  float detail_;
  GltfModel model_;
};

}  // namespace

GltfModel interior_scene(float detail) {
  return Room(detail).build();
}

}  // namespace sovren::jobs
