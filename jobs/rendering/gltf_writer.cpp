// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/gltf_writer.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <set>
#include <span>
#include <utility>

#include "core/base/check.h"
#include "core/text/json.h"
#include "jobs/rendering/gltf_buffer.h"
#include "jobs/rendering/gltf_material_json.h"
#include "jobs/rendering/picture.h"

namespace sovren::jobs {
namespace {

using text::Json;
using trace::Texture;

/// The bytes as what encode_png() takes: display linear numbers, from which it makes the same
/// bytes again, of colours and of data.
Picture picture_of(const Texture& texture) {
  SOVREN_CHECK(texture.format != Texture::Format::float32, "PNG files in glTF are of bytes");
  Picture picture{.width = texture.width, .height = texture.height, .channels = 4, .values = {}};
  bool is_opaque = true;
  for (std::size_t i = 0; i < texture.texels.size(); ++i) {
    const auto byte = std::to_integer<unsigned>(texture.texels[i]);
    const double share = byte / 255.0;
    const bool is_alpha = i % 4 == 3;
    is_opaque = is_opaque && (!is_alpha || byte == 255);
    picture.values.push_back(static_cast<float>(is_alpha || share <= 0.04045
                                                    ? (is_alpha ? share : share / 12.92)
                                                    : std::pow((share + 0.055) / 1.055, 2.4)));
  }
  if (!is_opaque) return picture;
  picture.channels = 3;
  std::vector<float> colors;
  for (std::size_t i = 0; i < picture.values.size(); ++i)
    if (i % 4 != 3) colors.push_back(picture.values[i]);
  picture.values = std::move(colors);
  return picture;
}

class Writer {
 public:
  explicit Writer(const GltfModel& model) : model_(model) {}

  Result<std::string> write() {
    Json document{{"asset", {{"version", "2.0"}, {"generator", "sovren generate scene"}}}};
    SOVREN_DO(add_textures(document));
    add_materials(document);
    add_list(document, "meshes", model_.meshes, [&](const GltfMesh& mesh) { return of(mesh); });
    add_list(document, "cameras", model_.cameras,
             [&](const trace::Camera& camera) { return of(camera); });
    add_lights(document);
    add_list(document, "skins", model_.skins, [&](const GltfSkin& skin) { return of(skin); });
    add_list(document, "nodes", model_.nodes, [&](const GltfNode& node) { return of(node); });
    add_animation(document);
    document["scene"] = 0;
    document["scenes"] = {{{"nodes", roots()}}};
    for (const std::string& name : used_) document["extensionsUsed"].push_back(name);
    if (!buffer_.bytes().empty()) {
      document["accessors"] = buffer_.take_accessors();
      document["bufferViews"] = buffer_.take_views();
      document["buffers"] = {{{"byteLength", buffer_.bytes().size()}}};
    }
    return binary(text::dump_json(document));
  }

 private:
  template <class T, class Describe>
  static void add_list(Json& document, const char* key, const std::vector<T>& things,
                       Describe describe) {
    for (const T& thing : things) document[key].push_back(describe(thing));
  }

  Result<void> add_textures(Json& document) {
    for (const Texture& texture : model_.textures) {
      SOVREN_TRY(png, encode_png(picture_of(texture)));
      const auto number = document.contains("images") ? document["images"].size() : 0;
      document["images"].push_back({{"name", texture.name},
                                    {"bufferView", buffer_.add_file(png)},
                                    {"mimeType", "image/png"}});
      const auto code_of = [](Texture::Wrap wrap) {
        return wrap == Texture::Wrap::repeat ? 10497 : wrap == Texture::Wrap::clamp ? 33071 : 33648;
      };
      const bool is_linear = texture.filter == Texture::Filter::linear;
      document["samplers"].push_back({{"magFilter", is_linear ? 9729 : 9728},
                                      {"minFilter", is_linear ? 9987 : 9728},
                                      {"wrapS", code_of(texture.wrap_u)},
                                      {"wrapT", code_of(texture.wrap_v)}});
      document["textures"].push_back({{"source", number}, {"sampler", number}});
    }
    return {};
  }

  void add_materials(Json& document) {
    for (std::size_t i = 0; i < model_.materials.size(); ++i)
      document["materials"].push_back(
          gltf_material(model_.materials[i], model_.material_names[i], used_));
  }

  Json of(const GltfMesh& mesh) {
    Json parts = Json::array();
    for (const GltfPart& part : mesh.parts) {
      using Use = GltfBuffer::Use;
      const trace::Mesh& t = part.triangles;
      Json attributes{{"POSITION", buffer_.add(std::span(t.positions), Use::vertices)}};
      if (!t.normals.empty())
        attributes["NORMAL"] = buffer_.add(std::span(t.normals), Use::vertices);
      if (!t.tangents.empty())
        attributes["TANGENT"] = buffer_.add(std::span(t.tangents), Use::vertices);
      for (std::size_t set = 0; set < t.uv.size(); ++set)
        if (!t.uv[set].empty())
          attributes["TEXCOORD_" + std::to_string(set)] =
              buffer_.add(std::span(t.uv[set]), Use::vertices);
      if (!t.colors.empty()) attributes["COLOR_0"] = buffer_.add_colors(t.colors);
      if (!part.joints.empty()) {
        attributes["JOINTS_0"] = buffer_.add(std::span(part.joints));
        attributes["WEIGHTS_0"] = buffer_.add(std::span(part.weights), Use::vertices);
      }
      parts.push_back({{"attributes", std::move(attributes)},
                       {"indices", buffer_.add_triangles(t.triangles, t.positions.size())},
                       {"material", t.material}});
    }
    return {{"name", mesh.name}, {"primitives", std::move(parts)}};
  }

