// SPDX-License-Identifier: Apache-2.0
#include "kernels/trace/level/walk.h"

#include "kernels/trace/level/lanes8.h"
#include "kernels/trace/triangle_test.h"

namespace sovren::trace {
namespace SOVREN_LEVEL {
namespace {

using Kind = BvhChild::Kind;

/// The nearest so far.
struct Found {
  float t;
  std::uint64_t key = 0;  ///< instance and primitive, the order of ties; 0 before the first
  float u = 0, v = 0;
  bool is_any = false;
};

/// A ray in a tree's space, ready for its nodes and blocks.
struct Line {
  RayShear shear;
  float inverse[3];   // of the direction
  float near_add[3];  // distance of a plane: coordinate x inverse + one of these
  float far_add[3];
  float t_min, time;
  // Of numbers all through? Others would meet every box, and children that are not there.
  bool is_finite;

  Line(Vec3 origin, Vec3 direction, float t_min_, float time_, float reach)
      : shear(shear_of(origin, direction)), t_min(t_min_), time(time_) {
    const float o[3] = {origin.x, origin.y, origin.z};
    const float d[3] = {direction.x, direction.y, direction.z};
    float sum = 0;
    const float least = 1e-10F * magnitude(on_axis(direction, shear.kz));
    for (int axis = 0; axis < 3; ++axis) {
      // Not 0: a box that the ray runs beside or in is then told by a large distance.
      const float along = magnitude(d[axis]) > least ? d[axis] : d[axis] < 0 ? -least : least;
      inverse[axis] = 1.0F / along;
      // Boxes are made wider than what rounding here, and of the corners in triangle_test.h, can
      // amount to: no box is missed whose triangle is met.
      const float wider = (magnitude(o[axis]) + reach) * magnitude(inverse[axis]) * 0x1p-21F;
      near_add[axis] = -o[axis] * inverse[axis] - wider;
      far_add[axis] = -o[axis] * inverse[axis] + wider;
      sum += magnitude(o[axis]) + magnitude(d[axis]) + magnitude(near_add[axis]) +
             magnitude(far_add[axis]);
    }
    is_finite = sum - sum == 0;
  }
};

/// The boxes of a node, as a line meets them.
class NodeTest {
 public:
  explicit NodeTest(const Line& line) : t_min_(F8::all(line.t_min)) {
    for (int axis = 0; axis < 3; ++axis) {
      inverse_[axis] = F8::all(line.inverse[axis]);
      near_add_[axis] = F8::all(line.near_add[axis]);
      far_add_[axis] = F8::all(line.far_add[axis]);
      near_[axis] = (line.inverse[axis] < 0 ? 3 + axis : axis) * bvh_width;
      far_[axis] = (line.inverse[axis] < 0 ? axis : 3 + axis) * bvh_width;
    }
  }
  /// Bit i: child i is met before t_max, at distances[i].
  unsigned meet(const BvhNode& node, F8 t_max, F8& distances) const {
    const float* planes = node.low[0];
    const F8 near_x = times_plus(F8::load(planes + near_[0]), inverse_[0], near_add_[0]);
    const F8 near_y = times_plus(F8::load(planes + near_[1]), inverse_[1], near_add_[1]);
    const F8 near_z = times_plus(F8::load(planes + near_[2]), inverse_[2], near_add_[2]);
    const F8 far_x = times_plus(F8::load(planes + far_[0]), inverse_[0], far_add_[0]);
    const F8 far_y = times_plus(F8::load(planes + far_[1]), inverse_[1], far_add_[1]);
    const F8 far_z = times_plus(F8::load(planes + far_[2]), inverse_[2], far_add_[2]);
    distances = max(max(near_x, near_y), max(near_z, t_min_));
    return where_at_most(distances, min(min(far_x, far_y), min(far_z, t_max)));
  }

 private:
  F8 inverse_[3], near_add_[3], far_add_[3], t_min_;
  int near_[3], far_[3];  // floats from the node's first
};

/// Four triangles at a time.
class BlockTest {
 public:
  explicit BlockTest(const Line& line)
      : line_(line), sx_(all4(line.shear.sx)), sy_(all4(line.shear.sy)), sz_(all4(line.shear.sz)) {
    axes_[0] = line.shear.kx;
    axes_[1] = line.shear.ky;
    axes_[2] = line.shear.kz;
    for (int i = 0; i < 3; ++i) origin_[i] = all4(on_axis(line.shear.origin, axes_[i]));
  }

