// SPDX-License-Identifier: Apache-2.0
// Whole paths against closed forms.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "kernels/trace/path_tracer.h"

namespace sovren::trace {
namespace {

/// A box with its faces to the inside.
Mesh inside_of_box(float half, int material) {
  Mesh mesh;
  mesh.name = "box";
  mesh.material = material;
  for (int i = 0; i < 8; ++i)
    mesh.positions.push_back(
        {(i & 1) != 0 ? half : -half, (i & 2) != 0 ? half : -half, (i & 4) != 0 ? half : -half});
  constexpr std::uint32_t quads[6][4] = {{0, 1, 3, 2}, {4, 6, 7, 5}, {0, 4, 5, 1},
                                         {2, 3, 7, 6}, {0, 2, 6, 4}, {1, 5, 7, 3}};
  for (const auto& q : quads) {
    mesh.triangles.push_back({q[0], q[1], q[2]});
    mesh.triangles.push_back({q[0], q[2], q[3]});
  }
  return mesh;
}

Mesh sphere(float radius, int material) {
  Mesh mesh;
  mesh.name = "sphere";
  mesh.material = material;
  constexpr int rows = 32;
  constexpr int columns = 64;
  for (int r = 0; r <= rows; ++r)
    for (int c = 0; c <= columns; ++c) {
      const double theta = M_PI * r / rows;
      const double phi = 2 * M_PI * (c % columns) / columns;
      const Vec3 n{static_cast<float>(std::sin(theta) * std::cos(phi)),
                   static_cast<float>(std::cos(theta)),
                   static_cast<float>(std::sin(theta) * std::sin(phi))};
      mesh.normals.push_back(n);
      mesh.positions.push_back(n * radius);
    }
  for (std::uint32_t r = 0; r < rows; ++r)
    for (std::uint32_t c = 0; c < columns; ++c) {
      const std::uint32_t a = r * (columns + 1) + c;
      const std::uint32_t b = a + columns + 1;
      mesh.triangles.push_back({a, a + 1, b});
      mesh.triangles.push_back({b, a + 1, b + 1});
    }
  return mesh;
}

Mesh quad(Vec3 corner, Vec3 a, Vec3 b, int material) {
  Mesh mesh;
  mesh.name = "quad";
  mesh.material = material;
  mesh.positions = {corner, corner + a, corner + a + b, corner + b};
  mesh.triangles = {{0, 1, 2}, {0, 2, 3}};
  return mesh;
}

Material plain(float albedo) {
  Material material;
  material.base_color = {albedo, albedo, albedo};
  material.specular = 0;
  return material;
}

Material lamp(float radiance) {
  Material material = plain(0);
  material.emission = {radiance, radiance, radiance};
  return material;
}

void place(Scene& scene, Mesh mesh) {
  const auto number = static_cast<int>(scene.meshes.size());
  scene.meshes.push_back(std::move(mesh));
  scene.instances.push_back({.name = "node", .mesh = number, .object_id = number + 1});
}

RenderSettings looking_from(Vec3 position) {
  RenderSettings settings;
  settings.width = settings.height = 16;
  settings.camera.world_from_camera.origin = position;
  settings.camera.world_from_camera_end = settings.camera.world_from_camera;
  return settings;
}

std::unique_ptr<PathTracer> tracer_of(Scene scene, const RenderSettings& settings, int threads = 1,
                                      bool is_own = false) {
  auto compiled = compile(std::move(scene));
  if (!compiled) throw std::runtime_error(to_text(compiled.error()));
  auto tracer = is_own ? make_bvh_tracer(*compiled, threads) : make_embree_tracer(*compiled, 1);
  if (!tracer) throw std::runtime_error(to_text(tracer.error()));
  return make_cpu_path_tracer(*compiled, std::move(*tracer), settings, threads);
}

struct Mean {
  double value = 0;  ///< of red over all pixels
  double error = 0;  ///< standard error, from the spread over the pixels' means
};

Mean mean_of(const Film& film) {
  double sum = 0;
  double squares = 0;
  const double pixels = film.width() * film.height();
  for (int y = 0; y < film.height(); ++y)
    for (int x = 0; x < film.width(); ++x) {
      const auto p = film.pixel(x, y);
      const double value =
          static_cast<double>(p[Film::red]) / 0x1p30 / static_cast<double>(p[Film::count]);
      sum += value;
      squares += value * value;
    }
  const double mean = sum / pixels;
  return {mean, std::sqrt(std::max(0.0, squares / pixels - mean * mean) / (pixels - 1))};
}

Film rendered(Scene scene, const RenderSettings& settings, std::uint32_t samples) {
  Film film(settings.width, settings.height, Film::all_channels);
  const auto tracer = tracer_of(std::move(scene), settings);
  const RenderUnit all{0, 0, settings.width, settings.height, 0, samples};
  EXPECT_TRUE(tracer->render(std::span(&all, 1), film));
  return film;
}

TEST(Path, SumsTheBouncesInAShiningBox) {
  // Everything shines 1/2 and reflects 1/2: after n bounces 1 - 2^-(n + 2).
  for (const std::uint32_t depth : {0U, 1U, 3U, 6U}) {
    Scene scene;
    scene.materials = {lamp(0.5F)};
    scene.materials[0].base_color = {0.5F, 0.5F, 0.5F};
    place(scene, inside_of_box(1, 0));
    RenderSettings settings = looking_from({0, 0, 0.5F});
    settings.max_depth = depth;
    settings.roulette_depth = 2;
    const Mean mean = mean_of(rendered(scene, settings, 256));
    EXPECT_NEAR(mean.value, 1 - std::pow(0.5, depth + 2), 4 * mean.error + 1e-5) << depth;
    EXPECT_LT(mean.error, 0.004);
  }
}

TEST(Path, WhiteSphereVanishesInAWhiteWorld) {
  Scene scene;
  scene.materials = {plain(1)};
  place(scene, sphere(1, 0));
  scene.environment.tint = {1, 1, 1};
  RenderSettings settings = looking_from({0, 0, 3});
  settings.max_depth = 100;
  settings.roulette_depth = 100;
  const Mean mean = mean_of(rendered(scene, settings, 64));
  EXPECT_NEAR(mean.value, 1, 4 * mean.error + 1e-3);
}

/// A glossy floor below a lamp and a sky: light that each strategy is good and bad at.
Scene glossy_floor() {
  Scene scene;
  Material floor;
  floor.base_color = {0.6F, 0.6F, 0.6F};
  floor.metallic = 0.7F;
  floor.roughness = 0.4F;
  scene.materials = {floor, lamp(4), plain(0.7F)};
  place(scene, quad({-2, -1, -3}, {0, 0, 4}, {4, 0, 0}, 0));
  place(scene, quad({-0.5F, 1, -2}, {1, 0, 0}, {0, 0, 1}, 1));
  place(scene, quad({-2, -1, -3}, {4, 0, 0}, {0, 2, 0}, 2));
  scene.environment.tint = {0.2F, 0.2F, 0.2F};
  return scene;
}

TEST(Path, FindsTheSameLightByEveryStrategy) {
  RenderSettings settings = looking_from({0, 0, 2});
  settings.max_depth = 3;
  Mean means[3];
  for (const auto strategy : {RenderSettings::Strategy::mis, RenderSettings::Strategy::light,
                              RenderSettings::Strategy::bsdf}) {
    settings.strategy = strategy;
    means[static_cast<int>(strategy)] = mean_of(rendered(glossy_floor(), settings, 1024));
  }
  for (const int other : {1, 2}) {
    // Pixels differ by what they show, so compare with the same pixels' spread: a bound on both.
    const double error = 0.01 * means[0].value;
    EXPECT_NEAR(means[other].value, means[0].value, error) << other;
  }
}

TEST(Path, SumsAreTheSameBitsHoweverTheWorkIsSplit) {
  const RenderSettings settings = looking_from({0, 0, 2});
  for (const bool is_own : {false, true}) {
    Film whole(16, 16, Film::all_channels);
    const RenderUnit all{0, 0, 16, 16, 0, 40};
    ASSERT_TRUE(tracer_of(glossy_floor(), settings, 1, is_own)->render(std::span(&all, 1), whole));
    for (const int threads : {1, 3}) {
      Film parts(16, 16, Film::all_channels);
      std::vector<RenderUnit> units;
      for (const auto& [begin, count] : {std::pair(33U, 7U), std::pair(0U, 1U), std::pair(1U, 32U)})
        for (const int x : {8, 0}) units.push_back({x, 0, x + 8, 16, begin, count});
      const auto tracer = tracer_of(glossy_floor(), settings, threads, is_own);
      Film second(16, 16, Film::all_channels);
      ASSERT_TRUE(tracer->render(std::span(units).first(2), second));
      ASSERT_TRUE(tracer->render(std::span(units).subspan(2), parts));
      parts.add(second);
      EXPECT_TRUE(std::equal(whole.sums().begin(), whole.sums().end(), parts.sums().begin()))
          << threads << is_own;
    }
  }
}

TEST(Path, LightPassesHalfTransparentSheetsByTheirOpacity) {
  // A lamp behind three sheets of which each lets 1 - 0.6 through; what they reflect is black.
  Scene scene;
  Material sheet = plain(0);
  sheet.alpha = 0.6F;
  sheet.alpha_mode = Material::Alpha::blend;
  scene.materials = {sheet, lamp(1), plain(1)};
  for (const float z : {-1.0F, -1.5F, -2.0F})
    place(scene, quad({-900, -900, z}, {1800, 0, 0}, {0, 1800, 0}, 0));
  place(scene, quad({-30, -30, -3}, {60, 0, 0}, {0, 60, 0}, 1));
  RenderSettings settings = looking_from({0, 0, 0});
  settings.max_depth = 2;
  const Mean seen = mean_of(rendered(scene, settings, 1024));
  EXPECT_NEAR(seen.value, 0.064, 4 * seen.error + 1e-4);
  // And so does the light of shadow rays, onto a white wall behind the camera's eye.
  scene.instances.back().world_from_object.origin = {0, 0, 5};
  scene.instances.back().world_from_object_end.origin = {0, 0, 5};
  Scene open = scene;
  open.instances.erase(open.instances.begin(), open.instances.begin() + 3);
  for (Scene* each : {&scene, &open}) place(*each, quad({-9, -9, -4}, {18, 0, 0}, {0, 18, 0}, 2));
  settings.max_depth = 0;
  settings.camera.world_from_camera.origin = {0, 0, -3};
  settings.camera.world_from_camera_end.origin = {0, 0, -3};
  settings.strategy = RenderSettings::Strategy::light;
  const Mean dim = mean_of(rendered(scene, settings, 256));
  const Mean bright = mean_of(rendered(open, settings, 256));
  EXPECT_NEAR(dim.value, 0.064 * bright.value, 4 * (dim.error + 0.064 * bright.error));
}

TEST(Film, LayersTakeWhatIsNoNumberForNothing) {
  Film film(1, 1, Film::all_channels);
  const auto add = [&film](Film::Channel channel, std::int64_t value) {
    film.pixel(0, 0)[static_cast<std::size_t>(channel)] += value;
  };
  add_sample({.albedo = {NAN, 0.5F, INFINITY}, .normal = {0, NAN, -1}, .depth = NAN}, 0,
             film.channels(), add);
  const auto sums = film.pixel(0, 0);
  EXPECT_EQ(sums[Film::bad], 0);
  EXPECT_EQ(sums[Film::albedo_red], 0);
  EXPECT_EQ(sums[Film::albedo_green], std::int64_t{1} << 29);
  EXPECT_EQ(sums[Film::albedo_blue], 0);
  EXPECT_EQ(sums[Film::normal_y], 0);
  EXPECT_EQ(sums[Film::normal_z], -(std::int64_t{1} << 30));
  EXPECT_EQ(sums[Film::depth], 0);
}

TEST(Film, CountsAndLeavesOutWhatIsNoNumber) {
  Film film(1, 1, Film::picture_channels);
  const auto add = [&film](Film::Channel channel, std::int64_t value) {
    film.pixel(0, 0)[static_cast<std::size_t>(channel)] += value;
  };
  add_sample({.radiance = {1, 2, 0.5F}}, 0, film.channels(), add);
  add_sample({.radiance = {NAN, 2, 0.5F}}, 1, film.channels(), add);
  add_sample({.radiance = {1, INFINITY, 0.5F}}, 2, film.channels(), add);
  add_sample({.radiance = {1e9F, -1, 0}}, 17, film.channels(), add);
  const auto sums = film.pixel(0, 0);
  EXPECT_EQ(sums[Film::bad], 2);
  EXPECT_EQ(sums[Film::count], 2);
  EXPECT_EQ(sums[Film::count_a], 1);
  EXPECT_EQ(sums[Film::red], (std::int64_t{65504} + 1) << 30);
  EXPECT_EQ(sums[Film::red_a], std::int64_t{1} << 30);
  EXPECT_EQ(sums[Film::green], std::int64_t{2} << 30);
  EXPECT_EQ(sums[Film::blue], std::int64_t{1} << 29);
}

}  // namespace
}  // namespace sovren::trace
