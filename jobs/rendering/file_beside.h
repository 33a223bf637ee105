// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "jobs/kind/input_file.h"

namespace sovren::jobs {

/// The path of a file that a scene names, which must lie in the scene's folder or below it: a scene
/// that somebody else made must not read this machine's other files. No %-encoding is undone.
/// Errors   refused: an absolute path, one with "..", or an address such as https://.
Result<std::string> path_beside(const std::string& scene_path, const std::string& name);

/// The bytes that a URI stands for: of a file beside the scene, or written out in it.
struct UriBytes {
  std::span<const std::byte> bytes() const {
    return file ? file->bytes() : std::span<const std::byte>(decoded);
  }
  std::optional<MappedFile> file;
  std::vector<std::byte> decoded;
};

/// Reads a relative URI ("textures/a%20b.png") or a data URI ("data:image/png;base64,...").
/// Errors   input_missing, refused (see path_beside), data_invalid: no base64.
Result<UriBytes> read_uri(const std::string& scene_path, std::string_view uri);

}  // namespace sovren::jobs
