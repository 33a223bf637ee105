// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/gltf_accessor.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include "kernels/trace/film.h"

namespace sovren::jobs::gltf {

namespace {

struct StoredRow {
  std::int64_t component_type;
  bool is_normalized;
  Stored stored;
  int bytes;
  const char* name;
};
constexpr StoredRow stored_rows[] = {
    {5126, false, f32, 4, "float"},
    {5120, false, i8, 1, "byte"},
    {5121, false, u8, 1, "unsigned byte"},
    {5122, false, i16, 2, "short"},
    {5123, false, u16, 2, "unsigned short"},
    {5125, false, u32, 4, "unsigned int"},
    {5120, true, norm_i8, 1, "normalized byte"},
    {5121, true, norm_u8, 1, "normalized unsigned byte"},
    {5122, true, norm_i16, 2, "normalized short"},
    {5123, true, norm_u16, 2, "normalized unsigned short"},
};

const StoredRow* find_row(std::int64_t component_type, bool is_normalized) {
  for (const StoredRow& row : stored_rows)
    if (row.component_type == component_type && row.is_normalized == is_normalized) return &row;
  return nullptr;
}

const StoredRow& row_of(Stored stored) {
  return *std::ranges::find(stored_rows, stored, &StoredRow::stored);
}

int components_of(const std::string& type) {
  constexpr std::pair<std::string_view, int> rows[] = {
      {"SCALAR", 1}, {"VEC2", 2}, {"VEC3", 3}, {"VEC4", 4}, {"MAT4", 16}};
  for (const auto& [each, components] : rows)
    if (each == type) return components;
  return 0;
}

std::string list_of(const Wanted& wanted) {
  std::string text;
  for (const std::string& type : wanted.types) text += (text.empty() ? "" : " or ") + type;
  std::string numbers;
  for (const StoredRow& row : stored_rows)
    if ((wanted.stored & row.stored) != 0)
      numbers += (numbers.empty() ? " of " : ", ") + std::string(row.name);
  return text + numbers;
}

template <class T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// glTF 2.0, 3.6.2.2: the smallest of a signed type is a little below -1.
template <class T>
float fraction(const std::byte* at) {
  return std::max(
      static_cast<float>(load<T>(at)) / static_cast<float>(std::numeric_limits<T>::max()), -1.0F);
}

// Calls use(function) with the function that makes one stored number a float.
template <class Use>
auto with_decoder(Stored stored, const Use& use) {
  const auto whole = [&]<class T>(T) {
    return use([](const std::byte* at) { return static_cast<float>(load<T>(at)); });
  };
  const auto part = [&]<class T>(T) {
    return use([](const std::byte* at) { return fraction<T>(at); });
  };
  switch (stored) {
    case i8:
      return whole(std::int8_t{});
    case u8:
      return whole(std::uint8_t{});
    case i16:
      return whole(std::int16_t{});
    case u16:
      return whole(std::uint16_t{});
    case u32:
      return whole(std::uint32_t{});
    case norm_i8:
      return part(std::int8_t{});
    case norm_u8:
      return part(std::uint8_t{});
    case norm_i16:
      return part(std::int16_t{});
    case norm_u16:
      return part(std::uint16_t{});
    default:
      return whole(float{});
  }
}

// The same for whole numbers without a sign; others are not asked for.
template <class Use>
auto with_whole_decoder(Stored stored, const Use& use) {
  const auto of = [&]<class T>(T) {
    return use([](const std::byte* at) { return static_cast<std::uint32_t>(load<T>(at)); });
  };
  if (stored == u8) return of(std::uint8_t{});
  if (stored == u16) return of(std::uint16_t{});
  return of(std::uint32_t{});
}

template <class Value, class Use>
auto with_decoder_to(Stored stored, const Use& use) {
  if constexpr (std::is_same_v<Value, float>)
    return with_decoder(stored, use);
  else
    return with_whole_decoder(stored, use);
}

}  // namespace

Result<Accessor> Accessor::open(Document& document, const Place& user, const char* key,
                                const Wanted& wanted) {
  SOVREN_TRY(index, user.needed_index(key, "accessors", document.count(Part::accessors)));
  Accessor accessor(document.item(Part::accessors, index));
  const Place& place = accessor.place_;
  SOVREN_TRY(type, place.text("type", ""));
  SOVREN_TRY(component_type, place.needed_whole("componentType"));
  SOVREN_TRY(is_normalized, place.flag("normalized", false));
  SOVREN_TRY(count, place.needed_whole("count", 1, std::numeric_limits<std::uint32_t>::max()));
  const StoredRow* row = find_row(component_type, is_normalized);
  if (row == nullptr || std::ranges::find(wanted.types, type) == wanted.types.end() ||
      (wanted.stored & row->stored) == 0)
    return user.wrong_at(key, "accessor " + std::to_string(index) + " must have " +
                                  list_of(wanted) + "; it has " + type.substr(0, 10) + " of " +
                                  (row == nullptr ? "a componentType that is not known: " +
                                                        std::to_string(component_type)
                                                  : std::string(row->name)));
  accessor.user_ = user.pointer() + "/" + key;
  accessor.stored_ = row->stored;
  accessor.components_ = components_of(type);
  accessor.count_ = count;
  if (place.has("bufferView")) {
    SOVREN_TRY(bytes,
               accessor.range(document, place, count, accessor.element_size(), accessor.stride_));
    accessor.bytes_ = bytes;
  }
  SOVREN_DO(accessor.open_sparse(document));
  return accessor;
}

Result<void> Accessor::open_sparse(Document& document) {
  SOVREN_TRY(sparse, place_.object("sparse"));
  if (!sparse) return {};
  SOVREN_TRY(count, sparse->needed_whole("count", 1, count_));
  SOVREN_TRY(indices, sparse->needed_object("indices"));
  SOVREN_TRY(values, sparse->needed_object("values"));
  SOVREN_TRY(component_type, indices.needed_whole("componentType"));
  const StoredRow* row = find_row(component_type, false);
  if (row == nullptr || (row->stored & (u8 | u16 | u32)) == 0)
    return indices.wrong_at("componentType",
                            "must be 5121, 5123 or 5125, not " + std::to_string(component_type));
  std::int64_t stride = 0;
  SOVREN_TRY(index_bytes, range(document, indices, count, row->bytes, stride));
  if (stride != row->bytes) return indices.wrong("its bufferView must have no byteStride");
  SOVREN_TRY(value_bytes, range(document, values, count, element_size(), stride));
  if (stride != element_size()) return values.wrong("its bufferView must have no byteStride");
  sparse_count_ = count;
  sparse_stored_ = row->stored;
  sparse_indices_ = index_bytes;
  sparse_values_ = value_bytes;
  return {};
}

// The bytes from the first element to the end of the last one.
Result<std::span<const std::byte>> Accessor::range(Document& document, const Place& place,
                                                   std::int64_t count, std::int64_t size,
                                                   std::int64_t& stride) const {
  SOVREN_TRY(index,
             place.needed_index("bufferView", "bufferViews", document.count(Part::buffer_views)));
  SOVREN_TRY(offset, place.whole("byteOffset", 0));
  SOVREN_TRY(view, document.buffer_view(index));
  stride = view.stride == 0 ? size : view.stride;
  if (stride < size)
    return place.wrong("the byteStride of bufferView " + std::to_string(index) + " is " +
                       std::to_string(stride) + ", an element has " + std::to_string(size) +
                       " bytes");
  // No overflow: count is below 2^32, stride below 2^8, offset below 2^53.
  const std::int64_t needed = stride * (count - 1) + size;
  if (offset + needed > std::ssize(view.bytes))
    return place.wrong(std::to_string(count) + " elements from byte " + std::to_string(offset) +
                       " end at byte " + std::to_string(offset + needed) + " of bufferView " +
                       std::to_string(index) + ", which has " + std::to_string(view.bytes.size()) +
                       " bytes");
  return view.bytes.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(needed));
}

