// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "core/text/json.h"
#include "jobs/training/weights_file.h"

namespace sovren::jobs {
namespace {

using text::Json;

constexpr std::uint64_t header_bytes_max = 16 << 20;  // a thousand tensors take 100 KB

struct KnownDtype {
  std::string_view name;
  std::uint64_t bytes;
  Dtype dtype;
};
constexpr auto known_dtypes = std::to_array<KnownDtype>({
    {"F32", 4, Dtype::f32},
    {"F16", 2, Dtype::f16},
    {"BF16", 2, Dtype::bf16},
    {"F64", 8, Dtype::other},
    {"F8_E4M3", 1, Dtype::other},
    {"F8_E5M2", 1, Dtype::other},
    {"BOOL", 1, Dtype::other},
    {"I8", 1, Dtype::other},
    {"U8", 1, Dtype::other},
    {"I16", 2, Dtype::other},
    {"U16", 2, Dtype::other},
    {"I32", 4, Dtype::other},
    {"U32", 4, Dtype::other},
    {"I64", 8, Dtype::other},
    {"U64", 8, Dtype::other},
});

tl::unexpected<Error> damaged(std::string what) {
  return fail({.code = Code::data_invalid, .what = "no whole safetensors file: " + what});
}

tl::unexpected<Error> damaged_tensor(const std::string& name, const std::string& what) {
  return damaged("tensor '" + name + "' " + what);
}

/// The whole numbers of an array; nothing where it is none or one of them is negative.
std::optional<std::vector<std::int64_t>> whole_numbers(const Json& object, const char* key) {
  const auto member = object.find(key);
  if (member == object.end() || !member->is_array() || member->size() > 16) return std::nullopt;
  std::vector<std::int64_t> numbers;
  for (const Json& number : *member) {
    if (!number.is_number_integer()) return std::nullopt;
    if (number.is_number_unsigned() && number.get<std::uint64_t>() > INT64_MAX) return std::nullopt;
    numbers.push_back(number.get<std::int64_t>());
    if (numbers.back() < 0) return std::nullopt;
  }
  return numbers;
}

/// Elements of a shape, unless they are more than `most`.
std::optional<std::uint64_t> elements_of(std::span<const std::int64_t> shape, std::uint64_t most) {
  std::uint64_t product = 1;
  for (const std::int64_t extent : shape) {
    const auto factor = static_cast<std::uint64_t>(extent);
    if (factor != 0 && product > most / factor) return std::nullopt;
    product *= factor;
  }
  return product;
}

/// data: where the data begin in the file, and their bytes.
struct DataPlace {
  std::uint64_t at;
  std::uint64_t bytes;
};

Result<FileTensor> read_tensor(const std::string& name, const Json& entry, DataPlace data) {
  if (!entry.is_object()) return damaged_tensor(name, "is not described by an object");
  const auto dtype = entry.find("dtype");
  if (dtype == entry.end() || !dtype->is_string()) return damaged_tensor(name, "has no dtype");
  const auto dtype_name = dtype->get<std::string>();
  const auto known = std::find_if(known_dtypes.begin(), known_dtypes.end(),
                                  [&](const KnownDtype& one) { return one.name == dtype_name; });
  if (known == known_dtypes.end())
    return damaged_tensor(name, "has the unknown dtype '" + dtype_name.substr(0, 40) + "'");
  const auto shape = whole_numbers(entry, "shape");
  if (!shape) return damaged_tensor(name, "has no shape (allowed: up to 16 whole numbers)");
  const auto offsets = whole_numbers(entry, "data_offsets");
  if (!offsets || offsets->size() != 2 || (*offsets)[0] > (*offsets)[1])
    return damaged_tensor(name, "has no data_offsets [begin, end]");
  const auto begin = static_cast<std::uint64_t>((*offsets)[0]);
  const auto end = static_cast<std::uint64_t>((*offsets)[1]);
  if (end > data.bytes)
    return damaged_tensor(name, "ends at byte " + std::to_string(end) + " of " +
                                    std::to_string(data.bytes) + " bytes of data");
  const auto elements = elements_of(*shape, data.bytes / known->bytes);
  if (!elements || *elements * known->bytes != end - begin)
    return damaged_tensor(name, "of shape " + shape_text(*shape) + " and dtype " + dtype_name +
                                    " has " + std::to_string(end - begin) + " bytes");
  return FileTensor{name, dtype_name, known->dtype, *shape, data.at + begin};
}

std::uint64_t bytes_of(const FileTensor& tensor) {
  const auto known =
      std::find_if(known_dtypes.begin(), known_dtypes.end(),
                   [&](const KnownDtype& one) { return one.name == tensor.dtype_name; });
  return static_cast<std::uint64_t>(tensor.size()) * known->bytes;
}

/// Tensors lie one behind another, from the beginning of the data to their end.
Result<void> check_places(std::vector<FileTensor> tensors, DataPlace data) {
  std::sort(tensors.begin(), tensors.end(), [](const FileTensor& a, const FileTensor& b) {
    return std::pair(a.at, bytes_of(a)) < std::pair(b.at, bytes_of(b));
  });
  std::uint64_t next = data.at;
  for (const FileTensor& tensor : tensors) {
    if (tensor.at < next) return damaged_tensor(tensor.name, "overlaps another");
    if (tensor.at > next)
      return damaged("nothing describes the " + std::to_string(tensor.at - next) +
                     " bytes before tensor '" + tensor.name + "'");
    next += bytes_of(tensor);
  }
  if (next != data.at + data.bytes)
    return damaged("nothing describes its last " + std::to_string(data.at + data.bytes - next) +
                   " bytes");
  return {};
}

Result<std::string_view> read_header(std::string_view file) {
  std::uint64_t length = 0;
  if (file.size() < sizeof length)
    return damaged("it has " + std::to_string(file.size()) + " bytes");
  std::memcpy(&length, file.data(), sizeof length);
  if (length > file.size() - sizeof length || length > header_bytes_max)
    return damaged("its header would have " + std::to_string(length) + " bytes, the file has " +
                   std::to_string(file.size()) + " (allowed: up to " +
                   std::to_string(header_bytes_max) + ")");
  return file.substr(sizeof length, length);
}

}  // namespace

Result<WeightsFile> read_safetensors(std::string_view file) {
  SOVREN_TRY(header, read_header(file));
  SOVREN_TRY(json, text::parse_json(header, "header", 8));
  if (!json.is_object()) return damaged("its header is no object");
  const std::uint64_t data_at = sizeof(std::uint64_t) + header.size();
  const DataPlace data{data_at, file.size() - data_at};
  WeightsFile weights;
  for (const auto& [key, entry] : json.items()) {
    if (key != "__metadata__") {
      SOVREN_TRY(tensor, read_tensor(key, entry, data));
      weights.tensors.push_back(std::move(tensor));
      continue;
    }
    if (!entry.is_object()) return damaged("its metadata are no object");
    for (const auto& [word, value] : entry.items()) {
      if (!value.is_string()) return damaged("its metadata '" + word + "' are no text");
      weights.metadata[word] = value.get<std::string>();
    }
  }
  SOVREN_DO(check_places(weights.tensors, data));
  return weights;
}

std::string safetensors_header(std::span<const NamedShape> tensors,
                               std::span<const std::pair<std::string, std::string>> metadata) {
  Json json = Json::object();
  for (const auto& [word, value] : metadata) json["__metadata__"][word] = value;
  std::int64_t next = 0;
  for (const NamedShape& tensor : tensors) {
    std::int64_t bytes = sizeof(float);
    for (const std::int64_t extent : tensor.shape) bytes *= extent;
    json[tensor.name] = {
        {"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {next, next + bytes}}};
    next += bytes;
  }
  std::string header = text::dump_json(json);
  header.resize((header.size() + 7) / 8 * 8, ' ');  // the data are aligned
  const std::uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), sizeof length) + header;
}

}  // namespace sovren::jobs
