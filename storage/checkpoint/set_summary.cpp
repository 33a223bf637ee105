// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/set_summary.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "storage/checkpoint/set_cipher.h"
#include "storage/checkpoint/set_folder.h"
#include "storage/checkpoint/set_reader.h"

namespace sovren::storage {
namespace {

constexpr std::size_t piece_bytes = std::size_t{4} << 20;

/// Whole numbers and, in `long double`, sums of them and of finite doubles do not overflow.
template <class T>
class Tally {
 public:
  void add(const std::vector<T>& elements) {
    long double sum = 0;
    for (const T element : elements) {
      if constexpr (std::is_floating_point_v<T>) {
        if (!std::isfinite(element)) {
          ++(std::isnan(element) ? nans_ : infinities_);
          continue;
        }
      }
      if (finite_ == 0) least_ = greatest_ = element;
      least_ = std::min(least_, element);
      greatest_ = std::max(greatest_, element);
      sum += static_cast<long double>(element);
      ++finite_;
    }
    sum_ += sum;
  }

  void put_into(ArraySummary& summary) const {
    using Wide = std::conditional_t<std::is_floating_point_v<T>, double, std::int64_t>;
    summary.nans = nans_;
    summary.infinities = infinities_;
    if (finite_ == 0) return;
    summary.least = static_cast<Wide>(least_);
    summary.greatest = static_cast<Wide>(greatest_);
    summary.mean = static_cast<double>(sum_ / static_cast<long double>(finite_));
    summary.is_constant = finite_ == summary.elements && finite_ > 1 && least_ == greatest_;
  }

 private:
  T least_{};
  T greatest_{};
  long double sum_ = 0;
  std::int64_t finite_ = 0;
  std::int64_t nans_ = 0;
  std::int64_t infinities_ = 0;
};

template <class T>
Result<void> tally(StateReader& reader, ArraySummary& summary) {
  constexpr auto piece = static_cast<std::int64_t>(piece_bytes / sizeof(T));
  Tally<T> all;
  for (std::int64_t at = 0; at < summary.elements; at += piece) {
    SOVREN_TRY(elements,
               reader.get_rows<T>(summary.info.name, {at, std::min(piece, summary.elements - at)}));
    all.add(elements);
  }
  all.put_into(summary);
  return {};
}

Result<void> tally_any(StateReader& reader, ArraySummary& summary) {
  switch (summary.info.dtype) {
    case Dtype::u8:
      return tally<std::uint8_t>(reader, summary);
    case Dtype::i32:
      return tally<std::int32_t>(reader, summary);
    case Dtype::i64:
      return tally<std::int64_t>(reader, summary);
    case Dtype::f32:
      return tally<float>(reader, summary);
    case Dtype::f64:
      return tally<double>(reader, summary);
  }
  return {};
}

std::int64_t row_elements(const ArrayInfo& info) {
  std::int64_t elements = 1;
  for (std::size_t i = 1; i < info.shape.size(); ++i) elements *= info.shape[i];
  return elements;
}

/// The same set with every array as a row of elements, so that a row is never too long to read.
Manifest flattened(Manifest manifest) {
  for (StoredArray& array : manifest.arrays) {
    const std::int64_t width = row_elements(array.info);
    array.info.shape = {array.info.shape[0] * width};
    for (Slab& slab : array.slabs) slab.rows = {slab.rows.first * width, slab.rows.count * width};
  }
  return manifest;
}

SetSummary described(const FoundSet& set) {
  const Manifest& manifest = *set.manifest;
  SetSummary summary{.set = info_of(manifest, set.path),
                     .is_encrypted = manifest.encryption.has_value(),
                     .arrays = {}};
  for (const StoredArray& array : manifest.arrays)
    summary.arrays.push_back(
        {.info = array.info, .elements = array.info.shape[0] * row_elements(array.info)});
  return summary;
}

}  // namespace

Result<SetSummary> describe_set(const std::string& set_path) {
  SOVREN_TRY(set, find_set(set_path));
  return described(set);
}

Result<SetSummary> summarize_set(const std::string& set_path, const std::optional<MasterKey>& key) {
  SOVREN_TRY(set, find_set(set_path));
  SOVREN_DO(check_files(set.path, *set.manifest));
  SOVREN_TRY(cipher, cipher_of(*set.manifest, set.text, key, set.path));
  SetSummary summary = described(set);
  const auto reader =
      make_set_reader(flattened(*std::move(set.manifest)), set.path, std::move(cipher));
  for (ArraySummary& array : summary.arrays) SOVREN_DO(tally_any(*reader, array));
  return summary;
}

}  // namespace sovren::storage