std::int64_t Accessor::element_size() const {
  return std::int64_t{row_of(stored_).bytes} * components_;
}

std::uint32_t Accessor::sparse_element(std::int64_t i) const {
  return with_whole_decoder(sparse_stored_, [&](auto decode) {
    return decode(sparse_indices_.data() + i * row_of(sparse_stored_).bytes);
  });
}

float Accessor::at(std::int64_t element, int component) const {
  const int bytes = row_of(stored_).bytes;
  std::int64_t low = 0, high = sparse_count_;
  while (low < high) {
    const std::int64_t middle = (low + high) / 2;
    if (sparse_element(middle) < element)
      low = middle + 1;
    else
      high = middle;
  }
  const std::byte* at = nullptr;
  if (low < sparse_count_ && sparse_element(low) == element)
    at = sparse_values_.data() + low * element_size() + component * bytes;
  else if (!bytes_.empty())
    at = bytes_.data() + element * stride_ + component * bytes;
  else
    return 0;
  return with_decoder(stored_, [&](auto decode) { return decode(at); });
}

template <class Value>
void Accessor::copy_all(Value* out) const {
  const std::int64_t size = element_size();
  const bool is_same = std::is_same_v<Value, float> ? stored_ == f32 : stored_ == u32;
  if (bytes_.empty()) {
    std::fill_n(out, count_ * components_, Value{});
  } else if (is_same && stride_ == size) {
    std::memcpy(out, bytes_.data(), bytes_.size());
  } else {
    const int bytes = row_of(stored_).bytes;
    with_decoder_to<Value>(stored_, [&](auto decode) {
      for (std::int64_t i = 0; i < count_; ++i)
        for (int c = 0; c < components_; ++c)
          *out++ = decode(bytes_.data() + i * stride_ + c * bytes);
    });
  }
}