  /// base: instance in the key of what is found, where the block itself does not say.
  template <bool any>
  bool meet(const TriangleBlock& block, std::uint64_t base, Found& found) const {
    return meet<any>(block, base, found,
                     [&](int corner, int axis) { return load4(block.corner[corner][axis]); });
  }
  template <bool any>
  bool meet(const MovingBlock& block, std::uint64_t base, Found& found) const {
    const F4 time = all4(line_.time);
    return meet<any>(block.begin, base, found, [&](int corner, int axis) {
      const F4 begin = load4(block.begin.corner[corner][axis]);
      return begin + (load4(block.end[corner][axis]) - begin) * time;
    });
  }

 private:
  template <bool any, class Corner>
  bool meet(const TriangleBlock& block, std::uint64_t base, Found& found,
            const Corner& corner) const {
    F4 x[3], y[3], z[3];
    for (int i = 0; i < 3; ++i) {
      const F4 along = corner(i, axes_[2]) - origin_[2];
      x[i] = (corner(i, axes_[0]) - origin_[0]) - sx_ * along;
      y[i] = (corner(i, axes_[1]) - origin_[1]) - sy_ * along;
      z[i] = sz_ * along;
    }
    const F4 of_a = x[2] * y[1] - y[2] * x[1];
    const F4 of_b = x[0] * y[2] - y[0] * x[2];
    const F4 of_c = x[1] * y[0] - y[1] * x[0];
    const F4 least = trace::min(trace::min(of_a, of_b), of_c);
    const F4 most = trace::max(trace::max(of_a, of_b), of_c);
    const F4 zero = all4(0);
    if (bits_of((least >= zero) | (most <= zero)) == 0) return false;
    const F4 sum = of_a + of_b + of_c;
    const F4 t = (of_a * z[0] + of_b * z[1] + of_c * z[2]) / sum;
    unsigned lanes = bits_of(((least >= zero) | (most <= zero)) & (t > all4(line_.t_min)) &
                             (any ? t < all4(found.t) : t <= all4(found.t)));
    if constexpr (any) return lanes != 0;
    for (; lanes != 0; lanes &= lanes - 1) {
      const int lane = __builtin_ctz(lanes);
      const std::uint64_t key =
          base | (std::uint64_t{block.instance[lane]} << 32 | block.primitive[lane]);
      if (t[lane] < found.t || (t[lane] == found.t && key < found.key))
        found = {t[lane], key, of_b[lane] / sum[lane], of_c[lane] / sum[lane], true};
    }
    return false;
  }

  const Line& line_;
  F4 origin_[3], sx_, sy_, sz_;
  int axes_[3];
};

/// A child that is still to be looked at, and how far away its box is: as a whole number, so that
/// the order of the numbers is the order of the distances (none is below 0).
struct Waiting {
  std::uint64_t value;
  static Waiting make(float distance, BvhChild child) {
    std::uint32_t bits;
    std::memcpy(&bits, &distance, sizeof bits);
    return {std::uint64_t{bits} << 32 | child.bits};
  }
  BvhChild child() const { return {static_cast<std::uint32_t>(value)}; }
  float distance() const {
    const auto bits = static_cast<std::uint32_t>(value >> 32);
    float distance;
    std::memcpy(&distance, &bits, sizeof distance);
    return distance;
  }
};

/// Children that wait, the nearest on top.
class Stack {
 public:
  bool is_empty() const { return count_ == 0; }
  Waiting pop() { return values_[--count_]; }
  void push(Waiting one) { values_[count_++] = one; }
  /// To its place among those above `floor`.
  void insert(Waiting one, int floor) {
    int to = count_++;
    for (; to > floor && values_[to - 1].value < one.value; --to) values_[to] = values_[to - 1];
    values_[to] = one;
  }
  int count() const { return count_; }

 private:
  // Of each node on the way at most seven wait.
  Waiting values_[(bvh_width - 1) * bvh_depth_max + bvh_width];
  int count_ = 0;
};

struct Query {
  const WalkScene& scene;
  const Ray& ray;
};

/// One ray in one tree. any: is there anything at all?
template <bool any>
class Walk {
 public:
  /// base: as in BlockTest.
  Walk(const Query& query, const WalkTree& tree, const Line& line, std::uint64_t base, Found& found)
      : query_(query), tree_(tree), line_(line), base_(base), found_(found) {}

  /// any: true as soon as something is met.
  bool run() {
    if (!line_.is_finite) return false;
    const NodeTest nodes(line_);
    const BlockTest blocks(line_);
    F8 t_max = F8::all(found_.t);
    BvhChild at{};  // the root
    for (;;) {
      if (at.kind() == Kind::inner) {
        if (descend(nodes, t_max, at)) continue;
      } else {
        if (meet_leaf(blocks, at) && any) return true;
        if constexpr (!any) t_max = F8::all(found_.t);
      }
      if (!take_waiting(at)) return false;
    }
  }

