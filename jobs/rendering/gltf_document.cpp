// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/gltf_document.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace sovren::jobs::gltf {

using text::Json;

namespace {

constexpr std::string_view known_extensions[] = {
    "EXT_mesh_gpu_instancing", "KHR_lights_punctual",
    "KHR_materials_clearcoat", "KHR_materials_emissive_strength",
    "KHR_materials_ior",       "KHR_materials_sheen",
    "KHR_materials_specular",  "KHR_materials_transmission",
    "KHR_materials_unlit",     "KHR_materials_volume",
    "KHR_mesh_quantization",   "KHR_texture_transform"};

bool is_known(std::string_view extension) {
  return std::ranges::find(known_extensions, extension) != std::end(known_extensions);
}

std::uint32_t little_endian(std::span<const std::byte> bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value |= static_cast<std::uint32_t>(bytes[at + i]) << (8 * i);
  return value;
}

constexpr std::uint32_t chunk_json = 0x4E4F534A, chunk_binary = 0x004E4942;
constexpr std::size_t header_size = 12, chunk_header_size = 8;
constexpr std::size_t warnings_max = 100;

}  // namespace

const char* name(Part part) {
  constexpr const char* names[] = {"accessors", "animations", "bufferViews", "buffers", "cameras",
                                   "images",    "materials",  "meshes",      "nodes",   "samplers",
                                   "scenes",    "skins",      "textures"};
  return names[static_cast<std::size_t>(part)];
}

Result<std::unique_ptr<Document>> Document::open(const std::string& path, std::int64_t bytes_max,
                                                 AssetCache* assets) {
  std::unique_ptr<Document> document(new Document(path, bytes_max, assets));
  SOVREN_TRY(file, MappedFile::open(path));
  document->file_ = std::move(file);
  SOVREN_DO(document->charge(std::ssize(document->file_->bytes()), document->root()));
  SOVREN_TRY(text, document->json_text());
  SOVREN_TRY(json, text::parse_json(text, path));
  document->json_ = std::move(json);
  if (!document->json_.is_object())
    return fail({.code = Code::data_invalid, .what = "is no glTF: no JSON object", .where = path});
  SOVREN_DO(document->check_version());
  SOVREN_DO(document->check_extensions());
  for (std::size_t i = 0; i < document->parts_.size(); ++i) {
    const char* key = name(static_cast<Part>(i));
    SOVREN_DO(document->root().objects(key));
    const auto found = document->json_.find(key);
    if (found != document->json_.end()) document->parts_[i] = &*found;
  }
  document->buffers_.resize(static_cast<std::size_t>(document->count(Part::buffers)));
  return document;
}

// Of a .gltf the whole file; of a .glb the first chunk: "glTF", version, length, then chunks of
// length, kind and bytes.
Result<std::string_view> Document::json_text() {
  const std::span<const std::byte> bytes = file_->bytes();
  if (!file_->text().starts_with("glTF")) {
    std::string_view text = file_->text();
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    return text;
  }
  const auto wrong = [&](const std::string& what) {
    return fail({.code = Code::data_invalid, .what = "broken glb: " + what, .where = path()});
  };
  if (bytes.size() < header_size + chunk_header_size) return wrong("it is cut off in its header");
  if (const auto version = little_endian(bytes, 4); version != 2)
    return wrong("its version is " + std::to_string(version) + ", not 2");
  const std::size_t length = little_endian(bytes, 8);
  if (length > bytes.size())
    return wrong("it is cut off: " + std::to_string(bytes.size()) + " of " +
                 std::to_string(length) + " bytes are there");
  std::optional<std::string_view> text;
  for (std::size_t at = header_size; at + chunk_header_size <= length;) {
    const std::size_t size = little_endian(bytes, at);
    const std::uint32_t kind = little_endian(bytes, at + 4);
    at += chunk_header_size;
    if (size > length - at)
      return wrong("the chunk at byte " + std::to_string(at - chunk_header_size) + " has " +
                   std::to_string(size) + " bytes, of which " + std::to_string(length - at) +
                   " are there");
    if (!text && kind != chunk_json) return wrong("its first chunk is not JSON");
    if (!text)
      text = file_->text().substr(at, size);
    else if (kind == chunk_binary && !binary_chunk_)
      binary_chunk_ = bytes.subspan(at, size);
    at += size;
  }
  if (!text) return wrong("it has no JSON");
  return *text;
}

Result<void> Document::check_version() const {
  SOVREN_TRY(asset, root().needed_object("asset"));
  SOVREN_TRY(version, asset.text("version", ""));
  SOVREN_TRY(needed, asset.text("minVersion", "2.0"));
  if (!version.starts_with("2."))
    return asset.wrong_at("version", "must be 2.0, not '" + version.substr(0, 20) + "'");
  if (needed != "2.0")
    return asset.wrong("needs version " + needed.substr(0, 20) + " of glTF; 2.0 is known",
                       Code::refused);
  return {};
}

