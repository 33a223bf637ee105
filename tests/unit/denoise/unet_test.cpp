// SPDX-License-Identifier: Apache-2.0
#include "kernels/denoise/unet.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/denoise/net_filter.h"
#include "tests/unit/denoise/network.h"

namespace sovren::denoise {
namespace {

/// Numbers of (channels, height, width) in double: another layout, and sums written out.
struct Plain {
  std::int64_t channels = 0, height = 0, width = 0;
  std::vector<double> values;
  Plain(std::int64_t c, std::int64_t h, std::int64_t w)
      : channels(c), height(h), width(w), values(static_cast<std::size_t>(c * h * w)) {}
  double& at(std::int64_t c, std::int64_t y, std::int64_t x) {
    return values[static_cast<std::size_t>((c * height + y) * width + x)];
  }
  double at(std::int64_t c, std::int64_t y, std::int64_t x) const {
    if (y < 0 || x < 0 || y >= height || x >= width) return 0;
    return values[static_cast<std::size_t>((c * height + y) * width + x)];
  }
};

Plain convolved(const TensorArchive& net, const std::string& layer, const Plain& from) {
  const ArchivedTensor &weight = net.at(layer + ".weight"), &bias = net.at(layer + ".bias");
  Plain to(weight.shape[0], from.height, from.width);
  for (std::int64_t o = 0; o < to.channels; ++o)
    for (std::int64_t y = 0; y < to.height; ++y)
      for (std::int64_t x = 0; x < to.width; ++x) {
        double sum = static_cast<double>(bias.values[static_cast<std::size_t>(o)]);
        for (std::int64_t i = 0; i < from.channels; ++i)
          for (std::int64_t at = 0; at < 9; ++at)
            sum += from.at(i, y + at / 3 - 1, x + at % 3 - 1) *
                   static_cast<double>(
                       weight.values[static_cast<std::size_t>((o * from.channels + i) * 9 + at)]);
        to.at(o, y, x) = std::max(0.0, sum);
      }
  return to;
}

Plain halved(const Plain& from) {
  Plain to(from.channels, from.height / 2, from.width / 2);
  for (std::int64_t c = 0; c < to.channels; ++c)
    for (std::int64_t y = 0; y < to.height; ++y)
      for (std::int64_t x = 0; x < to.width; ++x)
        to.at(c, y, x) = std::max({from.at(c, 2 * y, 2 * x), from.at(c, 2 * y, 2 * x + 1),
                                   from.at(c, 2 * y + 1, 2 * x), from.at(c, 2 * y + 1, 2 * x + 1)});
  return to;
}

Plain doubled_with(const Plain& from, const Plain& skipped) {
  Plain to(from.channels + skipped.channels, skipped.height, skipped.width);
  for (std::int64_t c = 0; c < to.channels; ++c)
    for (std::int64_t y = 0; y < to.height; ++y)
      for (std::int64_t x = 0; x < to.width; ++x)
        to.at(c, y, x) =
            c < from.channels ? from.at(c, y / 2, x / 2) : skipped.at(c - from.channels, y, x);
  return to;
}

Plain plain_network(const TensorArchive& net, const Plain& input) {
  const auto conv = [&](const std::string& layer, const Plain& x) {
    return convolved(net, layer, x);
  };
  const Plain p1 = halved(conv("enc_conv1", conv("enc_conv0", input)));
  const Plain p2 = halved(conv("enc_conv2", p1));
  const Plain p3 = halved(conv("enc_conv3", p2));
  const Plain p4 = halved(conv("enc_conv4", p3));
  const Plain bottom = conv("enc_conv5b", conv("enc_conv5a", p4));
  const Plain d4 = conv("dec_conv4b", conv("dec_conv4a", doubled_with(bottom, p3)));
  const Plain d3 = conv("dec_conv3b", conv("dec_conv3a", doubled_with(d4, p2)));
  const Plain d2 = conv("dec_conv2b", conv("dec_conv2a", doubled_with(d3, p1)));
  const Plain d1 = conv("dec_conv1b", conv("dec_conv1a", doubled_with(d2, input)));
  return conv("dec_conv0", d1);
}

TEST(UNet, IsTheNetworkWrittenOut) {
  for (const std::int64_t channels : {3, 6, 9}) {
    const TensorArchive archive = random_network({.in = channels});
    const auto net = UNet::make(archive, "net");
    ASSERT_TRUE(net) << net.error().what;
    EXPECT_EQ(net->input_channels(), channels);
    Map input(32, 48, channels);
    Plain plain(channels, 32, 48);
    const Philox numbers(11);
    std::uint64_t next = 0;
    for (std::int64_t c = 0; c < channels; ++c)
      for (std::int64_t y = 0; y < 32; ++y)
        for (std::int64_t x = 0; x < 48; ++x) {
          const auto value = static_cast<float>(numbers.uniform(next++));
          input.at(y, x)[c] = value;
          plain.at(c, y, x) = static_cast<double>(value);
        }
    const Plain right = plain_network(archive, plain);
    nn::Team team(2);
    const Map found = net->run(team, input);
    double largest = 0;
    for (std::int64_t c = 0; c < 3; ++c)
      for (std::int64_t y = 0; y < 32; ++y)
        for (std::int64_t x = 0; x < 48; ++x) {
          largest = std::max(largest, right.at(c, y, x));
          EXPECT_NEAR(static_cast<double>(found.at(y, x)[c]), right.at(c, y, x), 2e-5)
              << c << " " << y << " " << x;
        }
    EXPECT_GT(largest, 0.05);  // there is something to compare
  }
}

std::string error_of(const TensorArchive& archive) {
  const auto net = UNet::make(archive, "net.tza");
  if (net) return "";
  EXPECT_EQ(net.error().code, Code::data_invalid);
  EXPECT_EQ(net.error().where, "net.tza");
  return net.error().what;
}

TEST(UNet, ErrorsNameTensorAndShapes) {
  TensorArchive archive = random_network({});
  archive.erase("dec_conv2b.bias");
  EXPECT_EQ(error_of(archive), "tensor 'dec_conv2b.bias' of shape (6) is not there");
  archive = random_network({});
  archive["dec_conv4a.weight"].shape[1] = 15;
  EXPECT_EQ(error_of(archive),
            "tensor 'dec_conv4a.weight' has shape (5, 15, 3, 3) oihw, wanted is (any, 16, 3, 3) "
            "oihw");
  archive = random_network({});
  archive["enc_conv0.bias"].layout = "o";
  EXPECT_EQ(error_of(archive), "tensor 'enc_conv0.bias' has shape (4) o, wanted is (4) x");
  EXPECT_EQ(error_of(random_network({.in = 4})),
            "the network takes 4 channels; wanted are 3 (colour), 6 (and albedo) or 9 (and "
            "normal)");
}

/// A film of coloured noise.
trace::Film noise_film(int width, int height) {
  trace::Film film(width, height, trace::Film::all_channels);
  const Philox numbers(2);
  std::uint64_t next = 0;
  const auto draw = [&] { return static_cast<float>(numbers.uniform(next++)); };
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const auto sums = film.pixel(x, y);
      trace::add_sample({.radiance = {draw(), draw() * 4, draw()},
                         .albedo = {draw(), draw(), draw()},
                         .normal = {draw() - 0.5F, draw(), -draw()}},
                        0, film.channels(),
                        [&](trace::Film::Channel c, std::int64_t value) { sums[c] += value; });
    }
  return film;
}

TEST(NetFilter, TilesDoNotShow) {
  const auto net = UNet::make(random_network({.in = 9}), "net");
  ASSERT_TRUE(net);
  const trace::Film film = noise_film(530, 50);
  nn::Team one(1), three(3);
  const std::vector<float> whole = filtered(one, *net, film);
  EXPECT_EQ(filtered(three, *net, film, 400 * 64), whole);
  EXPECT_GT(*std::max_element(whole.begin(), whole.end()), 0.01F);
}

}  // namespace
}  // namespace sovren::denoise
