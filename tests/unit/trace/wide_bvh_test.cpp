// SPDX-License-Identifier: Apache-2.0
#include "kernels/trace/wide_bvh.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <set>
#include <utility>
#include <vector>

#include "kernels/trace/wide_traversal.h"
#include "tests/unit/trace/scenes.h"

namespace sovren::trace {
namespace {

using ScenePointer = std::shared_ptr<const CompiledScene>;

WideBvh built(const CompiledScene& scene, int threads = 2) {
  auto bvh = build_wide_bvh(scene, threads);
  if (!bvh) throw std::runtime_error(to_text(bvh.error()));
  return *std::move(bvh);
}

struct Box {
  double low[3], high[3];

  bool has(const Vec3& p) const {
    const double at[3] = {p.x, p.y, p.z};
    for (int axis = 0; axis < 3; ++axis)
      if (at[axis] < low[axis] || at[axis] > high[axis]) return false;
    return true;
  }
};

Box child_box(const WideNode& node, int slot) {
  Box box{};
  for (int axis = 0; axis < 3; ++axis) {
    const double cell = std::ldexp(1, static_cast<int>(byte_of(node.scales_and_inner, axis)) - 127);
    const std::uint32_t low = byte_of(node.low[axis][slot / 4], slot % 4);
    const std::uint32_t high = byte_of(node.high[axis][slot / 4], slot % 4);
    EXPECT_LE(low, high);
    box.low[axis] = node.origin[axis] + low * cell;
    box.high[axis] = node.origin[axis] + high * cell;
  }
  return box;
}

/// Goes through a tree, and finds that each item is inside of all boxes above it.
class TreeCheck {
 public:
  explicit TreeCheck(const WideBvh& bvh) : bvh_(bvh) {}
  void node(std::uint32_t number, std::vector<Box> above, std::uint32_t level = 1) {
    ASSERT_LT(number, bvh_.nodes.size());
    EXPECT_LE(2 * level, bvh_.stack_size);
    const WideNode& node = bvh_.nodes[number];
    std::uint32_t inner = 0;
    for (int slot = 0; slot < 8; ++slot) {
      const std::uint32_t kind = byte_of(node.kinds[slot / 4], slot % 4);
      if (kind == 0) continue;
      above.push_back(child_box(node, slot));
      if ((node.scales_and_inner >> (24 + slot) & 1U) != 0) {
        EXPECT_EQ(kind, 0x38U + static_cast<std::uint32_t>(slot));
        this->node(node.first_child + inner++, above, level + 1);
      } else {
        for (std::uint32_t bit = 0; bit < 3; ++bit)
          if ((kind >> (5 + bit) & 1U) != 0) item(node.first_item + (kind & 31U) + bit, above);
      }
      above.pop_back();
    }
  }
  const std::set<std::uint32_t>& items() const { return items_; }
  const std::set<std::uint32_t>& roots() const { return roots_; }

 private:
  void item(std::uint32_t number, const std::vector<Box>& above) {
    ASSERT_LT(number, bvh_.items.size());
    EXPECT_TRUE(items_.insert(number).second) << "in two leaves";
    const WideItem& item = bvh_.items[number];
    if (item.primitive == is_instance) {
      roots_.insert(item.link);
      return;
    }
    std::vector<Vec3> corners{item.a, item.b, item.c};
    if (item.link != no_hit) {
      ASSERT_LT(item.link, bvh_.ends.size());
      const WideEnds& end = bvh_.ends[item.link];
      corners.insert(corners.end(), {end.a, end.b, end.c});
    }
    for (const Box& box : above)
      for (const Vec3& corner : corners) EXPECT_TRUE(box.has(corner)) << number;
  }

