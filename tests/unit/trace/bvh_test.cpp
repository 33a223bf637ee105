// SPDX-License-Identifier: Apache-2.0
#include "kernels/trace/bvh.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/nn/level.h"
#include "kernels/nn/team.h"
#include "kernels/trace/bvh_pack.h"
#include "kernels/trace/level/walk.h"
#include "kernels/trace/tracer.h"
#include "kernels/trace/triangle_test.h"
#include "tests/unit/trace/scenes.h"

namespace sovren::trace {
namespace {

using Kind = BvhChild::Kind;
constexpr float infinity = std::numeric_limits<float>::infinity();

Bvh bvh_of(const CompiledScene& scene, int threads = 2, const BvhOptions& options = {}) {
  auto bvh = build_bvh(scene, threads, options);
  EXPECT_TRUE(bvh) << to_text(bvh.error());
  return *std::move(bvh);
}

std::shared_ptr<const CompiledScene> scene_of(const Shape& shape, const Affine& at = {}) {
  SceneMaker maker;
  maker.instance(maker.mesh(shape), at);
  return maker.made();
}

/// Goes through a tree and holds it against bvh.h.
class Checker {
 public:
  Checker(const BvhTree& tree, int leaf_max) : tree_(tree), leaf_max_(leaf_max) {}

  void check(std::size_t triangles) {
    ASSERT_EQ(tree_.triangles.size(), triangles);
    ASSERT_FALSE(tree_.nodes.empty());
    seen_.assign(triangles, 0);
    const auto [low, high] = node(0, 1);
    EXPECT_EQ(low, tree_.low);
    EXPECT_EQ(high, tree_.high);
    EXPECT_EQ(nodes_, tree_.nodes.size()) << "nodes that no parent has";
    EXPECT_EQ(std::count(seen_.begin(), seen_.end(), 1), static_cast<std::ptrdiff_t>(triangles))
        << "every triangle once";
    EXPECT_EQ(wrong_boxes_, 0);
  }
  /// Children of a node, on average.
  double fill() const { return static_cast<double>(children_) / static_cast<double>(nodes_); }

 private:
  using Box = std::pair<Vec3, Vec3>;
  static void grow(Box& box, Vec3 low, Vec3 high) {
    box.first = {std::min(box.first.x, low.x), std::min(box.first.y, low.y),
                 std::min(box.first.z, low.z)};
    box.second = {std::max(box.second.x, high.x), std::max(box.second.y, high.y),
                  std::max(box.second.z, high.z)};
  }
  static Box nothing() {
    return {{infinity, infinity, infinity}, {-infinity, -infinity, -infinity}};
  }

  Box node(std::uint32_t number, int depth) {
    EXPECT_LE(depth, bvh_depth_max);
    ++nodes_;
    const BvhNode& node_ = tree_.nodes[number];
    Box all = nothing();
    for (int i = 0; i < bvh_width; ++i) {
      const BvhChild child = node_.child[i];
      const Vec3 low{node_.low[0][i], node_.low[1][i], node_.low[2][i]};
      const Vec3 high{node_.high[0][i], node_.high[1][i], node_.high[2][i]};
      if (child.bits == 0) {
        EXPECT_EQ(low.x, infinity);
        EXPECT_EQ(high.x, -infinity);
        continue;
      }
      ++children_;
      const Box inside = child.kind() == Kind::inner ? node(child.first(), depth + 1) : leaf(child);
      wrong_boxes_ += inside.first == low && inside.second == high ? 0 : 1;
      grow(all, low, high);
    }
    return all;
  }
  Box leaf(BvhChild child) {
    EXPECT_EQ(child.kind(), Kind::triangles);
    EXPECT_LE(child.count(), static_cast<std::uint32_t>(leaf_max_));
    Box box = nothing();
    for (std::uint32_t i = 0; i < child.count(); ++i) {
      const BvhTriangle& triangle = tree_.triangles[child.first() + i];
      ++seen_[triangle.primitive];
      for (const Vec3 corner : triangle.corner) grow(box, corner, corner);
    }
    return box;
  }

