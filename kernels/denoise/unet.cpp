// SPDX-License-Identifier: Apache-2.0
#include "kernels/denoise/unet.h"

#include <array>
#include <string>
#include <utility>

#include "core/base/check.h"

namespace sovren::denoise {

namespace {

/// Layers in the order in which they run. Those after which a map is kept, and those that get one.
enum Layer {
  enc_conv0,
  enc_conv1,
  enc_conv2,
  enc_conv3,
  enc_conv4,
  enc_conv5a,
  enc_conv5b,
  dec_conv4a,
  dec_conv4b,
  dec_conv3a,
  dec_conv3b,
  dec_conv2a,
  dec_conv2b,
  dec_conv1a,
  dec_conv1b,
  dec_conv0,
  layer_count
};
constexpr std::array<const char*, layer_count> names{
    "enc_conv0",  "enc_conv1",  "enc_conv2",  "enc_conv3",  "enc_conv4",  "enc_conv5a",
    "enc_conv5b", "dec_conv4a", "dec_conv4b", "dec_conv3a", "dec_conv3b", "dec_conv2a",
    "dec_conv2b", "dec_conv1a", "dec_conv1b", "dec_conv0"};

constexpr std::int64_t any = -1;  ///< of channels: as many as the weights have
constexpr std::int64_t channels_max = 4096;

std::string text_of(const std::vector<std::int64_t>& shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i)
    text += (i == 0 ? "" : ", ") + (shape[i] == any ? "any" : std::to_string(shape[i]));
  return text + ")";
}

Error no_such_net(std::string what, std::string_view name) {
  return {.code = Code::data_invalid,
          .what = std::move(what),
          .hint =
              "weights that fit are rt_hdr.tza, rt_hdr_alb.tza and rt_hdr_alb_nrm.tza of "
              "Open Image Denoise",
          .where = std::string(name)};
}

/// The tensor, if it has the shape that is wanted.
Result<const ArchivedTensor*> find(const TensorArchive& archive, const std::string& tensor,
                                   const std::vector<std::int64_t>& wanted, std::string_view layout,
                                   std::string_view name) {
  const auto found = archive.find(tensor);
  if (found == archive.end())
    return fail(
        no_such_net("tensor '" + tensor + "' of shape " + text_of(wanted) + " is not there", name));
  const std::vector<std::int64_t>& shape = found->second.shape;
  bool fits = shape.size() == wanted.size() && found->second.layout == layout;
  for (std::size_t i = 0; fits && i < shape.size(); ++i)
    fits = shape[i] > 0 && shape[i] <= channels_max && (wanted[i] == any || wanted[i] == shape[i]);
  if (fits) return &found->second;
  return fail(no_such_net("tensor '" + tensor + "' has shape " + text_of(shape) + " " +
                              found->second.layout + ", wanted is " + text_of(wanted) + " " +
                              std::string(layout),
                          name));
}

Result<Convolution> layer(const TensorArchive& archive, const std::string& layer_name,
                          std::int64_t in, std::int64_t out, std::string_view name) {
  SOVREN_TRY(weight, find(archive, layer_name + ".weight", {out, in, 3, 3}, "oihw", name));
  Convolution made{.in = weight->shape[1], .out = weight->shape[0], .weights = {}, .bias = {}};
  SOVREN_TRY(bias, find(archive, layer_name + ".bias", {made.out}, "x", name));
  made.bias = bias->values;
  made.weights.resize(weight->values.size());
  const auto ins = static_cast<std::size_t>(made.in), outs = static_cast<std::size_t>(made.out);
  for (std::size_t o = 0; o < outs; ++o)
    for (std::size_t i = 0; i < ins; ++i)
      for (std::size_t at = 0; at < 9; ++at)
        made.weights[(at * ins + i) * outs + o] = weight->values[(o * ins + i) * 9 + at];
  return made;
}

}  // namespace

Result<UNet> UNet::make(const TensorArchive& archive, std::string_view name) {
  UNet net;
  for (int i = 0; i < layer_count; ++i) {
    const auto out_of = [&](int number) {
      return net.layers_[static_cast<std::size_t>(number)].out;
    };
    std::int64_t in = i == 0 ? any : out_of(i - 1);
    if (i == dec_conv4a) in += out_of(enc_conv3);
    if (i == dec_conv3a) in += out_of(enc_conv2);
    if (i == dec_conv2a) in += out_of(enc_conv1);
    if (i == dec_conv1a) in += net.input_channels();
    const std::int64_t out = i == dec_conv0 ? 3 : any;
    SOVREN_TRY(made, layer(archive, names[static_cast<std::size_t>(i)], in, out, name));
    net.layers_.push_back(std::move(made));
    const std::int64_t inputs = net.input_channels();
    if (inputs != 3 && inputs != 6 && inputs != 9)
      return fail(
          no_such_net("the network takes " + std::to_string(inputs) +
                          " channels; wanted are 3 (colour), 6 (and albedo) or 9 (and normal)",
                      name));
  }
  return net;
}

Map UNet::run(nn::Team& team, const Map& input) const {
  SOVREN_CHECK(input.height() % alignment == 0 && input.width() % alignment == 0,
               "sizes are multiples of the alignment");
  const auto conv = [&](Layer which, const Map& from) {
    return convolve(team, layers_[which], from);
  };
  const Map pool1 = pooled(team, conv(enc_conv1, conv(enc_conv0, input)));
  const Map pool2 = pooled(team, conv(enc_conv2, pool1));
  const Map pool3 = pooled(team, conv(enc_conv3, pool2));
  const Map pool4 = pooled(team, conv(enc_conv4, pool3));
  Map x = conv(enc_conv5b, conv(enc_conv5a, pool4));
  x = conv(dec_conv4b, conv(dec_conv4a, joined(team, x, pool3)));
  x = conv(dec_conv3b, conv(dec_conv3a, joined(team, x, pool2)));
  x = conv(dec_conv2b, conv(dec_conv2a, joined(team, x, pool1)));
  x = conv(dec_conv1a, joined(team, x, input));
  return conv(dec_conv0, conv(dec_conv1b, x));
}

}  // namespace sovren::denoise
