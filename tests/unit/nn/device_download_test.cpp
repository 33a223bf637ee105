// SPDX-License-Identifier: Apache-2.0
#include "kernels/device/device_download.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace sovren::kernels {
namespace {

TEST(DeviceDownload, BringsEveryByteInOrder) {
  const auto stream = DeviceStream::make();
  ASSERT_TRUE(stream);
  DeviceDownload download(64);
  for (const std::size_t size : {0, 1, 64, 65, 1000}) {
    std::vector<std::byte> there(size);
    for (std::size_t i = 0; i < size; ++i) there[i] = static_cast<std::byte>(i * 7);
    std::vector<std::byte> here;
    const auto done =
        download.run(**stream, there.data(), size,
                     [&](std::size_t at, std::span<const std::byte> piece) -> Result<void> {
                       EXPECT_EQ(at, here.size());
                       EXPECT_LE(piece.size(), 64U);
                       here.insert(here.end(), piece.begin(), piece.end());
                       return {};
                     });
    EXPECT_TRUE(done);
    EXPECT_TRUE(here == there) << size;
  }
}

TEST(DeviceDownload, EndsWithTheErrorOfItsUser) {
  const auto stream = DeviceStream::make();
  DeviceDownload download(64);
  const std::vector<std::byte> there(300);
  int pieces = 0;
  const auto done = download.run(**stream, there.data(), there.size(),
                                 [&](std::size_t, std::span<const std::byte>) -> Result<void> {
                                   if (++pieces < 2) return {};
                                   return fail({.code = Code::bug, .what = "enough"});
                                 });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().what, "enough");
  EXPECT_EQ(pieces, 2);
}

}  // namespace
}  // namespace sovren::kernels