  const BvhTree& tree_;
  int leaf_max_;
  std::vector<int> seen_;
  std::size_t nodes_ = 0, children_ = 0;
  int wrong_boxes_ = 0;
};

TEST(Bvh, HoldsEveryTriangleOnceInBoxesThatFit) {
  for (const int leaf_max : {1, 3, 4}) {
    BvhOptions options;
    options.leaf_max = leaf_max;
    for (const std::uint32_t count : {1U, 2U, 5U, 100U, 70'000U}) {
      SCOPED_TRACE(std::to_string(count) + " triangles, " + std::to_string(leaf_max) + " a leaf");
      const auto scene = scene_of(soup(21, count, 0.05F));
      const Bvh bvh = bvh_of(*scene, 2, options);
      Checker checker(bvh.world, leaf_max);
      checker.check(count);
      if (count > 1000) {
        EXPECT_GT(checker.fill(), 5.5);
      }
    }
  }
}

TEST(Bvh, IsBuiltOfAnything) {
  Shape copies;  // thousands in one place, and beside one another in one line
  for (std::uint32_t i = 0; i < 5000; ++i) {
    const float x = i < 2500 ? 0 : static_cast<float>(i);
    for (const Vec3 p : {Vec3{x, 0, 0}, Vec3{x + 1, 0, 0}, Vec3{x, 1, 0}})
      copies.positions.push_back(p);
    copies.triangles.push_back({{3 * i, 3 * i + 1, 3 * i + 2}});
  }
  Shape nested;  // each a hundredth smaller than the one before, down to nothing
  float size = 1e30F;
  for (std::uint32_t i = 0; i < 3000; ++i, size *= 0.95F) {
    for (const Vec3 p : {Vec3{0, 0, 0}, Vec3{size, 0, 0}, Vec3{0, size, size}})
      nested.positions.push_back(p);
    nested.triangles.push_back({{3 * i, 3 * i + 1, 3 * i + 2}});
  }
  Shape huge = soup(22, 500, 3);
  for (Vec3& p : huge.positions) p *= 8e37F;  // whose areas are no numbers any more
  for (const Shape* shape : {&copies, &nested, &huge}) {
    const auto scene = scene_of(*shape);
    Checker(bvh_of(*scene).world, bvh_leaf_max).check(shape->triangles.size());
  }
}

template <class T>
bool is_same(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

TEST(Bvh, IsTheSameForAnyNumberOfThreads) {
  const auto scene = scene_of(soup(23, 150'000, 0.02F));
  const Bvh one = bvh_of(*scene, 1);
  for (const int threads : {2, 5}) {
    const Bvh other = bvh_of(*scene, threads);
    EXPECT_TRUE(is_same(one.world.nodes, other.world.nodes)) << threads;
    EXPECT_TRUE(is_same(one.world.triangles, other.world.triangles)) << threads;
  }
}

/// All triangles, one after another: what a walk must find to the bit.
Hit found_without_tree(const BvhTree& tree, const Ray& ray) {
  const RayShear shear = shear_of(ray.origin, ray.direction);
  Hit best;
  best.t = ray.t_max;
  for (const BvhTriangle& one : tree.triangles) {
    float t = 0, u = 0, v = 0;
    if (!meets(shear, one.corner[0], one.corner[1], one.corner[2], ray.t_min, best.t, t, u, v))
      continue;
    if (t < best.t ||
        (t == best.t && comes_first(one.instance, one.primitive, best.instance, best.primitive)))
      best = {one.instance, one.primitive, t, u, v};
  }
  return best;
}

std::vector<const WalkKernels*> walks_here() {
  std::vector<const WalkKernels*> walks{&plain::walk_kernels};
#if defined(__x86_64__)
  if (nn::cpu_level() >= nn::Level::avx2) walks.push_back(&avx2::walk_kernels);
#endif
  return walks;
}

void expect_found(const CompiledScene& scene, const std::vector<Ray>& rays) {
  Bvh bvh = bvh_of(scene);
  std::vector<Hit> expected;
  for (const Ray& ray : rays) expected.push_back(found_without_tree(bvh.world, ray));
  nn::Team team(2);
  const PackedTree world = pack(std::move(bvh.world), team);
  const WalkScene view{world.view(), nullptr, scene.instances.data()};
  const auto count = static_cast<std::int64_t>(rays.size());
  for (const WalkKernels* walk : walks_here()) {
    std::vector<Hit> hits(rays.size());
    std::vector<std::uint8_t> occluded(rays.size(), 2);
    walk->closest(view, rays.data(), hits.data(), count);
    walk->occluded(view, rays.data(), occluded.data(), count);
    int differ = 0, met = 0;
    for (std::size_t i = 0; i < rays.size(); ++i) {
      const Hit &a = expected[i], &b = hits[i];
      const bool is_hit = a.instance != no_hit;
      met += is_hit ? 1 : 0;
      differ += occluded[i] == (is_hit ? 1 : 0) ? 0 : 1;
      differ += a.instance == b.instance && (!is_hit || (a.primitive == b.primitive && a.t == b.t &&
                                                         a.u == b.u && a.v == b.v))
                    ? 0
                    : 1;
    }
    EXPECT_EQ(differ, 0) << (walk == walks_here()[0] ? "plain" : "avx2");
    EXPECT_GT(met, count / 10);
  }
}

std::vector<Ray> rays_from_box(std::uint64_t seed, int count, float half, Vec3 middle = {}) {
  Numbers numbers(seed);
  std::vector<Ray> rays;
  for (int i = 0; i < count; ++i) {
    Ray ray{.origin = middle + numbers.in_box(half), .direction = numbers.direction()};
    if (i % 5 == 0) ray.direction.x = 0;
    if (i % 10 == 0) ray.direction.y = 0;
    ray.t_max = i % 3 == 0 ? half : infinity;
    rays.push_back(ray);
  }
  return rays;
}

TEST(Bvh, WalksFindTheBitsThatAllTrianglesGive) {
  const Shape rough = ball(12, 0.1F), box = cube(8);
  expect_found(*scene_of(soup(24, 2000, 0.2F)), rays_from_box(25, 2000, 1.5F));
  expect_found(*scene_of(rough), rays_from_box(26, 2000, 1.5F));
  std::vector<Ray> rays = rays_from_box(27, 1000, 0.9F);
  for (const Vec3 corner : box.positions) {  // to corners and along the sides: ties
    Ray ray{.origin = {}, .direction = normalized(corner)};
    ray.t_max = infinity;
    rays.push_back(ray);
    ray.origin = corner;
    ray.direction = {0, 0, -1};
    rays.push_back(ray);
  }
  expect_found(*scene_of(box), rays);
}

TEST(Bvh, FarFromTheOriginAndAtAnySizeNothingIsLost) {
  const Vec3 far{90'000, -40'000, 70'000};
  expect_found(*scene_of(ball(10, 0.1F), moved(far, scaling(30, 30, 30))),
               rays_from_box(28, 1500, 50, far));
  expect_found(*scene_of(ball(10, 0.1F), scaling(1e-6F, 1e-6F, 1e-6F)),
               rays_from_box(29, 1500, 2e-6F));
  expect_found(*scene_of(ball(10, 0.1F), scaling(1e9F, 1e9F, 1e9F)), rays_from_box(30, 1500, 2e9F));
}

TEST(Bvh, AgreesWithEmbreeOnAMillionRays) {
  SceneMaker maker;
  maker.instance(maker.mesh(ball(60, 0.1F)));
  maker.instance(maker.mesh(soup(31, 20'000, 0.03F)));
  const int shared = maker.mesh(ball(20, 0.2F));
  for (int i = 0; i < 4; ++i)
    maker.instance(
        shared, moved({0, 0.8F * static_cast<float>(i) - 1.2F, 0.3F}, scaling(0.3F, 0.2F, 0.4F)));
  const std::shared_ptr<const CompiledScene> scene = maker.made();
  const auto embree = make_embree_tracer(scene, 2);
  if (!embree && embree.error().code == Code::device) GTEST_SKIP() << to_text(embree.error());
  ASSERT_TRUE(embree);
  const auto ours = make_bvh_tracer(scene, 2);
  ASSERT_TRUE(ours);
  std::size_t other = 0, ties = 0, shadows = 0, met = 0;
  for (std::uint64_t round = 0; round < 10; ++round) {
    const std::vector<Ray> rays = rays_from_box(32 + round, 100'000, 1.3F);
    std::vector<Hit> a(rays.size()), b(rays.size());
    std::vector<std::uint8_t> dark_a(rays.size()), dark_b(rays.size());
    (*embree)->closest(rays, a);
    (*ours)->closest(rays, b);
    (*embree)->occluded(rays, dark_a);
    (*ours)->occluded(rays, dark_b);
    for (std::size_t i = 0; i < rays.size(); ++i) {
      met += b[i].instance != no_hit ? 1 : 0;
      shadows += dark_a[i] != dark_b[i] ? 1 : 0;
      if (a[i].instance == b[i].instance && a[i].primitive == b[i].primitive) continue;
      const bool is_tie =
          a[i].instance != no_hit && b[i].instance != no_hit && magnitude(a[i].t - b[i].t) < 1e-5F;
      ++(is_tie ? ties : other);
    }
  }
  EXPECT_GT(met, 400'000U);
  EXPECT_EQ(other, 0U);
  EXPECT_EQ(shadows, 0U);
  EXPECT_LT(ties, 30U);
}

}  // namespace
}  // namespace sovren::trace
