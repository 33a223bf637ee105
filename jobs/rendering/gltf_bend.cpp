// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <string>
#include <utility>

#include "jobs/rendering/gltf_accessor.h"
#include "jobs/rendering/gltf_attribute.h"
#include "jobs/rendering/gltf_document.h"
#include "jobs/rendering/gltf_shape.h"
#include "kernels/trace/film.h"

namespace sovren::jobs::gltf {

using trace::Mesh;
using trace::Vec3;
using trace::Vec4;

namespace {

/// Joints and weights of each vertex, `per_vertex` of each.
struct Influences {
  std::size_t per_vertex = 0;
  std::vector<std::uint32_t> joints;
  std::vector<float> weights;
};

Result<void> read_influence_set(Document& document, const Place& attributes, int set,
                                std::size_t vertices, Influences& all) {
  const std::string joints_key = "JOINTS_" + std::to_string(set);
  const std::string weights_key = "WEIGHTS_" + std::to_string(set);
  SOVREN_TRY(joints,
             Accessor::open(document, attributes, joints_key.c_str(), {{"VEC4"}, u8 | u16}));
  SOVREN_TRY(weights, Accessor::open(document, attributes, weights_key.c_str(),
                                     {{"VEC4"}, f32 | norm_u8 | norm_u16}));
  const auto count = static_cast<std::int64_t>(vertices);
  if (joints.count() != count || weights.count() != count)
    return attributes.wrong_at(joints_key, "and " + weights_key + " must have " +
                                               std::to_string(vertices) + " elements, as POSITION");
  SOVREN_DO(document.charge(count * 32, attributes));
  std::vector<std::uint32_t> set_joints(vertices * 4);
  std::vector<float> set_weights(vertices * 4);
  SOVREN_DO(joints.copy_wholes(set_joints));
  SOVREN_DO(weights.copy_floats(set_weights));
  for (std::size_t v = 0; v < vertices; ++v) {
    for (std::size_t i = 0; i < 4; ++i) {
      const std::size_t to = v * all.per_vertex + static_cast<std::size_t>(set) * 4 + i;
      all.joints[to] = set_joints[v * 4 + i];
      all.weights[to] = set_weights[v * 4 + i];
    }
  }
  return {};
}

// Weights that do not add up to 1 are made to (glTF 2.0, 3.7.3.3 asks for it within an error).
Result<void> check_influences(const Place& attributes, std::size_t joints, Influences& all) {
  for (std::size_t first = 0; first < all.weights.size(); first += all.per_vertex) {
    float sum = 0;
    for (std::size_t i = first; i < first + all.per_vertex; ++i) {
      sum += all.weights[i];
      if (all.joints[i] < joints) continue;
      if (all.weights[i] != 0)
        return attributes.wrong("vertex " + std::to_string(first / all.per_vertex) +
                                " names joint " + std::to_string(all.joints[i]) +
                                ", but the skin has " + std::to_string(joints));
      all.joints[i] = 0;
    }
    if (!(sum > 0))
      return attributes.wrong("the weights of vertex " + std::to_string(first / all.per_vertex) +
                              " add up to " + std::to_string(sum));
    for (std::size_t i = first; i < first + all.per_vertex; ++i) all.weights[i] /= sum;
  }
  return {};
}

Result<Influences> read_influences(Document& document, const Place& primitive, std::size_t vertices,
                                   std::size_t joints) {
  SOVREN_TRY(attributes, primitive.needed_object("attributes"));
  int sets = 0;
  while (attributes.has(("JOINTS_" + std::to_string(sets)).c_str())) ++sets;
  Influences all;
  all.per_vertex = static_cast<std::size_t>(sets) * 4;
  SOVREN_DO(document.charge(static_cast<std::int64_t>(vertices * all.per_vertex * 8), attributes));
  all.joints.resize(vertices * all.per_vertex);
  all.weights.resize(vertices * all.per_vertex);
  for (int set = 0; set < sets; ++set)
    SOVREN_DO(read_influence_set(document, attributes, set, vertices, all));
  SOVREN_DO(check_influences(attributes, joints, all));
  return all;
}

trace::Affine blend(const Influences& influences, std::size_t vertex,
                    const std::vector<trace::Affine>& joints) {
  trace::Affine sum{{{0, 0, 0}, {0, 0, 0}, {0, 0, 0}}, {0, 0, 0}};
  for (std::size_t i = 0; i < influences.per_vertex; ++i) {
    const float weight = influences.weights[vertex * influences.per_vertex + i];
    if (weight == 0) continue;
    const trace::Affine& joint = joints[influences.joints[vertex * influences.per_vertex + i]];
    for (int c = 0; c < 3; ++c) sum.columns[c] += joint.columns[c] * weight;
    sum.origin += joint.origin * weight;
  }
  return sum;
}

Vec3 unit_or_same(Vec3 v) {
  const float size = trace::length(v);
  return size > 0 && trace::is_finite(size) ? v / size : v;
}

// The surface's parts at one moment.
struct Parts {
  std::vector<Vec3>* positions;
  std::vector<Vec3>* normals;   // null: not asked for
  std::vector<Vec4>* tangents;  // null: not asked for
};

// How many vertices are mirrored.
std::size_t skin(const Influences& influences, const std::vector<trace::Affine>& joints,
                 const Parts& parts) {
  std::size_t mirrored = 0;
  for (std::size_t v = 0; v < parts.positions->size(); ++v) {
    const trace::Affine m = blend(influences, v, joints);
    const bool is_mirrored = trace::determinant(m) < 0;
    mirrored += is_mirrored ? 1 : 0;
    Vec3& position = (*parts.positions)[v];
    position = trace::transform_point(m, position);
    if (parts.normals != nullptr && !parts.normals->empty()) {
      // Cofactors: the inverse's transpose but for its length, and there for flat matrices too.
      Vec3& n = (*parts.normals)[v];
      n = unit_or_same(trace::cross(m.columns[1], m.columns[2]) * n.x +
                       trace::cross(m.columns[2], m.columns[0]) * n.y +
                       trace::cross(m.columns[0], m.columns[1]) * n.z);
      if (is_mirrored) n = -n;
    }
    if (parts.tangents != nullptr && !parts.tangents->empty()) {
      Vec4& t = (*parts.tangents)[v];
      const Vec3 turned = unit_or_same(trace::transform_vector(m, {t.x, t.y, t.z}));
      t = {turned.x, turned.y, turned.z, is_mirrored ? -t.w : t.w};
    }
  }
  return mirrored;
}

Result<void> add_target(Document& document, const Place& target, const char* key, float weight,
                        unsigned numbers, std::size_t count, auto* vectors) {
  if (vectors == nullptr || vectors->empty()) return {};
  SOVREN_TRY(deltas, read_attribute<Vec3>(document, target, key, {{"VEC3"}, numbers}, count));
  for (std::size_t v = 0; v < deltas.size(); ++v) {
    auto& to = (*vectors)[v];
    to.x += deltas[v].x * weight;
    to.y += deltas[v].y * weight;
    to.z += deltas[v].z * weight;
  }
  return {};
}

Result<void> morph(Document& document, const Place& primitive, const std::vector<float>& weights,
                   const Parts& parts) {
  SOVREN_TRY(targets, primitive.objects("targets"));
  const std::size_t count = parts.positions->size();
  const unsigned position = stored(document, f32, i8 | norm_i8 | i16 | norm_i16);
  const unsigned direction = stored(document, f32, norm_i8 | norm_i16);
  for (std::size_t i = 0; i < targets.size() && i < weights.size(); ++i) {
    const Place& target = targets[i];
    if (weights[i] == 0) continue;
    for (const std::string& key : target.keys())
      if (key != "POSITION" && key != "NORMAL" && key != "TANGENT")
        document.warn(target, "the morphing of " + key.substr(0, 40) + " is left out");
    SOVREN_DO(
        add_target(document, target, "POSITION", weights[i], position, count, parts.positions));
    SOVREN_DO(add_target(document, target, "NORMAL", weights[i], direction, count, parts.normals));
    SOVREN_DO(
        add_target(document, target, "TANGENT", weights[i], direction, count, parts.tangents));
  }
  if (parts.normals != nullptr)
    for (Vec3& normal : *parts.normals) normal = unit_or_same(normal);
  return {};
}

Result<void> check_finite(const Place& primitive, const std::vector<Vec3>& positions) {
  for (std::size_t v = 0; v < positions.size(); ++v)
    if (!trace::is_finite(positions[v]))
      return primitive.wrong("vertex " + std::to_string(v) + " is not finite once it is bent");
  return {};
}

}  // namespace

Result<void> bend_shape(Document& document, const Place& primitive, const Bend& opens,
                        const Bend& closes, Mesh& mesh) {
  SOVREN_DO(
      document.charge(static_cast<std::int64_t>(mesh.positions.size() * sizeof(Vec3)), primitive));
  mesh.positions_end = mesh.positions;
  const Parts first{&mesh.positions, &mesh.normals, &mesh.tangents};
  const Parts last{&mesh.positions_end, nullptr, nullptr};
  SOVREN_DO(morph(document, primitive, opens.weights, first));
  SOVREN_DO(morph(document, primitive, closes.weights, last));
  if (!opens.joints.empty()) {
    SOVREN_TRY(influences,
               read_influences(document, primitive, mesh.positions.size(), opens.joints.size()));
    // The front is where the file's corners go counter-clockwise, also in a mirror.
    if (skin(influences, opens.joints, first) * 2 > mesh.positions.size())
      for (auto& corners : mesh.triangles) std::swap(corners[1], corners[2]);
    skin(influences, closes.joints, last);
  }
  SOVREN_DO(check_finite(primitive, mesh.positions));
  SOVREN_DO(check_finite(primitive, mesh.positions_end));
  repair_normals(mesh);
  if (mesh.positions_end == mesh.positions) mesh.positions_end = {};
  return {};
}

}  // namespace sovren::jobs::gltf
