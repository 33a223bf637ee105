// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/generate/surface_nets.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

namespace sovren::jobs {
namespace {

using trace::Mesh;
using trace::Vec3;

constexpr std::uint32_t none = 0xFFFFFFFF;
constexpr std::size_t block = 8;  ///< planes of a block that is passed over as a whole

class Nets {
 public:
  Nets(const Distance& distance, const std::array<std::vector<float>, 3>& axes)
      : distance_(distance),
        xs_(axes[0]),
        ys_(axes[1]),
        zs_(axes[2]),
        width_(xs_.size()),
        size_(xs_.size() * ys_.size()) {}

  Mesh build() {
    std::vector<float> below(size_), above(size_);
    std::vector<std::uint32_t> cells_below(size_, none), cells(size_, none);
    for (std::size_t k = 0; k < zs_.size(); ++k) {
      std::swap(below, above);
      sample(k, above);
      if (k == 0) continue;
      std::swap(cells_below, cells);
      place(k, below, above, cells);
      join(k, below, above, cells_below, cells);
    }
    return std::move(mesh_);
  }

 private:
  /// The values of one plane; blocks that are far from the surface hold one value.
  void sample(std::size_t k, std::vector<float>& plane) {
    const std::size_t k0 = k / block * block, k1 = std::min(k0 + block, zs_.size() - 1);
    for (std::size_t j0 = 0; j0 < ys_.size(); j0 += block)
      for (std::size_t i0 = 0; i0 < xs_.size(); i0 += block) {
        const std::size_t i1 = std::min(i0 + block, xs_.size() - 1);
        const std::size_t j1 = std::min(j0 + block, ys_.size() - 1);
        const Vec3 low{xs_[i0], ys_[j0], zs_[k0]}, high{xs_[i1], ys_[j1], zs_[k1]};
        const float middle = distance_((low + high) * 0.5F);
        const bool is_far = trace::magnitude(middle) > 0.8F * trace::length(high - low) + 0.3F;
        for (std::size_t j = j0; j < std::min(j0 + block, ys_.size()); ++j)
          for (std::size_t i = i0; i < std::min(i0 + block, xs_.size()); ++i)
            plane[j * width_ + i] = is_far ? middle : distance_({xs_[i], ys_[j], zs_[k]});
      }
  }

  Vec3 corner(std::size_t i, std::size_t j, std::size_t k) const {
    return {xs_[i], ys_[j], zs_[k]};
  }

  /// Points of the cells between planes k - 1 and k.
  void place(std::size_t k, const std::vector<float>& below, const std::vector<float>& above,
             std::vector<std::uint32_t>& cells) {
    std::fill(cells.begin(), cells.end(), none);
    for (std::size_t j = 0; j + 1 < ys_.size(); ++j)
      for (std::size_t i = 0; i + 1 < xs_.size(); ++i) {
        std::array<float, 8> values{};
        int inside = 0;
        for (std::size_t c = 0; c < 8; ++c) {
          const std::size_t at = (j + (c >> 1 & 1)) * width_ + i + (c & 1);
          values[c] = c < 4 ? below[at] : above[at];
          inside += values[c] < 0 ? 1 : 0;
        }
        if (inside == 0 || inside == 8) continue;
        cells[j * width_ + i] = static_cast<std::uint32_t>(mesh_.positions.size());
        add_point(i, j, k - 1, values);
      }
  }

