// SPDX-License-Identifier: Apache-2.0
#include "kernels/trace/bsdf_tables.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "kernels/trace/albedo.h"
#include "kernels/trace/ggx.h"
#include "kernels/trace/interface_at.h"
#include "kernels/trace/material_at.h"
#include "kernels/trace/microfacet.h"
#include "kernels/trace/sheen.h"

namespace sovren::trace {
namespace {

constexpr std::size_t most_blocks = 64;
constexpr int turns = 12;   // azimuths of microfacets, on one half: the other is its mirror image
constexpr int slopes = 24;  // and their slopes

Vec3 direction_at(float cosine) {
  return {root(maximum(0, 1 - cosine * cosine)), 0, cosine};
}

/// visit(h, weight) for microfacets that are seen from wo; the weights' sum is 1.
template <class Visit>
void over_facets(float alpha, Vec3 wo, const Visit& visit) {
  for (int j = 0; j < slopes; ++j) {
    // Denser where microfacets are steep, and where they lie in the shadow.
    const float t = (static_cast<float>(j) + 0.5F) / slopes;
    const float radius = root(1 - t * t);
    const float weight = 2 * t / (turns * slopes);
    for (int i = 0; i < turns; ++i) {
      float sine, cosine;
      sin_cos(pi * (static_cast<float>(i) + 0.5F) / turns, sine, cosine);
      visit(ggx_sample(alpha, wo, {radius * cosine, radius * sine}), weight);
    }
  }
}

float alpha_of_row(int row, int size) {
  const float roughness = static_cast<float>(row) / static_cast<float>(size - 1);
  return maximum(roughness * roughness, least_alpha);
}
float column_of(int column, int size) {
  return static_cast<float>(column) / static_cast<float>(size - 1);
}

/// Of both models at once.
struct Pair {
  float correlated = 0, separable = 0;
  void add(float weight, float c, float s) {
    correlated += weight * c;
    separable += weight * s;
  }
};

struct Lit {
  float correlated = 0, separable = 0;
};
Lit lit_of(float alpha, Vec3 wo, Vec3 wi) {
  return {ggx_lit_share(alpha, wo, wi, true), ggx_lit_share(alpha, wo, wi, false)};
}

/// 2 * integral of f(cosine) cosine, f being linear between `nodes` whose values are given.
template <class Cosine>
float mean_of(const float* values, int size, const Cosine& cosine_of) {
  float sum = 0;
  for (int i = 0; i + 1 < size; ++i) {
    const float a = cosine_of(i);
    const float b = cosine_of(i + 1);
    // Of the product of two linear functions: Simpson's rule is exact.
    const float middle = 0.5F * (values[i] + values[i + 1]) * 0.5F * (a + b);
    sum += (b - a) / 6 * (values[i] * a + 4 * middle + values[i + 1] * b);
  }
  return 2 * sum;
}

void fill_metal(BsdfTableData& data) {
  constexpr int n = metal_size;
  data.metal.resize(std::size_t{2} * n * n);
  data.metal_mean.resize(std::size_t{2} * n);
  float* const models[2] = {data.metal.data(), data.metal.data() + n * n};
  for (int row = 0; row < n; ++row) {
    const float alpha = alpha_of_row(row, n);
    const auto cosine_of = [&](int i) { return cosine_of_shadow_column(alpha, column_of(i, n)); };
    for (int column = 0; column < n; ++column) {
      const Vec3 wo = direction_at(cosine_of(column));
      Pair sum;
      over_facets(alpha, wo, [&](Vec3 h, float weight) {
        const Vec3 wi = reflected(wo, h);
        if (!(wi.z > 0)) return;
        const Lit lit = lit_of(alpha, wo, wi);
        sum.add(weight, lit.correlated, lit.separable);
      });
      models[0][row * n + column] = minimum(sum.correlated, 1);
      models[1][row * n + column] = minimum(sum.separable, 1);
    }
    for (int model = 0; model < 2; ++model)
      data.metal_mean[static_cast<std::size_t>(model * n + row)] =
          mean_of(models[model] + row * n, n, cosine_of);
  }
}

/// What one direction's microfacets do on a dielectric.
struct DielectricSums {
  Pair back, risen;  // reflection of a mirror, and weighed by how far Fresnel's has risen
  Pair sent;         // reflection
  Pair loss[3];      // see clear_loss()
};

DielectricSums dielectric_sums(float alpha, Vec3 wo, float eta, bool is_inside) {
  const float normal = fresnel_normal(eta);
  DielectricSums sums;
  over_facets(alpha, wo, [&](Vec3 h, float weight) {
    const float cosine = maximum(dot(wo, h), 0);
    float cos_behind = 0;
    const float fresnel = fresnel_dielectric(cosine, eta, cos_behind);
    const float rise = dielectric_rise(fresnel, normal, cosine);
    const Vec3 wi = reflected(wo, h);
    const Lit back = wi.z > 0 ? lit_of(alpha, wo, wi) : Lit{};
    sums.back.add(weight, back.correlated, back.separable);
    sums.sent.add(weight * fresnel, back.correlated, back.separable);
    sums.risen.add(weight * rise, back.correlated, back.separable);
    if (cos_behind == 0 && is_inside) {
      sums.loss[0].add(weight, 1 - back.correlated, 1 - back.separable);
      return;
    }
    const Vec3 wt = refracted(wo, h, eta, cosine, cos_behind);
    const Lit through = wt.z < 0 ? lit_of(alpha, wo, wt) : Lit{};
    const float correlated = through.correlated - back.correlated;
    const float separable = through.separable - back.separable;
    sums.loss[0].add(weight, 1 - through.correlated, 1 - through.separable);
    sums.loss[1].add(weight, correlated, separable);
    sums.loss[2].add(weight * rise, correlated, separable);
  });
  return sums;
}

/// blocks: of the two models.
void fill_rise(float ior, float* const (&blocks)[2]) {
  constexpr int n = dielectric_size;
  for (int row = 0; row < n; ++row) {
    const float alpha = alpha_of_row(row, n);
    float risen[2][n];
    const auto cosine_of = [](int i) { return square(column_of(i, n)); };
    for (int column = 0; column < n; ++column) {
      const DielectricSums sums =
          dielectric_sums(alpha, direction_at(cosine_of(column)), ior, false);
      const Pair ratio{sums.risen.correlated / sums.back.correlated,
                       sums.risen.separable / sums.back.separable};
      blocks[0][DielectricBlock::rise + row * n + column] = ratio.correlated;
      blocks[1][DielectricBlock::rise + row * n + column] = ratio.separable;
      risen[0][column] = sums.risen.correlated;
      risen[1][column] = sums.risen.separable;
    }
    for (int model = 0; model < 2; ++model)
      blocks[model][DielectricBlock::rise_mean + row] = mean_of(risen[model], n, cosine_of);
  }
}

void fill_losses(float ior, bool is_inside, float* const (&blocks)[2]) {
  constexpr int n = dielectric_size;
  const float eta = is_inside ? 1 / ior : ior;
  for (int row = 0; row < n; ++row) {
    const float alpha = alpha_of_row(row, n);
    for (int column = 0; column < n; ++column) {
      const float cosine = cosine_of_shadow_column(alpha, column_of(column, n));
      const DielectricSums sums = dielectric_sums(alpha, direction_at(cosine), eta, is_inside);
      if (is_inside) {
        const int at = DielectricBlock::sent_inside + row * n + column;
        blocks[0][at] = sums.sent.correlated;
        blocks[1][at] = sums.sent.separable;
      }
      for (int part = 0; part < 3; ++part) {
        const int at = DielectricBlock::losses +
                       ((is_inside ? 3 : 0) + part) * DielectricBlock::table + row * n + column;
        blocks[0][at] = sums.loss[part].correlated;
        blocks[1][at] = sums.loss[part].separable;
      }
    }
  }
}

void fill_sheen(BsdfTableData& data) {
  constexpr int n = sheen_size;
  data.sheen.resize(std::size_t{n} * n);
  for (int row = 0; row < n; ++row) {
    const float alpha =
        square(least_sheen_roughness + (1 - least_sheen_roughness) * column_of(row, n));
    for (int column = 0; column < n; ++column) {
      const Vec3 wo = direction_at(maximum(square(column_of(column, n)), 1e-4F));
      const Sheen sheen = sheen_of(alpha, wo);
      float sum = 0;
      for (int j = 0; j < slopes; ++j) {
        // Denser at the horizon, where fibres shine.
        const float t = (static_cast<float>(j) + 0.5F) / slopes;
        for (int i = 0; i < turns; ++i) {
          float sine, cosine;
          sin_cos(pi * (static_cast<float>(i) + 0.5F) / turns, sine, cosine);
          const Vec3 wi = direction_at(t * t);
          sum += 2 * t * evaluate_sheen(sheen, wo, {wi.x * cosine, wi.x * sine, wi.z});
        }
      }
      data.sheen[static_cast<std::size_t>(row * n + column)] = sum * 2 * pi / (turns * slopes);
    }
  }
}

/// The refractive indices that blocks are made for.
class Indices {
 public:
  std::int32_t number_of(float ior) {
    const auto found = std::min_element(iors_.begin(), iors_.end(), [&](float a, float b) {
      return std::abs(a - ior) < std::abs(b - ior);
    });
    if (found != iors_.end() && (*found == ior || iors_.size() >= most_blocks))
      return static_cast<std::int32_t>(found - iors_.begin());
    iors_.push_back(ior);
    return static_cast<std::int32_t>(iors_.size() - 1);
  }
  std::vector<float> blocks() const {
    constexpr auto size = static_cast<std::size_t>(DielectricBlock::size);
    std::vector<float> all(2 * size * iors_.size());
    for (std::size_t i = 0; i < iors_.size(); ++i) {
      float* const both[2] = {all.data() + 2 * i * size, all.data() + (2 * i + 1) * size};
      fill_rise(iors_[i], both);
      fill_losses(iors_[i], false, both);
      fill_losses(iors_[i], true, both);
    }
    return all;
  }

