// SPDX-License-Identifier: Apache-2.0
#include <Imath/half.h>
#include <ImfChannelList.h>
#include <ImfFrameBuffer.h>
#include <ImfHeader.h>
#include <ImfOutputFile.h>
#include <ImfStringAttribute.h>

#include <algorithm>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "jobs/rendering/exr_stream.h"
#include "jobs/rendering/picture.h"

namespace sovren::jobs {

namespace {

std::string channel_name(const Layer& layer, const std::string& channel) {
  if (channel == "V") return layer.name;
  return layer.name.empty() ? channel : layer.name + "." + channel;
}

std::vector<half> halves_of(const std::vector<float>& values) {
  constexpr float largest = 65504;
  std::vector<half> halves(values.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    halves[i] = half(std::clamp(values[i], -largest, largest));
  return halves;
}

/// Puts a layer's channels into the header, and where their numbers are into the buffer.
template <class Number>
void add_layer(const Layer& layer, const std::vector<Number>& numbers, Imf::PixelType type,
               Imf::Header& header, Imf::FrameBuffer& buffer) {
  const std::size_t step = layer.channels.size() * sizeof(Number);
  for (std::size_t c = 0; c < layer.channels.size(); ++c) {
    const std::string name = channel_name(layer, layer.channels[c]);
    SOVREN_CHECK(header.channels().findChannel(name) == nullptr,
                 "channels have names of their own");
    header.channels().insert(name, Imf::Channel(type));
    buffer.insert(name, Imf::Slice::Make(type, numbers.data() + c, header.dataWindow(), step,
                                         step * static_cast<std::size_t>(layer.picture->width)));
  }
}

std::string write(std::span<const Layer> layers, bool is_half,
                  const std::map<std::string, std::string>& metadata) {
  const Picture& first = *layers.front().picture;
  Imf::Header header(first.width, first.height);
  header.compression() = Imf::ZIP_COMPRESSION;
  for (const auto& [name, text] : metadata) header.insert(name, Imf::StringAttribute(text));
  Imf::FrameBuffer buffer;
  std::vector<std::vector<half>> halves(layers.size());  // the buffer points into them
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const Layer& layer = layers[i];
    if (is_half && !layer.is_always_float) {
      halves[i] = halves_of(layer.picture->values);
      add_layer(layer, halves[i], Imf::HALF, header, buffer);
    } else {
      add_layer(layer, layer.picture->values, Imf::FLOAT, header, buffer);
    }
  }
  ExrBytesOut stream;
  {
    Imf::OutputFile output(stream, header, 0);
    output.setFrameBuffer(buffer);
    output.writePixels(first.height);
  }  // which writes the table of lines
  return std::move(stream.file());
}

}  // namespace

Result<std::string> encode_exr(std::span<const Layer> layers, bool is_half,
                               const std::map<std::string, std::string>& metadata) {
  SOVREN_CHECK(!layers.empty(), "a file has a layer");
  for (const Layer& layer : layers) {
    const Picture& picture = *layer.picture;
    SOVREN_CHECK(picture.width == layers.front().picture->width &&
                     picture.height == layers.front().picture->height,
                 "layers are of one size");
    SOVREN_CHECK(static_cast<std::size_t>(picture.channels) == layer.channels.size() &&
                     picture.values.size() == static_cast<std::size_t>(picture.width) *
                                                  static_cast<std::size_t>(picture.height) *
                                                  layer.channels.size(),
                 "a layer has the numbers that its channels say");
  }
  try {
    return write(layers, is_half, metadata);
  } catch (const std::exception& error) {
    return fail({.code = Code::refused,
                 .what = std::string("the picture cannot be an EXR: ") + error.what()});
  }
}

}  // namespace sovren::jobs