template <class Value>
Result<void> Accessor::copy_sparse(Value* out) const {
  const int bytes = row_of(stored_).bytes;
  std::int64_t before = -1;
  for (std::int64_t i = 0; i < sparse_count_; ++i) {
    const std::int64_t element = sparse_element(i);
    if (element <= before || element >= count_)
      return place_.wrong_at("sparse/indices",
                             "number " + std::to_string(i) + " is " + std::to_string(element) +
                                 "; they must increase and be below " + std::to_string(count_));
    before = element;
    with_decoder_to<Value>(stored_, [&](auto decode) {
      for (int c = 0; c < components_; ++c)
        out[element * components_ + c] =
            decode(sparse_values_.data() + i * element_size() + c * bytes);
    });
  }
  return {};
}

Result<void> Accessor::copy_floats(std::span<float> out) const {
  copy_all(out.data());
  SOVREN_DO(copy_sparse(out.data()));
  if (stored_ != f32) return {};
  const auto wrong =
      std::ranges::find_if(out, [](float value) { return !trace::is_finite(value); });
  if (wrong == out.end()) return {};
  return place_.wrong("element " + std::to_string((wrong - out.begin()) / components_) +
                      " is not finite (read as " + user_ + ")");
}

Result<void> Accessor::copy_wholes(std::span<std::uint32_t> out) const {
  copy_all(out.data());
  return copy_sparse(out.data());
}

template <class Vec>
Result<std::vector<Vec>> read_vectors(Document& document, const Place& user, const char* key,
                                      const Wanted& wanted) {
  constexpr int width = sizeof(Vec) / sizeof(float);
  SOVREN_TRY(accessor, Accessor::open(document, user, key, wanted));
  SOVREN_DO(document.charge(accessor.count() * std::int64_t{sizeof(Vec)}, user));
  std::vector<Vec> values(static_cast<std::size_t>(accessor.count()));
  float* first = &values[0].x;
  SOVREN_DO(accessor.copy_floats({first, values.size() * width}));
  return values;
}

template Result<std::vector<trace::Vec2>> read_vectors(Document&, const Place&, const char*,
                                                       const Wanted&);
template Result<std::vector<trace::Vec3>> read_vectors(Document&, const Place&, const char*,
                                                       const Wanted&);
template Result<std::vector<trace::Vec4>> read_vectors(Document&, const Place&, const char*,
                                                       const Wanted&);

}  // namespace sovren::jobs::gltf