 private:
  /// Goes on to the nearest child of the node `at`, and lets the others wait. False: none is met.
  [[gnu::always_inline]] bool descend(const NodeTest& nodes, const F8& t_max, BvhChild& at) {
    const BvhNode& node = tree_.nodes[at.bits];
    F8 distance;
    unsigned met = nodes.meet(node, t_max, distance);
    if (met == 0) return false;
    const int first = __builtin_ctz(met);
    met &= met - 1;
    if (met == 0) {
      at = node.child[first];
      return true;
    }
    alignas(32) float distances[bvh_width];
    distance.store(distances);
    const auto waiting = [&](int child) {
      return Waiting::make(distances[child], node.child[child]);
    };
    const int second = __builtin_ctz(met);
    met &= met - 1;
    if (met == 0) {
      const Waiting a = waiting(first), b = waiting(second);
      at = a.value < b.value ? a.child() : b.child();
      stack_.push(a.value < b.value ? b : a);
      return true;
    }
    if constexpr (any) {
      // The nearest next; the order of the others is not worth its time.
      Waiting nearest = waiting(first);
      const auto keep = [&](Waiting one) {
        const bool is_nearer = one.value < nearest.value;
        stack_.push(is_nearer ? nearest : one);
        nearest = is_nearer ? one : nearest;
      };
      keep(waiting(second));
      for (; met != 0; met &= met - 1) keep(waiting(__builtin_ctz(met)));
      at = nearest.child();
    } else {
      const int floor = stack_.count();
      stack_.push(waiting(first));
      stack_.insert(waiting(second), floor);
      for (; met != 0; met &= met - 1) stack_.insert(waiting(__builtin_ctz(met)), floor);
      at = stack_.pop().child();
    }
    return true;
  }

  [[gnu::always_inline]] bool take_waiting(BvhChild& at) {
    while (!stack_.is_empty()) {
      const Waiting one = stack_.pop();
      if (!any && one.distance() > found_.t) continue;
      at = one.child();
      return true;
    }
    return false;
  }

  [[gnu::always_inline]] bool meet_leaf(const BlockTest& blocks, BvhChild leaf) {
    if (leaf.kind() == Kind::triangles)
      return blocks.template meet<any>(tree_.blocks[leaf.first()], base_, found_);
    return meet_rare_leaf(blocks, leaf);
  }
  [[gnu::noinline]] bool meet_rare_leaf(const BlockTest& blocks, BvhChild leaf) {
    if (leaf.kind() == Kind::moving)
      return blocks.template meet<any>(tree_.moving[leaf.first()], base_, found_);
    return meet_instance(tree_.instances[leaf.first()]);
  }

  /// On in the tree of the instance's mesh, in the mesh's space; distances stay what they are.
  bool meet_instance(std::uint32_t number) {
    const InstanceView& instance = query_.scene.instances[number];
    const WalkTree& mesh = query_.scene.meshes[instance.mesh];
    const Ray& ray = query_.ray;
    const Affine object_from_world =
        instance.is_moving
            ? inverse(mix(instance.world_from_object, instance.world_from_object_end, ray.time))
            : instance.object_from_world;
    const Line line(transform_point(object_from_world, ray.origin),
                    transform_vector(object_from_world, ray.direction), ray.t_min, ray.time,
                    mesh.reach);
    return Walk(query_, mesh, line, std::uint64_t{number} << 32, found_).run();
  }

  const Query& query_;
  const WalkTree& tree_;
  const Line& line_;
  std::uint64_t base_;
  Found& found_;
  Stack stack_;
};

template <bool any>
bool walk(const WalkScene& scene, const Ray& ray, Found& found) {
  if (scene.world.nodes == nullptr || !(ray.t_min >= 0 && ray.t_max > ray.t_min)) return false;
  const Query query{scene, ray};
  const Line line(ray.origin, ray.direction, ray.t_min, ray.time, scene.world.reach);
  return Walk<any>(query, scene.world, line, 0, found).run();
}

void closest(const WalkScene& scene, const Ray* rays, Hit* hits, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    Found found{.t = rays[i].t_max};
    walk<false>(scene, rays[i], found);
    hits[i] = Hit{};
    if (!found.is_any) continue;
    hits[i].instance = static_cast<std::uint32_t>(found.key >> 32);
    hits[i].primitive = static_cast<std::uint32_t>(found.key);
    hits[i].t = found.t;
    hits[i].u = found.u;
    hits[i].v = found.v;
  }
}

void occluded(const WalkScene& scene, const Ray* rays, std::uint8_t* is_occluded,
              std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    Found found{.t = rays[i].t_max};
    is_occluded[i] = walk<true>(scene, rays[i], found) ? 1 : 0;
  }
}

}  // namespace

extern const WalkKernels walk_kernels;
const WalkKernels walk_kernels{closest, occluded};

}  // namespace SOVREN_LEVEL
}  // namespace sovren::trace
