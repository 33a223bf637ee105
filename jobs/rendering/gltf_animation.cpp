// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/gltf_animation.h"

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "jobs/rendering/gltf_accessor.h"
#include "jobs/rendering/gltf_document.h"
#include "kernels/trace/film.h"
#include "kernels/trace/math.h"

namespace sovren::jobs::gltf {

using trace::Vec4;

namespace {

enum class Path { translation, rotation, scale, weights };

struct Channel {
  Path path;
  Place sampler;
  int node;
  int width;  ///< numbers of a value
};

/// Two keys about a moment, and how far it is from the first to the second.
struct Between {
  std::int64_t key = 0, next = 0;
  float share = 0;
  float seconds = 0;  ///< from one to the other
};

/// Accessors of times that are known to increase: many channels share one.
using Checked = std::set<int>;

Result<void> check_times(const Document& document, const Place& sampler, const Accessor& times,
                         Checked& checked) {
  SOVREN_TRY(number, sampler.index("input", "accessors", document.count(Part::accessors)));
  if (!checked.insert(number).second) return {};
  for (std::int64_t i = 0; i < times.count(); ++i)
    if (!trace::is_finite(times.at(i, 0)) || (i > 0 && !(times.at(i - 1, 0) < times.at(i, 0))))
      return sampler.wrong_at("input", "its times must be finite and increase; number " +
                                           std::to_string(i) + " does not");
  return {};
}

Between keys_about(const Accessor& times, double time_s) {
  std::int64_t low = 0, high = times.count();  // the last key that is not later
  while (high - low > 1) {
    const std::int64_t middle = (low + high) / 2;
    if (double{times.at(middle, 0)} <= time_s)
      low = middle;
    else
      high = middle;
  }
  const double first = times.at(low, 0);
  if (low + 1 == times.count() || first >= time_s) return {low, low};
  const double second = times.at(low + 1, 0);
  return {low, low + 1, static_cast<float>((time_s - first) / (second - first)),
          static_cast<float>(second - first)};
}

Vec4 vec4_of(const std::vector<float>& v) {
  return {v[0], v[1], v[2], v[3]};
}
float dot4(Vec4 a, Vec4 b) {
  return a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w;
}

// The shorter way round, at even speed.
Vec4 slerp(Vec4 a, Vec4 b, float share) {
  float cosine = dot4(a, b);
  if (cosine < 0) {
    b = b * -1.0F;
    cosine = -cosine;
  }
  if (cosine > 0.9995F) return a * (1 - share) + b * share;
  const float angle = trace::arc_cos(trace::clamped(cosine, -1, 1));
  const auto sine = [](float x) {
    float s = 0, c = 0;
    trace::sin_cos(x, s, c);
    return s;
  };
  const float whole = sine(angle);
  return a * (sine(angle * (1 - share)) / whole) + b * (sine(angle * share) / whole);
}

class Values {
 public:
  Values(const Accessor& accessor, const Channel& channel, bool is_cubic)
      : accessor_(accessor), channel_(channel), is_cubic_(is_cubic) {}

  /// part: 0 in-tangent, 1 value, 2 out-tangent of a cubic spline's key.
  std::vector<float> at(std::int64_t key, int part) const {
    const std::int64_t row = is_cubic_ ? key * 3 + part : key;
    std::vector<float> numbers;
    for (int i = 0; i < channel_.width; ++i)
      numbers.push_back(channel_.path == Path::weights ? accessor_.at(row * channel_.width + i, 0)
                                                       : accessor_.at(row, i));
    return numbers;
  }