 private:
  std::vector<float> iors_;
};

}  // namespace

BsdfTables BsdfTableData::view() const {
  BsdfTables tables;
  if (!metal.empty()) {
    tables.metal = metal.data();
    tables.metal_mean = metal_mean.data();
    tables.dielectric = dielectric.data();
    tables.dielectric_of_material = dielectric_of_material.data();
  }
  if (!sheen.empty()) tables.sheen = sheen.data();
  tables.coat = coat;
  return tables;
}

std::int64_t BsdfTableData::size_bytes() const {
  const std::size_t floats = metal.size() + metal_mean.size() + dielectric.size() + sheen.size();
  return static_cast<std::int64_t>((floats + dielectric_of_material.size()) * 4);
}

BsdfTableData make_bsdf_tables(std::span<const Material> materials) {
  BsdfTableData data;
  if (std::all_of(materials.begin(), materials.end(), is_plain)) return data;
  fill_metal(data);
  Indices indices;
  data.dielectric_of_material.resize(materials.size(), -1);
  for (std::size_t i = 0; i < materials.size(); ++i) {
    const Material& m = materials[i];
    if (m.clearcoat > 0) data.coat = indices.number_of(coat_index);
    if (!is_black(m.sheen_color) && data.sheen.empty()) fill_sheen(data);
    if (!is_plain(m) && !is_metal(m))
      data.dielectric_of_material[i] = indices.number_of(refractive_index(m));
  }
  data.dielectric = indices.blocks();
  return data;
}

}  // namespace sovren::trace