Result<void> Document::check_extensions() {
  SOVREN_TRY(required, root().texts("extensionsRequired"));
  SOVREN_TRY(used, root().texts("extensionsUsed"));
  for (const std::string& extension : required) {
    if (is_known(extension)) continue;
    std::string hint = "known are";
    for (const std::string_view each : known_extensions) hint += " " + std::string(each);
    return fail({.code = Code::refused,
                 .what = "/extensionsRequired: " + extension.substr(0, 100) + " is not known",
                 .hint = hint,
                 .where = path()});
  }
  for (const std::string& extension : used)
    if (!is_known(extension))
      warn(root(), "extension " + extension.substr(0, 100) +
                       " is not known: what it adds is "
                       "left out");
  extensions_ = std::move(used);
  extensions_.insert(extensions_.end(), required.begin(), required.end());
  return {};
}

int Document::count(Part part) const {
  const Json* array = parts_[static_cast<std::size_t>(part)];
  return array == nullptr ? 0 : static_cast<int>(array->size());
}

Place Document::item(Part part, int index) const {
  return root().child(std::string(name(part)) + "/" + std::to_string(index),
                      (*parts_[static_cast<std::size_t>(part)])[static_cast<std::size_t>(index)]);
}

bool Document::uses(std::string_view extension) const {
  return std::ranges::find(extensions_, extension) != extensions_.end();
}

Result<std::span<const std::byte>> Document::buffer(int index) {
  const Place place = item(Part::buffers, index);
  SOVREN_TRY(length, place.needed_whole("byteLength"));
  SOVREN_TRY(uri, place.text_in_place("uri"));
  std::span<const std::byte> bytes;
  if (uri == nullptr) {
    if (index != 0 || !binary_chunk_) return place.wrong("has neither a uri nor a glb's chunk");
    bytes = *binary_chunk_;
  } else {
    auto& held = buffers_[static_cast<std::size_t>(index)];
    if (!held) {
      SOVREN_TRY(read, read_uri_of(place, *uri));
      held = std::move(read);
    }
    bytes = held->bytes();
  }
  if (std::ssize(bytes) < length)
    return place.wrong("byteLength is " + std::to_string(length) + ", but only " +
                       std::to_string(bytes.size()) + " bytes are there");
  return bytes.first(static_cast<std::size_t>(length));
}

Result<Document::View> Document::buffer_view(int index) {
  const Place place = item(Part::buffer_views, index);
  SOVREN_TRY(buffer_index, place.needed_index("buffer", "buffers", count(Part::buffers)));
  SOVREN_TRY(offset, place.whole("byteOffset", 0));
  SOVREN_TRY(length, place.needed_whole("byteLength"));
  SOVREN_TRY(stride, place.whole("byteStride", 0, 1, 252));
  SOVREN_TRY(bytes, buffer(buffer_index));
  if (offset > std::ssize(bytes) || length > std::ssize(bytes) - offset)
    return place.wrong("bytes " + std::to_string(offset) + " to " +
                       std::to_string(offset + length) + " of buffer " +
                       std::to_string(buffer_index) + ", which has " +
                       std::to_string(bytes.size()));
  return View{bytes.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(length)),
              stride};
}

Result<UriBytes> Document::read_uri_of(const Place& place, const std::string& uri) {
  auto read = read_uri(path(), uri);
  if (read) {
    SOVREN_DO(charge(std::ssize(read->bytes()), place));
    return read;
  }
  Error error = std::move(read).error();
  const std::string at = place.pointer() + "/uri";
  if (error.where != path()) return fail(std::move(error).within("reading " + path() + ": " + at));
  error.what = at + ": " + error.what;
  return fail(std::move(error));
}

Result<void> Document::charge(std::int64_t bytes, const Place& place) {
  if (bytes > bytes_left_)
    return fail({.code = Code::refused,
                 .what = (place.pointer().empty() ? "" : place.pointer() + ": ") +
                         "the scene needs more than the " + std::to_string(bytes_max_) +
                         " bytes that it may have",
                 .where = path()});
  bytes_left_ -= bytes;
  return {};
}

void Document::warn(const Place& place, const std::string& what) {
  std::string line = path() + ": " + (place.pointer().empty() ? "" : place.pointer() + ": ") + what;
  if (std::ranges::find(warnings_, line) != warnings_.end()) return;
  if (warnings_.size() < warnings_max)
    warnings_.push_back(std::move(line));
  else
    ++warnings_left_out_;
}

std::vector<std::string> Document::take_warnings() {
  if (warnings_left_out_ > 0)
    warnings_.push_back(path() + ": " + std::to_string(warnings_left_out_) + " more warnings");
  return std::move(warnings_);
}

}  // namespace sovren::jobs::gltf
