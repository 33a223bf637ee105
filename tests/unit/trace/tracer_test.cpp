// SPDX-License-Identifier: Apache-2.0
#include "kernels/trace/tracer.h"

#include <gtest/gtest.h>

#include <limits>
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
  maker.instance(maker.mesh(ball(1, 0)));  // a cube
  const auto tracer = tracer_of(maker.made());
  Numbers numbers(13);
  const float side = root(1.0F / 3);
  for (int i = 0; i < 200; ++i) {
    Ray ray{.origin = numbers.in_box(0.9F * side), .direction = numbers.in_box(0.9F)};
    ray.origin.x = side;  // of the corners, exactly
    ray.direction.x = 1;
    ray.t_max = infinity;
    EXPECT_EQ(hit_of(*tracer, ray).instance, no_hit);
    EXPECT_FALSE(is_occluded(*tracer, ray));
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

INSTANTIATE_TEST_SUITE_P(Embree, TracerTest, testing::Values(&make_embree_tracer));
INSTANTIATE_TEST_SUITE_P(Bvh, TracerTest, testing::Values(&make_bvh_tracer));
INSTANTIATE_TEST_SUITE_P(CompressedWideBvh, TracerTest, testing::Values(&make_wide_bvh_tracer));

}  // namespace
}  // namespace sovren::trace