 private:
  const Accessor& accessor_;
  const Channel& channel_;
  bool is_cubic_;
};

std::vector<float> cubic(const Values& values, const Between& between) {
  const auto v0 = values.at(between.key, 1), b0 = values.at(between.key, 2);
  const auto v1 = values.at(between.next, 1), a1 = values.at(between.next, 0);
  const float t = between.share, t2 = t * t, t3 = t2 * t, td = between.seconds;
  std::vector<float> result;
  for (std::size_t i = 0; i < v0.size(); ++i)
    result.push_back((2 * t3 - 3 * t2 + 1) * v0[i] + td * (t3 - 2 * t2 + t) * b0[i] +
                     (-2 * t3 + 3 * t2) * v1[i] + td * (t3 - t2) * a1[i]);
  return result;
}

std::vector<float> linear(const Values& values, const Between& between, Path path) {
  std::vector<float> first = values.at(between.key, 1);
  const std::vector<float> second = values.at(between.next, 1);
  if (path == Path::rotation) {
    const Vec4 q = slerp(vec4_of(first), vec4_of(second), between.share);
    return {q.x, q.y, q.z, q.w};
  }
  for (std::size_t i = 0; i < first.size(); ++i)
    first[i] = trace::mix(first[i], second[i], between.share);
  return first;
}

Result<std::vector<float>> sample(Document& document, const Channel& channel, double time_s,
                                  Checked& checked) {
  const Place& sampler = channel.sampler;
  SOVREN_TRY(interpolation, sampler.text("interpolation", "LINEAR"));
  const bool is_cubic = interpolation == "CUBICSPLINE";
  if (!is_cubic && interpolation != "LINEAR" && interpolation != "STEP")
    return sampler.wrong_at("interpolation", "must be STEP, LINEAR or CUBICSPLINE, not '" +
                                                 interpolation.substr(0, 20) + "'");
  SOVREN_TRY(times, Accessor::open(document, sampler, "input", {{"SCALAR"}, f32}));
  const bool may_be_fractions = channel.path == Path::rotation || channel.path == Path::weights;
  const unsigned fractions = norm_i8 | norm_u8 | norm_i16 | norm_u16;
  const std::string type = channel.path == Path::weights    ? "SCALAR"
                           : channel.path == Path::rotation ? "VEC4"
                                                            : "VEC3";
  SOVREN_TRY(accessor, Accessor::open(document, sampler, "output",
                                      {{type}, may_be_fractions ? f32 | fractions : f32}));
  const std::int64_t per_key =
      (is_cubic ? 3 : 1) * std::int64_t{channel.path == Path::weights ? channel.width : 1};
  if (accessor.count() != times.count() * per_key)
    return sampler.wrong_at("output", "must have " + std::to_string(times.count() * per_key) +
                                          " elements for " + std::to_string(times.count()) +
                                          " keys, not " + std::to_string(accessor.count()));
  SOVREN_DO(check_times(document, sampler, times, checked));
  const Between between = keys_about(times, time_s);
  const Values values(accessor, channel, is_cubic);
  std::vector<float> result = between.key == between.next || interpolation == "STEP"
                                  ? values.at(between.key, 1)
                              : is_cubic ? cubic(values, between)
                                         : linear(values, between, channel.path);
  for (const float value : result)
    if (!trace::is_finite(value)) return sampler.wrong_at("output", "a value is not finite");
  return result;
}

Result<void> apply(const Channel& channel, const std::vector<float>& v, Pose& pose) {
  switch (channel.path) {
    case Path::translation:
      pose.translation = {v[0], v[1], v[2]};
      break;
    case Path::scale:
      pose.scale = {v[0], v[1], v[2]};
      break;
    case Path::weights:
      pose.weights = v;
      break;
    case Path::rotation: {
      const Vec4 q = vec4_of(v);
      const float size = trace::root(dot4(q, q));
      if (!(size > 0) || !trace::is_finite(size))
        return channel.sampler.wrong_at("output", "a rotation is no quaternion of length 1");
      pose.rotation = q * (1 / size);
    }
  }
  return {};
}

/// Targets of the node's mesh; all its primitives have as many.
Result<int> morph_targets(const Document& document, const Node& node, const Place& target) {
  if (node.mesh < 0) return target.wrong("animates the weights of a node without a mesh");
  SOVREN_TRY(primitives, document.item(Part::meshes, node.mesh).objects("primitives"));
  if (primitives.empty()) return 0;
  SOVREN_TRY(targets, primitives.front().objects("targets"));
  return static_cast<int>(targets.size());
}

/// None: a channel that moves nothing that is known here.
Result<std::optional<Channel>> read_channel(Document& document, const NodeTree& tree,
                                            const Place& channel,
                                            const std::vector<Place>& samplers) {
  SOVREN_TRY(target, channel.needed_object("target"));
  SOVREN_TRY(node, target.index("node", "nodes", document.count(Part::nodes)));
  SOVREN_TRY(path, target.text("path", ""));
  SOVREN_TRY(sampler, channel.needed_index("sampler", "samplers", std::ssize(samplers)));
  if (path == "pointer") document.warn(target, "what KHR_animation_pointer animates stands still");
  if (path == "pointer" || node < 0) return std::optional<Channel>();
  const Place& place = samplers[static_cast<std::size_t>(sampler)];
  const Node& moved = tree.nodes[static_cast<std::size_t>(node)];
  if (path == "weights") {
    SOVREN_TRY(targets, morph_targets(document, moved, target));
    return std::optional(Channel{Path::weights, place, node, targets});
  }
  if (moved.has_matrix) {
    document.warn(target, "node " + std::to_string(node) + " has a matrix and is not moved");
    return std::optional<Channel>();
  }
  if (path == "rotation") return std::optional(Channel{Path::rotation, place, node, 4});
  if (path == "translation") return std::optional(Channel{Path::translation, place, node, 3});
  if (path == "scale") return std::optional(Channel{Path::scale, place, node, 3});
  return target.wrong_at(
      "path", "must be translation, rotation, scale or weights, not '" + path.substr(0, 20) + "'");
}

}  // namespace

Result<std::vector<Pose>> poses_at(Document& document, const NodeTree& tree, double time_s) {
  std::vector<Pose> poses = tree.rest;
  std::set<std::pair<int, Path>> moved;
  Checked checked;
  for (int i = 0; i < document.count(Part::animations); ++i) {
    const Place animation = document.item(Part::animations, i);
    SOVREN_TRY(samplers, animation.objects("samplers"));
    SOVREN_TRY(channels, animation.objects("channels"));
    bool is_hidden = false;
    for (const Place& place : channels) {
      SOVREN_TRY(channel, read_channel(document, tree, place, samplers));
      if (!channel) continue;
      if (!moved.insert({channel->node, channel->path}).second) {
        is_hidden = true;
        continue;
      }
      SOVREN_TRY(values, sample(document, *channel, time_s, checked));
      SOVREN_DO(apply(*channel, values, poses[static_cast<std::size_t>(channel->node)]));
    }
    if (is_hidden)
      document.warn(animation, "moves what an earlier animation moves: the earlier one is shown");
  }
  return poses;
}

}  // namespace sovren::jobs::gltf
