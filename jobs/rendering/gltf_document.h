// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/port/asset_cache.h"
#include "core/text/json.h"
#include "jobs/rendering/file_beside.h"
#include "jobs/rendering/gltf_place.h"

namespace sovren::jobs::gltf {

/// The arrays of a glTF document.
enum class Part {
  accessors,
  animations,
  buffer_views,
  buffers,
  cameras,
  images,
  materials,
  meshes,
  nodes,
  samplers,
  scenes,
  skins,
  textures,
  count
};
const char* name(Part part);

/// An opened .gltf or .glb: its JSON, its buffers (read when they are first asked for), and how
/// much more of it may be held in memory.
///
/// Owner    all bytes that it hands out.   Threads  one.
/// Source   glTF 2.0 specification, Khronos Group, 2021.
class Document {
 public:
  /// Errors   input_missing; data_invalid: no glTF 2, cut off, no JSON, an array of another type;
  ///          refused: larger than bytes_max, or it requires an extension that is not known.
  static Result<std::unique_ptr<Document>> open(const std::string& path, std::int64_t bytes_max,
                                                AssetCache* assets = nullptr);

  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;

  const std::string& path() const { return *path_; }
  Place root() const { return Place(json_, path_, ""); }
  int count(Part part) const;
  Place item(Part part, int index) const;
  /// Is it in extensionsUsed or extensionsRequired?
  bool uses(std::string_view extension) const;

  /// The bytes of a buffer or of a view into one. Errors name the buffer or view.
  Result<std::span<const std::byte>> buffer(int index);
  struct View {
    std::span<const std::byte> bytes;
    std::int64_t stride = 0;  ///< 0: tightly packed
  };
  Result<View> buffer_view(int index);

  /// The bytes of the `uri` of a buffer or image, counted.
  Result<UriBytes> read_uri_of(const Place& place, const std::string& uri);

  /// Counts what is about to be held for `place`. Errors: refused: it would be too much.
  Result<void> charge(std::int64_t bytes, const Place& place);
  std::int64_t bytes_left() const { return bytes_left_; }
  AssetCache* assets() const { return assets_; }  ///< may be null

  /// One line; many alike are not all kept.
  void warn(const Place& place, const std::string& what);
  std::vector<std::string> take_warnings();

 private:
  Document(const std::string& path, std::int64_t bytes_max, AssetCache* assets)
      : path_(std::make_shared<const std::string>(path)),
        bytes_max_(bytes_max),
        bytes_left_(bytes_max),
        assets_(assets) {}
  Result<std::string_view> json_text();
  Result<void> check_version() const;
  Result<void> check_extensions();

  std::shared_ptr<const std::string> path_;
  std::int64_t bytes_max_, bytes_left_;
  AssetCache* assets_;
  std::optional<MappedFile> file_;
  std::optional<std::span<const std::byte>> binary_chunk_;
  text::Json json_;
  std::array<const text::Json*, static_cast<std::size_t>(Part::count)> parts_{};
  std::vector<std::optional<UriBytes>> buffers_;
  std::vector<std::string> extensions_;
  std::vector<std::string> warnings_;
  std::int64_t warnings_left_out_ = 0;
};

}  // namespace sovren::jobs::gltf
