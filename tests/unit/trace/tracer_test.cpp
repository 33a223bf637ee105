// SPDX-License-Identifier: Apache-2.0
#include "kernels/trace/tracer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "kernels/trace/wide_bvh.h"
#include "tests/unit/trace/exact_tracer.h"
#include "tests/unit/trace/scenes.h"

namespace sovren::trace {
namespace {

using Make = Result<std::unique_ptr<Tracer>> (*)(std::shared_ptr<const CompiledScene>, int);
using ScenePointer = std::shared_ptr<const CompiledScene>;
constexpr float infinity = std::numeric_limits<float>::infinity();

/// What both tracers must do. Embree is skipped where it is not installed.
class TracerTest : public testing::TestWithParam<Make> {
 protected:
  void SetUp() override {
    auto tracer = GetParam()(SceneMaker().made(), 1);
    if (!tracer && tracer.error().code == Code::device) GTEST_SKIP() << to_text(tracer.error());
  }
  static std::unique_ptr<Tracer> tracer_of(ScenePointer scene) {
    auto tracer = GetParam()(std::move(scene), 2);
    if (!tracer) throw std::runtime_error(to_text(tracer.error()));
    return *std::move(tracer);
  }
};

Hit hit_of(const Tracer& tracer, const Ray& ray) {
  Hit hit;
  tracer.closest({&ray, 1}, {&hit, 1});
  return hit;
}
bool is_occluded(const Tracer& tracer, const Ray& ray) {
  std::uint8_t is = 2;
  tracer.occluded({&ray, 1}, {&is, 1});
  EXPECT_LE(is, 1);
  return is == 1;
}

/// Rays from anywhere in a box to anywhere.
std::vector<Ray> rays_in_box(std::uint64_t seed, int count, float half) {
  Numbers numbers(seed);
  std::vector<Ray> rays;
  for (int i = 0; i < count; ++i) {
    Ray ray;
    ray.origin = numbers.in_box(half);
    ray.direction = numbers.direction();
    ray.t_max = infinity;
    ray.time = numbers.between(0, 1);
    rays.push_back(ray);
  }
  return rays;
}

/// Does the answer fit the exact crossings? Only crossings within `margin` of an edge, and those
/// within `near` of one another, may go either way.
void expect_right(const CompiledScene& scene, const Ray& ray, const Hit& hit, bool occluded) {
  constexpr double margin = 1e-4, near = 2e-5;
  double must = std::numeric_limits<double>::infinity();  // the first that may not be missed
  const ExactHit* own = nullptr;
  const std::vector<ExactHit> all = exact_hits(scene, ray, margin);
  for (const ExactHit& one : all) {
    if (one.inside > margin && one.t > static_cast<double>(ray.t_min) + near &&
        one.t < static_cast<double>(ray.t_max) - near && one.t < must)
      must = one.t;
    if (one.instance == hit.instance && one.primitive == hit.primitive) own = &one;
  }
  EXPECT_TRUE(occluded == (hit.instance != no_hit));
  if (hit.instance == no_hit) {
    EXPECT_EQ(must, std::numeric_limits<double>::infinity()) << "missed";
    return;
  }
  ASSERT_NE(own, nullptr) << "nothing is there";
  EXPECT_NEAR(static_cast<double>(hit.t), own->t, near);
  EXPECT_LE(own->t, must + near) << "not the nearest";
  // Weights are as exact as the distance is against the triangle's size and slope.
  EXPECT_NEAR(static_cast<double>(hit.u), own->u, 1e-2);
  EXPECT_NEAR(static_cast<double>(hit.v), own->v, 1e-2);
  EXPECT_GE(hit.t, ray.t_min);
  EXPECT_LE(hit.t, ray.t_max);
}

void expect_right(const Tracer& tracer, const CompiledScene& scene, const std::vector<Ray>& rays) {
  std::vector<Hit> hits(rays.size());
  std::vector<std::uint8_t> occluded(rays.size(), 2);
  tracer.closest(rays, hits);
  tracer.occluded(rays, occluded);
  for (std::size_t i = 0; i < rays.size(); ++i) {
    SCOPED_TRACE("ray " + std::to_string(i));
    expect_right(scene, rays[i], hits[i], occluded[i] == 1);
    if (testing::Test::HasFailure()) return;
  }
}

TEST_P(TracerTest, FindsTheNearestTriangleOfMany) {
  SceneMaker maker;
  maker.instance(maker.mesh(soup(1, 700, 0.2F)));
  const ScenePointer scene = maker.made();
  expect_right(*tracer_of(scene), *scene, rays_in_box(2, 3000, 1.5F));
}

TEST_P(TracerTest, FindsInstancesThatAreScaledShearedMirroredAndShared) {
  SceneMaker maker;
  const int shared = maker.mesh(ball(3, 0.2F)), own = maker.mesh(soup(3, 50, 0.3F));
  maker.instance(shared, moved({-1, 0, 0}, scaling(0.5F, 1, 0.25F)));
  maker.instance(shared, moved({1, 0, 0}, scaling(-0.7F, 0.7F, 0.7F)));
  Affine shear = scaling(0.6F, 0.6F, 0.6F);
  shear.columns[1].x = 0.5F;
  maker.instance(shared, moved({0, 1.5F, 0}, shear));
  maker.instance(own, moved({0, -1, 0}, shear));
  const ScenePointer scene = maker.made();
  expect_right(*tracer_of(scene), *scene, rays_in_box(4, 3000, 2));
}

TEST_P(TracerTest, FindsWhatMovesAndChangesWhereItIsAtTheRaysTime) {
  SceneMaker maker;
  const Shape begin = ball(2, 0.3F);
  Shape end = begin;
  for (Vec3& p : end.positions) p = p * 0.5F + Vec3{0.5F, 0, 0};
  const int still = maker.mesh(begin), changing = maker.mesh(begin, end.positions);
  const int once = maker.mesh(soup(5, 40, 0.3F)), both = maker.mesh(begin, end.positions);
  const int shape_only = maker.mesh(soup(5, 40, 0.3F), soup(6, 40, 0.3F).positions);
  const Affine small = scaling(0.4F, 0.4F, 0.4F), thin = scaling(0.3F, 0.5F, 0.2F);
  maker.instance(still, moved({-1, 0, 0}, small), moved({-1, 1, 0}, thin));
  maker.instance(still, moved({1, 0, 0}, small));
  maker.instance(changing, moved({0, -1, 0}, small));
  maker.instance(changing, moved({0, 1, 0}, thin), moved({0, 1.5F, 0.5F}, small));
  maker.instance(once, moved({0, 0, 1}, small), moved({0, 0.5F, 1}, thin));
  maker.instance(both, moved({0, 0, -1}, small), moved({0, 0.5F, -1}, thin));
  maker.instance(shape_only, thin);
  const ScenePointer scene = maker.made();
  std::vector<Ray> rays = rays_in_box(7, 3000, 2);
  for (std::size_t i = 0; i < 500; ++i) rays[i].time = i % 2 == 0 ? 0.0F : 1.0F;
  expect_right(*tracer_of(scene), *scene, rays);
}

TEST_P(TracerTest, LooksOnlyBetweenTheRaysEnds) {
  SceneMaker maker;
  const Shape wall{{{-1, -1, 0}, {1, -1, 0}, {0, 2, 0}}, {{{0, 1, 2}}}};
  const int mesh = maker.mesh(wall);
  maker.instance(mesh, moved({0, 0, -1}));
  maker.instance(mesh, moved({0, 0, -2}));
  const auto tracer = tracer_of(maker.made());
  const auto seen = [&](float t_min, float t_max) {
    Ray ray{.origin = {0.1F, 0.1F, 0}, .direction = {0, 0, -1}};
    ray.t_min = t_min;
    ray.t_max = t_max;
    const Hit hit = hit_of(*tracer, ray);
    EXPECT_EQ(is_occluded(*tracer, ray), hit.instance != no_hit);
    return hit.instance;
  };
  constexpr float less = 0.999999F, more = 1.000001F;
  EXPECT_EQ(seen(0, infinity), 0U);
  EXPECT_EQ(seen(0.5F, 1.5F), 0U);
  EXPECT_EQ(seen(less, more), 0U);
  EXPECT_EQ(seen(more, infinity), 1U);
  EXPECT_EQ(seen(more, 2 * more), 1U);
  EXPECT_EQ(seen(0, less), no_hit);
  EXPECT_EQ(seen(more, 2 * less), no_hit);
  EXPECT_EQ(seen(2 * more, infinity), no_hit);
  EXPECT_EQ(seen(0, 0), no_hit);
  EXPECT_EQ(seen(3, 2), no_hit);
}

TEST_P(TracerTest, WhereARayBeginsIsNotHit) {
  SceneMaker maker;
  maker.instance(maker.mesh(cube(1)));
  const auto tracer = tracer_of(maker.made());
  Numbers numbers(13);
  for (int i = 0; i < 200; ++i) {
    Ray ray{.origin = numbers.in_box(0.9F), .direction = numbers.in_box(0.9F)};
    ray.origin.x = 1;  // in the plane of a side, exactly
    ray.direction.x = 1;
    ray.t_max = infinity;
    EXPECT_EQ(hit_of(*tracer, ray).instance, no_hit);
    EXPECT_FALSE(is_occluded(*tracer, ray));
  }
}

TEST_P(TracerTest, RaysThatAreNoneMeetNothing) {
  SceneMaker maker;
  maker.instance(maker.mesh(ball(5, 0.1F)));
  const int shared = maker.mesh(cube(2));
  maker.instance(shared, moved({0, 3, 0}));
  maker.instance(shared);
  const auto tracer = tracer_of(maker.made());
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  for (const float bad : {nan, infinity, -infinity}) {
    for (const Vec3 origin : {Vec3{bad, 0, 0}, Vec3{0, bad, 0}, Vec3{bad, bad, bad}, Vec3{}}) {
      for (const Vec3 direction : {Vec3{0, 0, 1}, Vec3{bad, 0, 0}, Vec3{bad, bad, bad}}) {
        if (origin == Vec3{} && direction == Vec3{0, 0, 1}) continue;
        Ray ray{.origin = origin, .direction = direction};
        ray.t_max = infinity;
        EXPECT_EQ(hit_of(*tracer, ray).instance, no_hit);
        EXPECT_FALSE(is_occluded(*tracer, ray));
      }
    }
  }
}

TEST_P(TracerTest, AnEmptySceneIsEmpty) {
  SceneMaker maker;
  maker.instance(maker.mesh({}));
  for (const ScenePointer& scene : {SceneMaker().made(), ScenePointer(maker.made())}) {
    const auto tracer = tracer_of(scene);
    for (const Ray& ray : rays_in_box(8, 10, 1)) {
      EXPECT_EQ(hit_of(*tracer, ray).instance, no_hit);
      EXPECT_FALSE(is_occluded(*tracer, ray));
    }
  }
}

/// Rays from inside to the corners, and to points of the edges.
std::vector<Ray> rays_to_edges(const Shape& shape, std::uint64_t seed, float half) {
  Numbers numbers(seed);
  std::vector<Ray> rays;
  for (const Triangle& triangle : shape.triangles) {
    for (int corner = 0; corner < 3; ++corner) {
      const Vec3 a = shape.positions[triangle.corner[corner]];
      const Vec3 b = shape.positions[triangle.corner[(corner + 1) % 3]];
      const Vec3 origin = corner == 0 ? Vec3{} : numbers.in_box(half);
      for (const float share : {0.0F, 0.5F, numbers.between(0, 1)}) {
        Ray ray{.origin = origin, .direction = normalized(mix(a, b, share) - origin)};
        ray.t_max = infinity;
        rays.push_back(ray);
      }
    }
  }
  return rays;
}

/// may_lose: so many of a thousand.
void expect_all_hit(const Tracer& tracer, const std::vector<Ray>& rays, std::size_t may_lose) {
  std::vector<Hit> hits(rays.size());
  std::vector<std::uint8_t> occluded(rays.size());
  tracer.closest(rays, hits);
  tracer.occluded(rays, occluded);
  std::size_t lost = 0, lost_shadows = 0;
  for (std::size_t i = 0; i < rays.size(); ++i) {
    lost += hits[i].instance == no_hit ? 1 : 0;
    lost_shadows += occluded[i] == 0 ? 1 : 0;
  }
  EXPECT_LE(1000 * lost, may_lose * rays.size()) << lost << " of " << rays.size();
  EXPECT_LE(1000 * lost_shadows, may_lose * rays.size()) << lost_shadows;
}

TEST_P(TracerTest, NothingPassesBetweenTriangles) {
  // Embree loses some of those that are aimed at an edge, and none of ten million others.
  const std::size_t may_lose = GetParam() == &make_embree_tracer ? 5 : 0;
  for (const Shape& shape : {cube(1), cube(4), cube(16), ball(20, 0.1F), ball(33, 0)}) {
    SceneMaker alone;
    alone.instance(alone.mesh(shape));
    expect_all_hit(*tracer_of(alone.made()), rays_to_edges(shape, 1, 0.5F), may_lose);

    SceneMaker far_away;  // twice, so that it is not held in world space
    const int mesh = far_away.mesh(shape);
    far_away.instance(mesh);
    far_away.instance(mesh, moved({50, 0, 0}));
    expect_all_hit(*tracer_of(far_away.made()), rays_to_edges(shape, 2, 0.5F), may_lose);
  }
}

TEST_P(TracerTest, TrianglesWithoutAreaAreNotThere) {
  Shape shape = soup(9, 300, 0.3F);
  Shape with_more = shape;
  Numbers numbers(10);
  for (int i = 0; i < 300; ++i) {  // a point, a line, a line of two corners
    const std::uint32_t a = numbers.below(900), b = numbers.below(900);
    with_more.triangles.push_back({{a, a, a}});
    with_more.triangles.push_back({{a, b, b}});
    with_more.triangles.push_back({{b, a, b}});
  }
  SceneMaker maker;
  maker.instance(maker.mesh(with_more));
  const ScenePointer scene = maker.made();
  std::vector<Ray> rays = rays_in_box(11, 1000, 1.5F);
  for (const Ray& ray : rays_to_edges(shape, 12, 1)) rays.push_back(ray);
  const auto tracer = tracer_of(scene);
  std::vector<Hit> hits(rays.size());
  tracer->closest(rays, hits);
  int wrong = 0;
  for (const Hit& hit : hits) {
    if (hit.instance == no_hit) continue;
    wrong += hit.primitive < 300 && hit.t >= 0 && hit.t < 10 ? 0 : 1;
    wrong += hit.u >= 0 && hit.v >= 0 && hit.u + hit.v < 1.000001F ? 0 : 1;
  }
  EXPECT_EQ(wrong, 0);
}

/// Many instances, a mesh that stands twice in one place, and neighbours: where ties are.
ScenePointer scene_of_ties() {
  SceneMaker maker;
  const int shared = maker.mesh(cube(6)), own = maker.mesh(cube(20)), big = maker.mesh(ball(60, 0));
  for (int i = 0; i < 40; ++i) {
    const float x = static_cast<float>(i % 4) - 1.5F, z = static_cast<float>(i / 4 % 5) - 2;
    maker.instance(shared, moved({x, 0, z}, scaling(0.5F, 0.5F, 0.5F)));
  }
  maker.instance(own);
  maker.instance(big);
  return maker.made();
}

std::vector<Ray> rays_at_ties() {
  std::vector<Ray> rays = rays_in_box(14, 20000, 2);
  for (Ray& ray : rays_to_edges(cube(20), 15, 0.9F)) rays.push_back(ray);
  Numbers numbers(16);
  for (int i = 0; i < 5000; ++i) {  // along axes, through corners
    Ray ray{.origin = {-5, 0.25F * static_cast<float>(numbers.below(20)) - 2.5F, 0}};
    ray.origin.z = 0.25F * static_cast<float>(numbers.below(20)) - 2.5F;
    ray.direction = {1, 0, 0};
    ray.t_max = infinity;
    rays.push_back(ray);
  }
  return rays;
}

bool is_same(const Hit& a, const Hit& b) {
  return a.instance == b.instance && a.primitive == b.primitive && a.t == b.t && a.u == b.u &&
         a.v == b.v;
}

TEST_P(TracerTest, AnswersDependOnTheRayAlone) {
  const ScenePointer scene = scene_of_ties();
  const std::vector<Ray> rays = rays_at_ties();
  std::vector<Hit> hits(rays.size());
  std::vector<std::uint8_t> occluded(rays.size());
  {
    const auto tracer = *GetParam()(scene, 1);
    tracer->closest(rays, hits);
    tracer->occluded(rays, occluded);
  }
  for (const int threads : {1, 3}) {
    const auto tracer = *GetParam()(scene, threads);
    std::vector<Hit> again(rays.size());
    std::vector<std::uint8_t> occluded_again(rays.size());
    std::size_t size = 1;
    for (std::size_t first = 0; first < rays.size(); first += size, size = size % 37 + 1) {
      const std::size_t count = std::min(size, rays.size() - first);
      const std::span<const Ray> some(rays.data() + first, count);
      tracer->closest(some, {again.data() + first, count});
      tracer->occluded(some, {occluded_again.data() + first, count});
    }
    std::size_t differ = 0;
    for (std::size_t i = 0; i < rays.size(); ++i) differ += is_same(hits[i], again[i]) ? 0 : 1;
    EXPECT_EQ(differ, 0U) << threads << " threads";
    EXPECT_EQ(occluded, occluded_again) << threads << " threads";
  }
}

INSTANTIATE_TEST_SUITE_P(Embree, TracerTest, testing::Values(&make_embree_tracer));
INSTANTIATE_TEST_SUITE_P(Bvh, TracerTest, testing::Values(&make_bvh_tracer));
INSTANTIATE_TEST_SUITE_P(CompressedWideBvh, TracerTest, testing::Values(&make_wide_bvh_tracer));

}  // namespace
}  // namespace sovren::trace
