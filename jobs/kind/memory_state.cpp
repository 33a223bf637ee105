// SPDX-License-Identifier: Apache-2.0
#include "jobs/kind/memory_state.h"

#include <algorithm>
#include <cstring>

namespace sovren::jobs {

namespace {

std::size_t row_bytes(const ArrayInfo& info) {
  std::size_t bytes = dtype_bytes(info.dtype);
  for (std::size_t d = 1; d < info.shape.size(); ++d)
    bytes *= static_cast<std::size_t>(info.shape[d]);
  return bytes;
}

bool is_same(const ArrayInfo& a, const ArrayInfo& b) {
  return a.name == b.name && a.dtype == b.dtype && a.shape == b.shape;
}

tl::unexpected<Error> misuse(std::string what) {
  return fail({.code = Code::bug, .what = std::move(what)});
}

tl::unexpected<Error> unusable(std::string what) {
  return fail({.code = Code::storage_corrupt, .what = std::move(what)});
}

}  // namespace

Result<void> MemoryState::put(const ArrayInfo& info, Rows rows, std::span<const std::byte> data) {
  const std::lock_guard lock(mutex_);
  if (info.shape.empty()) return misuse(info.name + ": an array has at least one dimension");
  const std::size_t size = row_bytes(info);
  const std::int64_t rows_total = info.shape[0];
  if (rows.first < 0 || rows.count < 0 || rows.first + rows.count > rows_total)
    return misuse(info.name + ": rows out of range");
  if (data.size() != size * static_cast<std::size_t>(rows.count))
    return misuse(info.name + ": the data do not have the size of the rows");
  auto [at, is_new] = arrays_.try_emplace(info.name);
  Array& array = at->second;
  if (is_new) {
    array.info = info;
    array.bytes.resize(size * static_cast<std::size_t>(rows_total));
    array.is_put.resize(static_cast<std::size_t>(rows_total));
  } else if (!is_same(array.info, info)) {
    return misuse(info.name + ": two ranks state different types or shapes");
  }
  for (std::int64_t row = rows.first; row < rows.first + rows.count; ++row) {
    if (array.is_put[static_cast<std::size_t>(row)])
      return misuse(info.name + ": row " + std::to_string(row) + " is put twice");
    array.is_put[static_cast<std::size_t>(row)] = true;
  }
  if (!data.empty())
    std::memcpy(array.bytes.data() + size * static_cast<std::size_t>(rows.first), data.data(),
                data.size());
  return {};
}

Result<ArrayInfo> MemoryState::info(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto at = arrays_.find(name);
  if (at == arrays_.end()) return unusable("there is no array " + std::string(name));
  return at->second.info;
}

Result<void> MemoryState::get(std::string_view name, Dtype dtype, Rows rows,
                              std::span<std::byte> out) {
  const std::lock_guard lock(mutex_);
  const auto at = arrays_.find(name);
  if (at == arrays_.end()) return unusable("there is no array " + std::string(name));
  const Array& array = at->second;
  const std::size_t size = row_bytes(array.info);
  if (array.info.dtype != dtype) return unusable(array.info.name + " has another type");
  if (rows.first < 0 || rows.count < 0 || rows.first + rows.count > array.info.shape[0])
    return unusable(array.info.name + ": rows out of range");
  if (out.size() != size * static_cast<std::size_t>(rows.count))
    return misuse(array.info.name + ": the target does not have the size of the rows");
  if (!out.empty())
    std::memcpy(out.data(), array.bytes.data() + size * static_cast<std::size_t>(rows.first),
                out.size());
  return {};
}

Result<void> MemoryState::complete() const {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, array] : arrays_) {
    const auto hole = std::find(array.is_put.begin(), array.is_put.end(), false);
    if (hole != array.is_put.end())
      return misuse(name + ": no rank put row " + std::to_string(hole - array.is_put.begin()));
  }
  return {};
}

namespace {

/// Times and rates, which differ from run to run.
bool is_measured(std::string_view name) {
  return name.starts_with("measured/");
}

}  // namespace

std::vector<std::string> MemoryState::difference(const MemoryState& other) const {
  const std::scoped_lock lock(mutex_, other.mutex_);
  std::vector<std::string> names;
  for (const auto& [name, array] : arrays_) {
    const auto at = other.arrays_.find(name);
    if (at == other.arrays_.end() || !is_same(array.info, at->second.info) ||
        (!is_measured(name) && array.bytes != at->second.bytes))
      names.push_back(name);
  }
  for (const auto& [name, array] : other.arrays_)
    if (!arrays_.contains(name)) names.push_back(name);
  return names;
}

std::vector<std::string> MemoryState::names() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, array] : arrays_) names.push_back(name);
  return names;
}

}  // namespace sovren::jobs
