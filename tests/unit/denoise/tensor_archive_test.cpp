// SPDX-License-Identifier: Apache-2.0
#include "kernels/denoise/tensor_archive.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/unit/denoise/network.h"

namespace sovren::denoise {
namespace {

void put_entry(std::string& file, std::string_view name, const std::vector<std::uint32_t>& shape,
               std::string_view layout_and_type, std::uint64_t offset) {
  put(file, name.size(), 2);
  file += name;
  put(file, shape.size(), 1);
  for (const std::uint32_t size : shape) put(file, size, 4);
  file += layout_and_type;
  put(file, offset, 8);
}

/// Two tensors: "a" (2, 3) of fp32 at 64, "b" (5) of fp16 at 128, the table at 192.
std::string small_file() {
  std::string file;
  put(file, 0x41D7, 2);
  put(file, 2, 1);
  put(file, 0, 1);
  put(file, 192, 8);
  file.resize(64, '\0');
  for (const float value : {1.5F, -2.0F, 0.0F, 1e30F, 0.1F, -0.25F}) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &value, 4);
    put(file, bits, 4);
  }
  file.resize(128, '\0');
  for (const std::uint64_t half : {0x3C00, 0xC000, 0x0001, 0x7BFF, 0x8000}) put(file, half, 2);
  file.resize(192, '\0');
  put(file, 2, 4);
  put_entry(file, "a", {2, 3}, "oif", 64);
  put_entry(file, "b", {5}, "xh", 128);
  return file;
}

Result<TensorArchive> read(std::string_view file) {
  return read_tensor_archive(std::as_bytes(std::span(file)), "w.tza");
}

TEST(TensorArchive, NumbersOfBothTypes) {
  const auto archive = read(small_file());
  ASSERT_TRUE(archive) << archive.error().what;
  ASSERT_EQ(archive->size(), 2U);
  const ArchivedTensor& a = archive->at("a");
  EXPECT_EQ(a.shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(a.layout, "oi");
  EXPECT_EQ(a.values, (std::vector<float>{1.5F, -2, 0, 1e30F, 0.1F, -0.25F}));
  const ArchivedTensor& b = archive->at("b");
  EXPECT_EQ(b.values, (std::vector<float>{1, -2, 0x1p-24F, 65504, -0.0F}));
}

TEST(TensorArchive, ANetworkIsReadAsItWasWritten) {
  const TensorArchive network = random_network({});
  const auto read_again = read(to_tza(network));
  ASSERT_TRUE(read_again) << read_again.error().what;
  ASSERT_EQ(read_again->size(), network.size());
  for (const auto& [name, tensor] : network) {
    EXPECT_EQ(read_again->at(name).shape, tensor.shape) << name;
    EXPECT_EQ(read_again->at(name).layout, tensor.layout) << name;
    EXPECT_EQ(read_again->at(name).values, tensor.values) << name;
  }
}

TEST(TensorArchive, NoPartOfAFileIsRead) {
  const std::string file = small_file();
  for (std::size_t size = 0; size < file.size(); ++size) {
    const auto archive = read(std::string_view(file).substr(0, size));
    ASSERT_FALSE(archive) << size;
    EXPECT_EQ(archive.error().code, Code::data_invalid);
    EXPECT_EQ(archive.error().where, "w.tza");
  }
}

std::string error_with(std::size_t at, std::string_view bytes) {
  std::string file = small_file();
  file.replace(at, bytes.size(), bytes);
  const auto archive = read(file);
  return archive ? "" : archive.error().what;
}

TEST(TensorArchive, ErrorsSayWhatIsWrong) {
  EXPECT_EQ(error_with(0, "PK"), "the file is no tensor archive");
  EXPECT_EQ(error_with(2, "\1"), "the file is of version 1, not 2");
  EXPECT_EQ(error_with(11, "\x7f"), "the table of tensors is beyond the file's end");
  const std::size_t entry = 196;
  EXPECT_EQ(error_with(entry + 2, "b"), "tensor 'b' is there twice");
  EXPECT_EQ(error_with(entry + 3, "\7"), "entry 0 of the table of tensors is broken");
  EXPECT_EQ(error_with(entry + 4, "\xff\xff\xff\xff"), "entry 0 of the table of tensors is broken");
  EXPECT_EQ(error_with(entry + 4, "\xff\xff\xff\x0f"), "tensor 'a' reaches beyond the file's end");
  EXPECT_EQ(error_with(entry + 14, "b"), "tensor 'a' has numbers of type 'b', not f or h");
  EXPECT_EQ(error_with(entry + 22, "\x7f"), "tensor 'a' reaches beyond the file's end");
  const std::string infinite("\0\0\x80\x7f", 4);
  EXPECT_EQ(error_with(64, infinite), "tensor 'a' holds what is no finite number");
}

}  // namespace
}  // namespace sovren::denoise