  static Json of(const trace::Camera& camera) {
    Json json{{"name", camera.name}};
    constexpr double near = 0.001;
    if (camera.kind == trace::Camera::Kind::perspective) {
      json["type"] = "perspective";
      json["perspective"] = {{"yfov", shortest(camera.y_fov)}, {"znear", near}};
    } else {
      const Json extent = shortest(camera.y_extent);
      json["type"] = "orthographic";
      json["orthographic"] = {{"xmag", extent}, {"ymag", extent}, {"znear", near}, {"zfar", 1000}};
    }
    if (camera.lens_radius > 0)
      json["extras"]["sovren_lens"] = {{"radius", shortest(camera.lens_radius)},
                                       {"focus_distance", shortest(camera.focus_distance)}};
    return json;
  }

  void add_lights(Json& document) {
    if (model_.lights.empty()) return;
    used_.insert("KHR_lights_punctual");
    Json lights = Json::array();
    for (const trace::PunctualLight& light : model_.lights) {
      using Kind = trace::PunctualLight::Kind;
      const float strength = trace::largest(light.intensity);
      Json json{{"name", light.name},
                {"type", light.kind == Kind::point  ? "point"
                         : light.kind == Kind::spot ? "spot"
                                                    : "directional"},
                {"color", shortest(light.intensity * (1 / strength))},
                {"intensity", shortest(strength)}};
      if (light.kind == Kind::spot)
        json["spot"] = {{"innerConeAngle", shortest(std::acos(light.cos_inner))},
                        {"outerConeAngle", shortest(std::acos(light.cos_outer))}};
      lights.push_back(std::move(json));
    }
    document["extensions"]["KHR_lights_punctual"]["lights"] = std::move(lights);
  }

  Json of(const GltfSkin& skin) {
    return {{"joints", skin.joints},
            {"inverseBindMatrices", buffer_.add(std::span(skin.joint_from_object))}};
  }

  static Json of(const GltfNode& node) {
    Json json{{"name", node.name}};
    if (node.translation != trace::Vec3{}) json["translation"] = shortest(node.translation);
    const trace::Vec4 r = node.rotation;
    if (r != trace::Vec4{0, 0, 0, 1})
      json["rotation"] = {shortest(r.x), shortest(r.y), shortest(r.z), shortest(r.w)};
    if (node.scale != trace::Vec3{1, 1, 1}) json["scale"] = shortest(node.scale);
    if (node.mesh >= 0) json["mesh"] = node.mesh;
    if (node.skin >= 0) json["skin"] = node.skin;
    if (node.camera >= 0) json["camera"] = node.camera;
    if (node.light >= 0) json["extensions"]["KHR_lights_punctual"]["light"] = node.light;
    if (!node.children.empty()) json["children"] = node.children;
    return json;
  }

  void add_animation(Json& document) {
    if (model_.animation.empty()) return;
    Json channels = Json::array(), samplers = Json::array();
    for (const GltfChannel& channel : model_.animation) {
      using Path = GltfChannel::Path;
      using Interpolation = GltfChannel::Interpolation;
      const bool is_rotation = channel.path == Path::rotation;
      std::vector<trace::Vec3> narrow;
      for (const trace::Vec4 value : channel.values) narrow.push_back({value.x, value.y, value.z});
      using Use = GltfBuffer::Use;
      const int output = is_rotation
                             ? buffer_.add(std::span(channel.values), Use::other)
                             : buffer_.add(std::span<const trace::Vec3>(narrow), Use::other);
      samplers.push_back(
          {{"input", buffer_.add(std::span(channel.times_s), Use::other)},
           {"output", output},
           {"interpolation", channel.interpolation == Interpolation::linear ? "LINEAR"
                             : channel.interpolation == Interpolation::step ? "STEP"
                                                                            : "CUBICSPLINE"}});
      channels.push_back({{"sampler", samplers.size() - 1},
                          {"target",
                           {{"node", channel.node},
                            {"path", is_rotation                         ? "rotation"
                                     : channel.path == Path::translation ? "translation"
                                                                         : "scale"}}}});
    }
    document["animations"] = {
        {{"channels", std::move(channels)}, {"samplers", std::move(samplers)}}};
  }

  Json roots() const {
    std::set<int> nodes;
    for (int i = 0; i < std::ssize(model_.nodes); ++i) nodes.insert(i);
    for (const GltfNode& node : model_.nodes)
      for (const int child : node.children) nodes.erase(child);
    return nodes;
  }

  /// Header, then the chunks of JSON and of the buffer, each padded to a multiple of 4.
  Result<std::string> binary(std::string json) {
    json.resize((json.size() + 3) / 4 * 4, ' ');
    std::string data = buffer_.bytes();
    data.resize((data.size() + 3) / 4 * 4);
    constexpr std::size_t head = 12, chunk_head = 8;
    const std::size_t size = head + chunk_head + json.size() + chunk_head + data.size();
    if (size > std::numeric_limits<std::uint32_t>::max())
      return fail({.code = Code::refused, .what = "a .glb file of more than 4 GiB"});
    std::string file;
    const auto put = [&](std::size_t value) {
      const auto word = static_cast<std::uint32_t>(value);
      file.append(reinterpret_cast<const char*>(&word), sizeof(word));
    };
    file += "glTF";
    put(2);
    put(size);
    put(json.size());
    file += "JSON" + json;
    put(data.size());
    file.append("BIN\0", 4);
    return file + data;
  }

  const GltfModel& model_;
  GltfBuffer buffer_;
  std::set<std::string> used_;
};

}  // namespace

Result<std::string> write_glb(const GltfModel& model) {
  return Writer(model).write();
}

}  // namespace sovren::jobs
