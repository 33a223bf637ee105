// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/gltf_textures.h"

#include <algorithm>
#include <optional>
#include <string>

#include "jobs/rendering/asset_store.h"
#include "jobs/rendering/gltf_document.h"
#include "jobs/rendering/gltf_place.h"
#include "kernels/trace/math.h"

namespace sovren::jobs::gltf {

using trace::Texture;
using trace::TextureRef;

namespace {

struct Sampler {
  Texture::Wrap wrap_u = Texture::Wrap::repeat, wrap_v = Texture::Wrap::repeat;
  Texture::Filter filter = Texture::Filter::linear;
};

Result<Texture::Wrap> read_wrap(const Place& sampler, const char* key) {
  SOVREN_TRY(number, sampler.whole(key, 10497));
  if (number == 10497) return Texture::Wrap::repeat;
  if (number == 33071) return Texture::Wrap::clamp;
  if (number == 33648) return Texture::Wrap::mirror;
  return sampler.wrong_at(key, "must be 10497, 33071 or 33648, not " + std::to_string(number));
}

// The filter that shrinks is ours: mips, chosen by the ray's cone.
Result<Sampler> read_sampler(const Place& place) {
  Sampler sampler;
  SOVREN_TRY(wrap_u, read_wrap(place, "wrapS"));
  SOVREN_TRY(wrap_v, read_wrap(place, "wrapT"));
  SOVREN_TRY(filter, place.whole("magFilter", 9729));
  if (filter != 9728 && filter != 9729)
    return place.wrong_at("magFilter", "must be 9728 or 9729, not " + std::to_string(filter));
  sampler.wrap_u = wrap_u;
  sampler.wrap_v = wrap_v;
  if (filter == 9728) sampler.filter = Texture::Filter::nearest;
  return sampler;
}

// Scale, then rotation, then offset. A positive angle turns counter-clockwise as seen on the image,
// whose v runs down: (u, v) becomes (c u + s v, c v - s u), as Khronos' viewer, three.js and
// Blender have it; the extension's GLSL has the other sign.
Result<void> read_transform(const Place& transform, TextureRef& ref) {
  SOVREN_TRY(offset, transform.numbers("offset", std::array<float, 2>{0, 0}));
  SOVREN_TRY(scale, transform.numbers("scale", std::array<float, 2>{1, 1}));
  SOVREN_TRY(angle, transform.number("rotation", 0, -1000, 1000));
  float sine = 0, cosine = 1;
  trace::sin_cos(angle, sine, cosine);
  const float m[6] = {cosine * scale[0], sine * scale[1],   offset[0],
                      -sine * scale[0],  cosine * scale[1], offset[1]};
  std::copy_n(m, 6, ref.m);
  return {};
}

}  // namespace

Result<TextureRef> Textures::ref(const Place& owner, const char* key, Holds holds) {
  TextureRef ref;
  SOVREN_TRY(info, owner.object(key));
  if (!info) return ref;
  SOVREN_TRY(index, info->needed_index("index", "textures", document_.count(Part::textures)));
  SOVREN_TRY(uv_set, info->whole("texCoord", 0));
  SOVREN_TRY(transform, info->extension("KHR_texture_transform"));
  if (transform) {
    SOVREN_TRY(other_set, transform->whole("texCoord", uv_set));
    uv_set = other_set;
    SOVREN_DO(read_transform(*transform, ref));
  }
  if (uv_set > 1) {
    document_.warn(*info, "TEXCOORD_" + std::to_string(uv_set) +
                              " is not read (0 and 1 are): the texture is left out");
    return TextureRef{};
  }
  ref.uv_set = static_cast<int>(uv_set);
  SOVREN_TRY(made, texture(index, holds));
  ref.texture = made;
  return ref;
}

Result<int> Textures::texture(int index, Holds holds) {
  const Place place = document_.item(Part::textures, index);
  if (!place.has("source")) {
    SOVREN_TRY(extensions, place.object("extensions"));
    const auto keys = extensions ? extensions->keys() : std::vector<std::string>();
    return place.wrong(
        "names no image" +
        (keys.empty() ? "" : " but by " + keys.front().substr(0, 60) + ", which is not known"));
  }
  SOVREN_TRY(source, place.needed_index("source", "images", document_.count(Part::images)));
  SOVREN_TRY(number, place.index("sampler", "samplers", document_.count(Part::samplers)));
  Sampler sampler;
  if (number >= 0) {
    SOVREN_TRY(read, read_sampler(document_.item(Part::samplers, number)));
    sampler = read;
  }
  const Key key{source, holds, sampler.wrap_u, sampler.wrap_v, sampler.filter};
  if (const auto found = made_.find(key); found != made_.end()) return found->second;
  SOVREN_TRY(made, image(source, holds));
  made.wrap_u = sampler.wrap_u;
  made.wrap_v = sampler.wrap_v;
  made.filter = sampler.filter;
  const int to = static_cast<int>(textures_.size());
  textures_.push_back(std::move(made));
  made_[key] = to;
  of_image_.insert({{source, holds}, to});
  return to;
}

Result<Texture> Textures::image(int index, Holds holds) {
  const Place place = document_.item(Part::images, index);
  if (const auto found = of_image_.find({index, holds}); found != of_image_.end()) {
    const Texture& same = textures_[static_cast<std::size_t>(found->second)];
    SOVREN_DO(document_.charge(std::ssize(same.texels), place));
    return same;
  }
  SOVREN_TRY(uri, place.text_in_place("uri"));
  SOVREN_TRY(name, place.text("name", ""));
  UriBytes file;
  std::span<const std::byte> bytes;
  if (uri != nullptr) {
    SOVREN_TRY(read, document_.read_uri_of(place, *uri));
    file = std::move(read);
    bytes = file.bytes();
    if (!uri->starts_with("data:")) name = *uri;
  } else {
    SOVREN_TRY(
        view, place.needed_index("bufferView", "bufferViews", document_.count(Part::buffer_views)));
    SOVREN_TRY(read, document_.buffer_view(view));
    bytes = read.bytes;
  }
  auto made = cached_texture(document_.assets(), bytes, name.empty() ? place.pointer() : name,
                             holds == Holds::color, document_.bytes_left());
  if (!made) {
    Error error = std::move(made).error();
    error.what = place.pointer() + ": " + error.what;
    error.where = document_.path();
    return fail(std::move(error));
  }
  SOVREN_DO(document_.charge(std::ssize(made->texels), place));
  return made;
}

}  // namespace sovren::jobs::gltf