  /// The mean of where the surface crosses the cell's edges, drawn onto the surface.
  void add_point(std::size_t i, std::size_t j, std::size_t k, const std::array<float, 8>& values) {
    Vec3 sum{};
    float crossings = 0;
    for (std::size_t a = 0; a < 8; ++a)
      for (const std::size_t bit : {1U, 2U, 4U}) {
        const std::size_t b = a | bit;
        if (b == a || (values[a] < 0) == (values[b] < 0)) continue;
        const float share = values[a] / (values[a] - values[b]);
        const Vec3 from = corner(i + (a & 1), j + (a >> 1 & 1), k + (a >> 2));
        const Vec3 to = corner(i + (b & 1), j + (b >> 1 & 1), k + (b >> 2));
        sum += mix(from, to, share);
        crossings += 1;
      }
    Vec3 at = sum * (1 / crossings);
    const Vec3 low = corner(i, j, k), high = corner(i + 1, j + 1, k + 1);
    const float step = 0.25F * (high.x - low.x);
    Vec3 normal = slope_of(distance_, at, step);
    for (int round = 0; round < 2; ++round) {
      const Vec3 moved = at - normal * (distance_(at) * 0.8F);
      at = {std::clamp(moved.x, low.x, high.x), std::clamp(moved.y, low.y, high.y),
            std::clamp(moved.z, low.z, high.z)};
    }
    normal = slope_of(distance_, at, step);
    mesh_.positions.push_back(at);
    mesh_.normals.push_back(normal);
  }

  /// A quad around each edge that the surface crosses: those that go up from plane k - 1, and
  /// those within that plane.
  void join(std::size_t k, const std::vector<float>& below, const std::vector<float>& above,
            const std::vector<std::uint32_t>& cells_below,
            const std::vector<std::uint32_t>& cells) {
    for (std::size_t j = 0; j + 1 < ys_.size(); ++j)
      for (std::size_t i = 0; i + 1 < xs_.size(); ++i) {
        const std::size_t at = j * width_ + i;
        const bool is_inside = below[at] < 0;
        if (i > 0 && j > 0 && is_inside != (above[at] < 0))
          add_quad(cells[at - width_ - 1], cells[at - width_], cells[at], cells[at - 1], is_inside);
        if (k < 2) continue;
        if (j > 0 && is_inside != (below[at + 1] < 0))
          add_quad(cells_below[at - width_], cells_below[at], cells[at], cells[at - width_],
                   is_inside);
        if (i > 0 && is_inside != (below[at + width_] < 0))
          add_quad(cells_below[at - 1], cells[at - 1], cells[at], cells_below[at], is_inside);
      }
  }

  void add_quad(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d,
                bool is_outwards) {
    if (a == none || b == none || c == none || d == none) return;
    if (!is_outwards) std::swap(b, d);
    // The shorter diagonal bends less.
    const auto& p = mesh_.positions;
    if (trace::length(p[a] - p[c]) <= trace::length(p[b] - p[d])) {
      add_triangle(a, b, c);
      add_triangle(a, c, d);
    } else {
      add_triangle(b, c, d);
      add_triangle(b, d, a);
    }
  }

  void add_triangle(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
    const auto& p = mesh_.positions;
    if (trace::length(trace::cross(p[b] - p[a], p[c] - p[a])) > 1e-9F)
      mesh_.triangles.push_back({a, b, c});
  }

  const Distance& distance_;
  const std::vector<float>& xs_;
  const std::vector<float>& ys_;
  const std::vector<float>& zs_;
  std::size_t width_, size_;
  Mesh mesh_;
};

}  // namespace

std::vector<float> grid_axis(float low, float fine_low, float fine_high, float high, float fine,
                             float coarse) {
  std::vector<float> axis;
  const auto run = [&](float from, float to, float step) {
    const int count = std::max(1, static_cast<int>(std::ceil((to - from) / step)));
    for (int i = 0; i < count; ++i)
      axis.push_back(from + (to - from) * static_cast<float>(i) / static_cast<float>(count));
  };
  if (fine_low > low) run(low, fine_low, coarse);
  run(fine_low, fine_high, fine);
  if (high > fine_high) run(fine_high, high, coarse);
  axis.push_back(high);
  return axis;
}

Vec3 slope_of(const Distance& distance, Vec3 at, float step) {
  const auto along = [&](Vec3 way) {
    return distance(at + way * step) - distance(at - way * step);
  };
  const Vec3 slope{along({1, 0, 0}), along({0, 1, 0}), along({0, 0, 1})};
  const float size = trace::length(slope);
  return size > 0 ? slope * (1 / size) : Vec3{0, 1, 0};
}

Mesh surface_of(const Distance& distance, const std::array<std::vector<float>, 3>& axes) {
  return Nets(distance, axes).build();
}

}  // namespace sovren::jobs