  const WideBvh& bvh_;
  std::set<std::uint32_t> items_, roots_;
};

ScenePointer scene_of_all() {
  SceneMaker maker;
  const Shape begin = ball(3, 0.3F);
  Shape end = begin;
  for (Vec3& p : end.positions) p = p * 0.5F + Vec3{0.5F, 1e-3F, 700};
  const int shared = maker.mesh(ball(4, 0.2F)), changing = maker.mesh(begin, end.positions);
  maker.instance(shared, moved({-1, 0, 0}, scaling(0.5F, 1, 0.25F)));
  maker.instance(shared, moved({1000, 0, 0}, scaling(-0.7F, 0.7F, 0.7F)));
  maker.instance(changing);
  maker.instance(maker.mesh(soup(3, 500, 0.3F)), moved({0, -1, 0}, scaling(1e-4F, 1e4F, 1)));
  Shape flat = soup(4, 50, 0.1F);
  for (Vec3& p : flat.positions) p.y = 0.3F;
  maker.instance(maker.mesh(flat));
  return maker.made();
}

TEST(WideBvh, HoldsEveryTriangleOnceInsideOfAllItsBoxes) {
  const ScenePointer scene = scene_of_all();
  const WideBvh bvh = built(*scene);
  TreeCheck world(bvh);
  world.node(0, {});
  ASSERT_EQ(world.roots().size(), 1U);  // the mesh that stands there twice
  TreeCheck mesh(bvh);
  mesh.node(*world.roots().begin(), {});
  EXPECT_TRUE(mesh.roots().empty());
  EXPECT_EQ(world.items().size() + mesh.items().size(), bvh.items.size());
  EXPECT_EQ(mesh.items().size(), scene->meshes[0].triangle_count);
  std::set<std::pair<std::uint32_t, std::uint32_t>> found;
  for (const std::uint32_t i : world.items())
    if (bvh.items[i].primitive != is_instance)
      found.insert({bvh.items[i].instance, bvh.items[i].primitive});
  EXPECT_EQ(found.size(), world.items().size() - 2);
  EXPECT_EQ(found.size() + mesh.items().size(), scene->triangles.size());
}

TEST(WideBvh, IsTheSameForAnyNumberOfThreads) {
  const ScenePointer scene = scene_of_all();
  const WideBvh one = built(*scene, 1), three = built(*scene, 3);
  ASSERT_EQ(one.size_bytes(), three.size_bytes());
  EXPECT_EQ(std::memcmp(one.nodes.data(), three.nodes.data(), one.nodes.size() * sizeof(WideNode)),
            0);
  EXPECT_EQ(std::memcmp(one.items.data(), three.items.data(), one.items.size() * sizeof(WideItem)),
            0);
}

TEST(WideBvh, TakesAtMost68BytesATriangle) {
  SceneMaker maker;
  maker.instance(maker.mesh(ball(60, 0.01F)));
  maker.instance(maker.mesh(soup(9, 20'000, 0.05F)));
  const ScenePointer scene = maker.made();
  const double bytes = static_cast<double>(built(*scene).size_bytes()) /
                       static_cast<double>(scene->triangles.size());
  RecordProperty("bytes_a_triangle", std::to_string(bytes));
  EXPECT_LE(bytes, 68);
}

std::vector<Ray> random_rays(std::uint64_t seed, int count, float half) {
  Numbers numbers(seed);
  std::vector<Ray> rays;
  for (int i = 0; i < count; ++i) {
    Ray ray;
    ray.origin = numbers.in_box(half);
    ray.direction = numbers.direction();
    ray.t_max = i % 3 == 0 ? 1.0F : infinite;
    ray.time = numbers.between(0, 1);
    rays.push_back(ray);
  }
  return rays;
}

/// Rays from inside of a closed surface whose corners are shared: none may get out, even where it
/// goes to a corner or along an edge exactly.
TEST(WideBvh, NothingSlipsThroughEdgesAndCorners) {
  for (const float rough : {0.0F, 0.2F}) {
    SceneMaker maker;
    const Shape shape = ball(7, rough);
    maker.instance(maker.mesh(shape), moved({3, -2, 5}));
    const ScenePointer scene = maker.made();
    const auto tracer = make_wide_bvh_tracer(scene, 1);
    ASSERT_TRUE(tracer);
    std::vector<Vec3> targets = shape.positions;
    for (const Triangle& t : shape.triangles)
      for (int side = 0; side < 3; ++side)
        for (const float share : {0.5F, 0.25F, 0.3F})
          targets.push_back(mix(shape.positions[t.corner[side]],
                                shape.positions[t.corner[(side + 1) % 3]], share));
    Numbers numbers(1);
    std::vector<Ray> rays;
    for (const Vec3 target : targets) {
      Ray ray;
      ray.origin = Vec3{3, -2, 5} + numbers.in_box(0.3F);
      ray.direction = normalized(target + Vec3{3, -2, 5} - ray.origin);
      ray.t_max = infinite;
      rays.push_back(ray);
    }
    std::vector<Hit> hits(rays.size());
    (*tracer)->closest(rays, hits);
    for (std::size_t i = 0; i < rays.size(); ++i) EXPECT_NE(hits[i].instance, no_hit) << i;
  }
}

/// Things of about one size, all kinds of them.
ScenePointer scene_of_instances() {
  SceneMaker maker;
  const Shape begin = ball(3, 0.3F);
  Shape end = begin;
  for (Vec3& p : end.positions) p = p * 0.5F + Vec3{0.5F, 0, 0.3F};
  const int shared = maker.mesh(ball(4, 0.2F)), changing = maker.mesh(begin, end.positions);
  maker.instance(shared, moved({-1, 0, 0}, scaling(0.5F, 1, 0.25F)));
  maker.instance(shared, moved({1, 0, 0}, scaling(-0.7F, 0.7F, 0.7F)));
  maker.instance(shared, moved({0, 1, 1}, scaling(0.3F, 0.7F, 0.7F)),
                 moved({0, 1, 0}, scaling(0.7F, 0.3F, 0.7F)));
  maker.instance(changing);
  maker.instance(maker.mesh(begin, end.positions), moved({0, 0, 1}, scaling(0.5F, 0.5F, 0.5F)),
                 moved({0, 0.5F, 1}, scaling(0.4F, 0.5F, 0.6F)));
  maker.instance(maker.mesh(soup(3, 2000, 0.2F)));
  maker.instance(maker.mesh(soup(3, 2000, 0.2F)));  // the same again: ties everywhere
  return maker.made();
}

struct Answers {
  std::vector<Hit> hits;
  std::vector<std::uint8_t> is_occluded;
};
Answers answers_of(const Tracer& tracer, const std::vector<Ray>& rays) {
  Answers answers{std::vector<Hit>(rays.size()), std::vector<std::uint8_t>(rays.size())};
  tracer.closest(rays, answers.hits);
  tracer.occluded(rays, answers.is_occluded);
  return answers;
}

TEST(WideBvh, FindsWhatEmbreeFinds) {
  const ScenePointer scene = scene_of_instances();
  const auto embree = make_embree_tracer(scene, 1);
  if (!embree) GTEST_SKIP() << to_text(embree.error());
  const auto wide = make_wide_bvh_tracer(scene, 1);
  ASSERT_TRUE(wide);
  const std::vector<Ray> rays = random_rays(5, 4000, 2);
  const Answers own = answers_of(**wide, rays), expected = answers_of(**embree, rays);
  int hits = 0;
  for (std::size_t i = 0; i < rays.size(); ++i) {
    ASSERT_EQ(own.hits[i].instance == no_hit, expected.hits[i].instance == no_hit) << i;
    EXPECT_EQ(own.is_occluded[i], expected.is_occluded[i]) << i;
    if (own.hits[i].instance == no_hit) continue;
    ++hits;
    EXPECT_NEAR(own.hits[i].t, expected.hits[i].t, 1e-4F) << i;
  }
  EXPECT_GT(hits, 900);
}

TEST(WideBvh, FindsTheBitsOfTheUncompressedTree) {
  const ScenePointer scene = scene_of_instances();
  const auto own = make_bvh_tracer(scene, 1);
  const auto wide = make_wide_bvh_tracer(scene, 1);
  ASSERT_TRUE(own && wide);
  const std::vector<Ray> rays = random_rays(6, 50'000, 2);
  const Answers found = answers_of(**wide, rays), expected = answers_of(**own, rays);
  EXPECT_TRUE(found.is_occluded == expected.is_occluded);
  for (std::size_t i = 0; i < rays.size(); ++i) {
    const Hit &a = found.hits[i], &b = expected.hits[i];
    ASSERT_EQ(a.instance, b.instance) << i;
    if (a.instance == no_hit) continue;
    ASSERT_EQ(a.primitive, b.primitive) << i;
    ASSERT_TRUE(a.t == b.t && a.u == b.u && a.v == b.v) << i;
  }
}

}  // namespace
}  // namespace sovren::trace
