// SPDX-License-Identifier: Apache-2.0
#include <ImfChannelList.h>
#include <ImfFrameBuffer.h>
#include <ImfHeader.h>
#include <ImfInputPart.h>
#include <ImfMultiPartInputFile.h>
#include <ImfPartType.h>
#include <ImfTileDescription.h>

#include <algorithm>
#include <array>
#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "jobs/rendering/exr_header.h"
#include "jobs/rendering/exr_stream.h"
#include "jobs/rendering/picture.h"
#include "jobs/rendering/pixels.h"

namespace sovren::jobs {

namespace {

using Imath::Box2i;

/// Of one part of a file: the channels that are its picture, in order (1, 3 or 4).
using Channels = std::vector<std::string>;

bool has(const Imf::ChannelList& list, const std::string& name) {
  return list.findChannel(name) != nullptr;
}

/// The R, G, B and perhaps A of a layer, "" or "name."; none if it has no colours.
std::optional<Channels> colors_of(const Imf::ChannelList& list, const std::string& layer) {
  Channels channels{layer + "R", layer + "G", layer + "B"};
  for (const std::string& channel : channels)
    if (!has(list, channel)) return std::nullopt;
  if (has(list, layer + "A")) channels.push_back(layer + "A");
  return channels;
}

/// Is it what renderers call the picture itself, as in "ViewLayer.Combined."?
bool is_main(std::string layer) {
  layer.pop_back();
  layer.erase(0, layer.rfind('.') + 1);
  for (char& c : layer)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  static constexpr std::array<std::string_view, 4> names{"combined", "rgba", "beauty", "default"};
  return std::find(names.begin(), names.end(), layer) != names.end();
}

std::optional<Channels> channels_of(const Imf::ChannelList& list) {
  if (auto colors = colors_of(list, "")) return colors;
  if (has(list, "Y") && !has(list, "RY") && !has(list, "BY")) return Channels{"Y"};
  std::optional<Channels> first;
  int count = 0;
  std::string only;
  for (auto i = list.begin(); i != list.end(); ++i, ++count) {
    only = i.name();
    if (!only.ends_with(".R")) continue;
    const std::string layer = only.substr(0, only.size() - 1);
    auto colors = colors_of(list, layer);
    if (colors && is_main(layer)) return colors;
    if (!first) first = std::move(colors);
  }
  if (!first && count == 1) return Channels{only};
  return first;
}

std::string names_of(const Imf::ChannelList& list) {
  constexpr int most = 12;
  std::string names;
  int count = 0;
  for (auto i = list.begin(); i != list.end() && count <= most; ++i, ++count)
    names += count == most ? ", ..." : (count == 0 ? "" : ", ") + std::string(i.name());
  return names;
}

struct Extent {
  std::int64_t width = 0, height = 0;
};
Extent extent_of(const Box2i& box) {
  return {std::int64_t{box.max.x} - box.min.x + 1, std::int64_t{box.max.y} - box.min.y + 1};
}

/// The part of data that is in the window, 0 around it.
void copy_window(const Pixels& data, const Box2i& from, Pixels& picture, const Box2i& window) {
  const auto channels = static_cast<std::int64_t>(data.channels);
  const std::int64_t left = std::max(from.min.x, window.min.x);
  const std::int64_t right = std::min(from.max.x, window.max.x);
  if (left > right) return;
  const auto row_bytes = static_cast<std::size_t>((right - left + 1) * channels) * sizeof(float);
  for (int y = std::max(from.min.y, window.min.y); y <= std::min(from.max.y, window.max.y); ++y) {
    const auto offset = [&](const Box2i& box, int width) {
      const std::int64_t row = std::int64_t{y} - box.min.y;
      return static_cast<std::size_t>((row * width + left - box.min.x) * channels) * sizeof(float);
    };
    std::memcpy(picture.data.data() + offset(window, picture.width),
                data.data.data() + offset(from, data.width), row_bytes);
  }
}

/// The library decodes a tile, or up to 256 lines, with all channels at once; tiles are as large as
/// a file says, whatever the picture's size.
Result<void> check_buffers(const PictureFile& file, const Imf::Header& header) {
  constexpr std::int64_t always_allowed = std::int64_t{64} << 20;
  Extent block{extent_of(header.dataWindow()).width, 256};
  if (header.hasTileDescription()) {
    const Imf::TileDescription& tiles = header.tileDescription();
    block = {std::max(block.width, std::int64_t{tiles.xSize}), std::int64_t{tiles.ySize}};
  }
  std::int64_t pixel_bytes = 0;
  const Imf::ChannelList& list = header.channels();
  for (auto i = list.begin(); i != list.end(); ++i)
    pixel_bytes += i.channel().type == Imf::HALF ? 2 : 4;
  const std::int64_t most = std::max(file.bytes_max, always_allowed);
  if (block.width * pixel_bytes > most / block.height)
    return fail(refused_picture(file,
                                "tiles or lines of " + std::to_string(block.width) + " x " +
                                    std::to_string(block.height) + " pixels with " +
                                    std::to_string(pixel_bytes) + " bytes each are too large",
                                "save it with smaller tiles"));
  return {};
}

Result<Pixels> read_part(const PictureFile& file, Imf::MultiPartInputFile& input, int number,
                         const Channels& channels) {
  const Imf::Header& header = input.header(number);
  const Box2i data_window = header.dataWindow(), display = header.displayWindow();
  const auto count = static_cast<int>(channels.size());
  const Extent extent = extent_of(data_window), shown = extent_of(display);
  SOVREN_DO(check_size(file, shown.width, shown.height, Pixels::Depth::float32));
  SOVREN_TRY(pixels, make_pixels(file, extent.width, extent.height, count, Pixels::Depth::float32));
  SOVREN_DO(check_buffers(file, header));
  const std::size_t step = sizeof(float) * channels.size();
  Imf::FrameBuffer buffer;
  for (std::size_t c = 0; c < channels.size(); ++c) {
    const Imf::Channel& channel = header.channels()[channels[c]];
    if (channel.xSampling != 1 || channel.ySampling != 1)
      return fail(refused_picture(file, "channel " + channels[c] + " has not all pixels",
                                  "save it without subsampling"));
    buffer.insert(channels[c],
                  Imf::Slice::Make(Imf::FLOAT, pixels.data.data() + c * sizeof(float), data_window,
                                   step, step * static_cast<std::size_t>(extent.width)));
  }
  Imf::InputPart part(input, number);
  part.setFrameBuffer(buffer);
  part.readPixels(data_window.min.y, data_window.max.y);
  if (data_window == display) return pixels;
  SOVREN_TRY(picture, make_pixels(file, shown.width, shown.height, count, Pixels::Depth::float32));
  copy_window(pixels, data_window, picture, display);
  return picture;
}

Result<Pixels> read(const PictureFile& file) {
  if (!has_whole_headers(file.bytes))
    return fail(broken_picture(file, "broken EXR: its header is cut off or damaged"));
  Imf::Header::setMaxImageSize(picture_side_max, picture_side_max);
  ExrBytesIn stream(file.bytes);
  Imf::MultiPartInputFile input(stream, 0, false);
  std::string names;
  for (int number = 0; number < input.parts(); ++number) {
    const Imf::Header& header = input.header(number);
    const bool is_deep = header.hasType() && Imf::isDeepData(header.type());
    if (!is_deep)
      if (const auto channels = channels_of(header.channels()))
        return read_part(file, input, number, *channels);
    names += (number == 0 ? "" : "; ") + (is_deep ? "deep data" : names_of(header.channels()));
  }
  return fail(refused_picture(file, "an EXR without a picture; it has: " + names,
                              "allowed: channels R, G and B, or Y, or one alone"));
}

}  // namespace

Result<Pixels> decode_exr(const PictureFile& file) {
  try {
    return read(file);
  } catch (const std::exception& error) {
    return fail(broken_picture(file, std::string("broken EXR: ") + error.what()));
  }
}

}  // namespace sovren::jobs
