// SPDX-License-Identifier: Apache-2.0
#include "kernels/denoise/tensor_archive.h"

#include <bit>
#include <cmath>
#include <optional>
#include <utility>

namespace sovren::denoise {

namespace {

constexpr std::uint64_t magic = 0x41D7;
constexpr std::uint64_t version = 2;
constexpr std::uint64_t dimensions_max = 4;

/// Reads numbers from a file, never beyond its end.
class Reader {
 public:
  Reader(std::span<const std::byte> file, std::uint64_t at) : file_(file), at_(at) {}

  /// None if the file ends before.
  std::optional<std::span<const std::byte>> bytes(std::uint64_t count) {
    if (at_ > file_.size() || count > file_.size() - at_) return std::nullopt;
    const auto found = file_.subspan(at_, count);
    at_ += count;
    return found;
  }
  std::optional<std::uint64_t> number(std::size_t size) {
    const auto found = bytes(size);
    if (!found) return std::nullopt;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i)
      value |= std::to_integer<std::uint64_t>((*found)[i]) << (8 * i);
    return value;
  }
  std::optional<std::string> text(std::uint64_t size) {
    const auto found = bytes(size);
    if (!found) return std::nullopt;
    return std::string(reinterpret_cast<const char*>(found->data()), found->size());
  }

 private:
  std::span<const std::byte> file_;
  std::uint64_t at_;
};

Error broken(std::string what, std::string_view name) {
  return {.code = Code::data_invalid,
          .what = std::move(what),
          .hint = "weights of Open Image Denoise are .tza files of version 2",
          .where = std::string(name)};
}

float float_of_half(std::uint32_t half) {
  const std::uint32_t sign = (half & 0x8000) << 16;
  const std::uint32_t exponent = (half >> 10) & 31, fraction = half & 1023;
  if (exponent == 0) {
    const float size = static_cast<float>(fraction) * 0x1p-24F;
    return sign != 0 ? -size : size;
  }
  const std::uint32_t wide = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

/// An entry of the table.
struct Entry {
  std::string name, layout, type;
  std::vector<std::int64_t> shape;
  std::uint64_t offset = 0, count = 1;
};

std::optional<Entry> read_entry(Reader& reader) {
  Entry entry;
  const auto length = reader.number(2);
  auto name = length ? reader.text(*length) : std::nullopt;
  const auto dimensions = reader.number(1);
  if (!name || !dimensions || *dimensions > dimensions_max) return std::nullopt;
  entry.name = std::move(*name);
  for (std::uint64_t i = 0; i < *dimensions; ++i) {
    const auto size = reader.number(4);
    // No product of sizes that a file may have comes near 2^62.
    if (!size || entry.count > (std::uint64_t{1} << 30)) return std::nullopt;
    entry.shape.push_back(static_cast<std::int64_t>(*size));
    entry.count *= *size;
  }
  auto layout = reader.text(*dimensions);
  auto type = reader.text(1);
  const auto offset = reader.number(8);
  if (!layout || !type || !offset) return std::nullopt;
  entry.layout = std::move(*layout);
  entry.type = std::move(*type);
  entry.offset = *offset;
  return entry;
}

Result<ArchivedTensor> read_data(std::span<const std::byte> file, const Entry& entry,
                                 std::string_view name) {
  const std::string tensor = "tensor '" + entry.name + "'";
  if (entry.type != "f" && entry.type != "h")
    return fail(broken(tensor + " has numbers of type '" + entry.type + "', not f or h", name));
  const std::size_t size = entry.type == "f" ? 4 : 2;
  if (entry.count > file.size() / size || entry.offset > file.size() - entry.count * size)
    return fail(broken(tensor + " reaches beyond the file's end", name));
  Reader reader(file, entry.offset);
  ArchivedTensor read{.shape = entry.shape, .layout = entry.layout, .values = {}};
  read.values.reserve(entry.count);
  for (std::uint64_t i = 0; i < entry.count; ++i) {
    const auto bits = static_cast<std::uint32_t>(reader.number(size).value_or(0));
    const float value = size == 4 ? std::bit_cast<float>(bits) : float_of_half(bits);
    if (!std::isfinite(value))
      return fail(broken(tensor + " holds what is no finite number", name));
    read.values.push_back(value);
  }
  return read;
}

}  // namespace

Result<TensorArchive> read_tensor_archive(std::span<const std::byte> file, std::string_view name) {
  Reader head(file, 0);
  if (head.number(2) != magic) return fail(broken("the file is no tensor archive", name));
  const auto major = head.number(1);
  head.number(1);
  const auto table = head.number(8);
  if (!table) return fail(broken("the file is cut off", name));
  if (major != version)
    return fail(broken("the file is of version " + std::to_string(*major) + ", not 2", name));
  Reader reader(file, *table);
  const auto count = reader.number(4);
  if (!count) return fail(broken("the table of tensors is beyond the file's end", name));
  TensorArchive archive;
  for (std::uint64_t i = 0; i < *count; ++i) {
    const auto entry = read_entry(reader);
    if (!entry)
      return fail(
          broken("entry " + std::to_string(i) + " of the table of tensors is broken", name));
    SOVREN_TRY(tensor, read_data(file, *entry, name));
    if (!archive.emplace(entry->name, std::move(tensor)).second)
      return fail(broken("tensor '" + entry->name + "' is there twice", name));
  }
  return archive;
}

}  // namespace sovren::denoise
