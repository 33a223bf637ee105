// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "kernels/trace/scene.h"

namespace sovren::jobs {

/// Rows of pixels from the top, some floats each, linear.
struct Picture {
  int width = 0, height = 0, channels = 3;
  std::vector<float> values;  ///< (height, width, channels)
};

inline constexpr int picture_side_max = 65536;
/// What decode_picture() decodes at most.
inline constexpr std::int64_t picture_bytes_max = std::int64_t{4} << 30;

/// Decodes a PNG, JPEG, Radiance HDR or OpenEXR file, told apart by its first bytes. srgb8 where
/// is_color and the file has bytes; linear8 for data; float32 of HDR, EXR and 16-bit files (where
/// is_color and the file is a PNG, sRGB is decoded). Colour profiles and gamma chunks are left out
/// of account, as glTF asks. Of floats, a NaN becomes 0 and infinity 65504.
/// An EXR's picture is its display window, 0 where it has no data; of its channels R, G, B and A;
/// without such, Y; else those of the layer Combined, RGBA, beauty or default, or of the first that
/// has colours; else its only channel.
/// name: for messages. Errors: data_invalid: cut off, broken, of no kind that is read; refused:
/// more than bytes_max decoded, CMYK, deep data.
Result<trace::Texture> decode_texture(std::span<const std::byte> file, std::string_view name,
                                      bool is_color, std::int64_t bytes_max);

/// The same as numbers, linear: of a PNG or JPEG sRGB is decoded. Three channels, or one or four as
/// the file has.
Result<Picture> decode_picture(std::span<const std::byte> file, std::string_view name);

/// One layer of an EXR file: its name ("" is the picture itself, "normal") and those of its
/// channels ("R", "G", "B", "A"; "X", "Y", "Z"; "V" becomes the layer's bare name).
struct Layer {
  std::string name;
  std::vector<std::string> channels;
  const Picture* picture = nullptr;
  bool is_always_float = false;  ///< numbers that half would spoil: ids, positions, depth
};

/// A file of all layers (of one size), compressed without loss (ZIP); the same bytes for the same
/// input. Metadata become header attributes. Half: numbers beyond 65504 are written as that.
/// Errors: refused: metadata of a name that EXR has for itself.
Result<std::string> encode_exr(std::span<const Layer> layers, bool is_half,
                               const std::map<std::string, std::string>& metadata);

/// 8-bit sRGB, with alpha when there are four channels (not premultiplied). Values are display
/// linear 0 to 1, tone-mapped already.
Result<std::string> encode_png(const Picture& picture);

}  // namespace sovren::jobs
