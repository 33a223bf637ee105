// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "core/base/result.h"
#include "kernels/trace/scene.h"

namespace sovren::jobs {

/// The textures of a scene whose materials name files beside it (OBJ, Mitsuba): each file is read
/// once for each use.
class SceneTextures {
 public:
  explicit SceneTextures(std::int64_t bytes_max) : bytes_left_(bytes_max) {}

  /// named_in: the file that names it. is_color: sRGB of bytes; else they are data.
  /// Errors   input_missing, refused (not beside the file, too large), data_invalid.
  Result<int> load(const std::string& named_in, const std::string& name, bool is_color);
  int add(trace::Texture texture);

  trace::Texture& at(int number) { return textures_[static_cast<std::size_t>(number)]; }
  std::vector<trace::Texture> take() { return std::move(textures_); }

  /// A texture with one channel taken of another, where that is: its red becomes channel `to`
  /// (0 to 3) of `base`. base -1: of a white one. Values between texels are not made: the nearest.
  Result<int> with_channel(int base, int to, int source);

 private:
  std::int64_t bytes_left_;
  std::vector<trace::Texture> textures_;
  std::map<std::pair<std::string, bool>, int> loaded_;
};

}  // namespace sovren::jobs
